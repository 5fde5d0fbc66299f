"""A face of 16 x 16 pixels made 128 x 128, guided by heatmaps of its parts.

Source: Yu, Fernando, Ghanem, Porikli and Hartley, "Face Super-resolution Guided by Facial Component Heatmaps", ECCV
2018. As theirs, the network doubles the features once, estimates from them where eyes, nose, mouth and jaw are, and
doubles further with these maps beside the features. Unlike theirs it has no spatial transformer, because faces are not
aligned to a template here, no discriminator and no loss on features of another network: it is trained on the mean
absolute error of pixels and on the maps, and has 0.2 million weights. It adds to an enlarged picture what that lacks.
"""

from typing import Any

import keras
from keras import layers, ops

from keras_cv_course.errors import ModelError
from keras_cv_course.models.hourglass import hourglass

Tensor = Any

FACTOR = 8
MAPS_STRIDE = FACTOR // 2  # pixels of the large picture for one of the maps
COMPONENTS = 4  # eyes, nose, mouth, jaw


def face_super_resolution(
    input_size: tuple[int, int] = (16, 16), *, filters: int = 32, name: str = "face_super_resolution"
) -> keras.Model:
    """Build the network with random weights.

    Args:
        input_size: (height, width) of the small pictures, multiples of 4.
        filters: channels, a multiple of 4.
        name: of the model.

    Returns:
        A model from float32 (batch, *input_size, 3), 0..1, to a dictionary: ``picture`` (batch, 8 height, 8 width, 3),
        nearly 0..1, and ``maps`` (batch, 2 height, 2 width, 4), 0..1, of the components. Trained without a loss on the
        maps, these are four channels like any other.

    Raises:
        ModelError: an argument is out of range.
    """
    if min(input_size) < 4 or any(side % 4 for side in input_size) or filters < 4 or filters % 4:
        raise ModelError(
            f"Expected a size and a number of filters that are multiples of 4. Received: {input_size}, {filters}."
        )
    inputs = keras.Input((*input_size, 3), name="image")
    x = layers.Conv2D(filters, 3, padding="same", name="first_conv")(inputs)
    for number in (1, 2, 3):
        x = _residual(x, filters, f"small{number}")
    x = double(layers.Conv2D(4 * filters, 3, padding="same", name="double1_conv")(x), "double1")
    _, y = hourglass(x, filters, 3, "where")
    maps = layers.Conv2D(COMPONENTS, 1, activation="sigmoid", dtype="float32", name="maps")(y)
    x = layers.Concatenate(name="with_maps")([x, maps])
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="guided_conv")(x)
    for number in (1, 2):
        x = _residual(x, filters, f"guided{number}")
    x = double(layers.Conv2D(2 * filters, 3, padding="same", activation="relu", name="double2_conv")(x), "double2")
    x = _residual(x, filters // 2, "large")
    detail = layers.Conv2D(3 * 4, 3, padding="same", kernel_initializer="zeros", name="double3_conv")(x)
    enlarged = layers.UpSampling2D(FACTOR, interpolation="bilinear", name="enlarged")(inputs)
    picture = layers.Add(dtype="float32", name="picture")([enlarged, double(detail, "double3")])
    return keras.Model(inputs, {"picture": picture, "maps": maps}, name=name)


def double(x: Tensor, name: str) -> Tensor:
    """Make a map twice as high and wide of a quarter of its channels: each four become a square of 2 x 2 pixels.

    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network", CVPR 2016. The order of the channels is that of TensorFlow's depth_to_space.
    """
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height, width, 2, 2, channels // 4), name=f"{name}_squares")(x)
    x = layers.Permute((1, 3, 2, 4, 5), name=f"{name}_rows")(x)  # (batch, height, 2, width, 2, channels / 4)
    return layers.Reshape((2 * height, 2 * width, channels // 4), name=name)(x)


def _residual(x: Tensor, filters: int, name: str) -> Tensor:
    y = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_conv1")(x)
    y = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv2")(y)
    return layers.Add(name=f"{name}_add")([x, y])


@keras.saving.register_keras_serializable("keras_cv_course")
class MapsLoss(keras.losses.Loss):
    """Logistic loss of component maps, the mean over pixels and maps, less what it is at best.

    Args:
        weight: a factor; 0 leaves the maps alone.
    """

    def __init__(self, weight: float = 1.0, name: str = "maps_loss") -> None:
        super().__init__(name=name, dtype="float32")
        self.weight = weight

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Give the loss (batch,) of maps (batch, height, width, 4), 0..1; it is 0 where they are equal."""
        best = keras.losses.binary_crossentropy(y_true, y_true)  # (batch, height, width)
        return self.weight * ops.mean(keras.losses.binary_crossentropy(y_true, y_pred) - best, axis=(1, 2))

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {"weight": self.weight, "name": self.name}
