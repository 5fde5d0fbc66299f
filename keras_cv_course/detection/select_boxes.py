"""From the raw output of YOLOv2 to the few boxes that count.

This is the way that the package itself goes, on NumPy arrays: few of the boxes of a picture are likely enough, and what
is left after the first comparison is too little work for any tensor library. The course's functions, which do the same
on tensors, are in `select_boxes_course.py`; the forms for batches and compiled graphs are in `select_boxes_padded.py`.
All give the same boxes. Where scores are equal, boxes of the class that came first come first, as in the course; only
TensorFlow's own kernel for batches has no rule.
"""

from typing import Any, NamedTuple

import numpy as np

from keras_cv_course.boxes import pairwise_iou, scale_xyxy, xywh_to_xyxy
from keras_cv_course.detection.yolo_head import check_raw_output
from keras_cv_course.errors import DataContentError
from keras_cv_course.models.yolov2 import NUMBERS_PER_BOX

# Boxes are compared with each other in blocks of so many, which bounds the memory and lets NumPy do the loops.
_BLOCK = 128


class SelectedBoxes(NamedTuple):
    """The boxes of one picture, the best score first.

    Attributes:
        boxes: float32 (n, 4), xyxy.
        scores: float32 (n,), objectness times class probability.
        class_ids: int64 (n,).
    """

    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray


def select_boxes(
    raw: Any,
    anchors: Any,
    num_classes: int,
    image_size: tuple[int, int],
    *,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
    max_boxes: int | None = None,
    multi_label: bool = False,
) -> list[SelectedBoxes]:
    """Decode the raw output, drop unlikely boxes, and let the best box of each class suppress its neighbours.

    Args:
        raw: (batch, rows, cols, A * (5 + classes)), as `yolo_head` takes it; anything that NumPy can read.
        anchors: (A, 2), width and height in cells of the grid.
        num_classes: the number of classes.
        image_size: (height, width) in pixels of what the boxes shall be measured in: the network's input, or the
            picture itself where it was stretched to that input.
        score_threshold: least score, objectness times class probability, from 0 to 1.
        iou_threshold: a box goes if its IoU with a better one of its class is more than this; 1 keeps all.
        max_boxes: keep only so many of the best; None for all.
        multi_label: a box counts for every class whose score reaches the threshold, as in Darknet; else only for
            its most likely class, as in the course.

    Returns:
        For each picture its boxes in pixels. They may reach over the edges.

    Raises:
        ModelError: the channels of `raw` are not those of the anchors and classes.
        DataContentError: a threshold outside 0..1, `max_boxes` below 1, or a raw output with numbers that are not
            finite or make an infinite box.
    """
    raw = np.asarray(raw)
    anchors = check_raw_output(raw, anchors, num_classes)
    check_limits(score_threshold, iou_threshold, max_boxes)
    score_threshold = float(score_threshold)  # a NumPy float64 would turn the comparison of float32 into one of float64
    batch, rows, cols, _ = raw.shape
    raw = raw.astype(np.float32, copy=False).reshape(batch, rows, cols, len(anchors), NUMBERS_PER_BOX + num_classes)
    selected = []
    for grid in raw:  # (rows, cols, A, 5 + classes)
        likely = _likely_boxes(grid, anchors, score_threshold, multi_label)
        with np.errstate(over="ignore"):
            boxes = scale_xyxy(likely.boxes, image_size)
        _check_finite(boxes)
        kept = non_max_suppression(boxes, likely.scores, likely.class_ids, iou_threshold, max_boxes)
        selected.append(SelectedBoxes(boxes[kept], likely.scores[kept], likely.class_ids[kept]))
    return selected


