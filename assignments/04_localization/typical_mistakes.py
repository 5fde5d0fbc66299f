"""What typical mistakes give on given inputs: a sentence for the learner -> the wrong result."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .reference import (
    BOX,
    CLASSES,
    Picture,
    corners,
    decode,
    encode,
    is_right,
    loss,
    loss_parts,
    overlap,
    sigmoid,
    softmax,
)

SWAPPED_SIZE = "Height and width of the box are swapped: b_h is number 3 of y, and b_w number 4."


def encode_mistakes(picture: Picture) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `encode_target` give for a picture with an object."""
    right = encode(picture)
    box, class_id, (height, width), num_classes = picture
    if box is None or class_id is None:
        raise ValueError("Expected a picture with an object.")
    x1, y1, x2, y2 = box
    c_1 = right.size - num_classes

    def with_box(*numbers: float) -> np.ndarray:
        return np.concatenate([right[:1], np.array(numbers, np.float32), right[CLASSES]])

    def with_class(place: int, value: float = 1) -> np.ndarray:
        y = encode((box, class_id, (height, width), num_classes))
        y[CLASSES] = 0
        y[place] = value
        return y

    b_x, b_y, b_h, b_w = map(float, right[BOX])
    return {
        SWAPPED_SIZE: with_box(b_x, b_y, b_w, b_h),
        "b_x and b_y are swapped: x comes before y.": with_box(b_y, b_x, b_h, b_w),
        "That is the left upper corner: b_x and b_y are the centre of the box.": with_box(
            x1 / width, y1 / height, b_h, b_w
        ),
        "These are two corners: the four numbers are the centre, the height and the width.": with_box(
            x1 / width, y1 / height, x2 / width, y2 / height
        ),
        "These are pixels: divide x by the width of the picture, and y by its height.": with_box(
            b_x * width, b_y * height, b_h * height, b_w * width
        ),
        "The centre is in pixels: divide it by width and height of the picture, as the sizes.": with_box(
            b_x * width, b_y * height, b_h, b_w
        ),
        "The size is in pixels: divide it by height and width of the picture, as the centre.": with_box(
            b_x, b_y, b_h * height, b_w * width
        ),
        "x is divided by the height of the picture and y by its width: image_size is (height, width).": with_box(
            b_x * width / height, b_y * height / width, b_h * height / width, b_w * width / height
        ),
        "x1 + x2 is twice the centre: divide by 2.": with_box(2 * b_x, 2 * b_y, b_h, b_w),
        "b_h and b_w are the whole height and width of the box, not halves of them.": with_box(
            b_x, b_y, b_h / 2, b_w / 2
        ),
        "p_c is 0 although there is an object: it is 1 then.": np.append(np.float32(0), right[1:]),
        "The class is one place too early: c_1, which is number 5 of y, is for class 0.": with_class(
            c_1 + class_id - 1
        ),
        "The class is one place too late: c_1, which is number 5 of y, is for class 0.": with_class(c_1 + class_id + 1),
        "c_1 .. c_n are 1 for the class and 0 for the others: not the number of the class.": with_class(
            c_1 + class_id, class_id
        ),
        "The class is missing: one of c_1 .. c_n is 1.": with_class(c_1 + class_id, 0),
    }


