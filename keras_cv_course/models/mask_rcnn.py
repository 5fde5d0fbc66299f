"""Mask R-CNN: a box, a class and a mask for each object; without the mask head, Faster R-CNN.

    picture -> backbone -> feature pyramid -> proposals -> regions of 7 x 7   -> class and box
                                                        -> regions of 14 x 14 -> mask of 28 x 28

All shapes are fixed, so that it compiles on every backend: what there is less of is filled up with zeros.

Source: He, Gkioxari, Dollar and Girshick, "Mask R-CNN", 2017.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.feature_pyramid import feature_pyramid
from keras_cv_course.models.mask_heads import MasksOfClasses, SelectInstances, apply_to_regions, box_head, mask_head
from keras_cv_course.models.pyramid_anchors import RATIOS, pyramid_anchors
from keras_cv_course.models.region_proposals import ProposeBoxes, proposal_head, score_anchors
from keras_cv_course.models.roi_align import CANONICAL_SIZE, PyramidRoiAlign

Tensor = Any

BOX_REGION, MASK_REGION = 7, 14  # rows and columns of a region's map
MOMENTUM = 0.9  # of the small backbone's batch norms, see docs/training.md
SMALL_FILTERS = (32, 64, 96, 128)  # at strides 4, 8, 16 and 32


@dataclass(frozen=True, kw_only=True)
class MaskRcnnPlan:
    """The numbers of a Mask R-CNN. The defaults are those of the paper on a pyramid, as torchvision has them.

    Attributes:
        classes: without the background.
        masks: with a mask head; else it is Faster R-CNN.
        filters: channels of the pyramid.
        anchor_sizes: of each level of the pyramid, pixels. One more than the backbone has maps adds a coarser level,
            which has proposals of its own but no regions.
        ratios: of the anchors, height over width.
        box_units: of the dense layers for class and box.
        mask_filters: of the mask head's convolutions.
        mask_convolutions: their number.
        proposals_before: the likeliest of each level that non-max suppression is to see.
        proposals: that are looked at, in use.
        most: objects on a picture.
        score_threshold: a score at most this is none.
        iou_threshold: the largest IoU of two boxes of a class that both stay.
        canonical_size: side of a box whose regions come from the level of stride 16, pixels.
        aligned: see :func:`~keras_cv_course.models.roi_align.roi_align`; False only for torchvision's weights.
    """

    classes: int
    masks: bool = True
    filters: int = 256
    anchor_sizes: tuple[float, ...] = (32, 64, 128, 256, 512)
    ratios: tuple[float, ...] = RATIOS
    box_units: int = 1024
    mask_filters: int = 256
    mask_convolutions: int = 4
    proposals_before: int = 1000
    proposals: int = 1000
    most: int = 100
    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    canonical_size: float = CANONICAL_SIZE
    aligned: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.classes < 1:
            raise ModelError(f"Expected at least one class. Received: {self.classes}.")
        for name in ("proposals_before", "proposals", "most"):
            if getattr(self, name) < 1:
                raise ModelError(f"Expected {name} of at least 1. Received: {getattr(self, name)}.")
        if not self.anchor_sizes or min(self.anchor_sizes) <= 0 or not self.ratios or min(self.ratios) <= 0:
            raise ModelError(f"Expected anchor_sizes and ratios above 0. Received: {self.anchor_sizes}, {self.ratios}.")
        if not 0 <= self.score_threshold < 1 or not 0 < self.iou_threshold <= 1:
            raise ModelError(
                "Expected a score_threshold from 0 to below 1 and an iou_threshold above 0, up to 1. Received: "
                f"{self.score_threshold}, {self.iou_threshold}."
            )


def small_plan(classes: int, image_size: tuple[int, int], *, masks: bool = True) -> MaskRcnnPlan:
    """Give the plan of a network that learns on a CPU, on :func:`small_backbone`: strides 8, 16 and 32.

    Anchors grow with the picture: 3/16 to 3/4 of its shorter side.
    """
    side = min(image_size)
    return MaskRcnnPlan(
        classes=classes,
        masks=masks,
        filters=64,
        anchor_sizes=(side * 3 / 16, side * 3 / 8, side * 3 / 4),
        box_units=128,
        mask_filters=64,
        mask_convolutions=2,
        proposals_before=100,
        proposals=60,
        most=30,
        canonical_size=side * 3 / 8,
    )


def small_backbone(image_size: tuple[int, int]) -> keras.Model:
    """Build a small residual network for training from scratch.

    Args:
        image_size: (height, width), multiples of 32.

    Returns:
        A model from pictures float32 (m, height, width, 3), values 0..255, to maps of strides 8, 16 and 32.

    Raises:
        ModelError: a size that is no multiple of 32.
    """
    if any(side < 32 or side % 32 for side in image_size):
        raise ModelError(f"Expected image_size (height, width), multiples of 32. Received: {tuple(image_size)}.")
    inputs = keras.Input((*image_size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(inputs)
    x = _norm_relu(layers.Conv2D(24, 3, strides=2, padding="same", use_bias=False, name="stem")(x), "stem")
    stages = []
    for number, filters in enumerate(SMALL_FILTERS, start=2):
        name = f"stage{number}"
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"{name}_down")(x)
        x = _norm_relu(x, f"{name}_down")
        inner = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv1")(x)
        inner = _norm_relu(inner, f"{name}_conv1")
        inner = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv2")(inner)
        inner = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_conv2_bn")(inner)
        x = layers.Activation("relu", name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, inner]))
        stages.append(x)
    return keras.Model(inputs, stages[1:], name="small_backbone")


@dataclass(frozen=True, eq=False)
class MaskRcnn:
    """The parts of a network, and how they are put together for use; training puts the same parts together otherwise.

    Attributes:
        plan: its numbers.
        pyramid: from pictures float32 (m, height, width, 3), values 0..255, to the maps of all levels.
        proposal_head: as of :func:`~keras_cv_course.models.region_proposals.proposal_head`.
        box_head: as of :func:`~keras_cv_course.models.mask_heads.box_head`.
        mask_head: as of :func:`~keras_cv_course.models.mask_heads.mask_head`; None without masks.
    """

    plan: MaskRcnnPlan
    pyramid: keras.Model
    proposal_head: keras.Model
    box_head: keras.Model
    mask_head: keras.Model | None

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the pictures."""
        height, width = self.pyramid.input_shape[1:3]
        return height, width

    @property
    def map_sizes(self) -> list[tuple[int, int]]:
        """(rows, columns) of each level."""
        return [tuple(x.shape[1:3]) for x in self.pyramid.outputs]

    @property
    def strides(self) -> list[int]:
        """Pixels for each place of each level, each twice the one before."""
        finest = self.image_size[0] // self.map_sizes[0][0]
        return [finest * 2**level for level in range(len(self.map_sizes))]

    @property
    def anchors(self) -> np.ndarray:
        """All anchors, float32 (n, 4), xyxy in pixels."""
        return pyramid_anchors(self.map_sizes, self.strides, self.plan.anchor_sizes, self.plan.ratios)

    def propose(self, maps: Sequence[Tensor], after: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give logits and differences of all anchors, and boxes and probabilities of the best `after`."""
        logits, differences = score_anchors(self.proposal_head, maps)
        counts = [rows * columns * len(self.plan.ratios) for rows, columns in self.map_sizes]
        layer = ProposeBoxes(
            self.anchors, counts, self.image_size, self.plan.proposals_before, after, name="propose_boxes"
        )
        return logits, differences, *layer([logits, differences])

    def regions(self, boxes: Tensor, maps: Sequence[Tensor], size: int, name: str) -> Tensor:
        """Cut boxes (batch, n, 4) out of the pyramid: (batch, n, size, size, filters)."""
        levels = self._levels_with_regions
        layer = PyramidRoiAlign(
            size, self.strides[:levels], self.plan.canonical_size, aligned=self.plan.aligned, autocast=False, name=name
        )
        return layer([boxes, *maps[:levels]])

    @property
    def _levels_with_regions(self) -> int:
        """Count the levels that the backbone has a map for."""
        return sum(layer.name.startswith("fpn_output") for layer in self.pyramid.layers)

    def inference_model(self) -> keras.Model:
        """Put the parts together for use.

        Returns:
            A model from pictures float32 (m, height, width, 3), values 0..255, to a dictionary: boxes (m, most, 4),
            scores (m, most), class_ids (m, most), and with a mask head masks (m, most, 28, 28), each 0..1 within its
            box.
        """
        plan = self.plan
        images = keras.Input(self.pyramid.input_shape[1:], name="image")
        maps = _as_list(self.pyramid(images))
        _, _, proposals, probabilities = self.propose(maps, plan.proposals)
        regions = self.regions(proposals, maps, BOX_REGION, "box_regions")
        logits, differences = apply_to_regions(self.box_head, regions)
        candidates = min(plan.proposals * plan.classes, 10 * plan.most)
        select = SelectInstances(
            self.image_size, plan.most, plan.score_threshold, plan.iou_threshold, candidates, name="select_instances"
        )
        boxes, scores, class_ids = select([logits, differences, proposals, probabilities])
        found = {"boxes": boxes, "scores": scores, "class_ids": class_ids}
        if self.mask_head is not None:
            regions = self.regions(boxes, maps, MASK_REGION, "mask_regions")
            mask_logits = apply_to_regions(self.mask_head, regions)
            found["masks"] = MasksOfClasses(autocast=False, name="masks_of_classes")([mask_logits, class_ids])
        return keras.Model(images, found, name="mask_rcnn" if self.mask_head is not None else "faster_rcnn")


def mask_rcnn(backbone: keras.Model, plan: MaskRcnnPlan) -> MaskRcnn:
    """Build a network on any backbone.

    Args:
        backbone: from pictures float32 (m, height, width, 3), values 0..255, to a list of maps from fine to coarse,
            each half as high and wide as the one before; such as :func:`small_backbone`.
        plan: its numbers.

    Raises:
        ModelError: a plan whose anchors do not fit the number of maps, maps that are no halves, or a picture that is no
            whole multiple of them.
    """
    stages = _as_list(backbone.outputs)
    if len(plan.anchor_sizes) - len(stages) not in (0, 1):
        raise ModelError(
            f"Expected anchor_sizes for the backbone's {len(stages)} maps, or one more. Received: {plan.anchor_sizes}."
        )
    size, (rows, columns) = tuple(backbone.input_shape[1:3]), stages[0].shape[1:3]
    stride = size[0] // rows
    if size != (rows * stride, columns * stride):
        raise ModelError(
            f"Expected pictures of a whole multiple of the backbone's largest map, {rows, columns}. Received: {size}. "
            "Take multiples of 32."
        )
    maps = feature_pyramid(stages, plan.filters, coarsest=len(plan.anchor_sizes) > len(stages))
    pyramid = keras.Model(backbone.inputs[0], maps, name="pyramid")
    heads = (
        proposal_head(plan.filters, len(plan.ratios)),
        box_head(BOX_REGION, plan.filters, plan.box_units, plan.classes),
    )
    masks = None
    if plan.masks:
        masks = mask_head(MASK_REGION, plan.filters, plan.mask_filters, plan.mask_convolutions, plan.classes)
    return MaskRcnn(plan, pyramid, *heads, masks)


def _norm_relu(x: Tensor, name: str) -> Tensor:
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _as_list(maps: Any) -> list[Tensor]:
    return list(maps) if isinstance(maps, list | tuple) else [maps]
