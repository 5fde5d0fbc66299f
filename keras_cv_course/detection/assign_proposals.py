"""Which anchor or proposal answers for which object, and which of them a training step looks at.

Source: Ren et al., "Faster R-CNN", 2015, section 3.1.2; details as in torchvision/models/detection/_utils.py, class
Matcher.
"""

from typing import Any, NamedTuple

from keras import ops

from keras_cv_course.boxes import pairwise_iou

Tensor = Any


class Match(NamedTuple):
    """What boxes are to say.

    Attributes:
        objects: int32 (batch, n), the number of the object that each overlaps most.
        positive: bool (batch, n), answers for it.
        negative: bool (batch, n), answers for the background; a box that is neither is not looked at.
    """

    objects: Tensor
    positive: Tensor
    negative: Tensor


def match_boxes(
    boxes_xyxy: Tensor, truth_xyxy: Tensor, exists: Tensor, low: float, high: float, *, best_of_each: bool = False
) -> Match:
    """Compare boxes with objects by their IoU.

    Args:
        boxes_xyxy: float32 (batch, n, 4) or (n, 4), pixels.
        truth_xyxy: float32 (batch, objects, 4), pixels.
        exists: bool (batch, objects), False for padding.
        low: a box is negative if its best IoU is below this.
        high: and positive from this on.
        best_of_each: a box that overlaps some object more than all other boxes do is positive too, for the object that
            it overlaps most itself.
    """
    overlaps = ops.where(exists[:, None, :], pairwise_iou(boxes_xyxy, truth_xyxy), 0.0)  # (batch, n, objects)
    best = ops.max(overlaps, axis=2)
    positive = best >= high
    if best_of_each:
        of_object = ops.max(overlaps, axis=1, keepdims=True)  # (batch, 1, objects)
        positive = ops.logical_or(positive, ops.any((overlaps == of_object) & (of_object > 0), axis=2))
    objects = ops.cast(ops.argmax(overlaps, axis=2), "int32")
    return Match(objects, positive, ops.logical_and(best < low, ops.logical_not(positive)))


def sample(wanted: Tensor, random: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Draw some of the boxes that are wanted.

    Args:
        wanted: bool (batch, n).
        random: float32 (batch, n), each 0 to below 1; the largest are drawn.
        count: how many.

    Returns:
        Their numbers int32 (batch, count), and whether each is one of the wanted, bool; the others fill up.
    """
    priority, numbers = ops.top_k(ops.where(wanted, random, -1.0), min(count, wanted.shape[1]))
    missing = ((0, 0), (0, count - numbers.shape[1]))  # where there are fewer boxes than are drawn
    return ops.pad(ops.cast(numbers, "int32"), missing), ops.pad(priority, missing, constant_values=-1.0) >= 0