def empty_mistakes(num_classes: int) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `encode_target` give for a picture without an object."""
    numbers = np.arange(5 + num_classes)
    return {
        "p_c is 1 although there is no object: it is 0 then.": np.float32(numbers == 0),
        "A picture without an object has a class here: all of c_1 .. c_n are 0.": np.float32(numbers == 5),
        "A picture without an object is taken for one with an object of class 0.": np.float32(
            (numbers == 0) | (numbers == 5)
        ),
    }


def decode_mistakes(y: np.ndarray, image_size: tuple[int, int]) -> dict[str, dict[str, Any]]:
    """Tell what typical mistakes in `decode_prediction` give."""
    box, class_id = decode(y, image_size)
    height, width = image_size
    x, y_, b_h, b_w = map(float, y[BOX])

    def with_box(*sides: float, scale: tuple[float, float] = (width, height)) -> dict[str, Any]:
        return {"box": np.array(sides) * np.tile(scale, 2), "class_id": class_id}

    def with_class(number: int) -> dict[str, Any]:
        return {"box": box, "class_id": number}

    left, top, right, bottom = corners(y)
    return {
        SWAPPED_SIZE: with_box(x - b_h / 2, y_ - b_w / 2, x + b_h / 2, y_ + b_w / 2),
        "The centre is taken for the left upper corner: half of the size lies on either side of it.": with_box(
            x, y_, x + b_w, y_ + b_h
        ),
        "The box is twice as large: half of the size lies on either side of the centre.": with_box(
            x - b_w, y_ - b_h, x + b_w, y_ + b_h
        ),
        "The box is relative to the picture: multiply x by its width, and y by its height.": with_box(
            left, top, right, bottom, scale=(1, 1)
        ),
        "x is multiplied by the height of the picture and y by its width: image_size is (height, width).": with_box(
            left, top, right, bottom, scale=(height, width)
        ),
        "y comes before x here: the box is (x1, y1, x2, y2).": with_box(
            top, left, bottom, right, scale=(height, width)
        ),
        "That is still centre and size: the box is (x1, y1, x2, y2), two corners.": with_box(x, y_, b_w, b_h),
        "The class is the place of the largest number of all of y: take c_1 .. c_n, y[5:], only.": with_class(
            int(y.argmax())
        ),
        "The class is one too high: c_1 is number 5 of y, and belongs to class 0.": with_class(class_id + 1),
        "The class is five too high: it is counted from c_1, not from p_c.": with_class(class_id + 5),
        "p_c is among the numbers whose largest is sought: take c_1 .. c_n, y[5:], only.": with_class(
            int(np.append(y[CLASSES], y[0]).argmax())
        ),
    }


# Of a vector's p_c, its best class number and the threshold: whether the vector is taken for an object.
Decide = Callable[[float, float, float], bool]
THRESHOLD_MISTAKES: Mapping[str, Decide] = {
    "p_c that equals the threshold is enough: compare with >=, not with >.": lambda p, c, t: p > t,
    "p_c is multiplied by the number of the class: whether there is an object, p_c says alone.": lambda p, c, t: (
        p * c >= t
    ),
    "The number of the class is compared with the threshold: whether there is an object, p_c says alone.": (
        lambda p, c, t: c >= t
    ),
    "p_c and the number of the class must both reach the threshold here: p_c says alone.": lambda p, c, t: (
        min(p, c) >= t
    ),
    "The threshold that is given is not used: 0.5 is always taken.": lambda p, c, t: p >= 0.5,
    "p_c is not used: below the threshold there is no object, and the result is (None, None).": lambda p, c, t: True,
    "No vector is taken for an object, however large p_c is.": lambda p, c, t: False,
    "The wrong way round: there is an object where p_c is at least the threshold.": lambda p, c, t: p < t,
}


def head_mistakes(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `localizer_head` give, of the numbers (m, 5 + n) without activations."""
    object_, box, classes = logits[:, :1], logits[:, BOX], logits[:, CLASSES]
    p, c = sigmoid(object_), softmax(classes)

    def joined(*parts: np.ndarray) -> np.ndarray:
        return np.concatenate(parts, axis=-1)

    return {
        "A softmax over one number gives 1 for every picture: p_c has a sigmoid.": joined(np.ones_like(p), box, c),
        "p_c has no activation: a sigmoid keeps it between 0 and 1.": joined(object_, box, c),
        "The box has a sigmoid: its four numbers are linear, without an activation.": joined(p, sigmoid(box), c),
        "The box has a ReLU: its four numbers are linear, without an activation.": joined(p, np.maximum(box, 0), c),
        "The box has a softmax: its four numbers are linear, without an activation.": joined(p, softmax(box), c),
        "The classes have sigmoids: of several classes one is right, so they have a softmax.": joined(
            p, box, sigmoid(classes)
        ),
        "The classes have no activation: they have a softmax.": joined(p, box, classes),
        "There are no activations at all: sigmoid for p_c, softmax for the classes.": logits,
        "One softmax goes over all numbers: it belongs to the classes alone.": softmax(logits),
        "One sigmoid goes over all numbers: it belongs to p_c alone.": sigmoid(logits),
        "The softmax goes over p_c and the classes together: p_c has a sigmoid of its own.": joined(
            (together := softmax(joined(object_, classes)))[:, :1], box, together[:, 1:]
        ),
        "The box comes before p_c: the order is p_c, box, classes.": joined(box, p, c),
        "The classes come before the box: the order is p_c, box, classes.": joined(p, c, box),
    }


