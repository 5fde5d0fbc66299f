"""Non-max suppression as the lecture notes say it, box by box: to read, to draw, and to compare the fast forms with.

What the package itself uses is :func:`~keras_cv_course.detection.select_boxes.non_max_suppression`. The two differ at
the thresholds only: the notes discard a box at them, the course's TensorFlow functions, and with them this package,
beyond them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.detection.select_boxes import check_candidates, check_limits


class SuppressionStep(NamedTuple):
    """One turn of the notes' loop.

    Attributes:
        picked: index of the box that stays.
        discarded: int64 (k,), indices of those of its class that go because they overlap it.
    """

    picked: int
    discarded: np.ndarray


def notes_non_max_suppression(
    scores: np.ndarray,
    boxes: np.ndarray,
    classes: np.ndarray,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
) -> np.ndarray:
    """Discard boxes with p_c <= 0.6; then, for every class, pick the best and discard those with IoU >= 0.5, and again.

    Args:
        scores: (n,), p_c of each box.
        boxes: float (n, 4), xyxy.
        classes: integers (n,).
        score_threshold: a box goes if its score is at most this, from 0 to 1.
        iou_threshold: a box goes if its IoU with a picked one of its class is at least this, from 0 to 1.

    Returns:
        int64 (k,), indices of the picked boxes, by falling score; of equal scores the smaller class number comes first.

    Raises:
        DataContentError: a threshold outside 0..1, or arrays of other shapes.
    """
    picked = [step.picked for step in suppression_steps(scores, boxes, classes, score_threshold, iou_threshold)]
    return np.array(sorted(picked, key=lambda index: -scores[index]), np.int64)


def suppression_steps(
    scores: np.ndarray,
    boxes: np.ndarray,
    classes: np.ndarray,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
) -> Iterator[SuppressionStep]:
    """Give the turns of :func:`notes_non_max_suppression` one by one, class after class."""
    check_candidates(boxes, scores, classes)
    check_limits(score_threshold, iou_threshold, None)
    for number in np.unique(classes):
        left = np.flatnonzero((classes == number) & (scores > score_threshold))
        while len(left):
            best = left[scores[left].argmax()]
            left = left[left != best]
            overlapping = pairwise_iou(boxes[[best]], boxes[left])[0] >= iou_threshold
            yield SuppressionStep(int(best), left[overlapping])
            left = left[~overlapping]
