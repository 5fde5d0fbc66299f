"""RoIAlign: the part of a feature map that a box covers, as a small map of fixed size.

Nothing is rounded: the box is divided into bins, and in each bin the map is read between its places (bilinear) at a few
points, whose mean is the bin's value. Source: He, Gkioxari, Dollar and Girshick, "Mask R-CNN", 2017, section 3.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_cv_course.errors import ModelError
from keras_cv_course.models.rows_of import rows_of

Tensor = Any  # an eager or symbolic tensor of the current backend

CANONICAL_SIZE = 224.0  # side of a box, in pixels, that belongs to the level of stride 16


def roi_align(
    feature_map: Tensor,
    boxes_xyxy: Tensor,
    output_size: tuple[int, int],
    stride: float,
    *,
    sampling: int = 2,
    aligned: bool = True,
) -> Tensor:
    """Cut boxes out of one map of each picture.

    Args:
        feature_map: (batch, h, w, channels); h and w are known.
        boxes_xyxy: float32 (batch, n, 4), pixels of the picture.
        output_size: (rows, columns) of bins.
        stride: pixels of the picture for each place of the map.
        sampling: points in each direction in each bin.
        aligned: the middle of a pixel is at 0.5, as it should be; else at 0, and a box is at least one place of the
            map wide and high, as torchvision's networks were trained.

    Returns:
        (batch, n, rows, columns, channels). Points up to one place outside the map have the value of its edge, those
        farther out 0.
    """
    levels = ops.zeros_like(boxes_xyxy[..., 0], dtype="int32")
    return pyramid_roi_align(
        [feature_map], boxes_xyxy, levels, output_size, [stride], sampling=sampling, aligned=aligned
    )


def pyramid_roi_align(
    feature_maps: Sequence[Tensor],
    boxes_xyxy: Tensor,
    levels: Tensor,
    output_size: tuple[int, int],
    strides: Sequence[float],
    *,
    sampling: int = 2,
    aligned: bool = True,
) -> Tensor:
    """Cut each box out of the map of its own level, in one pass.

    Args:
        feature_maps: of each level (batch, h, w, channels); sizes are known, channels equal.
        boxes_xyxy: float32 (batch, n, 4), pixels of the picture.
        levels: integers (batch, n), places in `feature_maps`.
        output_size: (rows, columns) of bins.
        strides: of each level.
        sampling: points in each direction in each bin.
        aligned: see :func:`roi_align`.

    Returns:
        (batch, n, rows, columns, channels).

    Raises:
        ModelError: not one stride for each map.
    """
    if len(feature_maps) != len(strides):
        raise ModelError(f"Expected one stride for each of {len(feature_maps)} maps. Received: {len(strides)}.")
    n, channels = boxes_xyxy.shape[1], feature_maps[0].shape[-1]
    heights, widths = ([x.shape[axis] for x in feature_maps] for axis in (1, 2))
    starts = [sum(h * w for h, w in zip(heights[:level], widths[:level], strict=True)) for level in range(len(heights))]
    all_places = ops.concatenate(
        [ops.reshape(x, (-1, x.shape[1] * x.shape[2], channels)) for x in feature_maps], axis=1
    )

    def of_level(values: Sequence[float], dtype: str) -> Tensor:
        return ops.take(ops.convert_to_tensor(values, dtype), levels, axis=0)  # (batch, n)

    boxes = ops.cast(boxes_xyxy, "float32") / of_level(strides, "float32")[..., None] - (0.5 if aligned else 0.0)
    left, top, right, bottom = ops.unstack(boxes, 4, axis=-1)
    width_of_map, height_of_map = of_level(widths, "int32"), of_level(heights, "int32")
    rows, columns = output_size
    y = _points(top, bottom, rows, sampling, aligned)  # (batch, n, rows * sampling)
    x = _points(left, right, columns, sampling, aligned)
    y0, y1, y_weights = _neighbours(y, height_of_map)
    x0, x1, x_weights = _neighbours(x, width_of_map)

    start = of_level(starts, "int32")[..., None, None]
    row_length = width_of_map[..., None]
    total = 0.0
    for rows_of_y, weight_y in ((y0, y_weights[0]), (y1, y_weights[1])):
        for columns_of_x, weight_x in ((x0, x_weights[0]), (x1, x_weights[1])):
            index = start + (rows_of_y * row_length)[..., None] + columns_of_x[:, :, None, :]  # (batch, n, ys, xs)
            values = rows_of(all_places, ops.reshape(index, (-1, _size(index))))
            values = ops.reshape(values, (-1, *index.shape[1:], channels))
            weight = weight_y[..., None] * weight_x[:, :, None, :]
            total = total + values * ops.cast(weight, values.dtype)[..., None]
    bins = ops.reshape(total, (-1, n, rows, sampling, columns, sampling, channels))
    return ops.mean(bins, axis=(3, 5))


def box_levels(boxes_xyxy: Tensor, strides: Sequence[int], canonical_size: float = CANONICAL_SIZE) -> Tensor:
    """Choose a level of the pyramid for each box: one level up for each doubling of its size.

    Args:
        boxes_xyxy: float32 (..., 4), pixels.
        strides: of the levels, each twice the one before.
        canonical_size: side of a square box that belongs to the level of stride 16.

    Returns:
        int32 (...), places in `strides`.

    Source: Lin et al., "Feature Pyramid Networks for Object Detection", 2017, equation 1.
    """
    left, top, right, bottom = ops.unstack(boxes_xyxy, 4, axis=-1)
    side = ops.sqrt(ops.maximum((right - left) * (bottom - top), 1e-12))
    # The small number is torchvision's: a box of exactly the limiting size belongs to the upper level.
    level = ops.floor(ops.log2(side / canonical_size * (16 / strides[0])) + 1e-6)
    return ops.cast(ops.clip(level, 0, len(strides) - 1), "int32")


@keras.saving.register_keras_serializable(package="keras_cv_course")
class PyramidRoiAlign(keras.layers.Layer):
    """:func:`pyramid_roi_align` with the level of :func:`box_levels`: from [boxes, map of each level]."""

    def __init__(
        self, output_size: int, strides: Sequence[int], canonical_size: float, *, aligned: bool = True, **options: Any
    ) -> None:
        super().__init__(**options)
        self.output_size, self.strides = output_size, tuple(strides)
        self.canonical_size, self.aligned = canonical_size, aligned

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Cut out."""
        boxes, *maps = inputs
        boxes = ops.cast(boxes, "float32")
        return pyramid_roi_align(
            maps,
            boxes,
            box_levels(boxes, self.strides, self.canonical_size),
            (self.output_size, self.output_size),
            self.strides,
            aligned=self.aligned,
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Give (batch, n, size, size, channels)."""
        boxes, first, *_ = input_shape
        return (*boxes[:2], self.output_size, self.output_size, first[-1])

    def get_config(self) -> dict[str, Any]:
        """Give what :meth:`__init__` takes."""
        own = {"output_size": self.output_size, "strides": self.strides}
        return {**super().get_config(), **own, "canonical_size": self.canonical_size, "aligned": self.aligned}


def _points(low: Tensor, high: Tensor, bins: int, sampling: int, aligned: bool) -> Tensor:
    """Give the places of the points along one axis: (batch, n, bins * sampling)."""
    length = high - low
    if not aligned:
        length = ops.maximum(length, 1.0)
    count = bins * sampling
    parts = (ops.arange(count, dtype="float32") + 0.5) / count
    return low[..., None] + length[..., None] * parts


def _neighbours(points: Tensor, size: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Give the two places of the map around each point, and their weights; both weights are 0 far outside."""
    size = size[..., None]
    last = ops.cast(size - 1, "float32")
    inside = ops.cast(ops.logical_and(points >= -1.0, points <= last + 1.0), "float32")
    held = ops.clip(points, 0.0, last)
    low = ops.floor(held)
    part = held - low
    first = ops.cast(low, "int32")
    return first, ops.minimum(first + 1, size - 1), ((1 - part) * inside, part * inside)


def _size(index: Tensor) -> int:
    """Count what each picture takes."""
    _, n, ys, xs = index.shape
    return int(n * ys * xs)
