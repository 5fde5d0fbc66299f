import os
import sys

import numpy as np
import pytest
import tensorflow as tf
from forked import run_forked
from hypothesis import given
from hypothesis import strategies as st
from nms_reference import candidates, many_candidates, quadratic_nms
from raw_outputs import ANCHORS, noise, scene

from keras_cv_course.boxes import xyxy_to_yxyx
from keras_cv_course.detection.select_boxes import select_boxes
from keras_cv_course.detection.select_boxes_course import (
    iou,
    yolo_eval,
    yolo_filter_boxes,
    yolo_non_max_suppression,
)
from keras_cv_course.detection.yolo_head import scale_boxes, yolo_boxes_to_corners, yolo_head

LIMITS = st.integers(1, 12)
THRESHOLDS = st.sampled_from([0.0, 0.3, 0.45, 0.5, 1.0])


def normal(*shape: int) -> tf.Tensor:
    """The random numbers that the course's notebook tests its functions with."""
    return tf.random.normal(shape, mean=1, stddev=4, seed=1)


# The three functions on the notebook's numbers, and what the notebook expects.


def test_filter_as_in_the_notebook():
    tf.random.set_seed(10)
    box_confidence, boxes, box_class_probs = normal(19, 19, 5, 1), normal(19, 19, 5, 4), normal(19, 19, 5, 80)
    scores, boxes, classes = yolo_filter_boxes(boxes, box_confidence, box_class_probs, threshold=0.5)
    assert (scores.shape, boxes.shape, classes.shape) == ((1789,), (1789, 4), (1789,))
    assert (scores.dtype, boxes.dtype, classes.dtype) == (tf.float32, tf.float32, tf.int64)
    np.testing.assert_allclose(scores[2], 9.270486, rtol=1e-7)  # printed with seven digits
    np.testing.assert_allclose(boxes[2], [4.6399336, 3.2303846, 4.431282, -2.202031], rtol=1e-7)
    assert classes[2] == 8


@pytest.mark.parametrize("per_class", [True, False])
def test_suppression_as_in_the_notebook(per_class):
    tf.random.set_seed(10)
    scores, boxes, classes = normal(54), normal(54, 4), normal(54)  # corners in any order, classes that are no integers
    scores, boxes, classes = yolo_non_max_suppression(scores, boxes, classes, per_class=per_class)
    assert (scores.shape, boxes.shape, classes.shape) == ((10,), (10, 4), (10,))
    np.testing.assert_allclose(scores[2], 8.147684, rtol=1e-7)
    np.testing.assert_allclose(boxes[2], [6.0797963, 3.743308, 1.3914018, -0.34089637], rtol=1e-7)
    np.testing.assert_allclose(classes[2], 1.7079165, rtol=1e-7)


def test_eval_as_in_the_notebook():
    tf.random.set_seed(10)
    outputs = normal(19, 19, 5, 2), normal(19, 19, 5, 2), normal(19, 19, 5, 1), normal(19, 19, 5, 80)
    scores, boxes, classes = yolo_eval(outputs)
    assert (scores.shape, boxes.shape, classes.shape) == ((10,), (10, 4), (10,))
    np.testing.assert_allclose(scores[2], 171.60194, rtol=1e-7)
    np.testing.assert_allclose(boxes[2], [-1240.3483, -3212.5881, -645.78, 2024.3052], rtol=1e-7)
    assert classes[2] == 16


def filter_by_masks(boxes, box_confidence, box_class_probs, threshold):
    scores = box_confidence * box_class_probs
    mask = tf.reduce_max(scores, axis=-1) >= threshold
    return (
        tf.boolean_mask(tf.reduce_max(scores, axis=-1), mask),
        tf.boolean_mask(boxes, mask),
        tf.boolean_mask(tf.argmax(scores, axis=-1), mask),
    )


def assert_equal(ours, expected):
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        assert tf.is_tensor(one)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("grid", [(19, 19, 5), (1, 19, 19, 5), (3, 2, 4, 5), (7,), (0, 3, 5), (1, 1, 1, 1)])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6, 2.0])
def test_filter_is_that_of_masks(grid, threshold):
    draw = np.random.default_rng(3)
    boxes, confidence, probabilities = (draw.uniform(0, 1, (*grid, n)).astype(np.float32) for n in (4, 1, 9))
    expected = filter_by_masks(*map(tf.constant, (boxes, confidence, probabilities)), threshold)
    assert_equal(yolo_filter_boxes(boxes, confidence, probabilities, threshold), expected)
    assert_equal(tf.function(yolo_filter_boxes)(boxes, confidence, probabilities, threshold), expected)


