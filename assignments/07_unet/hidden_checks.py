"""Hidden checks of the U-Net assignment: other sizes and values, defaults, and what is easily forgotten."""

import numpy as np

from keras_cv_course.grading import Subject, Tensor, check_of, compare

from .blocks import draw_down, draw_up, see_down_values, see_up_values
from .inputs import draw_maps, draw_masks, draw_soft
from .network import blame, build_network, see_network_values, see_network_weights
from .reference import IGNORED, Network, class_map, dice, mean_iou


@check_of("masks_to_class_map", title="Many masks, and many of one class")
def map_of_many(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for more masks than classes, and see that the masks stay as they are."""
    masks, class_ids = draw_masks(draw, 9, (20, 30)), draw.integers(0, 3, 9)
    received = subject.call("masks_to_class_map", masks, class_ids)
    compare.close(received, class_map(masks, class_ids), "masks_to_class_map")


@check_of("conv_block", title="Without pooling, and other sizes")
def down_of_other_sizes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare without pooling, as on the lowest level."""
    see_down_values(subject, draw, draw_down(draw, pooled=False), max_pooling=False)
    see_down_values(subject, draw, draw_down(draw), max_pooling=True, dropout_prob=0.3)


@check_of("upsampling_block", title="Other sizes")
def up_of_other_sizes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare once more."""
    see_up_values(subject, draw, draw_up(draw))


@check_of("unet_model", title="Other images, and another number of classes", points=2)
def network_of_other_images(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for images of one channel."""

    def see() -> None:
        model = build_network(subject, (16, 48, 1), 2, 9)
        see_network_weights(model, 1, 2, 9)
        see_network_values(subject, draw, model, Network(2, 9))

    blame(subject, see)


@check_of("mean_iou", title="Other maps: all right, all wrong, and pixels that count nowhere")
def iou_of_other_maps(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for one picture and for several."""
    y_true, y_pred = draw_maps(draw, (11, 8), [0, 1, 4], ignored=0.3)
    pairs = [(y_true, y_pred), (y_true, np.where(y_true == IGNORED, 0, y_true)), (y_true, y_pred * 0 + 3)]
    for true, predicted in pairs:
        compare.close(subject.call("mean_iou", true, predicted, 5), mean_iou(true, predicted, 5), "mean_iou")


@check_of("dice_coefficient", title="Empty masks, and masks that are the same")
def dice_of_ends(subject: Subject, draw: np.random.Generator) -> None:
    """Compare where nothing is there, where all is right, and where nothing is."""
    y_true, _ = draw_soft(draw, 4, (6, 5))
    y_true[0] = 0
    y_pred = np.stack([y_true[0], y_true[1], 1 - y_true[2], y_true[3] * 0]).astype(np.float32)
    received = subject.call("dice_coefficient", Tensor(y_true), Tensor(y_pred))
    compare.close(received, dice(y_true, y_pred), "dice_coefficient")
