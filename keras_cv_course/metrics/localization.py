"""How well one object in a picture, or none, is named and found."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.errors import DataContentError

LEAST_IOU = 0.5


@dataclass(frozen=True)
class LocalizationMetrics:
    """Figures of a set of pictures.

    Attributes:
        pictures: their number.
        objects: the number of those with an object.
        accuracy: share of the pictures whose class is right; that there is none counts as a class.
        mean_iou: of the boxes said with the true ones, over the pictures with an object, whether they were said to have
            one or not; NaN without any.
        correct: share of the pictures whose class is right, and whose box has an IoU of at least 0.5 with the true one
            where there is an object.
    """

    pictures: int
    objects: int
    accuracy: float
    mean_iou: float
    correct: float

    def to_json(self) -> dict[str, Any]:
        """Give the figures by name; None for NaN, which JSON does not have."""
        return {name: None if np.isnan(figure) else figure for name, figure in asdict(self).items()}


def localization_metrics(
    true_boxes: np.ndarray, true_ids: np.ndarray, boxes: np.ndarray, class_ids: np.ndarray
) -> LocalizationMetrics:
    """Compare what was said of m pictures with what is on them.

    Args:
        true_boxes: float (m, 4), x1, y1, x2, y2; anything where there is no object.
        true_ids: int (m,), below 0 where there is no object.
        boxes: float (m, 4), those said.
        class_ids: int (m,), likewise.

    Raises:
        DataContentError: no pictures, or arrays of different lengths.
    """
    correct = correct_pictures(true_boxes, true_ids, boxes, class_ids)
    there = true_ids >= 0
    overlaps = _overlaps(true_boxes, boxes)
    return LocalizationMetrics(
        len(there),
        int(there.sum()),
        float(_right_classes(true_ids, class_ids).mean()),
        float(overlaps[there].mean()) if there.any() else float("nan"),
        float(correct.mean()),
    )


def correct_pictures(
    true_boxes: np.ndarray, true_ids: np.ndarray, boxes: np.ndarray, class_ids: np.ndarray
) -> np.ndarray:
    """Tell (m,) of which pictures class and box are right; arguments and errors of :func:`localization_metrics`."""
    lengths = [len(array) for array in (true_boxes, true_ids, boxes, class_ids)]
    if {*lengths} != {lengths[0]} or not lengths[0]:
        raise DataContentError(
            f"Expected four arrays with a row for each of m >= 1 pictures. Received: {lengths} rows."
        )
    return _right_classes(true_ids, class_ids) & ((true_ids < 0) | (_overlaps(true_boxes, boxes) >= LEAST_IOU))


def _right_classes(true_ids: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    """Tell (m,) whose class is right; all numbers below 0 mean that there is no object."""
    return np.maximum(true_ids, -1) == np.maximum(class_ids, -1)


def _overlaps(true_boxes: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Give the IoU (m,) of boxes in the same row."""
    return pairwise_iou(true_boxes[:, None], boxes[:, None])[:, 0, 0]