def loss_mistakes(y_true: np.ndarray, y_pred: np.ndarray) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `localization_loss` give; in `y_true`, the rest of empty pictures is anything."""
    parts = loss_parts(y_true, y_pred)
    of_object, of_box, of_class = parts["object"], parts["box"], parts["class"]
    p, q = y_true[:, 0].astype(np.float64), y_pred[:, 0].astype(np.float64)
    squared = (y_true.astype(np.float64) - y_pred) ** 2
    distance = np.abs(y_true.astype(np.float64) - y_pred)[:, BOX].sum(axis=-1)
    true, predicted = y_true[:, CLASSES].astype(np.float64), y_pred[:, CLASSES].astype(np.float64)
    of_each_class = -(true * np.log(predicted) + (1 - true) * np.log(1 - predicted))
    right, masked_class = loss(y_true, y_pred), p * of_class

    return {
        "The box is not masked: where p_c of y_true is 0, its error does not count.": of_object + of_box + masked_class,
        "The classes are not masked: where p_c of y_true is 0, they do not count.": of_object + p * of_box + of_class,
        "Nothing is masked: where p_c of y_true is 0, neither box nor classes count.": of_object + of_box + of_class,
        "Empty pictures have no loss at all: for them it is -log(1 - p_c), so that they are learned too.": p
        * (of_object + of_box + of_class),
        "The mask is the predicted p_c: what counts is that of y_true.": of_object + q * (of_box + of_class),
        "The mask is the wrong way round: box and classes count where p_c of y_true is 1.": of_object
        + (1 - p) * (of_box + of_class),
        "Everything is a squared error: p_c has the logistic loss, and the classes a cross-entropy.": squared[:, 0]
        + p * squared[:, 1:].sum(axis=-1),
        "p_c has a squared error here: it has the logistic loss.": squared[:, 0] + p * (of_box + of_class),
        "The classes have a squared error here: they have a cross-entropy.": of_object
        + p * (of_box + squared[:, CLASSES].sum(axis=-1)),
        "The box's four squared errors are averaged: add them up.": of_object + p * of_box / 4 + masked_class,
        "The cross-entropy is averaged over the classes: add them up.": of_object
        + p * of_box
        + masked_class / true.shape[1],
        "The box has the distance, the root of the squared error: leave out the root.": of_object
        + p * np.sqrt(of_box)
        + masked_class,
        "The box has absolute differences here: they are squared.": of_object + p * distance + masked_class,
        "The classes have the logistic loss of each: a cross-entropy has only the log of the right class.": of_object
        + p * (of_box + of_each_class.sum(axis=-1)),
        "The minus of the cross-entropy is missing: logarithms of probabilities are negative.": of_object
        + p * (of_box - of_class),
        "The minus of the logistic loss is missing: logarithms of probabilities are negative.": -of_object
        + p * (of_box + of_class),
        "p_c does not count: its logistic loss is missing.": p * (of_box + of_class),
        "The box does not count: its squared error is missing.": of_object + masked_class,
        "The classes do not count: their cross-entropy is missing.": of_object + p * of_box,
        "That is the mean over all pictures: return the loss of each, Keras takes the mean itself.": right.mean(),
        "That is the sum over all pictures: return the loss of each, Keras takes the mean itself.": right.sum(),
    }


def correct_mistakes(y_true: np.ndarray, y_pred: np.ndarray, iou_threshold: float) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `correct_at_iou` give."""
    there, found = y_true[:, 0] == 1, y_pred[:, 0] >= 0.5
    same = y_true[:, CLASSES].argmax(axis=-1) == y_pred[:, CLASSES].argmax(axis=-1)
    ious = overlap(corners(y_true), corners(y_pred))
    near = ious >= iou_threshold
    of_plain = overlap(y_true[:, BOX], y_pred[:, BOX])
    swapped = [corners(y[:, [0, 1, 2, 4, 3]]) for y in (y_true, y_pred)]
    right = is_right(y_true, y_pred, iou_threshold)

    def with_boxes(ious: np.ndarray) -> np.ndarray:
        return is_right(y_true, y_pred, iou_threshold, ious)

    return {
        "An IoU that equals the threshold is enough: compare with >=, not with >.": is_right(
            y_true, y_pred, np.nextafter(iou_threshold, 1)
        ),
        "The class is not asked: a right box around the wrong thing is wrong.": np.where(there, found & near, ~found),
        "The box is not asked: its IoU must be at least iou_threshold.": np.where(there, found & same, ~found),
        "p_c is not asked where there is an object: below 0.5 it is not found.": np.where(there, same & near, ~found),
        "Empty pictures are never right here: they are where the predicted p_c is below 0.5, whatever the rest is.": (
            there & right
        ),
        "Empty pictures are always right here: they are where the predicted p_c is below 0.5.": ~there | right,
        "Empty pictures are right where p_c is at least 0.5: the wrong way round.": np.where(there, right, found),
        "Only p_c is compared: class and box must be right too.": there == found,
        "iou_threshold is not used: 0.5 is always taken.": is_right(y_true, y_pred, 0.5),
        "Centre and size are taken for corners: `iou` wants (x1, y1, x2, y2).": with_boxes(of_plain),
        "Height and width of the box are swapped when the corners are made: b_h comes before b_w.": with_boxes(
            overlap(*swapped)
        ),
        "The IoU is asked for where the class is wrong, and the class where the box is: both must be right.": np.where(
            there, found & (same | near), ~found
        ),
        "That is the share of all pictures: say it of each, the mean is taken later.": np.mean(right),
    }
