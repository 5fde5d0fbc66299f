"""U-Net and Mask R-CNN on any backbone."""

import math

import keras

from keras_cv_course.errors import ModelError
from keras_cv_course.models.mask_rcnn import MaskRcnn, MaskRcnnPlan, mask_rcnn
from keras_cv_course.models.unet import unet_decoder
from keras_cv_course.transfer.backbones import Backbone

MOST_FILTERS = 128  # on the way up; at each size as many as the backbone has there where that is less

_CUT_OFF = 2  # pixels


def unet_on(backbone: Backbone, n_classes: int) -> keras.Model:
    """Put the way up of a U-Net on a pretrained network, its own preprocessing inside.

    Of each size the last map is taken over, as :func:`~keras_cv_course.models.unet.unet_decoder` does it. Where the
    largest map is smaller than the picture, as with most networks, the logits are brought to the picture's size between
    their places (bilinear).

    Args:
        backbone: as of :func:`~keras_cv_course.load_backbone`; its layers are trained along unless they are frozen
            before or after.
        n_classes: at least 1.

    Returns:
        A model from pictures float32 (m, height, width, 3), values 0..255, to logits (m, height, width, n_classes).

    Raises:
        ModelError: no class, a network without maps of several sizes, or a picture that is no whole multiple of its
            largest map.
    """
    network = backbone.network
    inputs = keras.Input(network.input_shape[1:], name="image")
    taps = keras.Model(network.inputs, stage_maps(network), name=network.name)
    maps = taps(backbone.preprocessing(inputs))
    logits = unet_decoder(maps, [min(MOST_FILTERS, x.shape[-1]) for x in maps[:-1]], n_classes)
    size, largest = inputs.shape[1:3], logits.shape[1:3]
    stride = size[0] // largest[0]
    if size != tuple(side * stride for side in largest):
        raise ModelError(
            f"{backbone.name}: expected pictures of whole multiples of its largest map, {largest}. Received: {size}. "
            "Take multiples of 32."
        )
    if stride > 1:
        logits = keras.layers.UpSampling2D(stride, interpolation="bilinear", name="to_picture")(logits)
    return keras.Model(inputs, logits, name="unet")


def stage_maps(network: keras.Model) -> list[keras.KerasTensor]:
    """Find the last map of each size, from half the picture's down to the network's own.

    Networks that cut off edges have maps that are up to `_CUT_OFF` pixels smaller than halves.

    Raises:
        ModelError: a size without a map, or less than two sizes.
    """
    height, width = network.input_shape[1:3]
    last: dict[tuple[int, int], keras.KerasTensor] = {}
    for layer in network.layers:
        if len(getattr(layer.output, "shape", ())) == 4:
            last[layer.output.shape[1:3]] = layer.output
    maps = []
    for step in range(1, round(math.log2(height / network.output.shape[1]))):
        exact = height / 2**step, width / 2**step
        away = {size: max(abs(a - b) for a, b in zip(size, exact, strict=True)) for size in last}
        nearest = min(away, key=lambda size: away[size])
        if away[nearest] <= _CUT_OFF:
            maps.append(last[nearest])
    maps.append(network.output)
    if len(maps) < 2 or len({x.shape[1:3] for x in maps}) < len(maps):
        raise ModelError(
            f"{network.name}: expected maps of at least two sizes, each about half as high and wide as the one before. "
            f"Received: {[x.shape[1:3] for x in maps]} for pictures of {(height, width)}."
        )
    return maps


def mask_rcnn_on(backbone: Backbone, plan: MaskRcnnPlan) -> MaskRcnn:
    """Put a feature pyramid and the heads of a Mask R-CNN on a pretrained network, its own preprocessing inside.

    Of the network's maps it takes the smallest, as many as the plan has sizes of anchors.

    Args:
        backbone: as of :func:`~keras_cv_course.load_backbone`, for pictures of multiples of 32; its layers are trained
            along unless they are frozen before or after.
        plan: the numbers of the network.

    Raises:
        ModelError: a network without that many maps, or maps that are no halves.
    """
    network = backbone.network
    inputs = keras.Input(network.input_shape[1:], name="image")
    wanted = stage_maps(network)[-len(plan.anchor_sizes) :]
    taps = keras.Model(network.inputs, wanted, name=network.name)
    maps = taps(backbone.preprocessing(inputs))
    return mask_rcnn(keras.Model(inputs, maps, name="backbone"), plan)
