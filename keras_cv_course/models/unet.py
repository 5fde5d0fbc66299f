"""U-Net: a class for every pixel.

Source: Ronneberger et al., "U-Net: convolutional networks for biomedical image segmentation", 2015. The way down halves
the picture and doubles the channels; the way up brings it back, and at each size takes over what the way down knew of
that size: where the edges are.

In reading order: the course's blocks and network, a small network with batch norms, the way up on any network.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from keras_cv_course.errors import ModelError

FILTERS = (24, 32, 48, 64, 96, 128)  # of `unet`, from half the picture's size down

# Of `unet_around` on the way up: 16 at half the picture's size, 32 at a quarter, at most 96.
_FILTERS_PER_STRIDE = 8
_MOST_FILTERS = 96
_DOUBLED_STEPS = 2

_DILATIONS = (2, 4)  # of what `_look_around` sees
_CUT_OFF = 2  # pixels
_DROPOUT = 0.3  # in the two deepest blocks of the course's network
_MOMENTUM = 0.9  # of the batch norms, see docs/training.md


def conv_block(inputs: Any, n_filters: int = 32, dropout_prob: float = 0, max_pooling: bool = True) -> tuple[Any, Any]:
    """Apply two convolutions, and halve the result, with the arguments of the course's function.

    Args:
        inputs: a symbolic tensor (m, h, w, channels).
        n_filters: of each convolution.
        dropout_prob: share of what is dropped after them; 0 for no such layer.
        max_pooling: whether the next layer gets half the height and width.

    Returns:
        What the next layer gets, (m, h / 2, w / 2, n_filters) or, without pooling, (m, h, w, n_filters); and the skip
        connection (m, h, w, n_filters), the same before pooling.
    """
    x = _course_convolution(n_filters, inputs)
    x = _course_convolution(n_filters, x)
    if dropout_prob > 0:
        x = layers.Dropout(dropout_prob)(x)
    return (layers.MaxPooling2D(2)(x) if max_pooling else x), x


def upsampling_block(expansive_input: Any, contractive_input: Any, n_filters: int = 32) -> Any:
    """Double a map and join it with a skip connection, with the arguments of the course's function.

    Args:
        expansive_input: a symbolic tensor (m, h, w, channels), from the layer before.
        contractive_input: the skip connection of twice the size, (m, 2 h, 2 w, channels).
        n_filters: of each convolution.

    Returns:
        A symbolic tensor (m, 2 h, 2 w, n_filters).
    """
    up = layers.Conv2DTranspose(n_filters, 3, strides=2, padding="same")(expansive_input)
    x = layers.Concatenate(axis=3)([up, contractive_input])
    x = _course_convolution(n_filters, x)
    return _course_convolution(n_filters, x)


def unet_model(
    input_size: tuple[int, int, int] = (96, 128, 3), n_filters: int = 32, n_classes: int = 23
) -> keras.Model:
    """Build the course's network, with the arguments of its function and random weights.

    Args:
        input_size: (height, width, channels), height and width multiples of 16.
        n_filters: of the first block; each further block down has twice as many.
        n_classes: at least 1.

    Returns:
        A model from pictures float32 (m, *input_size) to logits (m, height, width, n_classes).

    Raises:
        ModelError: pictures of another size, or no class.
    """
    check_unet_size(input_size[:2], halvings=4)
    _check_classes(n_classes)
    x = inputs = keras.Input(input_size)
    skips = []
    for block in range(5):
        deep = block >= 3
        x, skip = conv_block(x, n_filters * 2**block, dropout_prob=_DROPOUT if deep else 0, max_pooling=block < 4)
        skips.append(skip)
    for block in reversed(range(4)):
        x = upsampling_block(x, skips[block], n_filters * 2**block)
    x = _course_convolution(n_filters, x)
    return keras.Model(inputs, layers.Conv2D(n_classes, 1, padding="same")(x))


def check_unet_size(size: tuple[int, int], halvings: int = len(FILTERS)) -> None:
    """Raise ModelError where (height, width) cannot be halved so often; by default as often as `unet` does it."""
    least = 2**halvings
    if min(size) < least or any(side % least for side in size):
        near = tuple(max(least, round(side / least) * least) for side in size)
        raise ModelError(
            f"Expected pictures whose height and width are multiples of {least}. Received: {size}. Near: {near}."
        )


def unet(input_shape: tuple[int, int, int], num_classes: int, filters: Sequence[int] = FILTERS) -> keras.Model:
    """Build a U-Net with batch norms and random weights, each channel count free.

    Its first convolution halves the picture and its last one doubles the map again, four logits for each class and
    place: convolutions at the picture's own size would take most of the time.

    Args:
        input_shape: (height, width, channels), height and width multiples of 2 for each of `filters`.
        num_classes: at least 1.
        filters: channels at each size, from half the picture's down, at least two.

    Returns:
        A model from pictures float32 (m, *input_shape), values 0..1, to logits (m, height, width, num_classes).

    Raises:
        ModelError: a picture that cannot be halved so often, or no class.
    """
    if len(filters) < 2:
        raise ModelError(f"Expected channels of at least two sizes. Received: {tuple(filters)}.")
    check_unet_size(input_shape[:2], len(filters))
    inputs = keras.Input(input_shape, name="image")
    x = _convolution(inputs, filters[0], "stem", size=4, strides=2)
    maps = [x]
    for level, number in enumerate(filters[1:], start=1):
        x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        x = _convolution(x, number, f"down{level}_conv1")
        x = _convolution(x, number, f"down{level}_conv2")
        maps.append(x)
    return keras.Model(inputs, unet_decoder(maps, filters[:-1], num_classes, enlarge=2), name="unet")


def unet_around(network: keras.Model, preprocessing: Callable[[Any], Any], num_classes: int) -> keras.Model:
    """Put the way up of a U-Net on a network.

    The smallest map first takes a look around, for what a place shows depends on what is far from it. Of each size the
    last map is taken over. Most of the work goes into small maps, where it costs little. Where the largest map is
    smaller than the picture, as with most networks, the last convolution enlarges it, with logits of their own for each
    pixel of a place.

    Args:
        network: from float32 (m, height, width, 3) to its last map.
        preprocessing: from a symbolic picture to what the network takes.
        num_classes: at least 1.

    Returns:
        A model from pictures float32 (m, height, width, 3) to logits (m, height, width, num_classes).

    Raises:
        ModelError: no class, a network without maps of several sizes, or a picture that is no whole multiple of its
            largest map.
    """
    inputs = keras.Input(network.input_shape[1:], name="image")
    taps = keras.Model(network.inputs, stage_maps(network), name=network.name)
    maps = taps(preprocessing(inputs))
    size, largest = inputs.shape[1:3], maps[0].shape[1:3]
    stride = size[0] // largest[0]
    if size != tuple(side * stride for side in largest):
        raise ModelError(
            f"{network.name}: expected pictures of whole multiples of its largest map, {largest}. Received: {size}. "
            "Take multiples of 32."
        )
    filters = [min(_FILTERS_PER_STRIDE * round(size[0] / x.shape[1]), _MOST_FILTERS) for x in maps[:-1]]
    maps[-1] = _look_around(maps[-1], _MOST_FILTERS)
    logits = unet_decoder(maps, filters, num_classes, enlarge=stride, doubled_steps=_DOUBLED_STEPS)
    return keras.Model(inputs, logits, name="unet")


def stage_maps(network: keras.Model) -> list[keras.KerasTensor]:
    """Find the last map of each size, from half the picture's down to the network's own.

    Networks that cut off edges have maps that are up to `_CUT_OFF` pixels smaller than halves.

    Raises:
        ModelError: a size without a map, or less than two sizes.
    """
    height, width = network.input_shape[1:3]
    last: dict[tuple[int, int], keras.KerasTensor] = {}
    for layer in network.layers:
        if len(getattr(layer.output, "shape", ())) == 4:
            last[layer.output.shape[1:3]] = layer.output
    maps = []
    for step in range(1, round(math.log2(height / network.output.shape[1]))):
        exact = height / 2**step, width / 2**step
        away = {size: max(abs(a - b) for a, b in zip(size, exact, strict=True)) for size in last}
        nearest = min(away, key=lambda size: away[size])
        if away[nearest] <= _CUT_OFF:
            maps.append(last[nearest])
    maps.append(network.output)
    if len(maps) < 2 or len({x.shape[1:3] for x in maps}) < len(maps):
        raise ModelError(
            f"{network.name}: expected maps of at least two sizes, each about half as high and wide as the one before. "
            f"Received: {[x.shape[1:3] for x in maps]} for pictures of {(height, width)}."
        )
    return maps


def unet_decoder(
    maps: Sequence[Any], filters: Sequence[int], num_classes: int, enlarge: int = 1, doubled_steps: int = 0
) -> Any:
    """Go up from the smallest of several maps, joining each of the others, to a logit for each class and place.

    Args:
        maps: symbolic tensors (m, h, w, channels), each about half as high and wide as the one before.
        filters: channels on the way up, one for each map but the last, in the order of `maps`.
        num_classes: at least 1.
        enlarge: how many times as high and wide as the first map the logits are.
        doubled_steps: number of steps, from the smallest map on, that have two convolutions instead of one; all of them
            where there are fewer.

    Returns:
        A symbolic tensor (m, enlarge * h, enlarge * w, num_classes), with h and w of the first map.

    Raises:
        ModelError: no class, or not one number of filters for each step.
    """
    _check_classes(num_classes)
    if len(filters) != len(maps) - 1:
        raise ModelError(
            f"Expected one number of filters for each of {len(maps) - 1} steps up. Received: {len(filters)}."
        )
    *skips, x = maps
    for level in reversed(range(len(skips))):
        x = _convolution(x, filters[level], f"up{level}_narrow", size=1)
        x = layers.Resizing(*skips[level].shape[1:3], interpolation="nearest", name=f"up{level}")(x)
        x = layers.Concatenate(name=f"up{level}_joined")([x, skips[level]])
        x = _convolution(x, filters[level], f"up{level}_conv")
        if level >= len(skips) - doubled_steps:
            x = _convolution(x, filters[level], f"up{level}_conv2")
    return layers.Conv2DTranspose(num_classes, enlarge, strides=enlarge, name="logits")(x)


def _look_around(x: Any, filters: int) -> Any:
    """Let each place know what is some places away, and what the whole picture is like.

    By convolutions with gaps, and the mean of all places (Chen et al., "Rethinking atrous convolution for semantic
    image segmentation", 2017).
    """
    near = _convolution(x, filters, "around_narrow", size=1)
    far = [_convolution(near, filters, f"around_{gap}", dilation=gap) for gap in _DILATIONS]
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="around_mean")(near)
    whole = layers.Dense(filters, activation="relu", name="around_whole")(mean)
    joined = layers.Concatenate(name="around_joined")([near, *far])
    return layers.Add(name="around")([_convolution(joined, filters, "around_conv", size=1), whole])


def _check_classes(number: int) -> None:
    if number < 1:
        raise ModelError(f"Expected at least one class. Received: {number}.")


def _course_convolution(n_filters: int, x: Any) -> Any:
    return layers.Conv2D(n_filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(x)


def _convolution(x: Any, filters: int, name: str, size: int = 3, strides: int = 1, dilation: int = 1) -> Any:
    x = layers.Conv2D(
        filters,
        size,
        strides,
        padding="same",
        dilation_rate=dilation,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    x = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
