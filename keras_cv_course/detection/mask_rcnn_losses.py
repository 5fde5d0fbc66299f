"""The losses of Mask R-CNN as layers of a training model, whose output they are.

Each loss is a number for each picture, so that a batch can be divided among devices. Source: He et al., "Mask R-CNN",
2017, section 3; normalisation as in torchvision/models/detection/rpn.py and roi_heads.py.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_cv_course.data.instance_pixels import MINI_MASK
from keras_cv_course.detection.assign_proposals import match_boxes, sample
from keras_cv_course.models.mask_heads import BOX_WEIGHTS, apply_to_regions
from keras_cv_course.models.mask_rcnn import BOX_REGION, MASK_REGION, MaskRcnn
from keras_cv_course.models.pyramid_anchors import encode_boxes
from keras_cv_course.models.roi_align import roi_align
from keras_cv_course.models.rows_of import rows_of

Tensor = Any

LOSSES = ("objectness", "proposal_boxes", "classes", "boxes", "masks")

_ANCHOR_LOW, _ANCHOR_HIGH = 0.3, 0.7
_REGION_IOU = 0.5
_BETA = 1 / 9  # where the box loss goes from square to straight


def training_model(network: MaskRcnn, objects: int, *, anchors: int = 128, regions: int = 64, seed: int = 0) -> Any:
    """Put the parts of a network together for training; their weights are the network's own.

    Args:
        network: to train.
        objects: on a picture at most; fewer are filled up.
        anchors: that the loss of proposals looks at, at most half of them on objects.
        regions: that class and box are trained on, at most a quarter of them on objects; masks are trained on those.
        seed: of what is drawn.

    Returns:
        A model to losses float32 (m, 5 or 4 without masks), in the order of `LOSSES`, from a dictionary: image (m,
        height, width, 3), values 0..255; boxes (m, objects, 4), xyxy in pixels; class_ids (m, objects), -1 for none;
        and with masks mini_masks uint8 (m, objects, `MINI_MASK`, `MINI_MASK`), each object's mask within its box, 0..255.
    """
    inputs = {
        "image": keras.Input(network.pyramid.input_shape[1:], name="image"),
        "boxes": keras.Input((objects, 4), name="boxes"),
        "class_ids": keras.Input((objects,), dtype="int32", name="class_ids"),
    }
    maps = network.pyramid(inputs["image"])
    logits, differences, proposals, probabilities = network.propose(maps, network.plan.proposals)
    truth = [inputs["boxes"], inputs["class_ids"]]
    proposal_loss = ProposalLoss(network.anchors, anchors, seed, name="proposal_loss")
    losses = [proposal_loss([logits, differences, *truth])]

    chosen = SampleRegions(regions, seed, name="sample_regions")
    boxes, labels, targets, numbers = chosen([proposals, probabilities, *truth])
    found = network.regions(boxes, maps, BOX_REGION, "box_regions")
    losses.append(RegionLoss(name="region_loss")([*apply_to_regions(network.box_head, found), labels, targets]))

    if network.mask_head is not None:
        inputs["mini_masks"] = keras.Input((objects, MINI_MASK, MINI_MASK), dtype="uint8", name="mini_masks")
        positives = regions // 4
        boxes, labels, numbers = boxes[:, :positives], labels[:, :positives], numbers[:, :positives]
        found = apply_to_regions(network.mask_head, network.regions(boxes, maps, MASK_REGION, "mask_regions"))
        mask_loss = MaskLoss(name="mask_loss")
        losses.append(mask_loss([found, boxes, labels, numbers, inputs["boxes"], inputs["mini_masks"]]))
    return keras.Model(inputs, layers.Concatenate(name="losses", dtype="float32")(losses), name="training")


class ProposalLoss(layers.Layer):
    """From [logits (m, n), differences (m, n, 4), true boxes, class ids] to the first two losses (m, 2)."""

    def __init__(self, anchors: Any, count: int, seed: int, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self.anchors, self.count, self.seed = np.array(anchors, np.float32), count, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Draw anchors on objects and others, and compare."""
        logits, differences, boxes, class_ids = inputs
        logits, differences = ops.cast(logits, "float32"), ops.cast(differences, "float32")
        anchors = ops.convert_to_tensor(self.anchors)
        match = match_boxes(anchors, boxes, class_ids >= 0, _ANCHOR_LOW, _ANCHOR_HIGH, best_of_each=True)
        random = keras.random.uniform(ops.shape(logits), seed=self.generator)
        on_objects, is_positive = sample(match.positive, random, self.count // 2)
        others, is_negative = sample(match.negative, random, self.count - self.count // 2)
        number_of = ops.maximum(
            ops.sum(ops.cast(is_positive, "float32"), 1) + ops.sum(ops.cast(is_negative, "float32"), 1), 1.0
        )

        positive_logits = rows_of(logits, on_objects)
        negative_logits = rows_of(logits, others)
        # -log(sigmoid(x)) is softplus(-x).
        objectness = ops.sum(ops.where(is_positive, ops.softplus(-positive_logits), 0.0), axis=1)
        objectness = objectness + ops.sum(ops.where(is_negative, ops.softplus(negative_logits), 0.0), axis=1)

        objects = rows_of(match.objects, on_objects)
        true_boxes = rows_of(boxes, objects)
        targets = encode_boxes(true_boxes, ops.take(anchors, on_objects, axis=0))
        given = rows_of(differences, on_objects)
        shifts = ops.sum(ops.where(is_positive, smooth_l1(given - targets), 0.0), axis=1)
        return ops.stack([objectness / number_of, shifts / number_of], axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """Give (m, 2)."""
        return (input_shape[0][0], 2)

    def get_config(self) -> dict[str, Any]:
        """Give what :meth:`__init__` takes."""
        return {**super().get_config(), "anchors": self.anchors.tolist(), "count": self.count, "seed": self.seed}


class SampleRegions(layers.Layer):
    """From [proposals (m, n, 4), probabilities (m, n), true boxes, class ids] to the regions to train on.

    The true boxes are among those drawn from. Gives boxes (m, count, 4); labels int32 (m, count): 0 for the background,
    1 + class id, or -1 where there was nothing to draw; targets (m, count, 4), the differences of the true boxes; and
    the numbers of the objects, int32 (m, count). The first quarter has those on objects.
    """

    def __init__(self, count: int, seed: int, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self.count, self.seed = count, seed
        self.generator = keras.random.SeedGenerator(seed + 1)

    def call(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw; nothing that is drawn has a gradient."""
        proposals, probabilities, boxes, class_ids = inputs
        exists = class_ids >= 0
        candidates = ops.stop_gradient(ops.concatenate([proposals, boxes], axis=1))
        there = ops.concatenate([probabilities > 0, exists], axis=1)
        match = match_boxes(candidates, boxes, exists, _REGION_IOU, _REGION_IOU)
        random = keras.random.uniform(ops.shape(there), seed=self.generator)
        quarter = self.count // 4
        on_objects, is_positive = sample(ops.logical_and(match.positive, there), random, quarter)
        others, is_negative = sample(ops.logical_and(match.negative, there), random, self.count - quarter)
        chosen = ops.concatenate([on_objects, others], axis=1)
        objects = rows_of(match.objects, chosen)
        labels = ops.concatenate(
            [
                ops.where(is_positive, rows_of(class_ids, objects[:, :quarter]) + 1, -1),
                ops.where(is_negative, 0, -1),
            ],
            axis=1,
        )
        regions = rows_of(candidates, chosen)
        true_boxes = rows_of(boxes, objects)
        return regions, labels, encode_boxes(true_boxes, regions, BOX_WEIGHTS), objects

    def compute_output_spec(self, inputs: Any) -> Any:
        """Give the shapes."""
        shape = (inputs[0].shape[0], self.count)
        # Each result is a tensor of its own: Keras tells them apart by identity.
        boxes, targets = keras.KerasTensor((*shape, 4)), keras.KerasTensor((*shape, 4))
        return boxes, keras.KerasTensor(shape, "int32"), targets, keras.KerasTensor(shape, "int32")

    def get_config(self) -> dict[str, Any]:
        """Give what :meth:`__init__` takes."""
        return {**super().get_config(), "count": self.count, "seed": self.seed}


class RegionLoss(layers.Layer):
    """From [logits (m, n, 1 + classes), differences (m, n, 4 * (1 + classes)), labels, targets] to losses (m, 2)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(autocast=False, **options)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compare."""
        logits, differences, labels, targets = inputs
        logits, differences = ops.cast(logits, "float32"), ops.cast(differences, "float32")
        answers, classes = labels.shape[1], logits.shape[-1]
        counts = ops.cast(labels >= 0, "float32")
        number_of = ops.maximum(ops.sum(counts, axis=1), 1.0)
        label = ops.maximum(labels, 0)
        entropy = -ops.take_along_axis(ops.log_softmax(logits, axis=-1), label[..., None], axis=-1)[..., 0]
        own = ops.reshape(differences, (-1, answers, classes, 4))
        index = ops.broadcast_to(label[:, :, None, None], (*ops.shape(label), 1, 4))
        given = ops.take_along_axis(own, index, axis=2)[:, :, 0]
        shifts = ops.sum(ops.where(labels > 0, smooth_l1(given - targets), 0.0), axis=1)
        return ops.stack([ops.sum(entropy * counts, axis=1) / number_of, shifts / number_of], axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """Give (m, 2)."""
        return (input_shape[0][0], 2)


class MaskLoss(layers.Layer):
    """The mean binary cross-entropy of the masks of the regions' own classes (m, 1).

    From [logits (m, n, s, s, 1 + classes), regions (m, n, 4), labels, numbers of objects, true boxes, mini masks].
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(autocast=False, **options)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Cut the true masks out as the regions lie, and compare."""
        logits, regions, labels, numbers, boxes, mini_masks = inputs
        logits = ops.cast(logits, "float32")
        size = logits.shape[2]
        masks = mask_targets(regions, numbers, boxes, mini_masks, size)
        index = ops.broadcast_to(ops.maximum(labels, 0)[:, :, None, None, None], (*ops.shape(logits)[:-1], 1))
        own = ops.take_along_axis(logits, index, axis=-1)[..., 0]  # (m, n, s, s)
        entropy = ops.mean(ops.softplus(own) - own * masks, axis=(2, 3))
        counts = ops.cast(labels > 0, "float32")
        return ops.sum(entropy * counts, axis=1, keepdims=True) / ops.maximum(ops.sum(counts, 1, keepdims=True), 1.0)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """Give (m, 1)."""
        return (input_shape[0][0], 1)


def mask_targets(regions: Tensor, numbers: Tensor, boxes: Tensor, mini_masks: Tensor, size: int) -> Tensor:
    """Show each region its object's mask: float32 (m, n, size, size), 0 or 1.

    Args:
        regions: float32 (m, n, 4), xyxy in pixels.
        numbers: int32 (m, n), the region's object.
        boxes: float32 (m, objects, 4), in which the mini masks lie.
        mini_masks: uint8 (m, objects, s, s), 0..255.
        size: rows and columns.
    """
    n, side = regions.shape[1], mini_masks.shape[-1]
    its_box = rows_of(boxes, numbers)
    corner = ops.concatenate([its_box[..., :2], its_box[..., :2]], axis=-1)
    extent = ops.maximum(its_box[..., 2:] - its_box[..., :2], 1e-3)
    within = (regions - corner) / ops.concatenate([extent, extent], axis=-1) * side  # in places of the mini mask
    its_mask = ops.cast(rows_of(mini_masks, numbers), "float32")
    shown = roi_align(
        ops.reshape(its_mask, (-1, side, side, 1)), ops.reshape(within, (-1, 1, 4)), (size, size), 1, sampling=1
    )
    return ops.cast(ops.reshape(shown, (-1, n, size, size)) >= 127.5, "float32")


def smooth_l1(differences: Tensor) -> Tensor:
    """Sum over the last axis: square near 0, straight beyond `_BETA`."""
    size = ops.abs(differences)
    return ops.sum(ops.where(size < _BETA, size * size / (2 * _BETA), size - _BETA / 2), axis=-1)


def sum_of_losses(_: Tensor, losses: Tensor) -> Tensor:
    """Be the loss of a training model: (m, losses) to (m,)."""
    return ops.sum(losses, axis=-1)
