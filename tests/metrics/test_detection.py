"""Which found box stands for which true one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.detection import match_boxes

CAR, BUS = 0, 1
TRUTH = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)


def found(*rows: tuple[float, int, tuple[float, float, float, float]]) -> Detections:
    scores, class_ids, boxes = zip(*rows, strict=True) if rows else ((), (), ())
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(class_ids, np.int64),
        ("car", "bus"),
        (40, 40),
    )


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], []),
        ([(0.9, CAR, (0, 0, 10, 10)), (0.8, CAR, (20, 0, 30, 10))], [0, 1]),
        ([(0.9, BUS, (0, 0, 10, 10))], [-1]),  # another class
        ([(0.9, CAR, (0, 0, 10, 5))], [0]),  # IoU of exactly 0.5
        ([(0.9, CAR, (0, 0, 10, 4.9))], [-1]),
        ([(0.5, CAR, (0, 0, 10, 10)), (0.9, CAR, (0, 0, 10, 9))], [-1, 0]),  # the better score takes it
        ([(0.9, CAR, (0, 0, 10, 10)), (0.9, CAR, (0, 0, 10, 10))], [0, -1]),  # of equal ones the first
    ],
)
def test_worked_examples(boxes: list, expected: list[int]) -> None:
    assert match_boxes(found(*boxes), TRUTH, np.array([CAR, CAR])).tolist() == expected


def test_a_picture_without_objects() -> None:
    nothing = match_boxes(found((0.9, CAR, (0, 0, 10, 10))), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert nothing.tolist() == [-1]


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 8))
def test_as_a_plain_loop(seed: int, boxes: int, objects: int) -> None:
    draw = np.random.default_rng(seed)
    corner = draw.integers(0, 8, (boxes + objects, 2))
    all_boxes = np.concatenate([corner, corner + draw.integers(1, 8, corner.shape)], axis=1).astype(np.float32)
    one = found(
        *((round(float(draw.random()), 1), int(draw.integers(2)), tuple(box)) for box in all_boxes[:boxes].tolist())
    )
    truth, truth_ids = all_boxes[boxes:], draw.integers(0, 2, objects)

    expected, taken = [-1] * boxes, set()
    for i in sorted(range(boxes), key=lambda i: -one.scores[i]):
        overlaps = [
            float(pairwise_iou(one.boxes[i : i + 1], truth[j : j + 1])[0, 0])
            if truth_ids[j] == one.class_ids[i]
            else -1
            for j in range(objects)
        ]
        best = max(range(objects), key=overlaps.__getitem__, default=-1)
        if best >= 0 and overlaps[best] >= 0.5 and best not in taken:
            expected[i] = best
            taken.add(best)
    assert match_boxes(one, truth, truth_ids).tolist() == expected


@pytest.mark.parametrize(("class_ids", "threshold"), [([CAR], 0.5), ([CAR, CAR], 0.0), ([CAR, CAR], 50.0)])
def test_what_does_not_fit_is_refused(class_ids: list[int], threshold: float) -> None:
    with pytest.raises(DataContentError, match="Expected a class for each true box"):
        match_boxes(found(), TRUTH, np.array(class_ids), threshold)
