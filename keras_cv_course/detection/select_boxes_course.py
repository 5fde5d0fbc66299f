"""The course's functions that select boxes: names, argument order, dtypes and results as there, on TensorFlow.

They run on eager tensors, on NumPy arrays and, where Keras runs on TensorFlow, in `tf.function`, and give TensorFlow's
tensors. But for `iou`, boxes are (y1, x1, y2, x2). The package itself goes the shorter way of `select_boxes.py`, to the
same boxes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cv_course.boxes import pairwise_iou, sort_corners
from keras_cv_course.detection.yolo_head import scale_boxes, yolo_boxes_to_corners

Tensor = Any  # an eager or symbolic tensor of TensorFlow, or a NumPy array


def yolo_filter_boxes(
    boxes: Tensor, box_confidence: Tensor, box_class_probs: Tensor, threshold: float = 0.6
) -> tuple[Tensor, Tensor, Tensor]:
    """Keep the boxes whose best class is likely enough.

    Args:
        boxes: (..., 4), for instance (rows, cols, A, 4).
        box_confidence: (..., 1), objectness.
        box_class_probs: (..., classes).
        threshold: least score, objectness times probability of the best class.

    Returns:
        scores: (n,), each at least `threshold`.
        boxes: (n, 4), in the order of the grid.
        classes: int64 (n,), the best class of each box.
    """
    box_scores = tf.convert_to_tensor(box_confidence) * box_class_probs  # (..., classes)
    classes = tf.argmax(box_scores, axis=-1)
    scores = tf.reduce_max(box_scores, axis=-1)
    kept = tf.where(scores >= threshold)  # (n, axes of the grid), once for all three, which tf.boolean_mask would not
    return tf.gather_nd(scores, kept), tf.gather_nd(boxes, kept), tf.gather_nd(classes, kept)


def iou(box1: Sequence[float] | Tensor, box2: Sequence[float] | Tensor) -> float | Tensor:
    """Divide the intersection of two boxes (x1, y1, x2, y2) by their union.

    Boxes that only touch have 0, and so has a box without area. For all pairs of two arrays of boxes there is
    :func:`keras_cv_course.boxes.pairwise_iou`.

    Returns:
        A number from 0 to 1; a scalar tensor if one of the boxes is a tensor.
    """
    if any(tf.is_tensor(box) or any(tf.is_tensor(side) for side in box) for box in (box1, box2)):
        first, second = (tf.cast(tf.convert_to_tensor(box), tf.float32)[None] for box in (box1, box2))
        return pairwise_iou(first, second)[0, 0]
    first, second = (np.asarray(box, np.float64)[None] for box in (box1, box2))
    return float(pairwise_iou(first, second)[0, 0])


def yolo_non_max_suppression(
    scores: Tensor,
    boxes: Tensor,
    classes: Tensor,
    max_boxes: int = 10,
    iou_threshold: float = 0.5,
    *,
    per_class: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Keep the best boxes, and of those that overlap only the best.

    The course has two revisions. In the older a box suppresses boxes of any class, so that a person before a car can
    make the car disappear. Today's suppresses within each class, joins the classes and keeps the best `max_boxes`.
    It is the default, because the lecture notes ask for non-max suppression class by class, and because the course's
    notebook does so now.

    Args:
        scores: (n,).
        boxes: (n, 4), in any unit; opposite corners in any order.
        classes: (n,), of any dtype.
        max_boxes: the largest number of boxes to keep.
        iou_threshold: a box goes if its IoU with a better one is more than this.
        per_class: today's revision of the course; False for the older.

    Returns:
        scores float32 (k,), boxes float32 (k, 4) and classes (k,), by falling score. Of equal scores, the class that
        comes first in `classes` comes first, and then the lower index, as in the course.
    """
    scores, boxes = tf.cast(scores, tf.float32), tf.cast(boxes, tf.float32)
    classes = tf.convert_to_tensor(classes)
    if per_class:
        class_number = tf.unique(classes).idx  # (n,), numbered in the order in which classes first appear
        chosen = _suppress_within_classes(scores, boxes, class_number, max_boxes, iou_threshold)
    else:
        chosen = tf.image.non_max_suppression(boxes, scores, max_boxes, iou_threshold)
    return tf.gather(scores, chosen), tf.gather(boxes, chosen), tf.gather(classes, chosen)


def yolo_eval(
    yolo_outputs: Sequence[Tensor],
    image_shape: Any = (720.0, 1280.0),
    max_boxes: int = 10,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
    *,
    per_class: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Turn what `yolo_head` gives for one picture into the boxes that count.

    Args:
        yolo_outputs: box_xy, box_wh, box_confidence, box_class_probs. The boxes of all pictures of a batch compete; for
            each picture by itself there is :func:`~keras_cv_course.detection.select_boxes_padded.yolo_eval_batch`.
        image_shape: (height, width) of the picture in pixels.
        max_boxes: the largest number of boxes to keep.
        score_threshold: least score of a box.
        iou_threshold: as for :func:`yolo_non_max_suppression`, like `per_class`.
        per_class: today's revision of the course; False for the older.

    Returns:
        scores float32 (k,), boxes float32 (k, 4) as (y1, x1, y2, x2) in pixels of the picture, and classes int64 (k,).
    """
    box_xy, box_wh, box_confidence, box_class_probs = yolo_outputs
    boxes = yolo_boxes_to_corners(box_xy, box_wh)
    scores, boxes, classes = yolo_filter_boxes(boxes, box_confidence, box_class_probs, score_threshold)
    boxes = scale_boxes(boxes, image_shape)
    return yolo_non_max_suppression(scores, boxes, classes, max_boxes, iou_threshold, per_class=per_class)


# Compiled when first called, for any number of boxes: two dozen eager operations would take several times as long.
@tf.function(
    input_signature=[
        tf.TensorSpec([None], tf.float32),
        tf.TensorSpec([None, 4], tf.float32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([], tf.float32),
    ]
)
def _suppress_within_classes(
    scores: Tensor, boxes: Tensor, class_number: Tensor, max_boxes: Tensor, iou_threshold: Tensor
) -> Tensor:
    """Give the indices (k,) of the chosen boxes by falling score.

    A loop over the chosen, each compared with all boxes at once: its memory grows with n, where TensorFlow's kernel for
    overlaps that are given, `tf.image.non_max_suppression_overlaps`, needs all n * n of them, 13 GB for a batch of 32.
    """
    order = tf.argsort(class_number, stable=True)
    order = tf.gather(order, tf.argsort(tf.gather(scores, order), direction="DESCENDING", stable=True))
    class_number = tf.gather(class_number, order)
    corners = sort_corners(tf.gather(boxes, order))
    places = tf.range(tf.size(order))

    def choose_one(chosen: Tensor, alive: Tensor) -> tuple[Tensor, Tensor]:
        best = tf.argmax(alive, output_type=tf.int32)  # the first that is left
        overlaps = pairwise_iou(corners[best][None], corners)[0] > iou_threshold  # (n,)
        suppressed = overlaps & (class_number == class_number[best])
        # A box without area does not overlap itself.
        return tf.concat([chosen, [best]], axis=0), alive & ~suppressed & (places != best)

    chosen, _ = tf.while_loop(
        lambda chosen, alive: (tf.size(chosen) < max_boxes) & tf.reduce_any(alive),
        choose_one,
        (tf.zeros(0, tf.int32), tf.gather(scores, order) > -np.inf),  # no NaN, as in TensorFlow's kernel
        shape_invariants=(tf.TensorShape([None]), tf.TensorShape([None])),
    )
    return tf.gather(order, chosen)
