"""Box selection with a result of fixed shape: for batches and for compiled graphs.

Both functions do for each picture of a batch what the course's `yolo_eval` does for one, and fill up with zeros.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras import ops

from keras_cv_course.boxes import pairwise_iou, sort_corners
from keras_cv_course.detection.yolo_head import scale_boxes, yolo_boxes_to_corners

Tensor = Any  # an eager or symbolic tensor of the current backend, or a NumPy array

_NOTHING = -float("inf")  # the score of a box that is not likely enough or suppressed


class PaddedBoxes(NamedTuple):
    """The boxes of a batch of pictures; each row holds `counts` boxes by falling score, and then zeros.

    Attributes:
        scores: float32 (batch, max_boxes).
        boxes: float32 (batch, max_boxes, 4), as (y1, x1, y2, x2) in pixels.
        classes: integers (batch, max_boxes).
        counts: int32 (batch,).
    """

    scores: Tensor
    boxes: Tensor
    classes: Tensor
    counts: Tensor


def yolo_eval_batch(
    yolo_outputs: Sequence[Tensor],
    image_shape: Any = (720.0, 1280.0),
    max_boxes: int = 10,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
) -> PaddedBoxes:
    """Select the boxes of many pictures with `tf.image.combined_non_max_suppression`.

    Args:
        yolo_outputs: box_xy, box_wh, box_confidence, box_class_probs, each (batch, rows, cols, A, ...) as from
            `yolo_head`.
        image_shape: (height, width) of the pictures in pixels; or (batch, 2), one for each.
        max_boxes: the largest number of boxes to keep on a picture.
        score_threshold: least score of a box.
        iou_threshold: a box goes if its IoU with a better one of its class is more than this.

    Returns:
        The same boxes as `yolo_eval` for each picture; among boxes with equal scores TensorFlow chooses freely.
    """
    import tensorflow as tf

    boxes, scores = _boxes_and_class_scores(yolo_outputs, image_shape)
    best = tf.one_hot(tf.argmax(scores, axis=-1), tf.shape(scores)[-1], on_value=True, off_value=False)
    scores = tf.where(best & (scores >= score_threshold), scores, _NOTHING)  # (batch, n, classes)
    found = tf.image.combined_non_max_suppression(
        boxes[:, :, None, :],  # (batch, n, 1, 4): one box for all classes
        scores,
        max_output_size_per_class=max_boxes,
        max_total_size=max_boxes,
        iou_threshold=iou_threshold,
        clip_boxes=False,
    )
    return PaddedBoxes(
        found.nmsed_scores, found.nmsed_boxes, tf.cast(found.nmsed_classes, tf.int64), found.valid_detections
    )


def yolo_eval_ops(
    yolo_outputs: Sequence[Tensor],
    image_shape: Any = (720.0, 1280.0),
    max_boxes: int = 10,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
) -> PaddedBoxes:
    """Select the boxes of many pictures with `keras.ops` only: the same boxes on every backend, also compiled.

    Meant for compiled graphs: it works through all boxes `max_boxes` times, which eager operations do slowly. Arguments
    and result as of :func:`yolo_eval_batch`; of boxes with equal scores, those of the class that came first in the grid
    come first, as in `yolo_eval`.
    """
    boxes, class_scores = _boxes_and_class_scores(yolo_outputs, image_shape)
    batch, n, _ = ops.shape(boxes)
    classes = ops.cast(ops.argmax(class_scores, axis=-1), "int32")  # (batch, n)
    scores = ops.max(class_scores, axis=-1)
    likely = scores >= score_threshold
    scores = ops.where(likely, scores, _NOTHING)
    corners = sort_corners(boxes)

    # Where in the grid the class of each box first appears, which decides between equal scores.
    of_class = classes[..., None] == ops.arange(class_scores.shape[-1], dtype="int32")  # (batch, n, classes)
    first = _first(ops.logical_and(of_class, likely[..., None]))  # (batch, classes)
    first = ops.take_along_axis(first, classes, axis=1)  # (batch, n)
    indices, places = ops.arange(n, dtype="int32"), ops.arange(max_boxes, dtype="int32")

    def choose_one(place: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        scores, chosen, chosen_scores = state
        best_score = ops.max(scores, axis=1, keepdims=True)  # (batch, 1)
        rank = ops.where(scores == best_score, first, n)
        best = _first(rank == ops.min(rank, axis=1, keepdims=True))[:, None]  # (batch, 1)
        chosen = ops.where(places == place, best, chosen)
        chosen_scores = ops.where(places == place, best_score, chosen_scores)

        overlaps = pairwise_iou(ops.take_along_axis(corners, best[..., None], axis=1), corners)[:, 0]  # (batch, n)
        same_class = classes == ops.take_along_axis(classes, best, axis=1)
        suppressed = ops.logical_and(same_class, overlaps > iou_threshold)
        itself = indices == best  # a box without area does not overlap itself either
        return ops.where(ops.logical_or(suppressed, itself), _NOTHING, scores), chosen, chosen_scores

    unused = ops.full((batch, max_boxes), _NOTHING, dtype="float32")
    state = (scores, ops.zeros((batch, max_boxes), "int32"), unused)
    _, chosen, chosen_scores = ops.fori_loop(0, max_boxes, choose_one, state)
    used = chosen_scores > _NOTHING  # (batch, max_boxes)
    return PaddedBoxes(
        ops.where(used, chosen_scores, 0.0),
        ops.where(used[..., None], ops.take_along_axis(boxes, chosen[..., None], axis=1), 0.0),
        ops.where(used, ops.take_along_axis(classes, chosen, axis=1), 0),
        ops.sum(ops.cast(used, "int32"), axis=1),
    )


def _boxes_and_class_scores(yolo_outputs: Sequence[Tensor], image_shape: Any) -> tuple[Tensor, Tensor]:
    """Give boxes (batch, n, 4) in pixels and scores (batch, n, classes), float32, n = rows * cols * A."""
    box_xy, box_wh, box_confidence, box_class_probs = (ops.cast(output, "float32") for output in yolo_outputs)
    boxes = yolo_boxes_to_corners(box_xy, box_wh)  # (batch, rows, cols, A, 4)
    scores = box_confidence * box_class_probs  # (batch, rows, cols, A, classes)
    batch, rows, cols, anchors, classes = ops.shape(scores)
    n = rows * cols * anchors
    boxes = scale_boxes(ops.reshape(boxes, (batch, n, 4)), image_shape)
    return boxes, ops.reshape(scores, (batch, n, classes))


def _first(true: Tensor) -> Tensor:
    """Give the index of the first True along axis 1, int32; 0 where there is none."""
    return ops.cast(ops.argmax(ops.cast(true, "int32"), axis=1), "int32")
