"""Boxes: their formats, overlap, clipping and scaling.

A box is the last axis of an array, four floating-point numbers; names say in which order. x runs to the right and y
down, both in pixels or both as parts of the picture.

    xyxy   left, top, right, bottom               inside this package
    xywh   centre x, centre y, width, height      Darknet, and what YOLO predicts
    yxyx   top, left, bottom, right               TensorFlow's image functions, and the course

NumPy arrays give NumPy arrays. Tensors give tensors, on any backend of Keras, which is imported only then.
"""

import sys
from typing import Any

import numpy as np

from keras_cv_course.errors import DataContentError

Boxes = Any  # a NumPy array, or a tensor of the current Keras backend

_TINY = 1e-9


def xyxy_to_xywh(boxes: Boxes) -> Boxes:
    """Turn corners (..., 4) into centre, width and height (..., 4)."""
    x1, y1, x2, y2 = _columns(boxes)
    return _namespace(boxes).stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], axis=-1)


def xywh_to_xyxy(boxes: Boxes) -> Boxes:
    """Turn centre, width and height (..., 4) into corners (..., 4)."""
    x, y, width, height = _columns(boxes)
    half_width, half_height = width / 2, height / 2
    return _namespace(boxes).stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=-1)


def xyxy_to_yxyx(boxes: Boxes) -> Boxes:
    """Put y before x in corners (..., 4)."""
    x1, y1, x2, y2 = _columns(boxes)
    return _namespace(boxes).stack([y1, x1, y2, x2], axis=-1)


def yxyx_to_xyxy(boxes: Boxes) -> Boxes:
    """Put x before y in corners (..., 4)."""
    y1, x1, y2, x2 = _columns(boxes)
    return _namespace(boxes).stack([x1, y1, x2, y2], axis=-1)


def sort_corners(boxes: Boxes) -> Boxes:
    """Put the smaller coordinate of two opposite corners (..., 4) first, in xyxy as in yxyx."""
    a1, b1, a2, b2 = _columns(boxes)
    minimum, maximum = _namespace(boxes).minimum, _namespace(boxes).maximum
    return _namespace(boxes).stack([minimum(a1, a2), minimum(b1, b2), maximum(a1, a2), maximum(b1, b2)], axis=-1)


def pairwise_iou(boxes1_xyxy: Boxes, boxes2_xyxy: Boxes) -> Boxes:
    """Divide the intersection by the union, for each pair of a box from the first and one from the second array.

    The order of the axes does not matter, so two arrays in yxyx give the same.

    Args:
        boxes1_xyxy: (..., n, 4).
        boxes2_xyxy: (..., m, 4), with the same or no leading axes.

    Returns:
        (..., n, m), from 0 to 1. Boxes that only touch have 0, and so has a box without area with any other, also with
        itself; a box with x2 < x1 or y2 < y1 has no area.

    Raises:
        DataContentError: the last axis is not 4, or the numbers are not floating-point.
    """
    xp = _namespace(boxes1_xyxy, boxes2_xyxy)
    left1, top1, right1, bottom1 = (xp.expand_dims(side, -1) for side in _columns(boxes1_xyxy))  # each (..., n, 1)
    left2, top2, right2, bottom2 = (xp.expand_dims(side, -2) for side in _columns(boxes2_xyxy))  # each (..., 1, m)

    def area(left: Any, top: Any, right: Any, bottom: Any) -> Any:
        return xp.maximum(right - left, 0) * xp.maximum(bottom - top, 0)

    intersection = area(
        xp.maximum(left1, left2), xp.maximum(top1, top2), xp.minimum(right1, right2), xp.minimum(bottom1, bottom2)
    )  # (..., n, m)
    union = area(left1, top1, right1, bottom1) + area(left2, top2, right2, bottom2) - intersection
    some = union > 0
    # The inner `where` keeps 0 / 0 out of the gradient, which the outer one would not.
    return xp.where(some, intersection / xp.where(some, union, 1), 0)


