import keras
import numpy as np

from keras_cv_course.models.pixels import white_level
from keras_cv_course.transfer.backbones import load_backbone
from keras_cv_course.transfer.localizers import localizer_on


def test_any_backbone_takes_the_head() -> None:
    keras.utils.set_random_seed(0)
    model = localizer_on(load_backbone("mobilenet-0.25", (64, 96), weights=None), 2)
    assert (model.input_shape, model.output_shape) == ((None, 64, 96, 3), (None, 7))
    assert white_level(model) == 255
    images = np.random.default_rng(0).uniform(0, 255, (4, 64, 96, 3)).astype(np.float32)
    y = np.asarray(model(images))
    assert y.shape == (4, 7)
    assert np.isfinite(y).all()
    assert {layer.name for layer in model.layers} >= {"mobilenet_0.25_64", "neck", "object", "box", "classes"}
