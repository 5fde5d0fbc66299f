"""A loss for YOLOv2 of later years: complete IoU for boxes, quality focal loss for objectness.

Darknet's loss compares four coordinates one by one, and adds up thousands of predictions in which nothing is. Here a
box is judged as a whole, by its overlap with the true one, and a prediction counts the less, the nearer it is to its
target.

Sources: Zheng et al., "Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression", 2020; Li et al.,
"Generalized Focal Loss: Learning Qualified and Distributed Bounding Boxes for Dense Object Detection", 2020.
"""

from typing import Any

import keras
from keras import ops

from keras_cv_course.boxes import complete_iou
from keras_cv_course.detection.yolo_loss import YoloLoss, divergence

Tensor = Any

_BOX_SCALE = 2.5  # 1 - complete IoU is smaller than what Darknet's loss gives for the same box
_FOCUS_SCALE = 4.0  # sigmoid(t) times this is 1 at a quarter; of what is sure to be nothing, next to nothing remains


@keras.saving.register_keras_serializable(package="keras_cv_course")
class CIoUFocalLoss(YoloLoss):
    """As :class:`~.yolo_loss.YoloLoss` in all but three parts; the assignment and the classes are Darknet's.

    Coordinates: 2.5 times 1 - the complete IoU. Objectness at objects: cross-entropy with the IoU as its target, times
    twice the distance of the two. Objectness elsewhere: cross-entropy times four times the objectness. The factors are
    taken as constants, without a gradient of their own.
    """

    def __init__(self, anchors: Any, name: str = "ciou_focal_loss", **options: Any) -> None:
        """Take the arguments of :class:`~.yolo_loss.YoloLoss`."""
        super().__init__(anchors, name=name, **options)

    def _box_losses(self, raw: Tensor, coordinates: Tensor, boxes: Tensor, truth_boxes: Tensor) -> Tensor:
        return _BOX_SCALE * (1 - complete_iou(boxes, truth_boxes))

    def _object_losses(self, logits: Tensor, iou: Tensor) -> Tensor:
        return 2 * ops.abs(iou - _probability(logits)) * divergence(iou, logits)

    def _no_object_losses(self, logits: Tensor) -> Tensor:
        return _FOCUS_SCALE * _probability(logits) * ops.softplus(logits)


def _probability(logits: Tensor) -> Tensor:
    """Give the objectness as a constant."""
    return ops.stop_gradient(ops.sigmoid(logits))
