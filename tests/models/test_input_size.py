"""The same network for pictures of a fixed and of any size."""

import keras
import numpy as np
import pytest

from keras_cv_course.errors import ModelError
from keras_cv_course.models.input_size import any_size, copy_weights, fixed_size
from keras_cv_course.models.yolov2 import yolov2


def shaken(model: keras.Model) -> keras.Model:
    draw = np.random.default_rng(0)
    model.set_weights([draw.uniform(0.01, 0.1, weight.shape) for weight in model.weights])
    return model


@pytest.mark.parametrize("variant", ["course", "darknet"])
def test_all_sizes_compute_the_same(variant: str) -> None:
    fixed = shaken(yolov2((96, 64, 3), 2, 2, width=1 / 16, variant=variant))
    free = any_size(fixed)
    again = fixed_size(free, (96, 64))
    other, expected_other = fixed_size(free, (64, 128)), yolov2((64, 128, 3), 2, 2, width=1 / 16, variant=variant)
    expected_other.set_weights(fixed.get_weights())
    pictures = np.random.default_rng(1).random((2, 96, 64, 3), np.float32)
    wide = np.random.default_rng(2).random((1, 64, 128, 3), np.float32)
    for model in (free, again):
        np.testing.assert_allclose(model(pictures), fixed(pictures), rtol=1e-5)
    for model in (free, other):
        np.testing.assert_allclose(model(wide), expected_other(wide), rtol=1e-5)
    assert [layer.name for layer in again.layers] == [layer.name for layer in fixed.layers]


def test_a_fixed_copy_loads_with_keras_alone_and_takes_new_weights(tmp_path) -> None:
    free = any_size(yolov2((64, 64, 3), 1, 1, width=1 / 16))
    fixed = fixed_size(free, (64, 64))
    fixed.save(tmp_path / "model.keras")
    assert not any(
        "keras_cv_course" in type(x).__module__ for x in keras.saving.load_model(tmp_path / "model.keras").layers
    )
    shaken(free)
    picture = np.ones((1, 64, 64, 3), np.float32)
    assert not np.allclose(fixed(picture), free(picture))
    copy_weights(free, fixed)
    np.testing.assert_allclose(fixed(picture), free(picture), rtol=1e-5)


def test_frozen_layers_stay_frozen() -> None:
    free = any_size(yolov2((64, 64, 3), 1, 1, width=1 / 16))
    free.get_layer("conv3_bn").trainable = False
    frozen = [layer.name for layer in fixed_size(free, (64, 64)).layers if not layer.trainable]
    assert frozen == ["conv3_bn"]


def test_a_network_of_one_size_only_is_refused() -> None:
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    with pytest.raises(ModelError, match="any size"):
        any_size(model)
