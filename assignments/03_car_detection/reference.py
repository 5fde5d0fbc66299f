"""The graded functions once more, in NumPy: what the checks compare with.

In NumPy, because then the grader need not import TensorFlow.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

Boxes = dict[str, np.ndarray]  # scores (n,), boxes (n, 4), classes (n,)
Pair = tuple[np.ndarray, np.ndarray]  # of boxes (x1, y1, x2, y2)


def filter_boxes(boxes: np.ndarray, confidence: np.ndarray, probabilities: np.ndarray, threshold: float) -> Boxes:
    """Keep what scores at least `threshold`: boxes (..., 4), confidence (..., 1), probabilities (..., classes)."""
    scores = (confidence * probabilities).max(axis=-1)
    kept = scores >= np.float32(threshold)
    classes = (confidence * probabilities).argmax(axis=-1)
    return {"scores": scores[kept], "boxes": boxes[kept], "classes": classes[kept]}


def box_iou(first: Any, second: Any) -> float:
    """Divide intersection by union; a pair of coordinates for each of two opposite corners, in either order of axes."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    shared = sides.prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def overlaps(boxes: np.ndarray) -> np.ndarray:
    """Give the IoU (n, n) of all pairs of boxes (n, 4), opposite corners in any order, as TensorFlow takes them."""
    boxes = np.sort(boxes.astype(np.float64).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    low, high = np.maximum(boxes[:, None, :2], boxes[:, :2]), np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    with np.errstate(all="ignore"):  # a mistake may make boxes without area
        return np.asarray(shared / (areas[:, None] + areas - shared))


def suppress(found: Boxes, max_boxes: int, iou_threshold: float, *, per_class: bool = True) -> Boxes:
    """Keep the best boxes, by falling score, and of those of a class that overlap only the best."""
    rivals = overlaps(found["boxes"]) > iou_threshold
    if per_class:
        rivals &= found["classes"][:, None] == found["classes"]
    kept: list[int] = []
    for index in np.argsort(-found["scores"], kind="stable"):
        if not rivals[index, kept].any():
            kept.append(index)
    return {name: values[kept[:max_boxes]] for name, values in found.items()}


def corners(box_xy: np.ndarray, box_wh: np.ndarray) -> np.ndarray:
    """Turn centres and sizes into (y1, x1, y2, x2)."""
    return np.concatenate([(box_xy - box_wh / 2)[..., ::-1], (box_xy + box_wh / 2)[..., ::-1]], axis=-1)


@dataclass(frozen=True)
class Picture:
    """What `yolo_eval` gets for one picture."""

    box_xy: np.ndarray
    box_wh: np.ndarray
    confidence: np.ndarray
    probabilities: np.ndarray
    image_shape: tuple[float, float]
    max_boxes: int = 10
    score_threshold: float = 0.6
    iou_threshold: float = 0.5

    @property
    def outputs(self) -> tuple[np.ndarray, ...]:
        """The network's outputs, in the order of `yolo_head`."""
        return self.box_xy, self.box_wh, self.confidence, self.probabilities

    @property
    def scale(self) -> np.ndarray:
        """What turns (y1, x1, y2, x2) into pixels."""
        return np.array([*self.image_shape, *self.image_shape], np.float32)

    def filtered(self) -> Boxes:
        """Relative boxes that are likely enough."""
        boxes = corners(self.box_xy, self.box_wh)
        return filter_boxes(boxes, self.confidence, self.probabilities, self.score_threshold)

    def evaluate(self, *, per_class: bool = True) -> Boxes:
        """The right answer."""
        found = self.filtered()
        scaled = {**found, "boxes": found["boxes"] * self.scale}
        return suppress(scaled, self.max_boxes, self.iou_threshold, per_class=per_class)
