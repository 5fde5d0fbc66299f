"""Convolutions of 3 x 3 with 4/9 of the multiplications, by the method of Winograd.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4, F(2 x 2, 3 x 3): a tile of
4 x 4 pixels d and a kernel g give 2 x 2 pixels

    A^T [ (G g G^T) * (B^T d B) ] A        * element by element

instead of 36 multiplications for each pair of channels it takes 16, and the transforms of kernel, input and output are
shared by all pairs. G g G^T is computed once for many inputs. The other two are here products with a matrix for all
tiles of a side at once, which a tensor library does far faster than it cuts overlapping tiles.
"""

from typing import Any

import numpy as np
from keras import ops

Tensor = Any  # a symbolic or eager tensor of the current backend

_KERNEL_TRANSFORM = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])  # G
_INPUT_TRANSFORM = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])  # B^T
_OUTPUT_TRANSFORM = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])  # A^T


def transform_kernel(kernel: Tensor) -> Tensor:
    """Turn a kernel (3, 3, in, out) into what :func:`convolve` takes, (16, in, out) with the same dtype."""
    _, _, channels, filters = kernel.shape
    transform = ops.cast(np.kron(_KERNEL_TRANSFORM, _KERNEL_TRANSFORM), kernel.dtype)  # (16, 9)
    return ops.reshape(ops.matmul(transform, ops.reshape(kernel, (9, channels * filters))), (16, channels, filters))


def convolve(x: Tensor, transformed_kernel: Tensor) -> Tensor:
    """Convolve with stride 1, keeping the size.

    Args:
        x: floating-point (batch, height, width, in), height and width known.
        transformed_kernel: (16, in, out), from :func:`transform_kernel`.

    Returns:
        (batch, height, width, out): the convolution, but for rounding.
    """
    _, height, width, channels = x.shape
    filters = transformed_kernel.shape[-1]
    rows, columns = -(-height // 2), -(-width // 2)  # of tiles
    to_rows, to_columns = (ops.cast(_to_tiles(side), x.dtype) for side in (height, width))
    from_rows, from_columns = (ops.cast(_from_tiles(side), x.dtype) for side in (height, width))

    x = ops.matmul(to_rows, ops.reshape(x, (-1, height, width * channels)))  # (batch, 4 * rows, width * in)
    x = ops.matmul(to_columns, ops.reshape(x, (-1, 4 * rows, width, channels)))  # (batch, 4 * rows, 4 * columns, in)
    x = ops.transpose(ops.reshape(x, (-1, 4, rows, 4, columns, channels)), (1, 3, 0, 2, 4, 5))

    x = ops.matmul(ops.reshape(x, (16, -1, channels)), transformed_kernel)  # (16, batch * rows * columns, out)

    x = ops.transpose(ops.reshape(x, (4, 4, -1, rows, columns, filters)), (2, 0, 3, 1, 4, 5))
    x = ops.matmul(from_columns, ops.reshape(x, (-1, 4 * rows, 4 * columns, filters)))  # (batch, 4 * rows, width, out)
    x = ops.matmul(from_rows, ops.reshape(x, (-1, 4 * rows, width * filters)))  # (batch, height, width * out)
    return ops.reshape(x, (-1, height, width, filters))


def saves_time(height: int, width: int, channels: int, filters: int) -> bool:
    """Say whether :func:`convolve` is likely to be faster than a direct convolution.

    Of side * side pixels it multiplies 4 * in * out for each in the middle and 6 * side * (in + out) in the transforms,
    against 9 * in * out. Because it also moves more numbers through the memory, the transforms may take 2 * in * out.
    """
    return 3 * max(height, width) * (channels + filters) < channels * filters


def _to_tiles(side: int) -> np.ndarray:
    """Give the matrix (4 * tiles, side) that takes B^T of each tile: the first row of all tiles, then the second ..."""
    tiles = -(-side // 2)
    matrix = np.zeros((4, tiles, 2 * tiles + 2))
    for tile in range(tiles):
        matrix[:, tile, 2 * tile : 2 * tile + 4] = _INPUT_TRANSFORM
    return matrix[:, :, 1 : 1 + side].reshape(4 * tiles, side)  # around the picture are zeros


def _from_tiles(side: int) -> np.ndarray:
    """Give the matrix (side, 4 * tiles) that takes A^T of each tile, in the order of :func:`_to_tiles`."""
    tiles = -(-side // 2)
    matrix = np.zeros((2 * tiles, 4, tiles))
    for tile in range(tiles):
        matrix[2 * tile : 2 * tile + 2, :, tile] = _OUTPUT_TRANSFORM
    return matrix[:side].reshape(side, 4 * tiles)  # an odd side cuts the last tile
