from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_cv_course.boxes import (
    clip_xyxy,
    pairwise_iou,
    scale_xyxy,
    sort_corners,
    xywh_to_xyxy,
    xyxy_to_xywh,
    xyxy_to_yxyx,
    yxyx_to_xyxy,
)
from keras_cv_course.errors import DataContentError

# Whole coordinates up to 1000 let exact fractions say what is right; an eighth keeps them exact in float32 too.
COORDINATES = st.integers(-8000, 8000).map(lambda eighths: eighths / 8)


def boxes_strategy(least: int = 0) -> st.SearchStrategy[np.ndarray]:
    """Arrays (n, 4) of proper xyxy boxes, some of them without area."""
    shapes = st.tuples(st.integers(least, 6), st.just(4))
    return arrays(np.float64, shapes, elements=COORDINATES).map(sort_corners)


def exact_iou(first: np.ndarray, second: np.ndarray) -> Fraction:
    ax1, ay1, ax2, ay2 = map(Fraction, first.tolist())
    bx1, by1, bx2, by2 = map(Fraction, second.tolist())
    width, height = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
    intersection = width * height if width > 0 and height > 0 else Fraction(0)
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - intersection
    return intersection / union if union else Fraction(0)


@given(boxes_strategy(), boxes_strategy())
def test_iou_is_the_exact_one(first, second):
    overlaps = pairwise_iou(first, second)
    assert overlaps.shape == (len(first), len(second))
    expected = [[float(exact_iou(a, b)) for b in second] for a in first]
    # Areas and their sums are exact in float64 here, so that one division is all that rounds.
    np.testing.assert_allclose(overlaps, np.reshape(expected, overlaps.shape), rtol=1e-15)


@given(boxes_strategy(), boxes_strategy())
def test_iou_of_float32_is_symmetric_and_never_over_one(first, second):
    first, second = first.astype(np.float32) / 3, second.astype(np.float32) / 3
    overlaps = pairwise_iou(first, second)
    assert overlaps.dtype == np.float32
    np.testing.assert_array_equal(overlaps, pairwise_iou(second, first).T)
    assert ((overlaps >= 0) & (overlaps <= 1)).all()
    # The order of the axes does not matter, which the course's (y1, x1, y2, x2) relies on.
    np.testing.assert_array_equal(overlaps, pairwise_iou(xyxy_to_yxyx(first), xyxy_to_yxyx(second)))


@given(boxes_strategy())
def test_iou_with_itself_is_one_for_boxes_with_area(boxes):
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    np.testing.assert_array_equal(np.diag(pairwise_iou(boxes, boxes)), area > 0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((2, 1, 4, 3), (1, 2, 3, 4), 1 / 7),
        ((0, 0, 2, 2), (0, 0, 2, 2), 1),
        ((0, 0, 4, 4), (1, 1, 3, 3), 1 / 4),
        ((1, 2, 3, 4), (5, 6, 7, 8), 0),
        ((1, 1, 2, 2), (2, 2, 3, 3), 0),  # touch in a corner
        ((1, 1, 3, 3), (2, 3, 3, 4), 0),  # touch along an edge
        ((1, 1, 1, 3), (0, 0, 4, 4), 0),  # a line
        ((1, 1, 1, 1), (1, 1, 1, 1), 0),  # a point with itself
        ((3, 3, 1, 1), (0, 0, 4, 4), 0),  # corners in the wrong order: no area
        ((3, 3, 1, 1), (3, 3, 1, 1), 0),
    ],
)
def test_iou_by_hand(first, second, expected):
    with np.errstate(all="raise"):
        overlap = pairwise_iou(np.array([first], np.float64), np.array([second], np.float64))
    np.testing.assert_allclose(overlap, [[expected]], rtol=1e-15)


def test_iou_takes_leading_axes():
    draw = np.random.default_rng(0)
    first, second = (sort_corners(draw.uniform(0, 9, (3, n, 4))) for n in (5, 2))
    overlaps = pairwise_iou(first, second)
    assert overlaps.shape == (3, 5, 2)
    for number in range(3):
        np.testing.assert_array_equal(overlaps[number], pairwise_iou(first[number], second[number]))


def test_iou_of_no_boxes():
    none, two = np.zeros((0, 4), np.float32), np.ones((2, 4), np.float32)
    assert pairwise_iou(none, two).shape == (0, 2)
    assert pairwise_iou(two, none).shape == (2, 0)
    assert pairwise_iou(none, none).shape == (0, 0)


