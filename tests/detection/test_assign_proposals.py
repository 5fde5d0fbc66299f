import numpy as np

from keras_cv_course.detection.assign_proposals import match_boxes, sample
from keras_cv_course.detection.mask_rcnn_losses import SampleRegions

SQUARES = np.array([[[0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 0, 0]]], np.float32)
EXISTS = np.array([[True, True, False]])


def test_boxes_answer_for_what_they_overlap():
    boxes = np.array([[0, 0, 10, 8], [0, 0, 10, 5], [0, 0, 10, 2], [21, 21, 31, 31], [50, 50, 60, 60]], np.float32)
    match = match_boxes(boxes, SQUARES, EXISTS, 0.3, 0.7)  # IoU 0.8, 0.5, 0.2, 0.68, 0
    assert np.asarray(match.positive)[0].tolist() == [True, False, False, False, False]
    assert np.asarray(match.negative)[0].tolist() == [False, False, True, False, True]
    assert np.asarray(match.objects)[0, :4].tolist() == [0, 0, 0, 1]


def test_with_best_of_each_no_object_is_left_alone():
    boxes = np.array([[0, 0, 10, 8], [25, 25, 35, 35], [26, 26, 36, 36], [50, 50, 60, 60]], np.float32)
    match = match_boxes(boxes, SQUARES, EXISTS, 0.3, 0.7, best_of_each=True)
    assert np.asarray(match.positive)[0].tolist() == [True, True, False, False]
    assert np.asarray(match.negative)[0].tolist() == [False, False, True, True]


def test_a_picture_without_objects_has_only_background():
    match = match_boxes(SQUARES[0, :2], SQUARES, np.zeros((1, 3), bool), 0.3, 0.7, best_of_each=True)
    assert not np.asarray(match.positive).any()
    assert np.asarray(match.negative).all()


def test_draws_the_wanted_and_says_where_there_were_too_few():
    wanted = np.array([[True, False, True, True], [False, False, True, False]])
    random = np.array([[0.1, 0.9, 0.5, 0.3], [0.9, 0.8, 0.0, 0.7]], np.float32)
    numbers, drawn = (np.asarray(x) for x in sample(wanted, random, 2))
    assert numbers[0].tolist() == [2, 3]
    assert drawn[0].all()
    assert numbers[1, 0] == 2
    assert drawn[1].tolist() == [True, False]
    numbers, drawn = (np.asarray(x) for x in sample(wanted, random, 9))
    assert numbers.shape == drawn.shape == (2, 9)
    assert drawn.sum(axis=1).tolist() == [3, 1]


def test_fewer_proposals_than_regions_leave_places_empty():
    truth, class_ids = SQUARES[:, :1], np.array([[2]])
    proposals, probabilities = np.array([[[0, 0, 10, 8], [50, 50, 60, 60], [0, 0, 0, 0]]], np.float32), [[0.9, 0.8, 0]]
    layer = SampleRegions(16, seed=0)
    found = layer([proposals, np.array(probabilities, np.float32), truth, class_ids])
    boxes, labels, targets, numbers = (np.asarray(x) for x in found)
    assert boxes.shape == targets.shape == (1, 16, 4)
    assert labels[0].tolist() == [3, 3, -1, -1, 0] + [-1] * 11  # proposal and object; a quarter of 16 is 4
    assert sorted(map(tuple, boxes[0, :2].tolist())) == [(0, 0, 10, 8), (0, 0, 10, 10)]
    assert boxes[0, 4].tolist() == [50, 50, 60, 60]
    assert not numbers.any()
