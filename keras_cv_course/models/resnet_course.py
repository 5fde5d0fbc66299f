"""The functions of the course's first assignment: names, argument order, seeds and results as there.

Each is a thin face of the general form in `resnet.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.resnet import (
    BlockStyle,
    Tensor,
    bottleneck,
    check_input_shape,
    residual_block,
    resnet_stages,
    softmax_head,
)

# The course's spelling.
glorot_uniform = keras.initializers.GlorotUniform
random_uniform = keras.initializers.RandomUniform


def identity_block(
    X: Tensor,
    f: int,
    filters: Sequence[int],
    training: bool | None = None,
    initializer: Callable[..., Any] = random_uniform,
) -> Tensor:
    """Apply the course's identity block: three convolutions, and the input added to their result.

    Args:
        X: (m, height, width, channels), symbolic, eager or a NumPy array.
        f: kernel size of the middle convolution.
        filters: three numbers of filters; the last must equal `X`'s channels.
        training: True for statistics of the batch, False for the moving ones, None for what Keras finds itself to
            be doing. One revision of the course passes it, the other leaves it out.
        initializer: called with ``seed=0`` for each convolution.

    Returns:
        (m, height, width, channels).

    Raises:
        ModelError: not three filters, the last unlike the channels of `X`, or a `training` that is none of the three.
    """
    _check_block("identity_block", filters, training)
    if X.shape[-1] != filters[2]:
        raise ModelError(
            f"identity_block adds its input to its output, so filters[2] must equal the input's "
            f"{X.shape[-1]} channels. Received: filters={list(filters)}. To change the number of channels use "
            f"convolutional_block."
        )
    style = _course_style(training, initializer)
    return residual_block(X, bottleneck(f, filters, 1), style, project=False)


def convolutional_block(
    X: Tensor,
    f: int,
    filters: Sequence[int],
    s: int = 2,
    training: bool | None = None,
    initializer: Callable[..., Any] = glorot_uniform,
) -> Tensor:
    """Apply the course's convolutional block: as the identity block, with a convolution in the shortcut.

    Args:
        X: (m, height, width, channels), symbolic, eager or a NumPy array.
        f: kernel size of the middle convolution.
        filters: three numbers of filters.
        s: stride of the first 1x1 convolution and of the shortcut's.
        training: as for :func:`identity_block`.
        initializer: called with ``seed=0`` for each convolution.

    Returns:
        (m, height / s rounded up, width / s rounded up, filters[2]).

    Raises:
        ModelError: not three filters, or a `training` that is none of the three.
    """
    _check_block("convolutional_block", filters, training)
    style = _course_style(training, initializer)
    return residual_block(X, bottleneck(f, filters, s), style, project=True)


def ResNet50(
    input_shape: tuple[int, int, int] = (64, 64, 3),
    classes: int = 6,
    training: bool | None = None,
    *,
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build the course's ResNet50: 23,600,006 parameters for six classes, every initializer seeded with 0.

    It has the layers, names and weight shapes of ``resnet(50, input_shape, classes)``; only the initial numbers and
    the head's way of pooling differ (2x2 average pooling, which at 64x64 is the global one).

    Args:
        input_shape: (height, width, channels) of one image, values 0..1.
        classes: number of classes.
        training: passed to every block, as for :func:`identity_block`.
        batch_norm_momentum: share of the old moving statistics that a training step keeps.

    Returns:
        A model from (m, height, width, channels) to probabilities (m, classes).

    Raises:
        ModelError: fewer than one class, or an input too small.
    """
    if None in input_shape:
        raise ModelError(
            f"The course's head needs a fixed input_shape. Received: {tuple(input_shape)}. Use resnet(50)."
        )
    check_input_shape(input_shape, smallest=37)
    style = BlockStyle(
        identity_initializer=lambda: random_uniform(seed=0),
        projection_initializer=lambda: glorot_uniform(seed=0),
        batch_norm_momentum=batch_norm_momentum,
        training=training,
    )
    inputs = keras.Input(input_shape, name="image")
    x = resnet_stages(inputs, 50, style)["stage5"]
    x = layers.AveragePooling2D(2, name="avg_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, softmax_head(x, classes, glorot_uniform(seed=0)), name="ResNet50")


def _course_style(training: bool | None, initializer: Callable[..., Any]) -> BlockStyle:
    def seeded() -> Any:
        return initializer(seed=0)

    return BlockStyle(identity_initializer=seeded, projection_initializer=seeded, training=training)


def _check_block(function: str, filters: Sequence[int], training: bool | None) -> None:
    if len(filters) != 3:
        raise ModelError(f"{function} needs three numbers of filters. Received: filters={list(filters)}.")
    if training not in (True, False, None):
        raise ModelError(
            f"{function}: training must be True, False or None. Received: {training!r}. Name an initializer: "
            f"initializer=..."
        )