def non_max_suppression(
    boxes: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    iou_threshold: float = 0.5,
    max_boxes: int | None = None,
) -> np.ndarray:
    """Choose boxes, the best first, that overlap no better chosen box of their own class by more than the threshold.

    Args:
        boxes: float (n, 4), xyxy.
        scores: (n,).
        class_ids: (n,). Equal numbers everywhere let classes suppress each other.
        iou_threshold: from 0 to 1.
        max_boxes: choose only so many; None for all.

    Returns:
        int64 (k,), indices of the chosen boxes, by falling score. Of boxes with equal scores, those of the class that
        comes first in `class_ids` come first, and of these the one with the lower index.

    Raises:
        DataContentError: arrays of other shapes.
    """
    check_candidates(boxes, scores, class_ids)
    iou_threshold = float(iou_threshold)  # as the score's
    _, first, class_number = np.unique(class_ids, return_index=True, return_inverse=True)
    order = np.lexsort((first[class_number], -scores))
    boxes, class_ids = boxes[order], class_ids[order]

    def suppresses(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
        # An area over float32's range makes the IoU NaN, which suppresses nothing: as in TensorFlow.
        with np.errstate(over="ignore", invalid="ignore"):
            overlap = pairwise_iou(boxes[better], boxes[worse]) > iou_threshold
        return overlap & (class_ids[better][:, None] == class_ids[worse])  # (better, worse)

    chosen = np.zeros(0, np.int64)  # places in `order`
    for start in range(0, len(order), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(order)))
        if len(chosen):
            block = block[~suppresses(chosen, block).any(axis=0)]
        within = np.triu(suppresses(block, block), k=1)
        alive = np.ones(len(block), bool)
        for place in np.flatnonzero(within.any(axis=1)):
            if alive[place]:
                alive[within[place]] = False
        chosen = np.concatenate([chosen, block[alive]])
        if max_boxes is not None and len(chosen) >= max_boxes:
            break
    return order[chosen[:max_boxes]]


def _likely_boxes(grid: np.ndarray, anchors: np.ndarray, score_threshold: float, multi_label: bool) -> SelectedBoxes:
    """Decode what can reach the threshold in `grid` (rows, cols, A, 5 + classes); relative to the picture, unsorted."""
    rows, cols, _, channels = grid.shape
    objectness = _sigmoid(grid[..., 4])  # (rows, cols, A)
    # A class probability is at most 1, so no score is above the objectness: most boxes end here.
    row, col, anchor = np.nonzero(objectness >= score_threshold)
    objectness, raw = objectness[row, col, anchor], grid[row, col, anchor]  # (k,), (k, 5 + classes)
    _check_finite(grid[..., 4], raw)

    scores = objectness[:, None] * _softmax(raw[:, NUMBERS_PER_BOX:])  # (k, classes)
    passing = scores >= score_threshold
    if not multi_label:
        passing &= np.arange(channels - NUMBERS_PER_BOX) == scores.argmax(axis=1)[:, None]
    box, class_ids = np.nonzero(passing)
    raw, scores = raw[box], scores[box, class_ids]  # (n, 5 + classes), (n,)

    cell_xy = np.stack([col[box], row[box]], axis=1).astype(np.float32)  # (n, 2)
    size = np.array([cols, rows], np.float32)
    with np.errstate(over="ignore"):
        xy = (_sigmoid(raw[:, 0:2]) + cell_xy) / size
        wh = np.exp(raw[:, 2:4]) * anchors[anchor[box]] / size
    return SelectedBoxes(xywh_to_xyxy(np.concatenate([xy, wh], axis=1)), scores, class_ids)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and 1 / infinity is the 0 that is meant
        return 1 / (1 + np.exp(-x))


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def check_limits(score_threshold: float, iou_threshold: float, max_boxes: int | None) -> None:
    """Raise DataContentError for a threshold outside 0..1, or `max_boxes` below 1."""
    for name, threshold in (("score_threshold", score_threshold), ("iou_threshold", iou_threshold)):
        if not 0 <= threshold <= 1:
            raise DataContentError(f"Expected {name} from 0 to 1. Received: {threshold}.")
    if max_boxes is not None and max_boxes < 1:
        raise DataContentError(f"Expected max_boxes of at least 1, or None for all. Received: {max_boxes}.")


def check_candidates(boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray) -> None:
    """Raise DataContentError where these are not boxes (n, 4) with a score and a class for each."""
    shapes = np.shape(boxes), np.shape(scores), np.shape(class_ids)
    rows = len(scores) if np.ndim(scores) else 0
    if shapes != ((rows, 4), (rows,), (rows,)):
        raise DataContentError(
            f"Expected boxes (n, 4), and scores and class ids (n,) for them. Received: {', '.join(map(str, shapes))}."
        )


def _check_finite(*arrays: np.ndarray) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise DataContentError(
            "Expected a raw output of finite numbers that make finite boxes. Received: NaN, infinity, or t_w or t_h "
            "over 88. The weights are damaged or untrained, or 16-bit numbers overflowed."
        )
