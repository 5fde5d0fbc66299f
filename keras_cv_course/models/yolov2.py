"""YOLOv2 and tiny YOLOv2, for any classes and anchors, and the four networks whose weights are published.

Source: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016, section 2; layers, anchors and sizes of
the published ones from Darknet's yolov2.cfg, yolov2-tiny.cfg, yolov2-voc.cfg and yolov2-tiny-voc.cfg.
"""

from dataclasses import dataclass

import keras

from keras_cv_course.data.class_names import COCO_CLASSES, VOC_CLASSES
from keras_cv_course.errors import ModelError
from keras_cv_course.models.darknet19 import DARKNET19
from keras_cv_course.models.darknet_layers import (
    Convolution,
    Layer,
    MaxPool,
    Reorg,
    Route,
    Shape,
    VariantName,
    darknet_model,
    widened,
)

Anchors = tuple[tuple[float, float], ...]

NUMBERS_PER_BOX = 5  # tx, ty, tw, th, to

# (width, height) in cells of 32 pixels. The course's yolo_anchors.txt has the same as COCO_ANCHORS.
COCO_ANCHORS: Anchors = (
    (0.57273, 0.677385),
    (1.87446, 2.06253),
    (3.33843, 5.47434),
    (7.88282, 3.52778),
    (9.77052, 9.16828),
)
VOC_ANCHORS: Anchors = (
    (1.3221, 1.73145),
    (3.19275, 4.00944),
    (5.05587, 8.09892),
    (9.47112, 4.84053),
    (11.2364, 10.0071),
)
TINY_VOC_ANCHORS: Anchors = ((1.08, 1.19), (3.42, 4.41), (6.63, 11.38), (9.42, 5.11), (16.62, 10.52))

# Of the shipped detector of road scenes: k-means by 1 - IoU over the boxes of 500 drawn scenes, for 480 x 832 pixels.
ROAD_ANCHORS: Anchors = ((0.326, 0.701), (0.787, 1.108), (1.77, 1.601), (4.26, 2.78), (8.16, 6.006))
ROAD_WIDTH = 3 / 8

PASSTHROUGH_FILTERS = 64  # the paper joins all 512 channels; Darknet's cfg and the course squeeze them first


def yolov2_layers(num_outputs: int, width: float = 1.0) -> tuple[Layer, ...]:
    """Give the layers of YOLOv2 with a head of `num_outputs` channels; all others are `width` times the published."""
    body = (
        *DARKNET19,
        Convolution(1024, 3),
        Convolution(1024, 3),
        Route((-9,)),  # back to the last map at 1/16
        Convolution(PASSTHROUGH_FILTERS, 1),
        Reorg(),  # 1/32
        Route((-1, -4)),  # the passthrough's channels first
        Convolution(1024, 3),
    )
    return (*widened(body, width), Convolution(num_outputs, 1, normalized=False, leaky=False))


def yolov2_tiny_layers(num_outputs: int, last_filters: int = 512) -> tuple[Layer, ...]:
    """Give the layers of tiny YOLOv2; `last_filters` is the width before the head, 512 for COCO and 1024 for VOC."""
    body: list[Layer] = []
    for filters in (16, 32, 64, 128, 256):
        body += [Convolution(filters, 3), MaxPool()]
    return (
        *body,
        Convolution(512, 3),
        MaxPool(stride=1),
        Convolution(1024, 3),
        Convolution(last_filters, 3),
        Convolution(num_outputs, 1, normalized=False, leaky=False),
    )


def head_filters(num_classes: int, num_anchors: int) -> int:
    """Give the channels of the raw output; raise ModelError for no class or no anchor."""
    if min(num_classes, num_anchors) < 1:
        raise ModelError(f"Expected at least 1 class and 1 anchor. Received: {num_classes} and {num_anchors}.")
    return num_anchors * (NUMBERS_PER_BOX + num_classes)


