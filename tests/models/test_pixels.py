"""What counts as a model with its own preprocessing."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.data.landmarks import EYE_CORNERS
from keras_cv_course.models.landmark_finder import LandmarkFinder
from keras_cv_course.models.landmarks import landmark_regressor
from keras_cv_course.models.pixels import model_pixels, white_level
from keras_cv_course.models.resnet import resnet

SHAPE = (32, 32, 3)


def augmenter() -> keras.Model:
    return keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])


def functional(*parts: Callable) -> keras.Model:
    inputs = x = keras.Input(SHAPE)
    for part in (*parts, layers.Conv2D(2, 1)):
        x = part(x)
    return keras.Model(inputs, x)


def alpaca_model() -> keras.Model:
    """Build the course's: preprocess_input is arithmetic, no layer."""
    network = keras.applications.MobileNetV2(SHAPE, alpha=0.35, include_top=False, weights=None)
    return functional(augmenter(), keras.applications.mobilenet_v2.preprocess_input, network)


MODELS = {
    "our resnet": (lambda: resnet(18, SHAPE, 2), 1),
    "augmentation alone": (lambda: functional(augmenter()), 1),
    "scaling behind a convolution": (lambda: functional(layers.Conv2D(3, 3), layers.Rescaling(1 / 255)), 1),
    "scaling first": (lambda: functional(layers.Rescaling(1 / 127.5, offset=-1)), 255),
    "normalization first": (lambda: functional(layers.Normalization(mean=[1, 2, 3], variance=[1, 1, 1])), 255),
    "augmentation, then scaling": (lambda: functional(augmenter(), layers.Rescaling(1 / 255)), 255),
    "scaling in a nested model": (lambda: functional(functional(layers.Rescaling(1 / 255))), 255),
    "twice nested, augmented": (lambda: functional(augmenter(), functional(functional(layers.Rescaling(0.1)))), 255),
    "sequential": (
        lambda: keras.Sequential([layers.Input(SHAPE), layers.Rescaling(1 / 255), layers.Conv2D(2, 3)]),
        255,
    ),
    "sequential without": (lambda: keras.Sequential([layers.Input(SHAPE), layers.Conv2D(2, 3)]), 1),
    "EfficientNet": (
        lambda: keras.applications.EfficientNetB0(input_shape=SHAPE, weights=None, include_top=False),
        255,
    ),
    "the course's alpaca model": (alpaca_model, 255),
    "caffe's preprocess_input": (lambda: functional(keras.applications.resnet.preprocess_input), 255),
    "division by hand": (lambda: functional(lambda x: x / 255), 255),
    "arithmetic behind a convolution": (lambda: functional(layers.Conv2D(3, 3), lambda x: x / 255), 1),
}


@pytest.mark.parametrize("name", MODELS)
def test_white_is_255_where_the_model_scales_first(name: str, tmp_path: Path) -> None:
    make, white = MODELS[name]
    model = make()
    assert white_level(model) == white
    model.save(tmp_path / "model.keras")
    assert white_level(keras.saving.load_model(tmp_path / "model.keras")) == white


def test_resizing_and_padding_before_the_scaling_do_not_count() -> None:
    beginning = [keras.Input((20, 20, 3)), keras.layers.Resizing(16, 16), keras.layers.ZeroPadding2D(1)]
    assert white_level(keras.Sequential([*beginning, keras.layers.Rescaling(1 / 255)])) == 255
    assert white_level(keras.Sequential([*beginning, keras.layers.Conv2D(2, 3)])) == 1


def test_pixels_are_as_the_model_takes_them() -> None:
    images = np.arange(256, dtype=np.uint8)[:255].reshape(1, 5, 17, 3)
    for steps, white in (([], 1), ([layers.Rescaling(1 / 255)], 255)):
        pixels = model_pixels(functional(*steps), images)
        assert pixels.dtype == np.float32
        np.testing.assert_allclose(pixels, images * (white / 255), rtol=1e-6)  # float32


def test_a_model_of_points_that_scales_by_itself_gets_the_pixels_as_they_are() -> None:
    plain = landmark_regressor(4, (16, 16), filters=(4,))
    inputs = keras.Input((16, 16, 3))
    scaling = keras.Model(inputs, plain(layers.Rescaling(1 / 255)(inputs)))
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    expected, found = (LandmarkFinder(model, EYE_CORNERS, "points").predict(images)[1] for model in (plain, scaling))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)  # pixels, of 16
