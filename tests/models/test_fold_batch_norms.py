"""Folded models give the numbers of the models they were made of."""

import keras
import numpy as np
import pytest
from drawn_weights import with_drawn_weights
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.fold_batch_norms import fold_batch_norms
from keras_cv_course.models.resnet import resnet
from keras_cv_course.models.yolov2 import yolov2_tiny

# Both compute in float32, with a kernel that is rounded once more: 1e-6 to 4e-6 of the largest number were measured,
# the most in YOLOv2 at 608 x 608 with 22 norms.
TOLERANCE = 1e-5


def norms(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def assert_same_numbers(first: keras.Model, second: keras.Model) -> None:
    x = np.random.default_rng(1).random((2, *first.input_shape[1:]), np.float32)
    expected, received = np.asarray(first(x)), np.asarray(second(x))
    assert np.abs(expected - received).max() <= TOLERANCE * np.abs(expected).max()


def test_yolov2_tiny() -> None:
    model = with_drawn_weights(yolov2_tiny((64, 32, 3), 2, 2, variant="darknet"))
    before = [np.array(weight) for weight in model.get_weights()]
    folded = fold_batch_norms(model)
    assert norms(folded) == []
    assert [layer.name for layer in folded.layers] == [
        layer.name for layer in model.layers if layer.name not in norms(model)
    ]
    assert (folded.name, folded.input_shape, folded.output_shape) == (
        model.name,
        model.input_shape,
        model.output_shape,
    )
    # Of the four numbers that a norm has for each channel, one stays as the bias.
    channels = sum(model.get_layer(name).gamma.shape[0] for name in norms(model))
    assert folded.count_params() == model.count_params() - 3 * channels
    assert_same_numbers(model, folded)
    for weight, unchanged in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, unchanged)


def test_convolutions_with_a_bias_and_other_models_of_this_package() -> None:
    model = with_drawn_weights(resnet(18, (64, 64, 3), 4))
    folded = fold_batch_norms(model)
    assert norms(folded) == []
    assert_same_numbers(model, folded)


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}, {"scale": False, "center": False}])
def test_norms_without_scale_or_center(options: dict[str, bool]) -> None:
    inputs = keras.Input((4, 4, 3))
    x = layers.BatchNormalization(**options)(layers.Conv2D(5, 3)(inputs))
    model = with_drawn_weights(keras.Model(inputs, x))
    folded = fold_batch_norms(model)
    assert norms(folded) == []
    assert_same_numbers(model, folded)


def test_norms_that_cannot_be_folded_stay() -> None:
    inputs = keras.Input((6, 6, 3))
    norm = layers.BatchNormalization
    x = norm(name="on_the_input")(inputs)
    x = norm(name="behind_an_activation")(layers.Conv2D(4, 3, padding="same", activation="relu")(x))
    shared = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.Add()([norm(name="convolution_has_two_readers")(shared), shared])
    x = norm(name="behind_another_kind")(layers.DepthwiseConv2D(3)(x))
    last = layers.Conv2D(4, 1)(x)
    outputs = [norm(name="convolution_is_an_output")(last), last]
    model = with_drawn_weights(keras.Model(inputs, outputs))
    folded = fold_batch_norms(model)
    assert norms(folded) == norms(model)
    x = np.random.default_rng(1).random((1, 6, 6, 3), np.float32)
    for first, second in zip(model(x), folded(x), strict=True):
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


def test_layers_used_twice_and_nested_models_are_refused() -> None:
    inputs = keras.Input((4, 4, 3))
    convolution = layers.Conv2D(3, 1, name="twice")
    with pytest.raises(ModelError, match=r"used once.*'twice'"):
        fold_batch_norms(keras.Model(inputs, layers.BatchNormalization()(convolution(convolution(inputs)))))
    inner = keras.Model(inputs, layers.Conv2D(3, 1)(inputs), name="inner")
    outer = keras.Input((4, 4, 3))
    with pytest.raises(ModelError, match="'inner'"):
        fold_batch_norms(keras.Model(outer, inner(outer)))


def test_models_that_are_not_functional_are_refused() -> None:
    class Own(keras.Model):
        def call(self, x: object) -> object:
            return x

    with pytest.raises(ModelError, match=r"functional model.*Own"):
        fold_batch_norms(Own())
