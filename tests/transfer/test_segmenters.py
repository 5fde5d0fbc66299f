"""U-Net on networks of other kinds: which maps are taken, and that a picture comes out at its own size."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.pixels import white_level
from keras_cv_course.transfer.backbones import AS_IT_IS, Backbone, load_backbone
from keras_cv_course.transfer.segmenters import stage_maps, unet_on


def backbone(*strides: int, padding: str = "same", size: tuple[int, int] = (32, 48)) -> Backbone:
    x = inputs = keras.Input((*size, 3))
    for number, stride in enumerate(strides):
        x = layers.Conv2D(4 + number, 3, stride, padding, name=f"conv{number}")(x)
    return Backbone("own", keras.Model(inputs, x, name="own"), AS_IT_IS)


def test_the_last_map_of_each_size_is_taken() -> None:
    maps = stage_maps(backbone(2, 1, 2, 1, 1, 2).network)
    assert [x.shape[1:] for x in maps] == [(16, 24, 5), (8, 12, 8), (4, 6, 9)]
    cut_off = stage_maps(backbone(2, 2, padding="valid").network)
    assert [x.shape[1:3] for x in cut_off] == [(15, 23), (7, 11)]


def test_logits_have_the_size_of_the_picture() -> None:
    model = unet_on(load_backbone("mobilenet-0.25", (64, 96), weights=None), 5)
    assert model.output_shape == (None, 64, 96, 5)
    assert white_level(model) == 255
    assert np.isfinite(model.predict_on_batch(np.full((1, 64, 96, 3), 99.0, np.float32))).all()


def test_the_work_is_on_small_maps_and_begins_with_a_look_around() -> None:
    model = unet_on(backbone(2, 2, 2, 2, size=(128, 128)), 3)
    channels = {level: model.get_layer(f"up{level}_conv").output.shape[1:] for level in range(3)}
    assert channels == {0: (64, 64, 16), 1: (32, 32, 32), 2: (16, 16, 64)}
    twice = [layer.name for layer in model.layers if layer.name.endswith("_conv2")]
    assert twice == ["up2_conv2", "up1_conv2"]
    around = keras.Model(model.input, model.get_layer("around").output)
    assert around.output.shape[1:] == (8, 8, 96)
    dark, lit = np.zeros((2, 1, 128, 128, 3), np.float32)
    lit[:, -16:, -16:] = 1  # one place; the opposite one is seven away
    assert np.abs(around.predict_on_batch(lit) - around.predict_on_batch(dark))[0, 0, 0].max() > 1e-5


def test_maps_that_are_no_exact_halves_are_joined() -> None:
    inputs = keras.Input((32, 64, 3))
    x = layers.Conv2D(4, 3, 2, "same")(inputs)
    x = layers.Conv2D(4, 3, 2, "valid")(x)  # 7 x 15
    x = layers.Conv2D(4, 3, 2, "same")(x)  # 4 x 8
    assert unet_on(Backbone("own", keras.Model(inputs, x), AS_IT_IS), 2).output_shape == (None, 32, 64, 2)


def test_what_has_no_maps_of_several_sizes_is_refused() -> None:
    with pytest.raises(ModelError, match="at least two sizes"):
        unet_on(backbone(2), 3)
    with pytest.raises(ModelError, match=r"multiples of its largest map, \(15, 23\)\. Received: \(32, 48\)"):
        unet_on(backbone(2, 2, padding="valid"), 3)
    with pytest.raises(ModelError, match="at least one class"):
        unet_on(backbone(2, 2), 0)
