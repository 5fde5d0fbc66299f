"""YOLOv2's head on any backbone: networks to train on one's own boxes.

A network to start from is asked for by name:

- ``darknet19``, ``darknet-tiny``: YOLOv2 and tiny YOLOv2 with random weights.
- ``road-yolov2`` and whatever else `kcc detect` takes (a run folder, a ``.keras`` file, Darknet's weights): that
  detector with a new head.
- ``mobilenet-0.25``, ``mobilenetv2``, ``resnet50`` and all others of :mod:`.backbones` with stride 32: a pretrained
  classifier's body under YOLOv2's passthrough and last convolutions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cv_course.convert.open_detector import open_detector
from keras_cv_course.errors import ModelError
from keras_cv_course.models.darknet_layers import Convolution, convolution, head_convolution
from keras_cv_course.models.input_size import any_size, copy_weights
from keras_cv_course.models.passthrough import AnySizePassthrough
from keras_cv_course.models.yolov2 import (
    NUMBERS_PER_BOX,
    PASSTHROUGH_FILTERS,
    head_filters,
    yolov2,
    yolov2_tiny,
)
from keras_cv_course.pretrained import detectors
from keras_cv_course.transfer.backbones import Backbone, Preprocessing, load_backbone
from keras_cv_course.transfer.layer_groups import LayerGroup

STRIDE, PASSTHROUGH_STRIDE = 32, 16
MOST_FILTERS = 512  # of the new convolutions; as many as the backbone has where that is less
MOMENTUM = 0.9  # of the new batch norms, see docs/training.md
FEW_OBJECTS = -4.5  # first bias of objectness: objects are rare, and else the first steps learn nothing but that

_TRIAL_SIZE = (416, 416)
_FROM_RANDOM: dict[str, Callable[..., keras.Model]] = {"darknet19": yolov2, "darknet-tiny": yolov2_tiny}


@dataclass(frozen=True)
class DetectionNetwork:
    """A network to train.

    Attributes:
        model: from float32 (batch, height, width, 3), values 0..1, sizes multiples of 32, to YOLOv2's raw output
            (batch, height / 32, width / 32, anchors * (5 + classes)).
        pretrained: the layers whose weights come from another training.
    """

    model: keras.Model
    pretrained: LayerGroup


def detection_network(
    start: str, num_classes: int, num_anchors: int, *, weights: str | None = "imagenet"
) -> DetectionNetwork:
    """Build a network with a new head.

    Args:
        start: see the top of this module.
        num_classes: at least 1.
        num_anchors: boxes for each cell, at least 1.
        weights: for networks of ``keras.applications``: None for random ones.

    Raises:
        ModelError: no class or no anchor, or a network that does not fit a head of stride 32.
        WeightsError: an unknown name, or weights that are not there or are damaged.
    """
    filters = head_filters(num_classes, num_anchors)
    if start in _FROM_RANDOM:
        model = any_size(_FROM_RANDOM[start]((*_TRIAL_SIZE, 3), num_classes, num_anchors, batch_norm_momentum=MOMENTUM))
        network = DetectionNetwork(model, LayerGroup("pretrained", ()))
    elif start in detectors() or Path(start).exists():
        network = _with_new_head(open_detector(start).model, filters)
    else:
        network = _on_backbone(load_backbone(start, _TRIAL_SIZE, weights=weights), filters)
    bias = np.zeros((num_anchors, NUMBERS_PER_BOX + num_classes), np.float32)
    bias[:, 4] = FEW_OBJECTS
    network.model.get_layer("head").bias.assign(bias.ravel())
    return network


def _with_new_head(detector: keras.Model, filters: int) -> DetectionNetwork:
    given, map_size = detector.input_shape[1:3], detector.output_shape[1:3]
    if map_size != tuple(side // STRIDE for side in given):
        raise ModelError(
            f"{detector.name}: expected a detector whose map is 1/{STRIDE} as high and wide as the picture. Received: "
            f"{map_size} for {given}. Take road-yolov2 or another YOLOv2."
        )
    model = any_size(detector)
    old = model.layers[-1]
    if not isinstance(old, keras.layers.Conv2D):
        raise ModelError(f"Expected a detector whose last layer is a convolution. Received: {type(old).__name__}.")
    body = old.input
    kept = LayerGroup("pretrained", tuple(layer for layer in model.layers[1:] if layer is not old))
    return DetectionNetwork(keras.Model(model.input, head_convolution(filters, body), name="detector"), kept)


def _on_backbone(backbone: Backbone, filters: int) -> DetectionNetwork:
    network = backbone.network
    last = network.output.shape
    if len(last) != 4 or last[1:3] != tuple(side // STRIDE for side in _TRIAL_SIZE):
        raise ModelError(
            f"{backbone.name}: expected a backbone whose map is 1/{STRIDE} as high and wide as the picture. Received: "
            f"{last[1:3]} for {_TRIAL_SIZE}. Take mobilenetv2, mobilenet-0.25, resnet50 or road-yolov2."
        )
    tap = _last_of_stride(network, PASSTHROUGH_STRIDE)
    body = _from_unit_range(network, backbone.preprocessing)
    inputs, deep, early = body.input, body.output, body.get_layer(tap).output
    width = min(MOST_FILTERS, deep.shape[-1])
    deep = convolution(Convolution(width, 3), deep, "neck1", momentum=MOMENTUM)
    early = convolution(Convolution(PASSTHROUGH_FILTERS, 1), early, "neck2", momentum=MOMENTUM)
    joined = keras.layers.Concatenate(name="concat")(
        [AnySizePassthrough("space_to_depth", name="passthrough")(early), deep]
    )
    x = convolution(Convolution(width, 3), joined, "neck3", momentum=MOMENTUM)
    kept = LayerGroup("pretrained", tuple(body.layers[1:]))
    return DetectionNetwork(keras.Model(inputs, head_convolution(filters, x), name="detector"), kept)


def _last_of_stride(network: keras.Model, stride: int) -> str:
    """Name the last layer whose map has a stride; a fixed picture size tells it."""
    size = tuple(side // stride for side in network.input_shape[1:3])
    names = [x.name for x in network.layers if len(x.output.shape) == 4 and x.output.shape[1:3] == size]
    if not names:
        raise ModelError(f"{network.name}: expected a layer with stride {stride} for the passthrough. Received: none.")
    return names[-1]


def _from_unit_range(network: keras.Model, preprocessing: Preprocessing) -> keras.Model:
    """Copy a network, with its weights, into one for pictures of any size, 0..1, that begins with the preprocessing."""
    inputs = keras.Input((None, None, 3), name="image")
    scaled = Preprocessing(tuple(255 * s for s in preprocessing.scale), preprocessing.offset, preprocessing.bgr)  # type: ignore[arg-type]
    prepared = scaled(inputs)

    def call(layer: keras.Layer, x: Any, *others: Any, **options: Any) -> Any:
        return layer(prepared if x is inputs else x, *others, **options)

    copied = keras.models.clone_model(network, input_tensors=inputs, call_function=call)
    copy_weights(network, copied)
    return copied
