"""Classification with localization: one object in a picture, or none, and where it is.

What the network says of a picture is one row of numbers, y = [p_c, b_x, b_y, b_h, b_w, c_1 .. c_n]: whether there is an
object, the middle, height and width of its box as parts of the picture, and a number for each class. Where p_c is 0,
the rest means nothing, and no loss looks at it.

In reading order: the target and its way back, the network, the loss.
"""

from typing import Any, Literal, NamedTuple, get_args

import keras
import numpy as np
from keras import layers, ops

from keras_cv_course.boxes import clip_xyxy, xywh_to_xyxy, xyxy_to_xywh
from keras_cv_course.data.localized_images import NO_OBJECT
from keras_cv_course.errors import DataContentError, ModelError

NUMBERS_BEFORE_CLASSES = 5  # p_c and the box
THRESHOLD = 0.5  # of p_c

Variant = Literal["notes", "squared"]

_BLOCKS = ((16, 1), (32, 2), (64, 2), (96, 2))  # filters, and convolutions, the first with stride 2
_MOMENTUM = 0.9  # of the batch norms, see docs/training.md
_LOOKS = 8  # maps of attention, from which the box is read


def encode_target(
    boxes: np.ndarray, class_ids: np.ndarray, image_size: tuple[int, int], num_classes: int
) -> np.ndarray:
    """Write what is on pictures as the network is to say it.

    Args:
        boxes: (..., 4), x1, y1, x2, y2 in pixels; anything where there is no object.
        class_ids: int (...), 0 to num_classes - 1, or `NO_OBJECT`.
        image_size: (height, width), pixels.
        num_classes: at least 1.

    Returns:
        float32 (..., 5 + num_classes): 1, box and a 1 at the class; only zeros where there is no object.

    Raises:
        DataContentError: arrays that do not fit, a class id that is none, or an object whose box is empty.
    """
    boxes, class_ids = np.asarray(boxes, np.float32), np.asarray(class_ids)
    if boxes.shape != (*class_ids.shape, 4):
        raise DataContentError(
            f"Expected boxes (..., 4) and a class id for each. Received: shapes {boxes.shape} and {class_ids.shape}."
        )
    there = class_ids != NO_OBJECT
    if not ((class_ids >= NO_OBJECT) & (class_ids < num_classes)).all():
        raise DataContentError(
            f"Expected class ids from 0 to {num_classes - 1}, or {NO_OBJECT} for no object. Received: "
            f"{class_ids.min()} to {class_ids.max()}."
        )
    height, width = image_size
    x, y, box_width, box_height = np.moveaxis(xyxy_to_xywh(boxes), -1, 0)
    if not (np.minimum(box_width, box_height) > 0)[there].all():
        raise DataContentError("Expected boxes x1, y1, x2, y2 with x1 < x2 and y1 < y2. Received: an empty one.")
    box = np.stack([x / width, y / height, box_height / height, box_width / width], axis=-1)
    classes = class_ids[..., None] == np.arange(num_classes)
    y_true = np.concatenate([there[..., None], box, classes], axis=-1).astype(np.float32)
    y_true[~there] = 0
    return y_true


class Localization(NamedTuple):
    """What a network says of pictures.

    Attributes:
        scores: float32 (...), p_c.
        boxes: float32 (..., 4), x1, y1, x2, y2 in pixels, within the picture; also where nothing was found.
        class_ids: int64 (...), the likeliest class, `NO_OBJECT` where p_c is below the threshold.
        class_scores: float32 (..., classes), that of each class.
    """

    scores: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    class_scores: np.ndarray


def decode_prediction(y: np.ndarray, image_size: tuple[int, int], threshold: float = THRESHOLD) -> Localization:
    """Read what the network says, or a target, back.

    Args:
        y: (..., 5 + classes), as of :func:`encode_target`.
        image_size: (height, width), pixels.
        threshold: least p_c of an object.

    Raises:
        ModelError: rows too short for one class.
    """
    y = np.asarray(y, np.float32)
    if y.shape[-1] <= NUMBERS_BEFORE_CLASSES:
        raise ModelError(
            f"Expected rows of {NUMBERS_BEFORE_CLASSES} numbers and one for each class. Received: {y.shape[-1]}."
        )
    height, width = image_size
    scores, x, middle_y, box_height, box_width = np.moveaxis(y[..., :NUMBERS_BEFORE_CLASSES], -1, 0)
    box_height, box_width = np.maximum(box_height, 0), np.maximum(box_width, 0)  # a linear output can be below 0
    centred = np.stack([x * width, middle_y * height, box_width * width, box_height * height], axis=-1)
    class_scores = y[..., NUMBERS_BEFORE_CLASSES:]
    class_ids = np.where(scores >= threshold, class_scores.argmax(axis=-1), NO_OBJECT)
    return Localization(scores, clip_xyxy(xywh_to_xyxy(centred), image_size), class_ids, class_scores)


