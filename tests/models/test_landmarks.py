"""Targets, losses and networks for points, on TensorFlow and on JAX."""

import json

import keras
import numpy as np
import pytest
from another_backend import run_on
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.hourglass import parallel_block, stacked_hourglass
from keras_cv_course.models.landmarks import (
    CoordinatesLoss,
    HeatmapsLoss,
    coordinates_head,
    decode_landmarks,
    encode_landmarks,
    landmark_regressor,
)


def test_targets_and_back() -> None:
    points = np.random.default_rng(0).uniform(-5, 60, (3, 68, 2)).astype(np.float32)
    target = encode_landmarks(points, [True, False, True], (40, 50))
    assert target.shape == (3, 137)
    assert target[0, 1] == pytest.approx(points[0, 0, 0] / 50)
    assert target[0, 2] == pytest.approx(points[0, 0, 1] / 40)
    np.testing.assert_array_equal(target[1], 0)
    there, found = decode_landmarks(target, (40, 50))
    np.testing.assert_array_equal(there, [1, 0, 1])
    np.testing.assert_allclose(found[[0, 2]], points[[0, 2]], rtol=1e-6, atol=1e-6)
    assert encode_landmarks(points[0, :4], True, (40, 50)).shape == (9,)
    assert decode_landmarks(target[:0], (40, 50))[1].shape == (0, 68, 2)


def test_what_is_no_target_is_refused() -> None:
    with pytest.raises(ModelError, match="a truth value for each"):
        encode_landmarks(np.zeros((3, 68, 2)), True, (40, 50))
    with pytest.raises(ModelError, match="1 \\+ 2 n numbers"):
        decode_landmarks(np.zeros((3, 136)), (40, 50))


def test_loss_of_coordinates_counts_points_only_where_there_is_a_face() -> None:
    draw = np.random.default_rng(1)
    truth = encode_landmarks(draw.uniform(0, 9, (2, 4, 2)), [True, False], (9, 9))
    predicted = draw.uniform(0.1, 0.9, (2, 9)).astype(np.float32)
    p = predicted[:, 0]
    expected = [-np.log(p[0]) + 3 * np.abs(predicted[0, 1:] - truth[0, 1:]).mean(), -np.log(1 - p[1])]
    # float32, and Keras keeps probabilities 1e-7 away from 0 and 1.
    np.testing.assert_allclose(CoordinatesLoss(3.0).call(truth, predicted), expected, rtol=1e-5)


def test_loss_of_heatmaps_is_the_cross_entropy_of_each_map() -> None:
    draw = np.random.default_rng(2)
    points = draw.uniform(0, 24, (2, 3, 2))
    truth = encode_landmarks(points, [True, False], (16, 24))
    raw = draw.normal(0, 1, (2, 2, 4, 6, 3)).astype(np.float32)
    expected = 0.0
    for stack in range(2):
        for number in range(3):
            x, y = points[0, number] * np.array([6 / 24, 4 / 16])
            rows, columns = np.mgrid[:4, :6] + 0.5
            wanted = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 0.8**2))
            found = np.exp(raw[0, stack, :, :, number])
            expected -= (wanted / wanted.sum() * np.log(found / found.sum())).sum() / 3
    np.testing.assert_allclose(HeatmapsLoss(0.8).call(truth, raw), [expected, 0], rtol=1e-5)


@pytest.mark.parametrize("points", [4, 32, 68])
def test_networks_give_any_number_of_points(points: int) -> None:
    pictures = np.random.default_rng(3).random((2, 32, 48, 3)).astype(np.float32)
    found = stacked_hourglass(points, (32, 48), stacks=2, filters=8, depth=2)(pictures)
    assert found["face"].shape == (2, 1)
    assert found["heatmaps"].shape == (2, 2, 8, 12, points)
    numbers = np.asarray(landmark_regressor(points, (32, 48), filters=(4, 8))(pictures))
    assert numbers.shape == (2, 1 + 2 * points)
    assert 0 < numbers[0, 0] < 1


def test_the_block_joins_a_half_and_two_quarters() -> None:
    inputs = keras.Input((8, 8, 12))
    block = keras.Model(inputs, parallel_block(inputs, 12, "block"))
    assert block.output_shape == (None, 8, 8, 12)
    kernels = [layer.kernel.shape for layer in block.layers if isinstance(layer, layers.Conv2D)]
    assert kernels == [(3, 3, 12, 6), (3, 3, 6, 3), (3, 3, 3, 3)]
    pictures = np.random.default_rng(4).random((1, 8, 8, 12)).astype(np.float32)
    for layer in block.layers:
        if isinstance(layer, layers.Conv2D):
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    np.testing.assert_array_equal(block(pictures), pictures)  # what the convolutions add is nothing


def test_head_of_coordinates_on_another_network() -> None:
    backbone = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)
    model = keras.Model(backbone.input, coordinates_head(backbone.output, 4))
    assert model.output_shape == (None, 9)
    with pytest.raises(ModelError, match="num_points"):
        coordinates_head(backbone.output, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_points": 0}, "num_points must be at least 1"),
        ({"num_points": 4, "stacks": 0}, "stacks must be at least 1"),
        ({"num_points": 4, "filters": 6}, "filters must be a multiple of 4"),
        ({"num_points": 4, "depth": 0}, "depth must be at least 1"),
        ({"num_points": 4, "input_size": (128, 100)}, "input_size must be multiples of 32"),
    ],
)
def test_impossible_hourglass_is_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        stacked_hourglass(**arguments)


def test_pictures_too_small_for_the_regressor_are_refused() -> None:
    with pytest.raises(ModelError, match="at least 32 pixels"):
        landmark_regressor(4, (16, 64))


ON_JAX = """
import json, keras, numpy as np
from keras_cv_course.models.heatmaps import decode_heatmaps, encode_heatmaps
from keras_cv_course.models.hourglass import stacked_hourglass
from keras_cv_course.models.landmarks import HeatmapsLoss, encode_landmarks

points = np.random.default_rng(0).uniform(0, 16, (2, 4, 2)).astype("float32")
target = encode_landmarks(points, np.ones(2, bool), (16, 16))
model = stacked_hourglass(4, (16, 16), filters=4, depth=1)
model.compile("sgd", {"face": "binary_crossentropy", "heatmaps": HeatmapsLoss()})
before = model.get_layer("stem_conv1").get_weights()[0]
model.train_on_batch(np.random.default_rng(1).random((2, 16, 16, 3)), {"face": target[:, :1], "heatmaps": target})
moved = np.abs(model.get_layer("stem_conv1").get_weights()[0] - before).max()
apart = np.abs(np.asarray(decode_heatmaps(encode_heatmaps(points, (16, 16), 1.0))) - points).max()
print(json.dumps({"backend": keras.backend.backend(), "moved": float(moved), "apart": float(apart)}))
"""


def test_jax_trains_and_decodes() -> None:
    pytest.importorskip("jax", reason="the jax extra is not installed")
    done = run_on("jax", ON_JAX)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == "jax"
    assert result["apart"] < 1e-4
    assert 0 < result["moved"] < 1  # from the loss through all layers, and finite
