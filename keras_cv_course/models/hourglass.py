"""Stacked hourglasses: networks from a picture to a heatmap for each point, sized for a CPU.

Source: Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016, with the block of
Bulat and Tzimiropoulos, "How far are we from solving the 2D and 3D face alignment problem?", ICCV 2017, section 3.
Theirs has 4 hourglasses with 256 channels on pictures of 256 x 256 pixels; this one has by default one with 48 channels
on 128 x 128, and 0.16 million weights.
"""

from typing import Any

import keras
from keras import layers

from keras_cv_course.errors import ModelError

Tensor = Any

STRIDE = 4  # pixels of the picture for one of the heatmaps
MOMENTUM = 0.9  # of batch norms, see docs/training.md


def stacked_hourglass(
    num_points: int,
    input_size: tuple[int, int] = (128, 128),
    *,
    stacks: int = 1,
    filters: int = 48,
    depth: int = 3,
    name: str = "hourglass",
) -> keras.Model:
    """Build a stacked hourglass with random weights.

    Args:
        num_points: heatmaps, at least 1.
        input_size: (height, width) of the pictures, multiples of 4 * 2**depth.
        stacks: hourglasses, one behind the other; each gets the heatmaps of the one before and gives better ones.
        filters: channels, a multiple of 4.
        depth: how often an hourglass halves its maps.
        name: of the model.

    Returns:
        A model from float32 (batch, *input_size, 3), 0..1, to a dictionary: ``face`` (batch, 1), the probability of a
        face, and ``heatmaps`` (batch, stacks, height / 4, width / 4, num_points), the logarithms of the heatmaps, up to
        a constant for each, of every hourglass, the last the best.

    Raises:
        ModelError: an argument is out of range.
    """
    _check(num_points, input_size, stacks, filters, depth)
    inputs = keras.Input((*input_size, 3), name="image")
    x = layers.Conv2D(filters // 2, 5, strides=2, padding="same", use_bias=False, name="stem_conv1")(inputs)
    x = _activated(x, "stem_conv1")
    x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name="stem_conv2")(x)
    x = parallel_block(x, filters, "stem_block")  # (batch, height / 4, width / 4, filters)
    maps = []
    for number in range(1, stacks + 1):
        stack = f"stack{number}"
        deepest, y = hourglass(x, filters, depth, stack)
        y = layers.Conv2D(filters, 1, use_bias=False, name=f"{stack}_conv")(y)
        y = _activated(y, f"{stack}_conv")
        # Losses are computed of these: float32 also under a mixed-precision policy.
        heatmaps = layers.Conv2D(num_points, 1, dtype="float32", name=f"{stack}_heatmaps")(y)
        maps.append(layers.Reshape((1, *heatmaps.shape[1:]), name=f"{stack}_map")(heatmaps))
        if number < stacks:
            back = layers.Conv2D(filters, 1, name=f"{stack}_back")(heatmaps)
            on = layers.Conv2D(filters, 1, name=f"{stack}_on")(y)
            x = layers.Add(name=f"{stack}_add")([x, on, back])
    pooled = layers.GlobalAveragePooling2D(name="pool")(_activated(deepest, "deepest"))
    outputs = {
        "face": layers.Dense(1, "sigmoid", dtype="float32", name="face")(pooled),
        "heatmaps": maps[0] if stacks == 1 else layers.Concatenate(axis=1, name="heatmaps")(maps),
    }
    return keras.Model(inputs, outputs, name=name)


def parallel_block(x: Tensor, filters: int, name: str) -> Tensor:
    """Apply the residual block of Bulat and Tzimiropoulos: three convolutions in a row, whose outputs are joined.

    Each sees more of the picture than the one before and has half of the channels, the last two a quarter each, so that
    the joined ones are of several scales at the price of little more than one convolution.

    Args:
        x: (batch, height, width, channels).
        filters: of the result, a multiple of 4.
        name: of the layers, a prefix.

    Returns:
        (batch, height, width, filters).
    """
    shortcut, parts = x, []
    if x.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_shortcut")(_activated(x, f"{name}_shortcut"))
    for number, share in enumerate((2, 4, 4), start=1):
        part = f"{name}_conv{number}"
        x = layers.Conv2D(filters // share, 3, padding="same", use_bias=False, name=part)(_activated(x, part))
        parts.append(x)
    return layers.Add(name=f"{name}_add")([layers.Concatenate(name=f"{name}_concat")(parts), shortcut])


def hourglass(x: Tensor, filters: int, depth: int, name: str) -> tuple[Tensor, Tensor]:
    """Halve maps `depth` times and double them again, each time adding what they were before.

    Args:
        x: (batch, height, width, filters).
        filters: a multiple of 4.
        depth: at least 1.
        name: of the layers, a prefix.

    Returns:
        The smallest maps and the result, of the size of `x`.
    """
    level = f"{name}_level{depth}"
    kept = parallel_block(x, filters, f"{level}_kept")
    y = parallel_block(layers.MaxPooling2D(2, name=f"{level}_pool")(x), filters, f"{level}_down")
    deepest, y = (y, y) if depth == 1 else hourglass(y, filters, depth - 1, name)
    y = parallel_block(y, filters, f"{level}_up")
    y = layers.UpSampling2D(2, name=f"{level}_double")(y)
    return deepest, layers.Add(name=f"{level}_add")([kept, y])


def _activated(x: Tensor, name: str) -> Tensor:
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x))


def _check(num_points: int, input_size: tuple[int, int], stacks: int, filters: int, depth: int) -> None:
    step = STRIDE * 2**depth
    for name, value, satisfied, expected in (
        ("num_points", num_points, num_points >= 1, "at least 1"),
        ("stacks", stacks, stacks >= 1, "at least 1"),
        ("filters", filters, filters >= 4 and filters % 4 == 0, "a multiple of 4"),
        ("depth", depth, depth >= 1, "at least 1"),
        (
            "input_size",
            input_size,
            min(input_size) >= step and not any(side % step for side in input_size),
            f"multiples of {step}, to be halved {depth + 2} times",
        ),
    ):
        if not satisfied:
            raise ModelError(f"{name} must be {expected}. Received: {value}.")