@given(boxes_strategy())
def test_centre_and_size_and_back(boxes):
    there = xyxy_to_xywh(boxes)
    np.testing.assert_array_equal(there[:, 2:], boxes[:, 2:] - boxes[:, :2])
    np.testing.assert_array_equal(there[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2)
    np.testing.assert_array_equal(xywh_to_xyxy(there), boxes)  # eighths and their halves are exact


@given(boxes_strategy())
def test_y_first_and_back(boxes):
    there = xyxy_to_yxyx(boxes)
    np.testing.assert_array_equal(there, boxes[:, [1, 0, 3, 2]])
    np.testing.assert_array_equal(yxyx_to_xyxy(there), boxes)


@given(arrays(np.float64, (5, 4), elements=COORDINATES))
def test_sorted_corners_are_the_same_box(boxes):
    ordered = sort_corners(boxes)
    assert (ordered[:, :2] <= ordered[:, 2:]).all()
    for axis in (0, 1):
        np.testing.assert_array_equal(np.sort(boxes[:, axis::2], axis=1), ordered[:, axis::2])


@given(boxes_strategy(), st.integers(1, 900), st.integers(1, 900))
def test_clipped_boxes_are_the_part_inside_the_image(boxes, height, width):
    clipped = clip_xyxy(boxes, (height, width))
    assert (clipped >= 0).all()
    assert (clipped[:, 0::2] <= width).all()
    assert (clipped[:, 1::2] <= height).all()
    assert (clipped[:, :2] <= clipped[:, 2:]).all()
    inside = (boxes >= 0) & (boxes <= [width, height, width, height])
    np.testing.assert_array_equal(clipped[inside], boxes[inside])


def test_clip_and_scale_take_height_then_width():
    boxes = np.array([[-5, -5, 300, 300]], np.float32)
    np.testing.assert_array_equal(clip_xyxy(boxes, (100, 200)), [[0, 0, 200, 100]])
    np.testing.assert_array_equal(
        scale_xyxy(np.array([[0, 0.25, 0.5, 1]], np.float32), (100, 200)), [[0, 25, 100, 100]]
    )


@given(boxes_strategy(), st.sampled_from([0.25, 2.0, 16.0]), st.sampled_from([0.5, 4.0]))
def test_scale_and_back(boxes, vertical, horizontal):
    scaled = scale_xyxy(boxes, (vertical, horizontal))
    np.testing.assert_array_equal(scale_xyxy(scaled, (1 / vertical, 1 / horizontal)), boxes)


CONVERSIONS = {
    "xyxy_to_xywh": xyxy_to_xywh,
    "xywh_to_xyxy": xywh_to_xyxy,
    "xyxy_to_yxyx": xyxy_to_yxyx,
    "yxyx_to_xyxy": yxyx_to_xyxy,
    "sort_corners": sort_corners,
    "clip_xyxy": lambda boxes: clip_xyxy(boxes, (3, 5)),
    "scale_xyxy": lambda boxes: scale_xyxy(boxes, np.float64([3, 5])),
    "pairwise_iou": lambda boxes: pairwise_iou(boxes, boxes),
}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in CONVERSIONS
        for shape in ((4,), (0, 4), (1, 4), (7, 4), (2, 3, 4))
        if name != "pairwise_iou" or len(shape) > 1
    ],
)
def test_tensors_and_arrays_give_the_same(name: str, shape: tuple[int, ...]) -> None:
    function = CONVERSIONS[name]
    boxes = np.random.default_rng(1).uniform(-2, 9, shape).astype(np.float32)
    expected = function(boxes)
    assert isinstance(expected, np.ndarray)
    assert expected.dtype == np.float32
    eager = function(tf.constant(boxes))
    assert tf.is_tensor(eager)
    traced = tf.function(function, input_signature=[tf.TensorSpec([None] * (len(shape) - 1) + [4])])(boxes)
    for values in (eager, traced):
        assert values.dtype == tf.float32
        # The same float32 arithmetic; a compiled graph may contract a product and a sum into one rounding.
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-6)


def test_iou_of_boxes_without_area_has_a_finite_gradient():
    boxes = tf.constant([[1.0, 1, 1, 1], [0, 0, 2, 2]])
    with tf.GradientTape() as tape:
        tape.watch(boxes)
        total = tf.reduce_sum(pairwise_iou(boxes, boxes))
    assert np.isfinite(tape.gradient(total, boxes)).all()


@pytest.mark.parametrize(
    ("boxes", "received"),
    [
        (np.zeros((2, 5), np.float32), r"float32 of shape \(2, 5\)"),
        (np.float32(1), r"float32 of shape \(\)"),
        (np.zeros((2, 4), np.uint8), r"uint8 of shape \(2, 4\)"),
        (tf.zeros((2, 4), tf.int32), r"int32'> of shape \(2, 4\)"),
        ([[0, 0, 1, 1]], r"list of shape \(\)"),
    ],
)
@pytest.mark.parametrize("name", CONVERSIONS)
def test_other_things_than_boxes(name: str, boxes: Any, received: str) -> None:
    with pytest.raises(DataContentError, match=f"last axis of 4. Received: .*{received}"):
        CONVERSIONS[name](boxes)
