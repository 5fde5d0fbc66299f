import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cv_course.detection.yolo_head import scale_boxes, yolo_boxes_to_corners, yolo_head
from keras_cv_course.errors import ModelError

ANCHORS = np.array(
    [[0.57273, 0.677385], [1.87446, 2.06253], [3.33843, 5.47434], [7.88282, 3.52778], [9.77052, 9.16828]]
)


def seeded_output(batch: int, rows: int, cols: int, anchors: int, classes: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return draw.normal(0, 2, (batch, rows, cols, anchors * (5 + classes))).astype(np.float32)


def decode_by_loop(raw: np.ndarray, anchors: np.ndarray, classes: int) -> list[np.ndarray]:
    """Write the definition out: one box at a time, in float64."""
    batch, rows, cols, _ = raw.shape
    shape = (batch, rows, cols, len(anchors))
    xy, wh, objectness, probabilities = (np.zeros((*shape, last)) for last in (2, 2, 1, classes))
    for place in np.ndindex(shape):
        picture, row, col, anchor = place
        start = anchor * (5 + classes)
        tx, ty, tw, th, to, *logits = map(float, raw[picture, row, col, start : start + 5 + classes])
        xy[place] = (1 / (1 + math.exp(-tx)) + col) / cols, (1 / (1 + math.exp(-ty)) + row) / rows
        wh[place] = anchors[anchor][0] * math.exp(tw) / cols, anchors[anchor][1] * math.exp(th) / rows
        objectness[place] = 1 / (1 + math.exp(-to))
        powers = [math.exp(logit) for logit in logits]
        probabilities[place] = [power / sum(powers) for power in powers]
    return [xy, wh, objectness, probabilities]


def assert_all_close(ours: Any, expected: list[np.ndarray], rtol: float = 2e-6) -> None:
    # float32 rounds each of the few steps by 6e-8 of its result, and exp turns the rounding of its argument (up to 10)
    # into as many times that.
    assert len(ours) == 4
    for values, right in zip(ours, expected, strict=True):
        assert tuple(values.shape) == right.shape
        np.testing.assert_allclose(values, right, rtol=rtol, atol=1e-7)


GRIDS = [(1, 19, 19, 5, 80), (2, 3, 5, 5, 7), (1, 5, 3, 2, 1), (3, 1, 1, 1, 2), (1, 1, 6, 3, 4), (0, 4, 2, 5, 3)]


@pytest.mark.parametrize("grid", GRIDS)
def test_same_as_a_loop_over_cells(grid):
    raw, anchors = seeded_output(*grid), ANCHORS[: grid[3]]
    expected = decode_by_loop(raw, anchors, grid[-1])
    assert_all_close(yolo_head(raw, anchors, grid[-1]), expected)
    assert_all_close(yolo_head(tf.constant(raw), anchors.tolist(), grid[-1]), expected)


@pytest.mark.parametrize("known", [(None, None, None), (None, 3, 5), (2, None, None)])
def test_traced_with_unknown_sizes(known):
    raw = seeded_output(2, 3, 5, 5, 7)
    traced = tf.function(
        lambda feats: yolo_head(feats, ANCHORS, 7), input_signature=[tf.TensorSpec([*known, 60], tf.float32)]
    )
    assert_all_close(traced(raw), decode_by_loop(raw, ANCHORS, 7))
    other = seeded_output(2, 4, 2, 5, 7) if known[1] is None else seeded_output(1, 3, 5, 5, 7)
    if known[0] is None or known[1] is None:
        assert_all_close(traced(other), decode_by_loop(other, ANCHORS, 7))


def test_inside_a_keras_model():
    inputs = keras.Input((3, 5, 60))
    model = keras.Model(inputs, yolo_head(inputs, ANCHORS, 7))
    raw = seeded_output(2, 3, 5, 5, 7)
    assert_all_close(model(raw), decode_by_loop(raw, ANCHORS, 7))


@settings(max_examples=25)
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 6)),
    st.integers(0, 2**32 - 1),
)
def test_centres_lie_in_their_cells_and_probabilities_sum_to_one(grid, seed):
    _, rows, cols, anchors, classes = grid
    raw = seeded_output(*grid, seed=seed)
    box_xy, box_wh, box_confidence, box_class_probs = map(np.asarray, yolo_head(raw, ANCHORS[:anchors], classes))
    cell = np.floor(box_xy * [cols, rows])  # rounding cannot reach an edge: sigmoid(12) is 6e-6 below 1
    expected = np.stack(np.meshgrid(np.arange(cols), np.arange(rows)), axis=-1)[None, :, :, None]
    np.testing.assert_array_equal(cell, np.broadcast_to(expected, cell.shape))
    assert (box_wh > 0).all()
    assert ((box_confidence > 0) & (box_confidence < 1)).all()
    np.testing.assert_allclose(box_class_probs.sum(axis=-1), 1, atol=1e-6)  # as many roundings as classes


