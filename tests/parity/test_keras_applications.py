"""Our ResNet50 against `keras.applications.ResNet50` with the same weights.

The graphs are the same, biases and stride in the first 1x1 convolution included, but for two details: Keras pads the
stem's max-pool by one pixel (ours, like the course, does not), and its batch norms have epsilon 1.001e-5 (ours Keras's
default of 1e-3). So the stem is compared up to the pool, and the stages from the pool on, with the epsilon set equal.
"""

import keras
import numpy as np
import pytest

from keras_cv_course.models.resnet import resnet


@pytest.fixture(scope="module")
def models() -> tuple[keras.Model, keras.Model]:
    keras.utils.set_random_seed(0)
    ours = resnet(50, (64, 64, 3), 6)
    theirs = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=6)
    draw = np.random.default_rng(0)
    for layer in theirs.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (np.asarray(w) for w in layer.weights)
            layer.set_weights(
                [draw.uniform(0.5, 1, gamma.shape), *(draw.normal(0, 0.1, beta.shape) for _ in (beta, mean)), variance]
            )
    for layer in theirs.layers:
        if layer.weights:
            ours.get_layer(our_name(layer.name)).set_weights(layer.get_weights())
    for layer in ours.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.epsilon = 1.001e-5
    return ours, theirs


def our_name(name: str) -> str:
    """Translate a layer name of Keras: ``conv3_block1_0_bn`` -> ``stage3_block1_shortcut_bn``."""
    if name in ("conv1_conv", "conv1_bn", "predictions"):
        return {"conv1_conv": "stem_conv", "conv1_bn": "stem_bn"}.get(name, name)
    stage, block, number, kind = name.split("_")
    position = "shortcut" if number == "0" else f"conv{number}"
    return f"stage{stage.removeprefix('conv')}_{block}_{position}" + ("_bn" if kind == "bn" else "")


def part(model: keras.Model, first: str, last: str) -> keras.Model:
    return keras.Model(model.get_layer(first).output, model.get_layer(last).output)


def test_every_weight_has_its_place(models: tuple[keras.Model, keras.Model]) -> None:
    ours, theirs = models
    assert ours.count_params() == theirs.count_params()
    assert {our_name(layer.name) for layer in theirs.layers if layer.weights} == {
        layer.name for layer in ours.layers if layer.weights
    }


@pytest.mark.parametrize(
    ("ours_first", "ours_last", "theirs_first", "theirs_last"),
    [
        ("image", "stem_relu", "input_layer", "conv1_relu"),
        ("stem_pool", "stage2_block3_out", "pool1_pool", "conv2_block3_out"),
        ("stem_pool", "stage5_block3_out", "pool1_pool", "conv5_block3_out"),
        ("stem_pool", "predictions", "pool1_pool", "predictions"),
    ],
)
def test_same_weights_give_the_same_features(
    models: tuple[keras.Model, keras.Model], ours_first: str, ours_last: str, theirs_first: str, theirs_last: str
) -> None:
    ours, theirs = models
    theirs_first = theirs.layers[0].name if theirs_first == "input_layer" else theirs_first
    shape = (2, 64, 64, 3) if ours_first == "image" else (2, 15, 15, 64)
    x = np.random.default_rng(1).random(shape, np.float32)
    a = keras.models.clone_model(part(ours, ours_first, ours_last), input_tensors=keras.Input(shape[1:]))
    b = keras.models.clone_model(part(theirs, theirs_first, theirs_last), input_tensors=keras.Input(shape[1:]))
    for clone, source in ((a, ours), (b, theirs)):
        for layer in clone.layers:
            if layer.weights:
                layer.set_weights(source.get_layer(layer.name).get_weights())
                if hasattr(layer, "epsilon"):
                    layer.epsilon = 1.001e-5
    ya, yb = np.asarray(a(x)), np.asarray(b(x))
    # The same float32 operations in the same order; oneDNN may choose other kernels for another graph.
    np.testing.assert_allclose(ya, yb, rtol=1e-4, atol=1e-5 * np.abs(yb).max())
    assert np.abs(yb).max() > 0