@dataclass(frozen=True)
class Network:
    """A detection network: its layers, and what its output means.

    Attributes:
        name: as its cfg file is called.
        layers: the last is the head.
        input_shape: (height, width, channels) of the images it was made for.
        anchors: (width, height) of each, in cells of the output's grid.
        class_names: one for each class.

    Raises:
        ModelError: the head has not anchors * (5 + classes) filters.
    """

    name: str
    layers: tuple[Layer, ...]
    input_shape: Shape
    anchors: Anchors
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that head, anchors and classes fit."""
        expected = head_filters(len(self.class_names), len(self.anchors))
        head = self.layers[-1]
        if not isinstance(head, Convolution) or head.filters != expected:
            raise ModelError(
                f"{self.name}: expected as the last layer a convolution with {expected} filters, {len(self.anchors)} "
                f"anchors x ({NUMBERS_PER_BOX} + {len(self.class_names)} classes). Received: {head}."
            )


# Published networks by the names of their cfg files.
NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network("yolov2", yolov2_layers(head_filters(80, 5)), (608, 608, 3), COCO_ANCHORS, COCO_CLASSES),
        Network("yolov2-tiny", yolov2_tiny_layers(head_filters(80, 5)), (416, 416, 3), COCO_ANCHORS, COCO_CLASSES),
        Network("yolov2-voc", yolov2_layers(head_filters(20, 5)), (416, 416, 3), VOC_ANCHORS, VOC_CLASSES),
        Network(
            "yolov2-tiny-voc",
            yolov2_tiny_layers(head_filters(20, 5), last_filters=1024),
            (416, 416, 3),
            TINY_VOC_ANCHORS,
            VOC_CLASSES,
        ),
    )
}


def yolov2(
    input_shape: Shape = (608, 608, 3),
    num_classes: int = 80,
    num_anchors: int = 5,
    *,
    width: float = 1.0,
    variant: VariantName = "course",
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build YOLOv2: Darknet-19, a passthrough from 1/16 to 1/32 of the input's size, and a 1x1 head.

    Args:
        input_shape: (height, width, channels) of one image, height and width multiples of 32.
        num_classes: at least 1.
        num_anchors: boxes for each cell, at least 1.
        width: filters of each layer but the head, as a part of the published ones; such that all are whole numbers.
        variant: ``"course"``; ``"darknet"`` or ``"darknet_gpu"`` for Darknet's weights: see
            :class:`~keras_cv_course.models.darknet_layers.Variant`.
        batch_norm_momentum: share of the old moving statistics that a training step keeps. Short trainings want
            0.9: see docs/training.md.

    Returns:
        From float32 images (batch, height, width, channels), 0..1, to the raw output (batch, height / 32, width / 32,
        num_anchors * (5 + num_classes)): tx, ty, tw, th, to and the classes of the first anchor, then those of the
        second. 50,983,561 parameters for 80 classes and 5 anchors.

    Raises:
        ModelError: an input of another shape, no class, no anchor, a width that does not fit, or an unknown variant.
    """
    return darknet_model(
        yolov2_layers(head_filters(num_classes, num_anchors), width),
        input_shape,
        name="yolov2",
        variant=variant,
        batch_norm_momentum=batch_norm_momentum,
    )


def darknet_body(model: keras.Model) -> keras.Model:
    """Give the layers of a YOLOv2 that are Darknet-19's, up to its last map at 1/32; `model` shares their weights."""
    return keras.Model(model.inputs, model.get_layer("conv18_leaky").output, name="darknet")


def yolov2_tiny(
    input_shape: Shape = (416, 416, 3),
    num_classes: int = 80,
    num_anchors: int = 5,
    *,
    variant: VariantName = "course",
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build tiny YOLOv2 as published for COCO; arguments, result and errors as of :func:`yolov2`.

    11,237,145 parameters for 80 classes and 5 anchors. The one for VOC is wider before its head: see :data:`NETWORKS`.
    """
    return darknet_model(
        yolov2_tiny_layers(head_filters(num_classes, num_anchors)),
        input_shape,
        name="yolov2_tiny",
        variant=variant,
        batch_norm_momentum=batch_norm_momentum,
    )
