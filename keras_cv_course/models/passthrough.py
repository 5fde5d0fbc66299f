"""The two passthroughs of YOLOv2: a map of half the size and four times the channels, no number changed.

The course's model has `tf.nn.space_to_depth`, weights from Darknet need Darknet's reorg layer, and neither is a
permutation of the other's channels. Both are made of plain Keras layers, so that a saved model loads with Keras alone.
"""

from typing import Any, Literal

import keras
from keras import layers, ops

Tensor = Any  # a symbolic or eager tensor of the current backend

BLOCK = 2

Kind = Literal["space_to_depth", "reorg"]


def space_to_depth(x: Tensor, name: str) -> Tensor:
    """Put the four pixels of each 2 x 2 block behind each other, as `tf.nn.space_to_depth` does.

    Args:
        x: (batch, height, width, channels).
        name: name of the last layer; the others are numbered after it.

    Returns:
        (batch, height / 2, width / 2, 4 * channels): all channels of the upper left pixel, then the upper right, the
        lower left, the lower right.
    """
    height, width, channels = x.shape[1:]
    rows, columns = height // BLOCK, width // BLOCK
    x = layers.Reshape((rows, BLOCK, columns, BLOCK * channels), name=f"{name}_split")(x)
    x = layers.Permute((1, 3, 2, 4), name=f"{name}_order")(x)  # rows, columns, 2, 2 * channels
    return layers.Reshape((rows, columns, BLOCK**2 * channels), name=name)(x)


def reorg(x: Tensor, name: str) -> Tensor:
    """Regroup pixels as Darknet's reorg layer does (blas.c, reorg_cpu).

    That code reads the map as if it had a quarter of the channels and twice the height and width. In Darknet's order of
    axes, channels first, what it writes is: reshape to (channels / 4, height, 2, width, 2), transpose to the axes
    (2, 4, 0, 1, 3), reshape to (4 * channels, height / 2, width / 2).

    Args:
        x: (batch, height, width, channels).
        name: name of the last layer; the others are numbered after it.

    Returns:
        (batch, height / 2, width / 2, 4 * channels).
    """
    height, width, channels = x.shape[1:]
    quarter = channels // BLOCK**2
    x = layers.Permute((3, 1, 2), name=f"{name}_channels_first")(x)  # channels, height, width
    x = layers.Reshape((quarter, height, BLOCK, width, BLOCK), name=f"{name}_split")(x)
    x = layers.Permute((3, 5, 1, 2, 4), name=f"{name}_order")(x)  # 2, 2, quarter, height, width
    x = layers.Reshape((BLOCK**2 * channels, height // BLOCK, width // BLOCK), name=f"{name}_join")(x)
    return layers.Permute((2, 3, 1), name=name)(x)  # height / 2, width / 2, 4 * channels


@keras.saving.register_keras_serializable(package="keras_cv_course")
class AnySizePassthrough(layers.Layer):
    """Either passthrough for maps whose height and width are known only when a batch comes, which plain layers lack.

    It stands in models while they train on pictures of several sizes; saved ones have :func:`space_to_depth` or
    :func:`reorg`.
    """

    def __init__(self, kind: Kind, **options: Any) -> None:
        """Take the kind, and Keras's own options of a layer."""
        super().__init__(**options)
        self.kind = kind

    def call(self, x: Tensor) -> Tensor:
        """Give (batch, height / 2, width / 2, 4 * channels) for (batch, height, width, channels)."""
        _, height, width, channels = ops.shape(x)
        rows, columns, quarter = height // BLOCK, width // BLOCK, channels // BLOCK**2
        if self.kind == "space_to_depth":
            x = ops.reshape(x, (-1, rows, BLOCK, columns, BLOCK * channels))
            return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4)), (-1, rows, columns, BLOCK**2 * channels))
        x = ops.reshape(ops.transpose(x, (0, 3, 1, 2)), (-1, quarter, height, BLOCK, width, BLOCK))
        x = ops.transpose(x, (0, 3, 5, 1, 2, 4))  # 2, 2, quarter, height, width
        x = ops.reshape(x, (-1, BLOCK**2 * channels, rows, columns))
        return ops.transpose(x, (0, 2, 3, 1))  # height / 2, width / 2, 4 * channels

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give the shape of the result; the sizes may be unknown."""
        batch, height, width, channels = input_shape
        rows, columns = (side and side // BLOCK for side in (height, width))
        assert channels is not None
        return batch, rows, columns, BLOCK**2 * channels

    def get_config(self) -> dict[str, Any]:
        """Give the arguments, for copying."""
        return {**super().get_config(), "kind": self.kind}
