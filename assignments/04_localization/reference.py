"""The graded functions once more, in NumPy: what the checks compare with.

In NumPy, because then the grader need not import TensorFlow.

A vector y is [p_c, b_x, b_y, b_h, b_w, c_1 .. c_n]: whether there is an object, its centre and its height and width as
parts of the picture, and its class.
"""

from typing import Any

import numpy as np

BOX, CLASSES = slice(1, 5), slice(5, None)  # of a vector y
Picture = tuple[tuple[float, ...] | None, int | None, tuple[int, int], int]  # box, class, (height, width), classes


def encode(picture: Picture) -> np.ndarray:
    """Write (x1, y1, x2, y2) in pixels and a class as y, float32; None and None as zeros."""
    box, class_id, (height, width), num_classes = picture
    y = np.zeros(5 + num_classes, np.float32)
    if box is not None and class_id is not None:
        x1, y1, x2, y2 = box
        y[0] = y[5 + class_id] = 1
        y[BOX] = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (y2 - y1) / height, (x2 - x1) / width
    return y


def decode(y: np.ndarray, image_size: tuple[int, int]) -> tuple[np.ndarray, int]:
    """Read (x1, y1, x2, y2) in pixels and the class from y, whatever its p_c."""
    height, width = image_size
    return corners(y) * np.array([width, height, width, height]), int(y[CLASSES].argmax())


def corners(y: np.ndarray) -> np.ndarray:
    """Give (x1, y1, x2, y2), (..., 4), as parts of the picture, float64."""
    x, y_, height, width = np.moveaxis(y[..., BOX].astype(np.float64), -1, 0)
    return np.stack([x - width / 2, y_ - height / 2, x + width / 2, y_ + height / 2], axis=-1)


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give the IoU (m,) of boxes (m, 4) of two opposite corners, the smaller coordinates first."""
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    areas = sum(np.maximum(box[:, 2:] - box[:, :2], 0).prod(axis=-1) for box in (first, second))
    return np.asarray(shared / np.maximum(areas - shared, 1e-12))


def loss_parts(y_true: np.ndarray, y_pred: np.ndarray) -> dict[str, np.ndarray]:
    """Give the three parts of the loss of each picture, (m,) each, without the mask, float64."""
    true, predicted = y_true.astype(np.float64), y_pred.astype(np.float64)
    p, q = true[:, 0], predicted[:, 0]
    return {
        "object": -(p * np.log(q) + (1 - p) * np.log(1 - q)),
        "box": ((true[:, BOX] - predicted[:, BOX]) ** 2).sum(axis=-1),
        "class": -(true[:, CLASSES] * np.log(predicted[:, CLASSES])).sum(axis=-1),
    }


def loss(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Give the loss of each picture, (m,)."""
    parts = loss_parts(y_true, y_pred)
    return parts["object"] + y_true[:, 0] * (parts["box"] + parts["class"])


def gradient(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Give the gradient of the sum of the losses with respect to the prediction, (m, 5 + n)."""
    true, predicted = y_true.astype(np.float64), y_pred.astype(np.float64)
    p, q = true[:, :1], predicted[:, :1]
    of_object = (1 - p) / (1 - q) - p / q
    of_box = 2 * (predicted[:, BOX] - true[:, BOX])
    of_class = -true[:, CLASSES] / predicted[:, CLASSES]
    return np.concatenate([of_object, p * of_box, p * of_class], axis=-1)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Squeeze numbers between 0 and 1."""
    return np.asarray(1 / (1 + np.exp(-z)))


def softmax(z: np.ndarray) -> np.ndarray:
    """Turn logits (..., n) into probabilities that add up to 1."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def is_right(y_true: np.ndarray, y_pred: np.ndarray, iou_threshold: float, ious: Any = None) -> np.ndarray:
    """Say of each picture whether the prediction is right, (m,); `ious` in place of those of the boxes."""
    ious = overlap(corners(y_true), corners(y_pred)) if ious is None else ious
    there, found = y_true[:, 0] == 1, y_pred[:, 0] >= 0.5
    same = y_true[:, CLASSES].argmax(axis=-1) == y_pred[:, CLASSES].argmax(axis=-1)
    return np.asarray(np.where(there, found & same & (ious >= iou_threshold), ~found))
