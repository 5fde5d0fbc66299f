"""Points as heatmaps, a map for each point with a Gaussian around it, and heatmaps as points.

Decoding is exact for Gaussians of any spread: the logarithm of a Gaussian is a parabola, and the parabola through the
logarithms of three neighbours in a row has its peak where the Gaussian has its own (as in Zhang et al.,
"Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020, who take it as a Taylor series).
"""

from typing import Any

import numpy as np
from keras import ops

from keras_cv_course.errors import ModelError

Tensor = Any

# Below, too little of a Gaussian reaches the neighbouring pixels.
SMALLEST_SPREAD = 0.5
REACH_BEYOND = 3.0  # pixels from the edge of a map, up to which a point outside is found

_FLOOR = 1e-30  # whose logarithm stands for that of 0 and of less
_LEAST_CURVATURE = 1e-6  # a row of logarithms that bends less has no peak


def encode_heatmaps(points: Tensor, size: tuple[int, int], spread: float) -> Tensor:
    """Draw a Gaussian with the peak 1 around each point, on a map of its own.

    Args:
        points: float32 (..., n, 2), x and y in pixels of the maps; (0.5, 0.5) is the middle of the left upper pixel.
            Points may lie anywhere, also beyond the edges.
        size: (height, width) of the maps, each at least 3.
        spread: standard deviation of the Gaussians, pixels, at least 0.5.

    Returns:
        float32 (..., height, width, n), 0 to 1, a tensor of Keras's backend.

    Raises:
        ModelError: the points are not of shape (..., n, 2), or a size or spread is too small.
    """
    if len(points.shape) < 2 or points.shape[-1] != 2:
        raise ModelError(f"Expected points of shape (..., n, 2), x and y. Received: shape {tuple(points.shape)}.")
    _check_size(size)
    if not spread >= SMALLEST_SPREAD:
        raise ModelError(f"Expected a spread of at least {SMALLEST_SPREAD} pixels. Received: {spread}.")
    rows, columns = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in size)
    across = ops.exp(-0.5 * ((columns[:, None] - points[..., None, :, 0]) / spread) ** 2)  # (..., width, n)
    down = ops.exp(-0.5 * ((rows[:, None] - points[..., None, :, 1]) / spread) ** 2)  # (..., height, n)
    return down[..., :, None, :] * across[..., None, :, :]


def decode_heatmaps(heatmaps: Tensor) -> Tensor:
    """Find the peak of each map, to a fraction of a pixel.

    Where three pixels around the largest do not bend down, as on a map of zeros, the middle of the largest is given.

    Args:
        heatmaps: float32 (batch, height, width, n), as of :func:`encode_heatmaps` or of a network; height and width at
            least 3.

    Returns:
        float32 (batch, n, 2), x and y in pixels of the maps, a tensor of Keras's backend. Peaks beyond the edges are
        found as far as `REACH_BEYOND` pixels from them, where the spread is 1 or more.

    Raises:
        ModelError: the heatmaps are not as described.
    """
    height, width, number = _check_heatmaps(heatmaps)
    flat = ops.reshape(ops.cast(heatmaps, "float32"), (-1, height * width, number))
    logarithms = ops.log(ops.maximum(flat, _FLOOR))
    largest = ops.argmax(flat, axis=1)  # (batch, n)
    row, column = largest // width, largest % width
    x = _peak(logarithms, first=row * width, step=1, place=column, side=width)
    y = _peak(logarithms, first=column, step=width, place=row, side=height)
    return ops.stack([x, y], axis=-1)


def expected_points(logarithms: Tensor) -> Tensor:
    """Give the mean place of each point, where a map's softmax is taken for the probability of where it is.

    A network spreads the probability over places that it thinks possible; their mean is closer to the truth than
    the likeliest one. Near an edge the mean lies too far inwards, by up to 0.8 of the spread at the edge itself.

    Args:
        logarithms: float32 (batch, height, width, n), of the probabilities, up to a constant for each map.

    Returns:
        float32 (batch, n, 2), x and y in pixels of the maps, a tensor of Keras's backend.

    Raises:
        ModelError: the logarithms are not of this shape.
    """
    height, width, number = _check_heatmaps(logarithms)
    flat = ops.reshape(ops.cast(logarithms, "float32"), (-1, height * width, number))
    probabilities = ops.reshape(ops.softmax(flat, axis=1), (-1, height, width, number))
    rows, columns = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in (height, width))
    x = ops.sum(ops.sum(probabilities, axis=1) * columns[:, None], axis=1)  # (batch, n)
    y = ops.sum(ops.sum(probabilities, axis=2) * rows[:, None], axis=1)
    return ops.stack([x, y], axis=-1)


def _peak(logarithms: Tensor, first: Tensor, step: int, place: Tensor, side: int) -> Tensor:
    """Give the peaks (batch, n) of the parabolas through three pixels along a line of maps (batch, pixels, n).

    The line of each map begins at pixel `first`, goes on in steps of `step`, and has its largest value at `place`.
    """
    middle = ops.clip(place, 1, side - 2)  # at an edge the three reach inwards
    pixels = ops.stack([first + (middle + shift) * step for shift in (-1, 0, 1)], axis=1)  # (batch, 3, n)
    before, at, after = ops.unstack(ops.take_along_axis(logarithms, pixels, axis=1), 3, axis=1)
    curvature = before - 2 * at + after
    bends = curvature < -_LEAST_CURVATURE
    offset = 0.5 * (before - after) / ops.where(bends, curvature, -1.0)
    offset = ops.clip(offset, -REACH_BEYOND - 1.5, REACH_BEYOND + 1.5)  # 1.5: from the middle pixel to the edge
    place, middle = (ops.cast(one, "float32") + 0.5 for one in (place, middle))
    return ops.where(bends, middle + offset, place)


def _check_size(size: tuple[int, int]) -> None:
    if min(size) < 3:
        raise ModelError(f"Expected maps of a height and width of at least 3 pixels. Received: {tuple(size)}.")


def _check_heatmaps(heatmaps: Tensor) -> tuple[int, int, int]:
    """Give height, width and number of heatmaps (batch, height, width, n)."""
    if len(heatmaps.shape) != 4:
        raise ModelError(
            f"Expected heatmaps of shape (batch, height, width, n). Received: shape {tuple(heatmaps.shape)}."
        )
    height, width, number = heatmaps.shape[1:]
    _check_size((height, width))
    return height, width, number