def test_same_as_darknet(real_data: Path):
    with np.load(real_data / "darknet" / "yolov2-thin.golden.npz") as golden:
        raw, region = golden["raw"], golden["region"]
    box_xy, box_wh, box_confidence, box_class_probs = (
        np.asarray(part)[0] for part in yolo_head(raw[None], ANCHORS, region.shape[-1] - 5)
    )
    # Darknet's region layer stops before cell and anchor come in: undo them. 1e-5 is what is promised; the largest
    # difference is 4e-7.
    rows, cols = raw.shape[:2]
    cells = np.stack(np.meshgrid(np.arange(cols), np.arange(rows)), axis=-1)[:, :, None]
    np.testing.assert_allclose(box_xy * [cols, rows] - cells, region[..., 0:2], atol=1e-5)
    np.testing.assert_allclose(np.log(box_wh * [cols, rows] / ANCHORS), region[..., 2:4], atol=1e-5)
    np.testing.assert_allclose(box_confidence, region[..., 4:5], atol=1e-5)
    np.testing.assert_allclose(box_class_probs, region[..., 5:], atol=1e-5)


def test_one_class_is_certain_without_a_warning(recwarn):
    *_, box_class_probs = yolo_head(seeded_output(1, 2, 2, 5, 1), ANCHORS, 1)
    np.testing.assert_array_equal(box_class_probs, np.ones((1, 2, 2, 5, 1)))
    assert not recwarn.list


def test_keeps_the_dtype():
    raw = seeded_output(1, 2, 3, 5, 4)
    for dtype in (tf.float16, tf.float64):
        for part in yolo_head(tf.cast(raw, dtype), ANCHORS, 4):
            assert part.dtype == dtype


@pytest.mark.parametrize(
    ("shape", "anchors", "classes", "message"),
    [
        ((1, 5, 7, 60), ANCHORS, 8, r"5 anchors and 8 classes .*5 \* \(5 \+ 8\) = 65\). Received: \(1, 5, 7, 60\)"),
        ((1, 5, 7, 60), ANCHORS[:4], 7, r"4 anchors and 7 classes .*= 48"),
        ((5, 7, 60), ANCHORS, 7, r"Received: \(5, 7, 60\)"),
        ((1, 5, 7, 60), ANCHORS.ravel(), 7, r"shape \(A, 2\). Received: shape \(10,\)"),
        ((1, 5, 7, 60), -ANCHORS, 7, "positive"),
        ((1, 5, 7, 60), ANCHORS * np.nan, 7, "positive"),
        ((1, 5, 7, 60), ANCHORS * np.inf, 7, "positive"),
        ((1, 5, 7, 0), np.zeros((0, 2)), 7, r"Received: shape \(0, 2\)"),
        ((1, 5, 7, 25), ANCHORS, 0, "num_classes must be at least 1. Received: 0"),
    ],
)
def test_output_of_another_network(shape, anchors, classes, message):
    with pytest.raises(ModelError, match=message):
        yolo_head(np.zeros(shape, np.float32), anchors, classes)


def test_corners_put_y_first():
    box_xy, box_wh = np.float32([[[0.5, 0.25]]]), np.float32([[[0.5, 0.125]]])
    corners = yolo_boxes_to_corners(box_xy, box_wh)
    assert tf.is_tensor(corners)
    np.testing.assert_array_equal(corners, [[[0.1875, 0.25, 0.3125, 0.75]]])
    np.testing.assert_array_equal(tf.function(yolo_boxes_to_corners)(box_xy, box_wh), corners)


def test_scale_takes_height_then_width():
    boxes = np.array([[0, 0.25, 0.5, 1], [1, 1, 1, 1]], np.float32)
    expected = [[0, 320, 360, 1280], [720, 1280, 720, 1280]]
    for image_shape in ((720.0, 1280.0), [720, 1280], np.array([720, 1280]), tf.constant([720, 1280])):
        np.testing.assert_array_equal(scale_boxes(boxes, image_shape), expected)
        np.testing.assert_array_equal(tf.function(scale_boxes)(boxes, image_shape), expected)
    assert scale_boxes(boxes[:0], (720, 1280)).shape == (0, 4)


def test_scale_takes_a_size_for_each_picture():
    boxes = np.ones((2, 3, 4), np.float32)
    scaled = np.asarray(scale_boxes(boxes, [[10, 20], [30, 40]]))
    assert scaled.shape == (2, 3, 4)
    np.testing.assert_array_equal(scaled[:, 1], [[10, 20, 10, 20], [30, 40, 30, 40]])
