"""Which boxes are right, what is taken for what, and where most goes wrong."""

import numpy as np
import pytest
from random_boxes import boxed, detected, draw_pictures

from keras_cv_course.metrics.detection_errors import detection_confusion, outcome, outcomes, worst_pictures
from keras_cv_course.metrics.voc import voc_metrics

CAR, BUS, TRAM = range(3)
A, B, C, D = (0, 0, 40, 40), (100, 0, 140, 40), (0, 100, 40, 140), (100, 100, 140, 140)


def test_worked_example() -> None:
    truth = boxed(
        [(CAR, A), (CAR, B), (BUS, C), (TRAM, D, "difficult")],
        [(TRAM, A)],
        [(BUS, A)],
    )
    found = [
        detected(
            (0.9, CAR, A),
            (0.8, CAR, A),  # twice
            (0.7, BUS, B),  # a car taken for a bus
            (0.6, TRAM, D),  # neither right nor wrong
            (0.4, BUS, C),  # too low a score
        ),
        detected((0.9, TRAM, D)),  # beside it
        detected((0.5, BUS, A)),  # exactly the least score counts
    ]
    some = outcomes(found, truth, 0.5)
    assert [one.mistakes for one in some] == [4, 2, 0]
    first = some[0]
    assert first.right.tolist() == [True, False, False, False]
    assert first.wrong.tolist() == [False, True, True, False]
    assert first.mistaken_for.tolist() == [-1, -1, 1, -1]
    assert first.missed.tolist() == [False, True, True, False]
    assert detection_confusion(some, truth).tolist() == [
        [1, 1, 0, 0],
        [0, 1, 0, 1],
        [0, 0, 0, 1],
        [1, 0, 1, 0],
    ]
    assert worst_pictures(some, 5) == [0, 1]
    assert worst_pictures(some, 1) == [0]


def test_a_box_of_the_right_class_goes_before_a_better_one_of_another() -> None:
    truth = boxed([(CAR, A)])
    one = outcome(detected((0.9, BUS, A), (0.6, CAR, (0, 0, 40, 30))), truth.images[0], 0.5)
    assert one.right.tolist() == [False, True]
    assert detection_confusion([one], truth)[3].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_every_object_and_box_is_counted_once(seed: int) -> None:
    found, truth = draw_pictures(seed, pictures=20)
    confusion = detection_confusion(outcomes(found, truth, 0.3), truth)
    ids = np.concatenate([image.class_ids for image in truth.images])
    boxes = np.concatenate([one.class_ids[one.scores >= np.float32(0.3)] for one in found])
    assert confusion[:3].sum(axis=1).tolist() == np.bincount(ids, minlength=3).tolist()
    assert confusion[:, :3].sum(axis=0).tolist() == np.bincount(boxes, minlength=3).tolist()
    assert confusion[3, 3] == 0
    # The diagonal is what VOC's curves have at the same score.
    right = [
        curve.right[(curve.scores >= np.float32(0.3)).sum() - 1] for curve in voc_metrics(found, truth).curves.values()
    ]
    assert confusion.diagonal()[:3].tolist() == right


def test_nothing_found_and_nothing_there() -> None:
    truth = boxed([], [(CAR, A)])
    some = outcomes([detected(), detected()], truth, 0.5)
    assert detection_confusion(some, truth)[CAR].tolist() == [0, 0, 0, 1]
    assert detection_confusion(some, truth).sum() == 1
    assert worst_pictures(some, 3) == [1]
