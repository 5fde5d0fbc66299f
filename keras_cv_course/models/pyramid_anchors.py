"""Anchors of a feature pyramid, and boxes as differences from them.

Source: Ren, He, Girshick and Sun, "Faster R-CNN", 2015, section 3.1.2 and equation 2; places and rounding as in
torchvision/models/detection/anchor_utils.py and _utils.py, whose weights depend on them.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_cv_course.errors import ModelError

Tensor = Any

RATIOS = (0.5, 1.0, 2.0)  # height over width
LARGEST_LOG = math.log(1000 / 16)  # of a width or height over the anchor's; beyond, training runs away
TINY = 1e-3  # pixels


def pyramid_anchors(
    map_sizes: Sequence[tuple[int, int]],
    strides: Sequence[int],
    sizes: Sequence[float],
    ratios: Sequence[float] = RATIOS,
) -> np.ndarray:
    """Lay anchors of one size and several ratios on every place of every level.

    Args:
        map_sizes: (rows, columns) of each level.
        strides: of each level, pixels.
        sizes: of each level, the square root of an anchor's area, pixels.
        ratios: height over width.

    Returns:
        float32 (n, 4), xyxy in pixels: by level, row, column and ratio. The middle of a map's first place is at 0, and
        corners of an anchor around it are whole numbers.

    Raises:
        ModelError: not one stride and one size for each level.
    """
    if not len(map_sizes) == len(strides) == len(sizes):
        raise ModelError(
            f"Expected one stride and one size of anchors for each of {len(map_sizes)} levels. Received: "
            f"{len(strides)} strides, {len(sizes)} sizes."
        )
    levels = []
    for (rows, columns), stride, size in zip(map_sizes, strides, sizes, strict=True):
        heights = np.sqrt(np.array(ratios, np.float64)) * size
        widths = size * size / heights
        around_zero = np.round(np.stack([-widths, -heights, widths, heights], axis=1) / 2)  # (ratios, 4)
        y, x = np.meshgrid(np.arange(rows) * stride, np.arange(columns) * stride, indexing="ij")
        places = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4)  # (rows * columns, 1, 4)
        levels.append((places + around_zero).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def encode_boxes(boxes_xyxy: Tensor, anchors_xyxy: Tensor, weights: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """Describe boxes by their differences from anchors: shift over size, and logarithm of the sizes' ratio.

    Args:
        boxes_xyxy: float32 (..., 4), pixels; sides under a thousandth of a pixel count as that.
        anchors_xyxy: float32 (..., 4), pixels.
        weights: factors of the four numbers.

    Returns:
        float32 (..., 4); :func:`decode_boxes` gives the boxes back.
    """
    x, y, width, height = _centres(boxes_xyxy)
    anchor_x, anchor_y, anchor_width, anchor_height = _centres(anchors_xyxy)
    differences = (
        (x - anchor_x) / anchor_width,
        (y - anchor_y) / anchor_height,
        ops.log(width / anchor_width),
        ops.log(height / anchor_height),
    )
    return ops.stack([d * weight for d, weight in zip(differences, weights, strict=True)], axis=-1)


def decode_boxes(differences: Tensor, anchors_xyxy: Tensor, weights: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """Give boxes float32 (..., 4), xyxy in pixels, from what :func:`encode_boxes` makes of them.

    Logarithms are limited to `LARGEST_LOG`.
    """
    parts = ops.unstack(differences, 4, axis=-1)
    dx, dy, log_width, log_height = (part / weight for part, weight in zip(parts, weights, strict=True))
    anchor_x, anchor_y, anchor_width, anchor_height = _centres(anchors_xyxy)
    x, y = anchor_x + dx * anchor_width, anchor_y + dy * anchor_height
    half_width = anchor_width * ops.exp(ops.minimum(log_width, LARGEST_LOG)) / 2
    half_height = anchor_height * ops.exp(ops.minimum(log_height, LARGEST_LOG)) / 2
    return ops.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=-1)


def _centres(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    left, top, right, bottom = ops.unstack(ops.convert_to_tensor(boxes), 4, axis=-1)
    width, height = ops.maximum(right - left, TINY), ops.maximum(bottom - top, TINY)
    return (left + right) / 2, (top + bottom) / 2, width, height
