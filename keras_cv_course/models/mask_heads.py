"""What Mask R-CNN says of a region: its class, its box, its mask; and which of all that is given out."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from keras_cv_course.boxes import clip_xyxy
from keras_cv_course.models.pyramid_anchors import TINY, decode_boxes
from keras_cv_course.models.rows_of import rows_of
from keras_cv_course.models.suppress_boxes import unsuppressed

Tensor = Any

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the differences from a proposal, which are smaller than those from an anchor


def box_head(size: int, channels: int, units: int, classes: int) -> keras.Model:
    """Build the network for class and box: two dense layers, and one for each answer.

    Args:
        size: rows and columns of a region's map.
        channels: of it.
        units: of each dense layer.
        classes: without the background.

    Returns:
        A model from regions (m, size, size, channels) to logits (m, 1 + classes), the background first, and differences
        (m, 4 * (1 + classes)) from the region's box.
    """
    inputs = keras.Input((size, size, channels), name="region")
    x = layers.Flatten(name="box_flatten")(inputs)
    x = layers.Dense(units, activation="relu", name="box_dense1")(x)
    x = layers.Dense(units, activation="relu", name="box_dense2")(x)
    small, smaller = (keras.initializers.RandomNormal(stddev=s, seed=0) for s in (0.01, 0.001))
    logits = layers.Dense(1 + classes, kernel_initializer=small, name="box_classes")(x)
    differences = layers.Dense(4 * (1 + classes), kernel_initializer=smaller, name="box_boxes")(x)
    return keras.Model(inputs, [logits, differences], name="box_head")


def mask_head(size: int, channels: int, filters: int, convolutions: int, classes: int) -> keras.Model:
    """Build the network for masks: convolutions, one that doubles the size, and a map for each class.

    Returns:
        A model from regions (m, size, size, channels) to logits (m, 2 * size, 2 * size, 1 + classes), the background
        first, which is never asked for.
    """
    x = inputs = keras.Input((size, size, channels), name="region")
    for number in range(1, convolutions + 1):
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=f"mask_conv{number}"
        )(x)
    x = layers.Conv2DTranspose(
        filters, 2, strides=2, activation="relu", kernel_initializer="he_normal", name="mask_double"
    )(x)
    return keras.Model(inputs, layers.Conv2D(1 + classes, 1, name="mask_logits")(x), name="mask_head")


def apply_to_regions(head: keras.Model, regions: Tensor) -> Any:
    """Run a head over regions (batch, n, size, size, channels); each result is (batch, n, ...)."""
    n = regions.shape[1]
    results = head(ops.reshape(regions, (-1, *regions.shape[2:])))
    if isinstance(results, list | tuple):
        return [ops.reshape(x, (-1, n, *x.shape[1:])) for x in results]
    return ops.reshape(results, (-1, n, *results.shape[1:]))


@keras.saving.register_keras_serializable(package="keras_cv_course")
class SelectInstances(layers.Layer):
    """Choose what is given out of all that was said.

    From [logits (batch, n, 1 + classes), differences (batch, n, 4 * (1 + classes)), boxes and probabilities of the
    proposals].

    Gives boxes float32 (batch, most, 4), xyxy within the picture, scores (batch, most) by falling score, and class ids
    int32 (batch, most) from 0 without the background; where there are fewer objects all are 0.

    Args:
        image_size: (height, width).
        most: objects on a picture.
        score_threshold: a score at most this is none.
        iou_threshold: the largest IoU of two boxes of a class that both stay.
        candidates: pairs of a box and a class that non-max suppression sees, the best ones.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        most: int,
        score_threshold: float,
        iou_threshold: float,
        candidates: int,
        **options: Any,
    ) -> None:
        super().__init__(autocast=False, **options)  # 16 bits are too few for pixels
        self.image_size, self.most = (image_size[0], image_size[1]), most
        self.score_threshold, self.iou_threshold, self.candidates = score_threshold, iou_threshold, candidates

    def call(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Decode, clip, suppress within each class, and take the best."""
        logits, differences, proposals, probabilities = (ops.cast(x, "float32") for x in inputs)
        n, classes = logits.shape[1], logits.shape[2] - 1
        scores = ops.softmax(logits, axis=-1)[..., 1:]  # (batch, n, classes)
        moved = ops.reshape(differences, (-1, n, 1 + classes, 4))[:, :, 1:]
        boxes = clip_xyxy(decode_boxes(moved, proposals[:, :, None], BOX_WEIGHTS), self.image_size)
        some = ops.logical_and(
            ops.all(boxes[..., 2:] - boxes[..., :2] >= TINY, axis=-1), probabilities[..., None] > 0
        )  # (batch, n, classes)
        likely = ops.logical_and(some, scores > self.score_threshold)
        scores = ops.reshape(ops.where(likely, scores, -1.0), (-1, n * classes))
        scores, index = ops.top_k(scores, min(self.candidates, n * classes))
        boxes = rows_of(ops.reshape(boxes, (-1, n * classes, 4)), index)
        class_ids = ops.cast(index, "int32") % classes
        kept = unsuppressed(boxes, scores > 0, class_ids, self.iou_threshold)
        best, order = ops.top_k(ops.where(kept, scores, 0.0), min(self.most, scores.shape[1]))
        there = best > 0
        boxes = ops.where(there[..., None], rows_of(boxes, order), 0.0)
        class_ids = ops.where(there, rows_of(class_ids, order), 0)
        missing = ((0, 0), (0, self.most - best.shape[1]))
        return ops.pad(boxes, (*missing, (0, 0))), ops.pad(best, missing), ops.pad(class_ids, missing)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Give the shapes."""
        shape = (inputs[0].shape[0], self.most)
        return keras.KerasTensor((*shape, 4)), keras.KerasTensor(shape), keras.KerasTensor(shape, "int32")

    def get_config(self) -> dict[str, Any]:
        """Give what :meth:`__init__` takes."""
        own = {"image_size": self.image_size, "most": self.most, "score_threshold": self.score_threshold}
        own |= {"iou_threshold": self.iou_threshold, "candidates": self.candidates}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="keras_cv_course")
class MasksOfClasses(layers.Layer):
    """Take of each region the mask of its class: from [logits (batch, n, s, s, 1 + classes), class ids (batch, n)].

    Gives probabilities float32 (batch, n, s, s).
    """

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """Take them."""
        logits, class_ids = inputs
        place = ops.cast(class_ids, "int32")[:, :, None, None, None] + 1
        index = ops.broadcast_to(place, (*ops.shape(logits)[:-1], 1))
        return ops.sigmoid(ops.cast(ops.take_along_axis(logits, index, axis=-1)[..., 0], "float32"))
