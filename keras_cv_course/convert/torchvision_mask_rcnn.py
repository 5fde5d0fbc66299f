"""The Mask R-CNN that PyTorch trained: a state dict with torchvision's tensor names becomes a Keras model.

Source of names, shapes and arithmetic: torchvision/models/detection, maskrcnn_resnet50_fpn. Where a tensor goes:

    backbone.body.*                                        the ResNet, as in :mod:`.torchvision`
    backbone.fpn.inner_blocks.0, layer_blocks.0            fpn_inner1, fpn_output1
    rpn.head.conv, cls_logits, bbox_pred                   rpn_conv, rpn_objectness, rpn_boxes
    roi_heads.box_head.fc6, fc7                            box_dense1, box_dense2
    roi_heads.box_predictor.cls_score, bbox_pred           box_classes, box_boxes
    roi_heads.mask_head.mask_fcn1                          mask_conv1
    roi_heads.mask_predictor.conv5_mask, mask_fcn_logits   mask_double, mask_logits

torchvision itself writes some of them in two ways, by its version (``inner_blocks.0`` or ``inner_blocks.0.0``); both
are read.
"""

import re
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_cv_course.convert.torchvision import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    TORCH_LEAVES,
    check_state,
    read_state_dict,
    torchvision_name,
)
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.instance_segmenter import InstanceSegmenter
from keras_cv_course.models.mask_rcnn import BOX_REGION, MaskRcnn, MaskRcnnPlan, mask_rcnn
from keras_cv_course.models.resnet import resnet, stage_outputs

IMAGE_SIZE = (832, 1088)  # about torchvision's 800 to 1333 for a photo of 3 : 4
COARSEST_STRIDE = 64
EPSILON = 0.0  # of the batch norms, to which torchvision sets it for these weights

