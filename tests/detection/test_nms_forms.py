"""The notes' non-max suppression and the soft one, against each other, TensorFlow and plain loops."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from nms_reference import candidates, iou_with_all, many_candidates, quadratic_nms

from keras_cv_course.detection.select_boxes import non_max_suppression
from keras_cv_course.detection.select_boxes_notes import notes_non_max_suppression, suppression_steps
from keras_cv_course.detection.soft_nms import soft_non_max_suppression
from keras_cv_course.errors import DataContentError

SCORE_THRESHOLDS = st.sampled_from([0.0, 0.25, 0.6, 0.75])


def just_below(threshold: float) -> float:
    """Give a threshold that a float32 number passes as `>` where it passes the given one as `>=`."""
    return float(np.nextafter(np.float32(threshold), np.float32(0)))


@given(candidates(), SCORE_THRESHOLDS, st.sampled_from([0.3, 0.5, 1.0]))
def test_the_notes_form_is_the_package_s_with_the_thresholds_included(drawn, score_threshold, iou_threshold):
    boxes, scores, classes = drawn
    kept = notes_non_max_suppression(scores, boxes, classes, score_threshold, iou_threshold)
    assert kept.dtype == np.int64
    likely = np.flatnonzero(scores > score_threshold)
    likely = likely[np.argsort(classes[likely], kind="stable")]  # equal scores: the smaller class number comes first
    expected = non_max_suppression(boxes[likely], scores[likely], classes[likely], just_below(iou_threshold))
    np.testing.assert_array_equal(kept, likely[expected])


def test_the_notes_form_among_hundreds_of_boxes():
    boxes, scores, classes = many_candidates(400, 3)
    likely = np.flatnonzero(scores > 0.6)
    expected = likely[quadratic_nms(boxes[likely], scores[likely], classes[likely], just_below(0.5), None)]
    np.testing.assert_array_equal(notes_non_max_suppression(scores, boxes, classes), expected)
    tensorflow_s = tf.image.non_max_suppression(boxes, scores, len(boxes), just_below(0.5), 0.6)
    one_class = notes_non_max_suppression(scores, boxes, np.zeros(len(boxes), np.int64))
    np.testing.assert_array_equal(one_class, tensorflow_s)


def test_the_notes_thresholds_discard():
    boxes = np.float32([[0, 0, 3, 1], [1, 0, 4, 1], [2, 0, 5, 1], [9, 9, 10, 10]])  # neighbours: IoU 0.5 exactly
    scores, classes = np.float32([0.8, 0.9, 0.7, 0.6]), np.zeros(4, np.int64)
    assert notes_non_max_suppression(scores, boxes, classes, 0.59999).tolist() == [1, 3]
    steps = list(suppression_steps(scores, boxes, classes, np.float32(0.6)))
    assert [(step.picked, step.discarded.tolist()) for step in steps] == [(1, [0, 2])]
    assert non_max_suppression(boxes[:3], scores[:3], classes[:3]).tolist() == [1, 0, 2]  # beyond 0.5 only


@given(candidates(), SCORE_THRESHOLDS)
def test_every_likely_box_is_picked_or_discarded_once(drawn, score_threshold):
    boxes, scores, classes = drawn
    steps = list(suppression_steps(scores, boxes, classes, score_threshold))
    gone = [int(index) for step in steps for index in (step.picked, *step.discarded)]
    assert sorted(gone) == np.flatnonzero(scores > score_threshold).tolist()


def soft_loop(boxes, scores, classes, factor, score_threshold):
    """Follow the paper's pseudo-code: lists, and one overlap at a time."""
    left = {index: float(score) for index, score in enumerate(scores)}
    picked = []
    while left:
        best = max(left, key=lambda index: (left[index], -index))
        if left[best] < score_threshold:
            break
        picked.append((best, left.pop(best)))
        for index in left:
            if classes[index] == classes[best]:
                left[index] *= factor(float(iou_with_all(boxes[best], boxes[[index]])[0]))
    return picked


@pytest.mark.parametrize("decay", ["linear", "gaussian"])
@pytest.mark.parametrize("classes", [1, 3])
def test_soft_suppression_is_the_paper_s_loop(decay, classes):
    boxes, scores, class_ids = many_candidates(150, classes)
    factors = {"linear": lambda iou: 1 - iou if iou >= 0.3 else 1, "gaussian": lambda iou: math.exp(-(iou**2) / 0.5)}
    expected = soft_loop(boxes, scores, class_ids, factors[decay], 0.05)
    assert 20 < len(expected) < 150
    indices, ours = soft_non_max_suppression(boxes, scores, class_ids, decay, score_threshold=0.05)
    assert (indices.dtype, ours.dtype) == (np.int64, np.float32)
    np.testing.assert_array_equal(indices, [index for index, _ in expected])
    # float32 products of up to 149 factors against float64's.
    np.testing.assert_allclose(ours, [score for _, score in expected], rtol=2e-5)


def test_the_gaussian_is_tensorflow_s_with_half_its_sigma():
    boxes, scores, _ = many_candidates(150, 1)
    expected = tf.image.non_max_suppression_with_scores(
        boxes, scores, len(boxes), iou_threshold=1.0, score_threshold=0.05, soft_nms_sigma=0.25
    )
    indices, ours = soft_non_max_suppression(boxes, scores, np.zeros(150, np.int64), sigma=0.5, score_threshold=0.05)
    np.testing.assert_array_equal(indices, expected[0])
    np.testing.assert_allclose(ours, expected[1], rtol=2e-5)


@given(candidates())
def test_soft_suppression_lowers_scores_and_keeps_the_best_box_of_each_class(drawn):
    boxes, scores, classes = drawn
    for decay in ("linear", "gaussian"):
        indices, ours = soft_non_max_suppression(boxes, scores, classes, decay)
        assert (np.diff(ours) <= 0).all()
        assert (ours <= scores[indices]).all()
        for number in np.unique(classes):
            first = next(place for place, index in enumerate(indices) if classes[index] == number)
            assert ours[first] == scores[classes == number].max()


def test_what_is_refused():
    boxes = np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, np.int64)
    with pytest.raises(DataContentError, match=r"decay must be one of linear, gaussian. Received: 'hard'"):
        soft_non_max_suppression(*boxes, "hard")
    with pytest.raises(DataContentError, match=r"sigma above 0. Received: 0"):
        soft_non_max_suppression(*boxes, sigma=0)
    with pytest.raises(DataContentError, match=r"iou_threshold from 0 to 1. Received: 1.5"):
        soft_non_max_suppression(*boxes, iou_threshold=1.5)
    with pytest.raises(DataContentError, match=r"score_threshold from 0 to 1. Received: -1"):
        notes_non_max_suppression(boxes[1], boxes[0], boxes[2], -1)


@pytest.mark.parametrize("shorter", range(3), ids=["boxes", "scores", "classes"])
def test_arrays_of_other_lengths_are_refused(shorter):
    arrays = list(many_candidates(9, 2))
    arrays[shorter] = arrays[shorter][:-1]
    boxes, scores, classes = arrays
    for suppress in (
        lambda: non_max_suppression(boxes, scores, classes),
        lambda: soft_non_max_suppression(boxes, scores, classes),
        lambda: notes_non_max_suppression(scores, boxes, classes),
    ):
        with pytest.raises(DataContentError, match=r"Expected boxes \(n, 4\), and scores and class ids \(n,\)"):
            suppress()
