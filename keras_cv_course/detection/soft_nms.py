"""Soft non-max suppression: a box that overlaps a better one does not go, its score falls.

Source: Bodla, Singh, Chellappa, Davis, "Soft-NMS: Improving Object Detection With One Line of Code", ICCV 2017.
"""

from typing import Literal, get_args

import numpy as np

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.detection.select_boxes import check_candidates, check_limits
from keras_cv_course.errors import DataContentError

Decay = Literal["linear", "gaussian"]


def soft_non_max_suppression(
    boxes: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    decay: Decay = "gaussian",
    *,
    sigma: float = 0.5,
    iou_threshold: float = 0.3,
    score_threshold: float = 0.001,
) -> tuple[np.ndarray, np.ndarray]:
    """Pick the best box that is left, let the scores of the others of its class fall by their overlap, and again.

    Args:
        boxes: float (n, 4), xyxy.
        scores: (n,), from 0 to 1.
        class_ids: (n,). Equal numbers everywhere let classes weaken each other.
        decay: ``"gaussian"`` multiplies by exp(-IoU ** 2 / sigma), ``"linear"`` by 1 - IoU where the IoU is at least
            `iou_threshold`.
        sigma: of the Gaussian, above 0: the smaller, the harder.
        iou_threshold: of the linear decay, from 0 to 1.
        score_threshold: a box goes once its score is below this.

    Returns:
        int64 (k,), indices of the boxes that are left, by falling new score; and float32 (k,), these scores. Of equal
        ones the lower index comes first.

    Raises:
        DataContentError: an unknown decay, a threshold outside 0..1, a `sigma` that is not above 0, or arrays of other
            shapes.
    """
    check_candidates(boxes, scores, class_ids)
    check_limits(score_threshold, iou_threshold, None)
    if decay not in get_args(Decay):
        raise DataContentError(f"decay must be one of {', '.join(get_args(Decay))}. Received: {decay!r}.")
    if not sigma > 0:
        raise DataContentError(f"Expected sigma above 0. Received: {sigma}.")
    current = np.asarray(scores, np.float32).copy()
    left = np.flatnonzero(current >= score_threshold)
    picked = []
    while len(left):
        best = left[current[left].argmax()]
        picked.append(best)
        left = left[left != best]
        overlap = pairwise_iou(boxes[[best]], boxes[left])[0] * (class_ids[left] == class_ids[best])
        if decay == "gaussian":
            current[left] *= np.exp(-(overlap**2) / sigma)
        else:
            current[left] *= np.where(overlap >= iou_threshold, 1 - overlap, 1)
        left = left[current[left] >= score_threshold]
    indices = np.array(picked, np.int64)
    return indices, current[indices]
