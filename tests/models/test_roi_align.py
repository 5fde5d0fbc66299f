import keras
import numpy as np
import pytest

from keras_cv_course.errors import ModelError
from keras_cv_course.models.roi_align import PyramidRoiAlign, box_levels, pyramid_roi_align, roi_align

TOLERANCE = 2e-5  # float32 sums of a few dozen numbers around 1, against float64


def slow_roi_align(feature_map, box, output_size, stride, sampling=2, aligned=True):
    """One map (h, w, channels) and one box, point by point in float64."""
    _height, _width, channels = feature_map.shape
    left, top, right, bottom = (float(side) / stride - (0.5 if aligned else 0.0) for side in box)
    box_width, box_height = right - left, bottom - top
    if not aligned:
        box_width, box_height = max(box_width, 1.0), max(box_height, 1.0)
    out = np.zeros((*output_size, channels))
    for row in range(output_size[0]):
        for column in range(output_size[1]):
            for i in range(sampling):
                for j in range(sampling):
                    y = top + (row + (i + 0.5) / sampling) * box_height / output_size[0]
                    x = left + (column + (j + 0.5) / sampling) * box_width / output_size[1]
                    out[row, column] += value_at(feature_map, y, x) / sampling**2
    return out


def value_at(feature_map, y, x):
    height, width, _ = feature_map.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    upper = feature_map[y0, x0] * (1 - (x - x0)) + feature_map[y0, x1] * (x - x0)
    lower = feature_map[y1, x0] * (1 - (x - x0)) + feature_map[y1, x1] * (x - x0)
    return upper * (1 - (y - y0)) + lower * (y - y0)


def random_boxes(draw, n, size):
    corners = draw.uniform(-0.2 * size, 1.2 * size, (n, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)


@pytest.mark.parametrize("aligned", [True, False])
def test_is_the_mean_of_points_read_between_the_places(aligned):
    draw = np.random.default_rng(0)
    maps = draw.standard_normal((2, 9, 12, 3)).astype(np.float32)
    boxes = np.stack([random_boxes(draw, 6, 90), random_boxes(draw, 6, 90)])
    boxes[0, 0] = (10, 10, 10, 10)  # without area

    found = np.asarray(roi_align(maps, boxes, (3, 4), 8, aligned=aligned))

    assert found.shape == (2, 6, 3, 4, 3)
    for picture in range(2):
        for box in range(6):
            expected = slow_roi_align(maps[picture].astype(float), boxes[picture, box], (3, 4), 8, aligned=aligned)
            np.testing.assert_allclose(found[picture, box], expected, atol=TOLERANCE)


def test_worked_example():
    # On a map that grows evenly to the right, a bin's mean is the value at its middle: (x + 0.5) / 1 - 0.5 = x.
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32)[None, None, :, None], (1, 8, 8, 1))
    found = np.asarray(roi_align(ramp, np.array([[[2, 1, 6, 5]]], np.float32), (2, 2), 1))
    np.testing.assert_allclose(found[0, 0, :, :, 0], [[2.5, 4.5], [2.5, 4.5]], atol=1e-6)


def test_of_a_pyramid_each_box_has_its_own_map():
    draw = np.random.default_rng(1)
    maps = [draw.standard_normal((1, side, side, 2)).astype(np.float32) for side in (16, 8, 4)]
    boxes, levels = random_boxes(draw, 6, 128)[None], np.array([[0, 1, 2, 2, 1, 0]], np.int32)
    found = np.asarray(pyramid_roi_align(maps, boxes, levels, (2, 2), (8, 16, 32)))
    for box, level in enumerate(levels[0]):
        alone = roi_align(maps[level], boxes[:, box : box + 1], (2, 2), (8, 16, 32)[level])
        np.testing.assert_allclose(found[:, box], np.asarray(alone)[:, 0], atol=1e-6)


def test_levels_double_with_the_box():
    boxes = np.array([[0, 0, s, s] for s in (10, 111, 112, 223, 224, 447, 448, 5000)], np.float32)
    assert np.asarray(box_levels(boxes, (4, 8, 16, 32))).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_box_of_no_objects_is_an_empty_answer():
    assert roi_align(np.ones((1, 4, 4, 2), np.float32), np.zeros((1, 0, 4), np.float32), (2, 2), 8).shape == (
        1,
        0,
        2,
        2,
        2,
    )


def test_says_what_does_not_fit():
    with pytest.raises(ModelError, match="one stride for each of 1 maps"):
        pyramid_roi_align([np.ones((1, 4, 4, 1))], np.zeros((1, 1, 4)), np.zeros((1, 1), int), (2, 2), (8, 16))


def test_layer_survives_saving():
    layer = PyramidRoiAlign(3, (8, 16), 50.0, aligned=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    draw = np.random.default_rng(2)
    inputs = [random_boxes(draw, 4, 64)[None], *(np.ones((1, s, s, 2), np.float32) for s in (8, 4))]
    np.testing.assert_array_equal(layer(inputs), again(inputs))
