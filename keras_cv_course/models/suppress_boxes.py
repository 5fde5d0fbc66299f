"""Non-max suppression of a fixed shape, for compiled graphs on every backend: all comparisons at once."""

from typing import Any

from keras import ops

from keras_cv_course.boxes import pairwise_iou

Tensor = Any


def unsuppressed(boxes_xyxy: Tensor, valid: Tensor, groups: Tensor, iou_threshold: float) -> Tensor:
    """Tell which boxes greedy non-max suppression keeps.

    A box goes if one before it, which stays itself, is of its group and overlaps it by more than the threshold. That is
    settled by rounds over all boxes until none changes: as many as the longest chain of boxes that suppress each other,
    and not as many as there are boxes.

    Args:
        boxes_xyxy: float32 (batch, n, 4), by falling score.
        valid: bool (batch, n), False for boxes that are none.
        groups: integers (batch, n), such as classes or levels.
        iou_threshold: the largest IoU of two boxes that both stay.

    Returns:
        bool (batch, n).
    """
    n = boxes_xyxy.shape[1]
    places = ops.arange(n)
    before = places[:, None] < places[None, :]  # (n, n)
    rivals = ops.logical_and(before, groups[:, :, None] == groups[:, None, :])
    rivals = ops.logical_and(rivals, pairwise_iou(boxes_xyxy, boxes_xyxy) > iou_threshold)  # (batch, n, n)

    def not_settled(kept: Tensor, earlier: Tensor) -> Tensor:
        return ops.any(kept != earlier)

    def another_round(kept: Tensor, earlier: Tensor) -> tuple[Tensor, Tensor]:
        suppressed = ops.any(ops.logical_and(rivals, kept[:, :, None]), axis=1)
        return ops.logical_and(valid, ops.logical_not(suppressed)), kept

    kept, _ = ops.while_loop(not_settled, another_round, another_round(valid, valid), maximum_iterations=n)
    return kept
