"""The region proposal network: which of a pyramid's anchors lie on some object, and the boxes that they become.

Source: Ren, He, Girshick and Sun, "Faster R-CNN", 2015, section 3.1; on a pyramid as by Lin et al., 2017, section 4.1.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_cv_course.boxes import clip_xyxy
from keras_cv_course.models.pyramid_anchors import TINY, decode_boxes
from keras_cv_course.models.rows_of import rows_of
from keras_cv_course.models.suppress_boxes import unsuppressed

Tensor = Any

IOU_THRESHOLD = 0.7  # of two proposals of one level that both stay


def proposal_head(filters: int, ratios: int) -> keras.Model:
    """Build the small network that slides over every level: a convolution, and two of 1 x 1 on it.

    Args:
        filters: channels of the maps, and of the convolution.
        ratios: anchors on each place.

    Returns:
        A model from a map (batch, h, w, filters) to logits of objectness (batch, h, w, ratios) and differences of boxes
        (batch, h, w, 4 * ratios).
    """
    inputs = keras.Input((None, None, filters), name="map")
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="rpn_conv")(inputs)
    small = keras.initializers.RandomNormal(stddev=0.01, seed=0)
    objectness = layers.Conv2D(ratios, 1, kernel_initializer=small, name="rpn_objectness")(x)
    differences = layers.Conv2D(4 * ratios, 1, kernel_initializer=small, name="rpn_boxes")(x)
    return keras.Model(inputs, [objectness, differences], name="proposal_head")


def score_anchors(head: keras.Model, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Run a proposal head over all levels.

    Returns:
        Logits (batch, n) and differences (batch, n, 4) in the order of
        :func:`~keras_cv_course.models.pyramid_anchors.pyramid_anchors`.
    """
    scores, differences = [], []
    for x in maps:
        objectness, boxes = head(x)
        count = x.shape[1] * x.shape[2] * objectness.shape[-1]
        scores.append(layers.Reshape((count,))(objectness))
        differences.append(layers.Reshape((count, 4))(boxes))
    if len(maps) == 1:
        return scores[0], differences[0]
    return layers.Concatenate(axis=1)(scores), layers.Concatenate(axis=1)(differences)


@keras.saving.register_keras_serializable(package="keras_cv_course")
class ProposeBoxes(layers.Layer):
    """Make boxes of the likeliest anchors: from [logits (batch, n), differences (batch, n, 4)].

    Gives boxes float32 (batch, after, 4), xyxy within the picture, by falling score, and their probabilities (batch,
    after); where there are fewer, boxes and probabilities are 0.

    Args:
        anchors: (n, 4), xyxy in pixels.
        level_counts: anchors of each level.
        image_size: (height, width).
        before: of each level, the likeliest that non-max suppression is to see.
        after: that it gives in all.
    """

    def __init__(
        self,
        anchors: Any,
        level_counts: Sequence[int],
        image_size: tuple[int, int],
        before: int,
        after: int,
        **options: Any,
    ) -> None:
        super().__init__(autocast=False, **options)  # 16 bits are too few for pixels
        self.anchors = np.array(anchors, np.float32)
        self.level_counts, self.image_size = tuple(level_counts), (image_size[0], image_size[1])
        self.before, self.after = before, after

    def call(self, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Decode, clip, suppress, and take the best."""
        logits, differences = (ops.cast(x, "float32") for x in inputs)
        chosen_scores, chosen_boxes, levels, start = [], [], [], 0
        for level, count in enumerate(self.level_counts):
            scores, index = ops.top_k(logits[:, start : start + count], min(self.before, count))
            anchors = ops.take(ops.convert_to_tensor(self.anchors[start : start + count]), index, axis=0)
            moved = rows_of(differences[:, start : start + count], index)
            chosen_scores.append(scores)
            chosen_boxes.append(clip_xyxy(decode_boxes(moved, anchors), self.image_size))
            levels.append(ops.full_like(index, level))
            start += count
        scores, order = ops.top_k(ops.concatenate(chosen_scores, axis=1), sum(x.shape[1] for x in chosen_scores))
        boxes = rows_of(ops.concatenate(chosen_boxes, axis=1), order)
        groups = rows_of(ops.concatenate(levels, axis=1), order)
        some = ops.all(boxes[..., 2:] - boxes[..., :2] >= TINY, axis=-1)
        kept = unsuppressed(boxes, some, groups, IOU_THRESHOLD)
        best, order = ops.top_k(ops.where(kept, ops.sigmoid(scores), -1.0), min(self.after, scores.shape[1]))
        boxes = rows_of(boxes, order)
        there = best > 0
        missing = self.after - best.shape[1]
        boxes = ops.pad(ops.where(there[..., None], boxes, 0.0), ((0, 0), (0, missing), (0, 0)))
        return boxes, ops.pad(ops.where(there, best, 0.0), ((0, 0), (0, missing)))

    def compute_output_spec(self, inputs: Any) -> Any:
        """Give the shapes."""
        batch = inputs[0].shape[0]
        return keras.KerasTensor((batch, self.after, 4)), keras.KerasTensor((batch, self.after))

    def get_config(self) -> dict[str, Any]:
        """Give what :meth:`__init__` takes."""
        own = {"anchors": self.anchors.tolist(), "level_counts": self.level_counts, "image_size": self.image_size}
        return {**super().get_config(), **own, "before": self.before, "after": self.after}
