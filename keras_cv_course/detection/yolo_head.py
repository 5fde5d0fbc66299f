"""What the raw output of YOLOv2 says: boxes, their objectness and their class probabilities.

Source: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016, section 2, "Direct location prediction". A cell
that lies (c_x, c_y) cells from the top left corner, with an anchor of (p_w, p_h) cells, gives

    centre x = (sigmoid(t_x) + c_x) / columns       width  = p_w exp(t_w) / columns
    centre y = (sigmoid(t_y) + c_y) / rows          height = p_h exp(t_h) / rows
    objectness = sigmoid(t_o)                       class probabilities = softmax(t_classes)

with the names and results of the course's own functions, on any backend of Keras. Boxes are relative to the picture.
"""

from typing import Any

import numpy as np
from keras import ops

from keras_cv_course.errors import ModelError
from keras_cv_course.models.yolov2 import NUMBERS_PER_BOX

Tensor = Any  # an eager or symbolic tensor of the current backend, or a NumPy array


def yolo_head(feats: Tensor, anchors: Any, num_classes: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Decode the raw output of the network for every cell and anchor.

    Args:
        feats: (batch, rows, cols, A * (5 + classes)); for each anchor t_x, t_y, t_w, t_h, t_o, then the classes. Batch,
            rows and cols may be unknown in a traced function.
        anchors: (A, 2), width and height in cells of the grid.
        num_classes: the number of classes.

    Returns:
        box_xy: (batch, rows, cols, A, 2), centre x and y, each from 0 to 1.
        box_wh: (batch, rows, cols, A, 2), width and height, 1 for the whole picture.
        box_confidence: (batch, rows, cols, A, 1), objectness.
        box_class_probs: (batch, rows, cols, A, classes), with a sum of 1.

    Raises:
        ModelError: the channels of `feats` are not those of the anchors and classes.
    """
    feats = ops.convert_to_tensor(feats)
    anchors = check_raw_output(feats, anchors, num_classes)
    _, rows, cols, _ = ops.shape(feats)
    raw = ops.reshape(feats, (-1, rows, cols, len(anchors), NUMBERS_PER_BOX + num_classes))
    t_xy, t_wh, t_o, logits = ops.split(raw, [2, 4, NUMBERS_PER_BOX], axis=-1)

    cell = ops.arange(rows * cols, dtype="int32")
    cells = ops.cast(ops.stack([cell % cols, cell // cols], axis=-1), raw.dtype)  # (rows * cols, 2), x before y
    cells = ops.reshape(cells, (rows, cols, 1, 2))
    grid = ops.cast(ops.stack([cols, rows]), raw.dtype)  # (2,)

    box_xy = (ops.sigmoid(t_xy) + cells) / grid
    box_wh = ops.exp(t_wh) * ops.cast(anchors, raw.dtype) / grid
    box_confidence = ops.sigmoid(t_o)
    # Keras warns of a softmax over one class, and an only class is certain.
    box_class_probs = ops.softmax(logits) if num_classes > 1 else ops.ones_like(logits)
    return box_xy, box_wh, box_confidence, box_class_probs


def yolo_boxes_to_corners(box_xy: Tensor, box_wh: Tensor) -> Tensor:
    """Turn centres (..., 2) as (x, y) and sizes (..., 2) as (width, height) into corners (..., 4): (y1, x1, y2, x2)."""
    box_xy, half_wh = ops.convert_to_tensor(box_xy), ops.convert_to_tensor(box_wh) / 2
    top_left, bottom_right = ops.flip(box_xy - half_wh, axis=-1), ops.flip(box_xy + half_wh, axis=-1)  # y before x
    return ops.concatenate([top_left, bottom_right], axis=-1)


def scale_boxes(boxes: Tensor, image_shape: Any) -> Tensor:
    """Turn boxes relative to a picture into its pixels.

    Args:
        boxes: (n, 4), each (y1, x1, y2, x2) relative to the picture; or (batch, n, 4).
        image_shape: (height, width) in pixels; for a batch also (batch, 2), one for each picture.

    Returns:
        The boxes in pixels, of the same shape.
    """
    boxes = ops.convert_to_tensor(boxes)
    size = ops.cast(ops.convert_to_tensor(image_shape), boxes.dtype)
    return boxes * ops.expand_dims(ops.concatenate([size, size], axis=-1), -2)  # (1, 4) or (batch, 1, 4)


def check_raw_output(raw: Any, anchors: Any, num_classes: int) -> np.ndarray:
    """Give the anchors as float32 (A, 2).

    Raises:
        ModelError: the anchors are not (A, 2) positive numbers, or `raw` is not (batch, rows, cols, A * (5 + classes)).
    """
    sizes = np.asarray(anchors, np.float32)
    if sizes.shape[1:] != (2,) or len(sizes) == 0 or not ((sizes > 0) & (sizes < np.inf)).all():
        raise ModelError(
            f"Anchors must be (width, height) pairs of positive numbers, an array of shape (A, 2). Received: shape "
            f"{sizes.shape}, {np.array2string(sizes, threshold=8, edgeitems=2)}."
        )
    if num_classes < 1:
        raise ModelError(f"num_classes must be at least 1. Received: {num_classes}.")
    channels = len(sizes) * (NUMBERS_PER_BOX + num_classes)
    if len(raw.shape) != 4 or raw.shape[-1] != channels:
        raise ModelError(
            f"The raw output for {len(sizes)} anchors and {num_classes} classes has the shape (batch, rows, cols, "
            f"{len(sizes)} * (5 + {num_classes}) = {channels}). Received: {tuple(raw.shape)}. Use the anchors and the "
            f"class names that the network was trained with."
        )
    return sizes
