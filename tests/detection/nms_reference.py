"""Lists of boxes with ties on purpose, and non-max suppression as its definition says it, quadratic, for comparison."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


@st.composite
def candidates(draw: st.DrawFn, most: int = 14) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw boxes float32 (n, 4), scores float32 (n,) and classes int64 (n,), with many equal ones.

    Coordinates are whole and small, so that areas are exact in float32 and an IoU is rounded once.
    """
    n = draw(st.integers(0, most))
    corners = draw(arrays(np.float32, (n, 2, 2), elements=st.integers(0, 8).map(float)))
    scores = draw(arrays(np.float32, n, elements=st.sampled_from([0.25, 0.5, 0.75, 1.0])))
    classes = draw(arrays(np.int64, n, elements=st.integers(0, 3)))
    return np.sort(corners, axis=1).reshape(n, 4), scores, classes


def many_candidates(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give crowded boxes float32 (n, 4), scores float32 (n,) and classes int64 (n,) without ties."""
    draw = np.random.default_rng(seed)
    top_left, size = draw.uniform(0, 500, (n, 2)), draw.uniform(20, 120, (n, 2))
    boxes = np.concatenate([top_left, top_left + size], axis=1).astype(np.float32)
    return boxes, draw.permutation(n).astype(np.float32) / n, draw.integers(0, classes, n)


def quadratic_nms(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, iou_threshold: float, max_boxes: int | None
) -> np.ndarray:
    """Give the indices of the kept boxes: class by class in the order of their first boxes, joined, sorted, cut."""
    joined: list[int] = []
    for name in dict.fromkeys(classes.tolist()):
        of_class = [int(index) for index in np.flatnonzero(classes == name)]
        of_class.sort(key=lambda index: -scores[index])  # stable: of equal scores the lower index first
        kept: list[int] = []
        for index in of_class:
            if not kept or iou_with_all(boxes[index], boxes[kept]).max() <= np.float32(iou_threshold):
                kept.append(index)
        joined += kept[:max_boxes]
    joined.sort(key=lambda index: -scores[index])
    return np.array(joined[:max_boxes], np.int64)


def iou_with_all(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])  # (n, 2)
    intersection = np.prod(np.maximum(sides, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