def test_a_score_at_the_threshold_counts():
    boxes, confidence = np.zeros((2, 4), np.float32), np.float32([[0.5], [0.5]])
    scores, _, classes = yolo_filter_boxes(boxes, confidence, np.float32([[0.5, 1], [0.9, 0.1]]), 0.5)
    np.testing.assert_array_equal(scores, [0.5])
    np.testing.assert_array_equal(classes, [1])


def course_loop(scores, boxes, classes, max_boxes, iou_threshold):
    """Suppress as today's notebook does: one class after the other, then joined and sorted."""
    if len(scores) == 0:  # of which the notebook makes an error
        return scores, boxes, classes
    found = []
    for name in tf.unique(classes)[0]:
        places = tf.where(classes == name)[:, 0]
        chosen = tf.image.non_max_suppression(
            tf.gather(boxes, places), tf.gather(scores, places), max_boxes, iou_threshold
        )
        found.append(tf.gather(places, chosen))
    joined = tf.concat(found, axis=0)
    best = tf.argsort(tf.gather(scores, joined), direction="DESCENDING")[:max_boxes]
    return tuple(tf.gather(tf.gather(values, joined), best) for values in (scores, boxes, classes))


def as_course(boxes, scores, classes):
    return tf.constant(scores), tf.constant(xyxy_to_yxyx(boxes)), tf.constant(classes)


@given(candidates(), LIMITS, THRESHOLDS)
def test_suppression_by_class_is_the_notebook_s_loop_also_in_ties(boxes, max_boxes, iou_threshold):
    inputs = as_course(*boxes)
    ours = yolo_non_max_suppression(*inputs, max_boxes, iou_threshold)
    assert_equal(ours, course_loop(*inputs, max_boxes, iou_threshold))
    kept = quadratic_nms(*boxes, iou_threshold, max_boxes)
    assert_equal(ours, [values.numpy()[kept] for values in inputs])


@given(candidates(), THRESHOLDS)
def test_opposite_corners_in_any_order(boxes, iou_threshold):
    scores, corners, classes = as_course(*boxes)
    swapped = tf.gather(corners, [2, 1, 0, 3], axis=1)
    ours = yolo_non_max_suppression(scores, swapped, classes, 5, iou_threshold)
    assert_equal(ours, course_loop(scores, swapped, classes, 5, iou_threshold))
    assert_equal(ours[::2], yolo_non_max_suppression(scores, corners, classes, 5, iou_threshold)[::2])


@given(candidates(), LIMITS, THRESHOLDS)
def test_suppression_across_classes_is_the_quadratic_one(boxes, max_boxes, iou_threshold):
    inputs = as_course(*boxes)
    kept = quadratic_nms(boxes[0], boxes[1], np.zeros_like(boxes[2]), iou_threshold, max_boxes)
    ours = yolo_non_max_suppression(*inputs, max_boxes, iou_threshold, per_class=False)
    assert_equal(ours, [values.numpy()[kept] for values in inputs])


@pytest.mark.parametrize(("classes", "max_boxes"), [(1, 10), (5, 3000), (80, 100)])
def test_suppression_of_thousands(classes, max_boxes):
    inputs = as_course(*many_candidates(3000, classes))
    ours = yolo_non_max_suppression(*inputs, max_boxes)
    assert_equal(ours, course_loop(*inputs, max_boxes, 0.5))