_PLACES = {
    "rpn_conv": "rpn.head.conv",
    "rpn_objectness": "rpn.head.cls_logits",
    "rpn_boxes": "rpn.head.bbox_pred",
    "box_dense1": "roi_heads.box_head.fc6",
    "box_dense2": "roi_heads.box_head.fc7",
    "box_classes": "roi_heads.box_predictor.cls_score",
    "box_boxes": "roi_heads.box_predictor.bbox_pred",
    "mask_double": "roi_heads.mask_predictor.conv5_mask",
    "mask_logits": "roi_heads.mask_predictor.mask_fcn_logits",
}
# How torchvision's later versions name the same layers, and how its published files do.
_LATER_NAMES = (
    (re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.0\."), r"\1."),
    (re.compile(r"rpn\.head\.conv\.0\.0\."), "rpn.head.conv."),
)


def load_torchvision_mask_rcnn(
    path: str | Path,
    class_names: tuple[str, ...] | None = None,
    image_size: tuple[int, int] = IMAGE_SIZE,
    *,
    epsilon: float = EPSILON,
) -> InstanceSegmenter:
    """Build the Keras model that computes what torchvision's ``maskrcnn_resnet50_fpn`` does with the weights in a file.

    Every tensor must find its place and every place its tensor, each of the shape expected.

    Args:
        path: as for :func:`~keras_cv_course.convert.torchvision.read_state_dict`.
        class_names: without the background; None for the numbers of the file's classes, from "1" on, which for
            torchvision's own weights are COCO's category ids.
        image_size: (height, width) of the network's pictures, multiples of 64. A picture is put in the middle of a grey
            one of this size, where torchvision scales its shorter side to 800 and lengthens it with black.
        epsilon: of the batch norms; 1e-5 for a network that was trained on from torchvision's.

    Raises:
        WeightsError: the file cannot be read, holds another network, or has a tensor missing, left over, of another
            shape, no floating-point numbers, or numbers that are not finite.
        MissingExtraError: a .pth or .pt file, and PyTorch is not installed.
        ModelError: an impossible `image_size`, or another number of class names than the file has classes.
    """
    state = {_earlier_name(name): array for name, array in read_state_dict(path).items()}
    scores = state.get("roi_heads.box_predictor.cls_score.weight")
    if scores is None or scores.ndim != 2 or len(scores) < 2:
        raise WeightsError(
            f"{path}: expected torchvision's Mask R-CNN, with roi_heads.box_predictor.cls_score.weight (1 + classes, "
            f"features). Received: {'no such tensor' if scores is None else scores.shape}."
        )
    classes = len(scores) - 1
    names = class_names or tuple(str(number) for number in range(1, classes + 1))
    if len(names) != classes:
        raise ModelError(f"{path}: expected {classes} class names. Received: {len(names)}.")
    network = torchvision_mask_rcnn(classes, image_size, epsilon=epsilon)
    variables = {_torch_name(variable.path): variable for variable in _all_weights(network)}
    expected = {name: _torch_shape(name, tuple(variable.shape)) for name, variable in variables.items()}
    state = {name: array for name, array in state.items() if not name.endswith(".num_batches_tracked")}
    check_state(state, expected, str(path), "torchvision's maskrcnn_resnet50_fpn")
    for name, variable in variables.items():
        variable.assign(_to_keras(name, state[name], tuple(variable.shape)))
    return InstanceSegmenter(network.inference_model(), names, str(path))


def torchvision_mask_rcnn(classes: int, image_size: tuple[int, int], *, epsilon: float = EPSILON) -> MaskRcnn:
    """Build the network of torchvision's ``maskrcnn_resnet50_fpn`` with random weights.

    Raises:
        ModelError: an `image_size` that is no multiple of 64.
    """
    if any(side < COARSEST_STRIDE or side % COARSEST_STRIDE for side in image_size):
        raise ModelError(
            f"Expected image_size (height, width), multiples of {COARSEST_STRIDE}. Received: {tuple(image_size)}."
        )
    body = resnet(50, (*image_size, 3), include_top=False, variant="torchvision")
    for layer in body.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.epsilon = epsilon
    stages = keras.Model(body.inputs, list(stage_outputs(body).values())[1:], name="body")
    inputs = keras.Input((*image_size, 3), name="image")
    scale = [1 / (255 * deviation) for deviation in IMAGENET_STD]
    offset = [-mean / deviation for mean, deviation in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    maps = stages(layers.Rescaling(scale, offset=offset, name="preprocessing")(inputs))
    return mask_rcnn(keras.Model(inputs, maps, name="backbone"), MaskRcnnPlan(classes=classes, aligned=False))


def _all_weights(network: MaskRcnn) -> list[keras.Variable]:
    assert network.mask_head is not None
    parts = (network.pyramid, network.proposal_head, network.box_head, network.mask_head)
    return [variable for part in parts for variable in part.weights]


def _earlier_name(name: str) -> str:
    for pattern, replacement in _LATER_NAMES:
        name = pattern.sub(replacement, name)
    # mask_head.0.0.weight -> mask_head.mask_fcn1.weight
    later = re.fullmatch(r"roi_heads\.mask_head\.(\d)\.0\.(\w+)", name)
    return f"roi_heads.mask_head.mask_fcn{int(later[1]) + 1}.{later[2]}" if later else name


def _torch_name(variable_path: str) -> str:
    layer, leaf = variable_path.split("/")[-2:]
    pyramid = re.fullmatch(r"fpn_(inner|output)(\d)", layer)
    mask = re.fullmatch(r"mask_conv(\d)", layer)
    if pyramid is not None:
        blocks = "inner_blocks" if pyramid[1] == "inner" else "layer_blocks"
        return f"backbone.fpn.{blocks}.{int(pyramid[2]) - 1}.{TORCH_LEAVES[leaf]}"
    if mask is not None:
        return f"roi_heads.mask_head.mask_fcn{mask[1]}.{TORCH_LEAVES[leaf]}"
    if layer in _PLACES:
        return f"{_PLACES[layer]}.{TORCH_LEAVES[leaf]}"
    return f"backbone.body.{torchvision_name(f'{layer}/{leaf}')}"


def _torch_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the shape in PyTorch: kernels (height, width, in, out) of convolutions and (in, out) of dense layers turn.

    A transposed convolution's is (height, width, out, in) in Keras and (in, out, height, width) in PyTorch.
    """
    if len(shape) == 4:
        return shape[3], shape[2], shape[0], shape[1]
    return shape[::-1]


def _to_keras(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if name == "roi_heads.box_head.fc6.weight":  # PyTorch flattens (channels, rows, columns)
        channels = shape[0] // BOX_REGION**2
        return array.reshape(-1, channels, BOX_REGION, BOX_REGION).transpose(2, 3, 1, 0).reshape(shape)
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