def complete_iou(boxes1_xyxy: Boxes, boxes2_xyxy: Boxes) -> Boxes:
    """Give the IoU of boxes one by one, less what their centres and their forms differ by.

    IoU - d^2 / c^2 - a v: d is the distance of the centres, c the diagonal of the smallest box around both, and v the
    squared difference of the angles of the diagonals, as a part of a right angle; a = v / (1 - IoU + v), without a
    gradient. Unlike the IoU it has a gradient also where boxes do not overlap. Source: Zheng et al., "Distance-IoU
    Loss", 2020, equations 8 to 11.

    Args:
        boxes1_xyxy: (..., 4), corners in order.
        boxes2_xyxy: of the same shape.

    Returns:
        A tensor (...), also of arrays, above -1.5 and up to 1, which equal boxes with an area have.

    Raises:
        DataContentError: the last axis is not 4, or the numbers are not floating-point.
    """
    from keras import ops

    left1, top1, right1, bottom1 = _columns(boxes1_xyxy)
    left2, top2, right2, bottom2 = _columns(boxes2_xyxy)
    width1, height1, width2, height2 = right1 - left1, bottom1 - top1, right2 - left2, bottom2 - top2
    across = ops.maximum(ops.minimum(right1, right2) - ops.maximum(left1, left2), 0)
    down = ops.maximum(ops.minimum(bottom1, bottom2) - ops.maximum(top1, top2), 0)
    iou = across * down / ops.maximum(width1 * height1 + width2 * height2 - across * down, _TINY)
    width = ops.maximum(right1, right2) - ops.minimum(left1, left2)
    height = ops.maximum(bottom1, bottom2) - ops.minimum(top1, top2)
    distance = ((left1 + right1 - left2 - right2) ** 2 + (top1 + bottom1 - top2 - bottom2) ** 2) / 4
    distance = distance / ops.maximum(width**2 + height**2, _TINY)
    form = (ops.arctan2(width1, ops.maximum(height1, _TINY)) - ops.arctan2(width2, ops.maximum(height2, _TINY))) ** 2
    form = form * (4 / np.pi**2)
    return iou - distance - form * ops.stop_gradient(form / ops.maximum(1 - iou + form, _TINY))


def clip_xyxy(boxes: Boxes, image_size: tuple[int, int]) -> Boxes:
    """Cut boxes off at the edges of an image: corners (..., 4) in pixels, `image_size` as (height, width)."""
    height, width = image_size
    limits = zip(_columns(boxes), (width, height, width, height), strict=True)
    xp = _namespace(boxes)
    return xp.stack([xp.minimum(xp.maximum(side, 0), limit) for side, limit in limits], axis=-1)


def scale_xyxy(boxes: Boxes, factors: tuple[float, float]) -> Boxes:
    """Multiply corners (..., 4) by `factors`, the vertical and then the horizontal one.

    With ``factors=(height, width)`` parts of a picture become its pixels.
    """
    x1, y1, x2, y2 = _columns(boxes)
    vertical, horizontal = (float(factor) for factor in factors)
    return _namespace(boxes).stack([x1 * horizontal, y1 * vertical, x2 * horizontal, y2 * vertical], axis=-1)


def _namespace(*arrays: Boxes) -> Any:
    """Give the library whose functions fit all `arrays`; those used here have the same names in all three."""
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        # TensorFlow's tensors also where Keras has another backend: input pipelines and image functions are its own.
        if any(tf.is_tensor(array) for array in arrays):
            return tf
    from keras import ops

    return ops


def _columns(boxes: Boxes) -> tuple[Any, Any, Any, Any]:
    """Split (..., 4) into four arrays (...)."""
    shape: Any = getattr(boxes, "shape", ())
    dtype = str(getattr(boxes, "dtype", type(boxes).__name__))
    if len(shape) == 0 or shape[-1] != 4 or "float" not in dtype:  # integers would overflow in areas
        raise DataContentError(
            f"Expected boxes as a floating-point array or tensor with a last axis of 4. Received: {dtype} of shape "
            f"{tuple(shape)}. Convert lists and integers with numpy.asarray(boxes, 'float32')."
        )
    if isinstance(boxes, np.ndarray):
        return boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3]
    a, b, c, d = _namespace(boxes).unstack(boxes, axis=-1)  # one operation, where four slices of a tensor cost more
    return a, b, c, d
