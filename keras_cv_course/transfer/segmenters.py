"""U-Net and Mask R-CNN on any backbone."""

import keras

from keras_cv_course.models.mask_rcnn import MaskRcnn, MaskRcnnPlan, mask_rcnn
from keras_cv_course.models.unet import stage_maps, unet_around
from keras_cv_course.transfer.backbones import Backbone


def unet_on(backbone: Backbone, n_classes: int) -> keras.Model:
    """Put the way up of a U-Net on a pretrained network, its own preprocessing inside.

    Args:
        backbone: as of :func:`~keras_cv_course.load_backbone`; its layers are trained along unless they are frozen
            before or after.
        n_classes: at least 1.

    Returns:
        The model of :func:`~keras_cv_course.models.unet.unet_around`, for values 0..255.

    Raises:
        ModelError: as there.
    """
    return unet_around(backbone.network, backbone.preprocessing, n_classes)


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
