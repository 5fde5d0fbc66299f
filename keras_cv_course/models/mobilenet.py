"""The functions of the course's assignment on transfer learning: MobileNetV2 tells alpacas from other animals.

What is frozen, fine-tuned and scheduled in general is in ``transfer/``; here stands what the assignment builds by hand.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.keras_weights import build_application


def data_augmenter() -> keras.Sequential:
    """Make the course's augmentation: half of the images mirrored, each turned by up to 72 degrees either way.

    What a turn leaves empty is filled with the image's own reflection. As every random layer of Keras it acts when it
    is called without `training`, and so does a model that holds it: ``model(images)``. It does not act in ``predict``,
    in ``evaluate`` and with ``training=False``.

    Returns:
        A model from images (m, height, width, channels) of any value range to such images.
    """
    return keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)], name="data_augmentation")


def alpaca_model(
    image_shape: tuple[int, int] = (160, 160),
    data_augmentation: Callable[[Any], Any] | None = None,
    *,
    weights: str | None = "imagenet",
) -> keras.Model:
    """Build the course's alpaca classifier: a frozen MobileNetV2 and one logit, 1,281 parameters to train.

    The backbone is the layer ``mobilenetv2``: 2,257,984 parameters, frozen, moving statistics included.

    For the course's fine-tuning make it trainable, freeze ``layers[:fine_tune_at]`` in it and compile again, with
    ``BinaryCrossentropy(from_logits=True)``. In Keras 3 the batch norms above that layer then follow the batches,
    although the backbone is called with ``training=False``: `fit` overrules it (keras-team/keras issue 20285). To keep
    their statistics, freeze those layers too.

    Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018, as Keras builds it.

    Args:
        image_shape: (height, width) of the images, each at least 32. The weights were trained at 96, 128, 160, 192 and
            224 squared; at any other shape Keras warns, and takes those of 224.
        data_augmentation: called once with the symbolic images (None, height, width, 3), for images like them; None
            for a new :func:`data_augmenter`.
        weights: of the backbone: "imagenet", which Keras fetches once, a file of weights, or None for random ones.

    Returns:
        A model from RGB images (m, height, width, 3) with values 0..255, preprocessing included, to logits (m, 1):
        above 0 for the class of label 1.

    Raises:
        ModelError: an `image_shape` that MobileNetV2 cannot take.
        WeightsError: the weights cannot be fetched; the message says which file belongs where.
    """
    if len(image_shape) != 2:
        raise ModelError(f"Expected image_shape as (height, width). Received: {tuple(image_shape)}.")
    input_shape = (*image_shape, 3)
    base = build_application(
        keras.applications.MobileNetV2,
        "MobileNetV2",
        otherwise="ask for random weights with weights=None",
        input_shape=input_shape,
        include_top=False,
        weights=weights,
        name="mobilenetv2",
    )
    base.trainable = False

    images = keras.Input(input_shape, name="image")
    x = (data_augmentation or data_augmenter())(images)
    x = layers.Rescaling(1 / 127.5, offset=-1, name="preprocessing")(x)  # 0..255 -> -1..1
    x = base(x, training=False)  # (m, height / 32, width / 32, 1280), rounded up
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # (m, 1280)
    x = layers.Dropout(0.2, name="dropout")(x)
    return keras.Model(images, layers.Dense(1, name="logit")(x), name="alpaca_model")