def localizer(input_shape: tuple[int, int, int] = (96, 96, 3), num_classes: int = 3) -> keras.Model:
    """Build a small network with random weights.

    Convolutions bring the picture to 1/16 of its size and see all of it there; what they find is added to the map of
    1/8, which is exact enough for a box, and :func:`localization_head` reads it.

    Args:
        input_shape: (height, width, channels), height and width multiples of 16.
        num_classes: at least 1.

    Returns:
        A model from pictures float32 (m, *input_shape), values 0..1, to float32 (m, 5 + num_classes).

    Raises:
        ModelError: pictures of another size.
    """
    check_localizer_size(input_shape[:2])
    x = inputs = keras.Input(input_shape, name="image")
    maps = []
    for block, (filters, convolutions) in enumerate(_BLOCKS, start=1):
        for number in range(1, convolutions + 1):
            x = _convolution(x, filters, 3, f"block{block}_conv{number}", strides=2 if number == 1 else 1)
        maps.append(x)
    fine, coarse = maps[-2:]
    context = layers.UpSampling2D(2, name="context_up")(_convolution(coarse, fine.shape[-1], 1, "context"))
    x = layers.Add(name="joined")([fine, context])
    x = _convolution(x, fine.shape[-1], 3, "last")
    return keras.Model(inputs, localization_head(x, num_classes), name="localizer")


def check_localizer_size(size: tuple[int, int]) -> None:
    """Raise ModelError where (height, width) is not a size of pictures that :func:`localizer` takes."""
    if min(size) < 16 or any(side % 16 for side in size):
        raise ModelError(f"Expected pictures whose height and width are multiples of 16. Received: {size}.")


def _convolution(x: Any, filters: int, size: int, name: str, strides: int = 1) -> Any:
    x = layers.Conv2D(filters, size, strides, "same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def localization_head(features: Any, num_classes: int, units: int = 128) -> Any:
    """Put the three outputs on features, and join them to one row.

    p_c comes out of a sigmoid, the box as it is, the classes out of a softmax. What is there is asked of the strongest
    response of each channel, wherever it is. Where it is, is asked of maps of attention, each a share for every place,
    which sum to 1: the box's numbers are weighted sums of them. So the network need not learn for each place anew how
    an object looks. The maps are those of Levine et al., "End-to-end training of deep visuomotor policies", 2016,
    section 4.2 (spatial softmax), with weights that are learnt in place of the coordinates.

    Args:
        features: a symbolic tensor (m, h, w, channels), or (m, channels), from which all is read alike.
        num_classes: at least 1.
        units: of the dense layer before p_c and the classes.

    Returns:
        A symbolic tensor (m, 5 + num_classes).

    Raises:
        ModelError: no class, or features of another rank.
    """
    if num_classes < 1 or len(features.shape) not in (2, 4):
        raise ModelError(
            "Expected at least one class, on features (m, h, w, channels) or (m, channels). Received: "
            f"{num_classes} on {features.shape}."
        )
    what = where = features
    if len(features.shape) == 4:
        _, height, width, _ = features.shape
        what = layers.GlobalMaxPooling2D(name="strongest")(features)
        where = layers.Conv2D(_LOOKS, 1, name="looks")(features)
        where = layers.Reshape((height * width, _LOOKS), name="places")(where)  # (m, places, looks)
        where = layers.Flatten(name="attention_flat")(layers.Softmax(axis=1, name="attention")(where))
    what = layers.Dense(units, activation="relu", name="head")(what)
    parts = [
        layers.Dense(1, activation="sigmoid", name="object")(what),
        layers.Dense(4, name="box")(where),
        layers.Dense(num_classes, activation="softmax", name="classes")(what),
    ]
    return layers.Concatenate(name="y")(parts)


@keras.saving.register_keras_serializable("keras_cv_course")
class LocalizationLoss(keras.losses.Loss):
    """The loss of the notes: what box and class cost counts only where there is an object.

    ``"notes"`` is the logistic loss of p_c, and, masked by the target's p_c, the squared error of the box's four
    numbers and the cross-entropy of the classes. ``"squared"`` is the squared error of all numbers where there is an
    object, and of p_c alone where there is none.

    Args:
        variant: which of the two.
        box_weight: factor of the box's part in ``"notes"``: its errors are parts of a picture, whose squares are small
            beside logarithms.
    """

    def __init__(self, variant: Variant = "notes", box_weight: float = 40.0, name: str = "localization_loss") -> None:
        super().__init__(name=name)
        if variant not in get_args(Variant):
            raise ModelError(f"variant must be one of {', '.join(get_args(Variant))}. Received: {variant!r}.")
        self.variant, self.box_weight = variant, box_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Give the loss of each picture, (m,); both arguments (m, 5 + classes)."""
        there, said = y_true[:, 0], y_pred[:, 0]
        squares = ops.square(y_true - y_pred)
        if self.variant == "squared":
            return ops.where(there > 0, ops.sum(squares, axis=1), squares[:, 0])
        objectness = keras.losses.binary_crossentropy(there[:, None], said[:, None])
        box = ops.sum(squares[:, 1:NUMBERS_BEFORE_CLASSES], axis=1)
        classes = keras.losses.categorical_crossentropy(
            y_true[:, NUMBERS_BEFORE_CLASSES:], y_pred[:, NUMBERS_BEFORE_CLASSES:]
        )
        return objectness + there * (self.box_weight * box + classes)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {"variant": self.variant, "box_weight": self.box_weight, "name": self.name}
