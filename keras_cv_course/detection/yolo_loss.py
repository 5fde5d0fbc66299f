"""The loss of YOLOv2, such that its gradient is what Darknet trains with.

Darknet's region layer computes no loss but, for every output, a `delta`, which it feeds back as the negative gradient:

    x, y, objectness   scale * (target - sigmoid(t))
    w, h               scale * (target - t)
    classes            scale * (target - softmax(t))

It takes the first after the logistic and leaves out the logistic's derivative, sigmoid(t) (1 - sigmoid(t)), which half
a squared error would bring along. So what it minimises is the cross-entropy for x, y, objectness and classes, and half
the squared error for w and h: their gradient by the raw output t is exactly -delta, and they are the loss here. The
entropy of the targets, a constant, is taken off, so that a perfect prediction has the loss 0. What Darknet prints as
its cost is the sum of the squares of delta, thus of this gradient.

Source: region_layer.c of Darknet; Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016. Any backend of Keras.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cv_course.boxes import pairwise_iou, xywh_to_xyxy
from keras_cv_course.detection.targets import TRUTH_COLUMNS, Assignment, assign
from keras_cv_course.detection.yolo_head import check_raw_output
from keras_cv_course.errors import ModelError
from keras_cv_course.models.yolov2 import NUMBERS_PER_BOX

Tensor = Any
Measures = dict[str, tuple[Tensor, Tensor]]

_RECALLED = 0.5  # IoU of a truth and its prediction from which Darknet counts the object as found
_ANCHOR_PULL = 0.01


@keras.saving.register_keras_serializable(package="keras_cv_course")
class YoloLoss(keras.losses.Loss):
    """Loss of a batch: y_true (m, max_boxes, 5) as of :mod:`.targets`, y_pred the raw output (m, rows, cols, channels).

    Each picture's loss is a sum over its objects and predictions; a batch has the mean of its pictures. It is computed
    in float32 whatever the network's precision.
    """

    def __init__(
        self,
        anchors: Any,
        object_scale: float = 5.0,
        noobject_scale: float = 1.0,
        class_scale: float = 1.0,
        coord_scale: float = 1.0,
        ignore_iou: float = 0.6,
        pull_to_anchors: bool = False,
        name: str = "yolo_loss",
        **options: Any,
    ) -> None:
        """Set the weights of the parts; the defaults are those of the YOLOv2 cfg files.

        Args:
            anchors: (A, 2), width and height in cells.
            object_scale: weight of the objectness where an object is; its target is the IoU that the predicted box has
                at the time.
            noobject_scale: weight of the objectness elsewhere; its target is 0.
            class_scale: weight of the class.
            coord_scale: weight of the coordinates, times 2 - w h, so that small objects count more.
            ignore_iou: a prediction without an object whose box overlaps one by more than this is not held against it.
            pull_to_anchors: draw every other box, with the weight 0.01, to its anchor at its cell's centre. Darknet
                does so for the first 12,800 pictures of a training.
            name: of the loss.
            options: `reduction` and `dtype`, as of every loss of Keras.

        Raises:
            ModelError: `anchors` is not (A, 2) positive numbers.
        """
        super().__init__(name=name, **options)
        self.anchors = np.asarray(anchors, np.float32)
        if self.anchors.shape[1:] != (2,) or not len(self.anchors) or not (self.anchors > 0).all():
            raise ModelError(
                f"Expected anchors as (width, height) in cells, positive numbers of shape (A, 2). Received: "
                f"{self.anchors.tolist()}."
            )
        self.object_scale, self.noobject_scale = object_scale, noobject_scale
        self.class_scale, self.coord_scale = class_scale, coord_scale
        self.ignore_iou, self.pull_to_anchors = ignore_iou, pull_to_anchors

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Give the loss of each picture, float32 (m,)."""
        measures = self.measure(y_true, y_pred)
        return sum(measures[part][0] for part in LOSS_PARTS)

    def measure(self, y_true: Tensor, y_pred: Tensor) -> Measures:
        """Give everything that is worth watching, as pairs of values and their weights in a mean.

        Args:
            y_true: (m, max_boxes, 5).
            y_pred: (m, rows, cols, A * (5 + classes)).

        Returns:
            coordinates, objectness, no_object, classes: the parts of each picture's loss, (m,). recall: for each object
            (m, max_boxes) whether the box of its prediction overlaps it by more than half; average_iou: that overlap.

        Raises:
            ModelError: the channels do not fit the anchors, or y_true has other rows.
        """
        truth, raw, grid_size = self._prepare(y_true, y_pred)
        assigned = assign(truth, self.anchors, grid_size)
        stands = ops.cast(assigned.stands, "float32")  # (m, objects)
        predicted_boxes = self._boxes(raw, grid_size)  # (m, places, 4)
        truth_boxes = xywh_to_xyxy(truth[..., :4])

        at_objects = ops.take_along_axis(raw, assigned.place[..., None], axis=1)  # (m, objects, 5 + classes)
        boxes_there = ops.take_along_axis(predicted_boxes, assigned.place[..., None], axis=1)
        iou = pairwise_iou(boxes_there[..., None, :], truth_boxes[..., None, :])[..., 0, 0]  # (m, objects)
        iou = ops.stop_gradient(iou)

        box_weight = stands * self.coord_scale * (2 - truth[..., 2] * truth[..., 3])
        box_losses = self._box_losses(at_objects, assigned.coordinates, boxes_there, truth_boxes)
        coordinates = ops.sum(box_weight * box_losses, axis=1)
        objectness = ops.sum(stands * self.object_scale * self._object_losses(at_objects[..., 4], iou), axis=1)
        classes = ops.sum(stands * self.class_scale * _class_loss(truth[..., 4], at_objects), axis=1)

        # (m, places): what no object is assigned to
        free = ops.cast(~_taken(assigned, ops.shape(raw)[1]), "float32")
        overlap = ops.max(pairwise_iou(ops.stop_gradient(predicted_boxes), truth_boxes), axis=-1)
        blamed = free * ops.cast(overlap <= self.ignore_iou, "float32")
        no_object = ops.sum(blamed * self.noobject_scale * self._no_object_losses(raw[..., 4]), axis=1)
        if self.pull_to_anchors:
            at_anchors = ops.convert_to_tensor(np.array([0.5, 0.5, 0, 0], np.float32))
            coordinates += ops.sum(free * _ANCHOR_PULL * _box_loss(at_anchors, raw), axis=1)

        exists = ops.cast(assigned.exists, "float32")
        pictures = ops.ones_like(coordinates)
        return {
            "coordinates": (coordinates, pictures),
            "objectness": (objectness, pictures),
            "no_object": (no_object, pictures),
            "classes": (classes, pictures),
            "recall": (ops.cast(iou > _RECALLED, "float32"), exists),
            "average_iou": (iou, exists),
        }

    def get_config(self) -> dict[str, Any]:
        """Give the arguments, for saving."""
        return {
            **super().get_config(),
            "anchors": self.anchors.tolist(),
            "object_scale": self.object_scale,
            "noobject_scale": self.noobject_scale,
            "class_scale": self.class_scale,
            "coord_scale": self.coord_scale,
            "ignore_iou": self.ignore_iou,
            "pull_to_anchors": self.pull_to_anchors,
        }

    def _box_losses(self, raw: Tensor, coordinates: Tensor, boxes: Tensor, truth_boxes: Tensor) -> Tensor:
        """Give the loss of each object's box, (m, objects).

        Args:
            raw: output of the predictions that have the objects, (m, objects, 5 + classes).
            coordinates: what their first four numbers are to be, (m, objects, 4).
            boxes: what they say, decoded, xyxy, parts of the input, (m, objects, 4).
            truth_boxes: what is true, likewise.
        """
        return _box_loss(coordinates, raw)

    def _object_losses(self, logits: Tensor, iou: Tensor) -> Tensor:
        """Give the loss of objectness whose target is an IoU, both (m, objects)."""
        return divergence(iou, logits)

    def _no_object_losses(self, logits: Tensor) -> Tensor:
        """Give the loss of objectness whose target is 0, (m, places)."""
        return ops.softplus(logits)

    def _prepare(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor, tuple[Any, Any]]:
        """Check the shapes; give truth (m, objects, 5), raw (m, places, 5 + classes) and the grid's (rows, cols)."""
        num_classes = y_pred.shape[-1] // len(self.anchors) - NUMBERS_PER_BOX
        check_raw_output(y_pred, self.anchors, num_classes)
        if len(y_true.shape) != 3 or y_true.shape[-1] != TRUTH_COLUMNS:
            raise ModelError(
                f"Expected y_true of shape (m, max_boxes, {TRUTH_COLUMNS}), rows (x, y, width, height, class). "
                f"Received: {tuple(y_true.shape)}. Use encode_truth and pad_truth."
            )
        # With one more row of padding a batch without any object needs no case of its own.
        truth = ops.pad(ops.cast(y_true, "float32"), [[0, 0], [0, 1], [0, 0]])
        rows, cols = ops.shape(y_pred)[1:3]  # tensors where the size is not known before the run
        raw = ops.reshape(
            ops.cast(y_pred, "float32"), (-1, rows * cols * len(self.anchors), NUMBERS_PER_BOX + num_classes)
        )
        return truth, raw, (rows, cols)

    def _boxes(self, raw: Tensor, grid_size: tuple[Any, Any]) -> Tensor:
        """Decode raw output (m, places, 5 + classes) to boxes xyxy (m, places, 4), parts of the input."""
        rows, cols = grid_size
        cell = ops.arange(rows * cols, dtype="int32")
        cells = ops.cast(ops.stack([cell % cols, cell // cols], axis=-1), "float32")  # (rows * cols, 2), x before y
        cells = ops.repeat(cells, len(self.anchors), axis=0)  # (places, 2)
        anchors = ops.tile(ops.convert_to_tensor(self.anchors), (rows * cols, 1))  # (places, 2)
        grid = ops.cast(ops.stack([cols, rows]), "float32")
        # Beyond exp(20) anchors a width says nothing more, and its square would soon be infinite.
        size = ops.exp(ops.clip(raw[..., 2:4], -20, 20)) * anchors / grid
        return xywh_to_xyxy(ops.concatenate([(ops.sigmoid(raw[..., :2]) + cells) / grid, size], axis=-1))


LOSS_PARTS = ("coordinates", "objectness", "no_object", "classes")
MEASURES = (*LOSS_PARTS, "recall", "average_iou")


@keras.saving.register_keras_serializable(package="keras_cv_course")
class YoloMetrics(keras.metrics.Metric):
    """All `MEASURES` of a loss, as means over the pictures or objects of an epoch.

    One metric with several results: in the history each measure stands under its own name.
    """

    def __init__(self, loss: YoloLoss | dict[str, Any], name: str = "yolo", **options: Any) -> None:
        """Watch `loss`."""
        super().__init__(name=name, **options)
        self.loss = keras.saving.deserialize_keras_object(loss) if isinstance(loss, dict) else loss
        self.means = [keras.metrics.Mean(measure) for measure in MEASURES]

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: None = None) -> None:
        """Add a batch, arguments as of :meth:`YoloLoss.measure`; Keras gives metrics no sample weights."""
        measures = self.loss.measure(y_true, y_pred)
        for mean in self.means:
            values, weights = measures[mean.name]
            mean.update_state(values, sample_weight=weights)

    def result(self) -> dict[str, Tensor]:
        """Give the mean of each measure."""
        return {mean.name: mean.result() for mean in self.means}

    def reset_state(self) -> None:
        """Forget all batches."""
        for mean in self.means:
            mean.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Give the arguments, for saving."""
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss)}


def divergence(target: Tensor, logit: Tensor) -> Tensor:
    """Cross-entropy of sigmoid(logit) with a target from 0 to 1, less the target's own entropy."""

    def times_log(value: Tensor) -> Tensor:
        return value * ops.log(ops.maximum(value, 1e-30))

    return ops.softplus(logit) - target * logit + times_log(target) + times_log(1 - target)


def _box_loss(coordinates: Tensor, raw: Tensor) -> Tensor:
    """Loss (...) of raw x, y, w, h, the first four of the last axis, against coordinates (..., 4)."""
    centre = ops.sum(divergence(coordinates[..., :2], raw[..., :2]), axis=-1)
    return centre + ops.sum((raw[..., 2:4] - coordinates[..., 2:]) ** 2, axis=-1) / 2


def _class_loss(class_ids: Tensor, raw: Tensor) -> Tensor:
    """Cross-entropy (m, objects) of the softmax over the classes of raw (m, objects, 5 + classes)."""
    log_probabilities = ops.log_softmax(raw[..., NUMBERS_PER_BOX:], axis=-1)
    return -ops.take_along_axis(log_probabilities, ops.cast(class_ids, "int32")[..., None], axis=-1)[..., 0]


def _taken(assigned: Assignment, places: Any) -> Tensor:
    """Tell for each prediction (m, places) whether an object is assigned to it."""
    hit = assigned.place[:, None, :] == ops.arange(places, dtype="int32")[:, None]  # (m, places, objects)
    return ops.any(hit & assigned.exists[:, None, :], axis=-1)
