"""Which prediction of YOLOv2 answers for which object, and what it should say.

Each object belongs to one cell, that of its centre, and there to the anchor whose shape is most like its own. Source:
Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016, section 2, and Darknet's region layer, which settles
what the paper leaves open: of two objects with the same cell and anchor the later one stands.

Input pipelines give each picture's objects as rows (:func:`encode_truth`, :func:`pad_truth`). The loss assigns these on
whatever grid the network's output has, so that inputs of several sizes need nothing more.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_cv_course.boxes import clip_xyxy, scale_xyxy, xyxy_to_xywh
from keras_cv_course.errors import DataContentError

Tensor = Any

TRUTH_COLUMNS = 5  # x, y, width, height, class


def encode_truth(boxes_xyxy: Tensor, class_ids: Tensor, input_size: tuple[int, int]) -> Tensor:
    """Describe the objects of one picture as rows (x, y, width, height, class), as Darknet does.

    Args:
        boxes_xyxy: float32 (n, 4) in pixels of the network's input, a NumPy array or, in `tf.data`, a tensor of
            TensorFlow. What lies outside the input is cut off.
        class_ids: integers (n,).
        input_size: (height, width) of the network's input, pixels.

    Returns:
        float32 (n, 5): centre, width and height from 0 to 1, parts of the input, and the class. A box of which nothing
        lies within the input gets width or height 0 and counts as no object.
    """
    height, width = input_size
    boxes = xyxy_to_xywh(scale_xyxy(clip_xyxy(boxes_xyxy, input_size), (1 / height, 1 / width)))
    if isinstance(boxes, np.ndarray):
        return np.concatenate([boxes, np.asarray(class_ids)[:, None]], axis=1).astype(np.float32)
    import tensorflow as tf

    return tf.concat([tf.cast(boxes, tf.float32), tf.cast(class_ids, tf.float32)[:, None]], axis=1)


def pad_truth(rows: Sequence[np.ndarray], max_boxes: int) -> np.ndarray:
    """Stack the rows of several pictures; `padded_batch` does the same in `tf.data`.

    Args:
        rows: one float32 (n, 5) for each picture, n may be 0.
        max_boxes: rows for each picture in the result.

    Returns:
        float32 (m, max_boxes, 5), filled up with zeros, which are no objects.

    Raises:
        DataContentError: a picture has more than `max_boxes` objects.
    """
    most = max(map(len, rows), default=0)
    if most > max_boxes:
        raise DataContentError(
            f"Expected at most max_boxes={max_boxes} objects on each picture. Received: {most}. Raise max_boxes."
        )
    truth = np.zeros((len(rows), max_boxes, TRUTH_COLUMNS), np.float32)
    for picture, its_rows in zip(truth, rows, strict=True):
        picture[: len(its_rows)] = its_rows
    return truth


class Assignment(NamedTuple):
    """Where each object of a batch is to be predicted, and as what.

    Attributes:
        place: int32 (m, objects), the prediction's number: (row * cols + column) * anchors + anchor.
        coordinates: float32 (m, objects, 4): x and y within the cell, 0..1; logarithms of width and height over the
            anchor's. These are what sigmoid(t_x), sigmoid(t_y), t_w and t_h should be.
        exists: bool (m, objects), False for padding.
        stands: bool (m, objects), False for padding and where a later object has the same place.
    """

    place: Tensor
    coordinates: Tensor
    exists: Tensor
    stands: Tensor


def assign(truth: Tensor, anchors: np.ndarray, grid_size: tuple[Any, Any]) -> Assignment:
    """Assign each object to a cell and an anchor.

    Args:
        truth: float32 (m, objects, 5), rows as of :func:`encode_truth`. A row without width or height is padding.
        anchors: float32 (anchors, 2), width and height in cells.
        grid_size: (rows, cols) of the network's output, numbers or scalar tensors.
    """
    rows, cols = (ops.cast(size, "float32") for size in grid_size)
    x, y, width, height, _ = ops.unstack(truth, TRUTH_COLUMNS, axis=-1)  # each (m, objects)
    exists = (width > 0) & (height > 0)
    x, y = x * cols, y * rows
    # An object whose centre lies on the right or lower edge belongs to the last cell.
    column = ops.clip(ops.floor(x), 0, cols - 1)
    row = ops.clip(ops.floor(y), 0, rows - 1)

    tiny = 1e-6  # of a cell; keeps the logarithm of padding and of boxes without extent finite
    width, height = ops.maximum(width * cols, tiny), ops.maximum(height * rows, tiny)
    anchor_width, anchor_height = anchors[:, 0], anchors[:, 1]  # each (anchors,)
    common = ops.minimum(width[..., None], anchor_width) * ops.minimum(height[..., None], anchor_height)
    union = (width * height)[..., None] + anchor_width * anchor_height - common
    anchor = ops.cast(ops.argmax(common / union, axis=-1), "int32")  # (m, objects); of equals the first
    anchor_size = ops.take(ops.convert_to_tensor(anchors), anchor, axis=0)  # (m, objects, 2)

    coordinates = ops.stack(
        [x - column, y - row, ops.log(width / anchor_size[..., 0]), ops.log(height / anchor_size[..., 1])], axis=-1
    )
    place = ops.cast(row * cols + column, "int32") * len(anchors) + anchor
    number = ops.arange(ops.shape(place)[1])
    same_place_later = (place[:, :, None] == place[:, None, :]) & (number[:, None] < number)  # (m, objects, objects)
    overruled = ops.any(same_place_later & exists[:, None, :], axis=-1)
    return Assignment(place, coordinates, exists, exists & ~overruled)