def memory_of_many_boxes() -> None:
    """Print how much more memory 15,000 boxes take than ten, in KiB."""
    import resource

    draw = np.random.default_rng(0)
    corner = draw.uniform(0, 1000, (15_000, 2)).astype(np.float32)
    scores, classes = draw.random(15_000, np.float32), draw.integers(0, 80, 15_000)
    inputs = [scores, np.concatenate([corner, corner + 20], axis=1), classes]
    yolo_non_max_suppression(*(values[:10] for values in inputs))  # compiles
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yolo_non_max_suppression(*inputs)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(grown // 1024 if sys.platform == "darwin" else grown)


def test_the_memory_for_a_batch_of_boxes_grows_with_their_number():
    pytest.importorskip("resource", reason="no such figure on this system")
    # In a process of its own: the figure is the most that a process ever had.
    done = run_forked(memory_of_many_boxes, ["memory"], cwd=None, environment=os.environ)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 500_000  # a single array of all pairs has 0.9 GB


@pytest.mark.parametrize("per_class", [True, False])
def test_a_score_that_is_no_number_is_never_kept(per_class):
    boxes = np.float32([[0, 0, 2, 2], [4, 4, 6, 6], [8, 8, 9, 9]])
    scores = np.float32([np.nan, 0.8, -np.inf])
    kept, _, _ = yolo_non_max_suppression(scores, boxes, np.zeros(3, np.int64), per_class=per_class)
    np.testing.assert_array_equal(kept, np.float32([0.8]))


def test_the_revisions_differ_where_classes_overlap():
    boxes = np.float32([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 2]])
    scores, classes = np.float32([0.7, 0.9, 0.8]), np.array([4, 4, 2])
    for per_class, expected in ((True, [4, 2]), (False, [4])):
        for suppress in (yolo_non_max_suppression, tf.function(yolo_non_max_suppression)):
            np.testing.assert_array_equal(suppress(scores, boxes, classes, per_class=per_class)[2], expected)


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("n", [0, 1])
def test_suppression_of_no_and_of_one_box(n, per_class):
    scores, boxes, classes = np.full(n, 0.7, np.float64), np.full((n, 4), 2, np.float64), np.full(n, 3, np.int64)
    ours = yolo_non_max_suppression(scores, boxes, classes, per_class=per_class)
    assert_equal(ours, [scores.astype(np.float32), boxes.astype(np.float32), classes])


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("raw", [scene(1, 19, 19, 80), noise(1, 19, 19, 80), noise(1, 3, 7, 80, spread=1)])
def test_eval_is_the_chain_of_its_parts(raw, per_class):
    outputs = yolo_head(raw, ANCHORS, 80)
    boxes = yolo_boxes_to_corners(*outputs[:2])
    scores, boxes, classes = filter_by_masks(boxes, *outputs[2:], 0.3)
    boxes = scale_boxes(boxes, (600, 800))
    expected = (
        course_loop(scores, boxes, classes, 7, 0.4)
        if per_class
        else course_loop(scores, boxes, tf.zeros_like(classes), 7, 0.4)
    )
    ours = yolo_eval(outputs, (600, 800), 7, 0.3, 0.4, per_class=per_class)
    assert_equal(ours[:2], expected[:2])
    assert ours[2].dtype == tf.int64
    if per_class:
        assert_equal(ours, expected)


def test_eval_of_arrays_and_in_a_traced_function_of_unknown_sizes():
    specs = [tf.TensorSpec([None, None, None, 5, last]) for last in (2, 2, 1, 80)]
    traced = tf.function(lambda *outputs: yolo_eval(outputs, (600, 800)), input_signature=specs)
    for rows, cols in ((5, 9), (13, 4)):
        outputs = yolo_head(scene(1, rows, cols, 80), ANCHORS, 80)
        expected = yolo_eval(outputs, (600, 800))
        assert len(expected[0]) > 0
        assert_equal(yolo_eval([part.numpy() for part in outputs], (600, 800)), expected)
        for one, other in zip(traced(*outputs), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-4)  # float32 of up to 800 pixels


def test_eval_finds_nothing():
    scores, boxes, classes = yolo_eval(yolo_head(noise(1, 3, 4, 80, spread=0.1), ANCHORS, 80))
    assert (scores.shape, boxes.shape, classes.shape) == ((0,), (0, 4), (0,))


@pytest.mark.parametrize("raw", [scene(1, 19, 19, 80, seed=5), noise(1, 13, 20, 80)])
def test_the_package_s_own_way_gives_the_same_boxes(raw):
    scores, boxes, classes = yolo_eval(yolo_head(raw, ANCHORS, 80), (720.0, 1280.0))
    (selected,) = select_boxes(raw, ANCHORS, 80, (720, 1280), max_boxes=10)
    np.testing.assert_array_equal(selected.class_ids, classes)
    # The last bits of NumPy's and TensorFlow's exp: 1e-6 of the picture's size.
    np.testing.assert_allclose(selected.scores, scores, rtol=2e-6)
    np.testing.assert_allclose(xyxy_to_yxyx(selected.boxes), boxes, rtol=2e-6, atol=2e-3)


@pytest.mark.parametrize(
    ("box1", "box2", "expected"),
    [
        ((2, 1, 4, 3), (1, 2, 3, 4), 1 / 7),
        ((1, 2, 3, 4), (5, 6, 7, 8), 0),
        ((1, 1, 2, 2), (2, 2, 3, 3), 0),
        ((1, 1, 3, 3), (2, 3, 3, 4), 0),
        ((1, 1, 1, 1), (1, 1, 1, 1), 0),
    ],
)
def test_iou(box1, box2, expected):
    overlap = iou(box1, box2)
    assert type(overlap) is float
    assert overlap == pytest.approx(expected, rel=1e-15)
    assert iou(np.array(box1), list(box2)) == overlap
    for one, other in ((tf.constant(box1), box2), (box1, tf.constant(box2)), (tuple(map(tf.constant, box1)), box2)):
        tensor = iou(one, other)
        assert tensor.shape == ()
        np.testing.assert_allclose(tensor, expected, rtol=1e-6)  # float32
    np.testing.assert_allclose(tf.function(iou)(tf.constant(box1), tf.constant(box2)), expected, rtol=1e-6)
