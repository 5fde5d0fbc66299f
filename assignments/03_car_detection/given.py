"""What the notebook may use without defining it."""

import tensorflow as tf


def yolo_boxes_to_corners(box_xy, box_wh):
    """Turn centres (..., 2) as (x, y) and sizes (..., 2) as (width, height) into corners (..., 4): (y1, x1, y2, x2)."""
    low, high = box_xy - box_wh / 2.0, box_xy + box_wh / 2.0
    return tf.concat([low[..., 1:2], low[..., 0:1], high[..., 1:2], high[..., 0:1]], axis=-1)


def scale_boxes(boxes, image_shape):
    """Turn boxes (..., 4), each (y1, x1, y2, x2) relative to a picture of (height, width) pixels, into its pixels."""
    height, width = float(image_shape[0]), float(image_shape[1])
    return boxes * tf.constant([[height, width, height, width]], boxes.dtype)
