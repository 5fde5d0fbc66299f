"""U-Net: the course's blocks and network against the same built layer by layer, and the general form."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.unet import conv_block, unet, unet_decoder, unet_model, upsampling_block


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers if not isinstance(layer, layers.InputLayer)]


@pytest.mark.parametrize(("dropout", "pooling"), [(0, True), (0.3, True), (0.1, False)])
def test_conv_block_gives_the_next_input_and_the_skip_connection(dropout: float, pooling: bool) -> None:
    inputs = keras.Input((8, 12, 3))
    following, skip = conv_block(inputs, 4, dropout_prob=dropout, max_pooling=pooling)
    model = keras.Model(inputs, [following, skip])
    x = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype(np.float32)
    got, kept = model.predict_on_batch(x)
    assert kept.shape == (2, 8, 12, 4)
    expected = x
    for layer in (layer for layer in model.layers if isinstance(layer, layers.Conv2D)):
        expected = np.maximum(convolve(expected, *layer.get_weights()), 0)
    np.testing.assert_allclose(kept, expected, atol=1e-5)  # sums of up to 36 products in float32
    if pooling:
        expected = expected.reshape(2, 4, 2, 6, 2, 4).max(axis=(2, 4))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert kinds(model).count("Dropout") == (dropout > 0)


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve (m, h, w, c) with a kernel of 3 x 3, zeros around, by a plain sum over its places."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    parts = [padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)]
    return sum(parts) + bias


def test_upsampling_block_joins_what_came_from_below_with_the_skip_connection() -> None:
    below, skip = keras.Input((4, 6, 8)), keras.Input((8, 12, 5))
    model = keras.Model([below, skip], upsampling_block(below, skip, 4))
    assert kinds(model) == ["Conv2DTranspose", "Concatenate", "Conv2D", "Conv2D"]
    assert model.output_shape == (None, 8, 12, 4)
    first, *_ = (layer for layer in model.layers if type(layer) is layers.Conv2D)
    assert first.kernel.shape == (3, 3, 4 + 5, 4)


def test_the_course_network_has_its_layers_and_numbers() -> None:
    model = unet_model((96, 128, 3), n_filters=32, n_classes=23)
    # Two 3 x 3 convolutions a block; a transposed one, and two, a step up; two at the end.
    down = [
        (3, 32),
        (32, 32),
        (32, 64),
        (64, 64),
        (64, 128),
        (128, 128),
        (128, 256),
        (256, 256),
        (256, 512),
        (512, 512),
    ]
    up = [pair for f in (256, 128, 64, 32) for pair in ((2 * f, f), (2 * f, f), (f, f))]
    expected = sum(9 * a * b + b for a, b in [*down, *up, (32, 32)]) + 32 * 23 + 23
    assert model.count_params() == expected == 8_640_471
    assert model.output_shape == (None, 96, 128, 23)
    assert kinds(model).count("Dropout") == 2
    assert kinds(model).count("MaxPooling2D") == kinds(model).count("Conv2DTranspose") == 4
    assert model.layers[-1].activation is keras.activations.linear


def test_the_general_form_takes_any_number_of_sizes() -> None:
    model = unet((24, 16, 3), 5, filters=(4, 6, 8))
    assert model.output_shape == (None, 24, 16, 5)
    assert model.get_layer("stem").output.shape == (None, 12, 8, 4)
    assert model.get_layer("down2_conv2").output.shape == (None, 3, 2, 8)
    x = np.zeros((2, 24, 16, 3), np.float32)
    assert np.isfinite(model.predict_on_batch(x)).all()


def test_the_way_up_takes_maps_that_are_not_exact_halves() -> None:
    maps = [keras.Input((15, 9, 3)), keras.Input((8, 4, 5)), keras.Input((4, 2, 7))]
    assert unet_decoder(maps, [4, 6], 2).shape == (None, 15, 9, 2)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ModelError, match=r"multiples of 16\. Received: \(96, 100\)"):
        unet_model((96, 100, 3))
    with pytest.raises(ModelError, match="at least one class"):
        unet_model((96, 96, 3), 4, 0)
    with pytest.raises(ModelError, match=r"multiples of 8\. Received: \(8, 12\)"):
        unet((8, 12, 3), 2, filters=(4, 4, 4))
    with pytest.raises(ModelError, match=r"at least two sizes\. Received: \(4,\)"):
        unet((8, 8, 3), 2, filters=(4,))
    with pytest.raises(ModelError, match="each of 1 steps up"):
        unet_decoder([keras.Input((4, 4, 2)), keras.Input((2, 2, 2))], [4, 4], 2)
