"""The head of a localizer on any backbone."""

import keras

from keras_cv_course.models.localizer import localization_head
from keras_cv_course.transfer.backbones import Backbone

NECK_FILTERS = 64


def localizer_on(backbone: Backbone, num_classes: int) -> keras.Model:
    """Build a localizer of a pretrained network, its own preprocessing inside.

    A convolution of 1 x 1 comes between, whose batch norm brings any map to one range.

    Args:
        backbone: as of :func:`~keras_cv_course.load_backbone`; its layers are trained along unless they are frozen
            before or after.
        num_classes: at least 1.

    Returns:
        A model from pictures float32 (m, height, width, 3), values 0..255, to (m, 5 + num_classes).

    Raises:
        ModelError: no class.
    """
    network = backbone.network
    inputs = keras.Input(network.input_shape[1:], name="image")
    x = network(backbone.preprocessing(inputs))
    x = keras.layers.Conv2D(NECK_FILTERS, 1, use_bias=False, name="neck")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="neck_bn")(x)
    x = keras.layers.ReLU(name="neck_relu")(x)
    return keras.Model(inputs, localization_head(x, num_classes), name="localizer")
