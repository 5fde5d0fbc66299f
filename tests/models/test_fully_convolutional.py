"""Convolutions say of every window what the classifier says of it by itself."""

import keras
import numpy as np
import pytest
from keras import layers
from window_networks import NETWORKS, every_crop

from keras_cv_course.errors import ModelError
from keras_cv_course.models.fully_convolutional import to_fully_convolutional
from keras_cv_course.models.overfeat import overfeat_lecture


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("more", [(0, 0), (7, 13)])
def test_every_cell_is_its_crop(network, more):
    model = network()
    before = model.get_weights()
    made = to_fully_convolutional(model)
    assert made.window == model.input_shape[1:3]
    height, width = (side + step * n for side, step, n in zip(made.window, made.stride, more, strict=True))
    picture = np.random.default_rng(1).random((height, width, 3), np.float32)
    ours = made.model.predict(picture[None], verbose=0)
    ours = ours if isinstance(ours, list) else [ours]
    for output, expected in zip(ours, every_crop(model, picture, made.stride), strict=True):
        assert expected.shape[:2] == (more[0] + 1, more[1] + 1)
        assert len(np.unique(expected.round(3))) > 0.2 * expected.shape[0] * expected.shape[1]  # windows differ
        # Numbers of about 1: the promise, which float32's rounding keeps with a factor of ten to spare.
        np.testing.assert_allclose(output[0], expected, rtol=0, atol=1e-5)
    for weight, unchanged in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, unchanged)


def test_the_lecture_s_shapes():
    made = to_fully_convolutional(overfeat_lecture())
    assert made.stride == (2, 2)
    assert [type(made.model.get_layer(name)) for name in ("fc1", "fc2", "class")] == [layers.Conv2D] * 3
    assert made.model.get_layer("fc1").kernel.shape == (5, 5, 16, 400)
    assert made.model.count_params() == overfeat_lecture().count_params()
    for size, cells in ((14, 1), (16, 2), (28, 8)):
        assert made.model.compute_output_shape((1, size, size, 3)) == (1, cells, cells, 4)


def test_the_parts_that_belong_to_no_whole_window_do_no_harm():
    model = NETWORKS[1]()
    made = to_fully_convolutional(model)
    picture = np.random.default_rng(2).random((28, 31, 3), np.float32)
    (expected,) = every_crop(model, picture, made.stride)
    rows, cols, _ = expected.shape
    ours = made.model.predict(picture[None], verbose=0)[0]
    np.testing.assert_allclose(ours[:rows, :cols], expected, rtol=0, atol=1e-5)


def classifier(*steps: object, shape: tuple[int, ...] = (8, 8, 3)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *steps], name="classifier")


def with_branches(join: keras.Layer, *ways: keras.Layer) -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(join([way(inputs) for way in ways]))))


def double(x: object) -> object:
    return x * 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: classifier(layers.Conv2D(2, 3, padding="same", name="c")), r"'c' \(Conv2D\).*pads a window.*valid"),
        (lambda: classifier(layers.MaxPooling2D(3, 2, padding="same", name="p")), r"'p' \(MaxPooling2D\).*pads"),
        (lambda: classifier(layers.ZeroPadding2D(name="z")), r"'z' \(ZeroPadding2D\).*zeros around a window"),
        (lambda: classifier(layers.GroupNormalization(3, name="g")), r"'g' \(GroupNormalization\).*not known"),
        (lambda: classifier(layers.Conv2D(2, 3, activation=double, name="c")), r"'c'.*activation double is not one of"),
        (lambda: classifier(layers.BatchNormalization(axis=1, name="n")), r"'n'.*axis is 1"),
        (lambda: classifier(layers.Flatten(), layers.BatchNormalization(name="n")), r"'n'.*tells places.*apart"),
        (lambda: classifier(layers.Flatten(), layers.Activation("softmax", name="s")), r"'s'.*several cells"),
        (lambda: classifier(layers.Reshape((4, 16, 3), name="r")), r"'r'.*\(4, 16, 3\)"),
        (lambda: classifier(layers.Conv2D(2, 3), layers.Flatten()), r"outputs of one cell.*6 x 6 cells 1 pixels apart"),
        (lambda: with_branches(layers.Add(name="a"), layers.Conv2D(3, 4, 4), layers.Conv2D(3, 5, 3)), r"'a'.*apart"),
        (lambda: classifier(layers.Dense(2), shape=(5,)), r"images \(None, height.*Received: \(None, 5\)"),
        (lambda: classifier(layers.GlobalMaxPooling2D(), shape=(None, 8, 3)), r"fixed size.*None, 8, 3\)"),
        (lambda: keras.Sequential([layers.Dense(2)]), "not built"),
    ],
)
def test_a_layer_that_does_not_allow_it_is_named(model, message):
    with pytest.raises(ModelError, match=message):
        to_fully_convolutional(model())


def test_models_that_are_not_known_layer_by_layer_are_refused():
    class Own(keras.Model):
        def call(self, x: object) -> object:
            return x

    with pytest.raises(ModelError, match=r"Sequential or functional.*Own"):
        to_fully_convolutional(Own())
    inputs = keras.Input((8, 8, 3))
    with pytest.raises(ModelError, match="GetItem"):
        to_fully_convolutional(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs[..., ::-1]))))
