"""Public checks of the U-Net assignment.

A model is compared by what it computes with weights that are set, never by its layers: their names, their order and
the way they were put together are the learner's own. The two maps of a level may be joined in either order.
"""

from collections.abc import Iterator

import numpy as np

from keras_cv_course.grading import Input, Subject, Tensor, check_of, compare

from .asking import see_dice_gradient
from .blocks import draw_down, draw_up, see_down_values, see_down_weights, see_up_values, see_up_weights
from .dropout import see_dropout
from .inputs import Case, draw_maps, draw_masks, draw_soft, telling
from .network import blame, build_network, see_network_dropout, see_network_values, see_network_weights
from .reference import Network, class_map, dice, mean_iou
from .typical_mistakes import class_map_mistakes, dice_mistakes, mean_iou_mistakes, only_predicted_mistakes
from .weights import see_initial_weights

# masks_to_class_map


@check_of(
    "masks_to_class_map",
    title="Masks that overlap",
    points=2,
    hint="Begin with zeros; paint 1 + class, from the largest mask to the smallest.",
)
def map_of_overlapping(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for four masks."""

    def cases() -> Iterator[Case]:
        while True:
            masks, class_ids = draw_masks(draw, 4, (12, 17)), draw.permutation(6)[:4]
            yield (masks, class_ids), class_map(masks, class_ids), class_map_mistakes(masks, class_ids)

    inputs, right, mistakes = telling(cases())
    compare.close(subject.call("masks_to_class_map", *inputs), right, "masks_to_class_map", mistakes=mistakes)


@check_of("masks_to_class_map", title="A picture without a mask", hint="All is background there: zeros (h, w).")
def map_of_nothing(subject: Subject, draw: np.random.Generator) -> None:
    """Compare, after a picture with one mask."""
    for count in (1, 0):
        masks, class_ids = draw_masks(draw, count, (9, 14)), draw.integers(1, 5, count)
        received = subject.call("masks_to_class_map", masks, class_ids)
        compare.close(received, class_map(masks, class_ids), "masks_to_class_map")


# conv_block


@check_of(
    "conv_block",
    title="Shapes of its results and its weights",
    hint="Two convolutions of 3x3 with n_filters filters and padding='same', then MaxPooling2D(2).",
)
def down_shapes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare with pooling, and without."""
    see_down_weights(subject, draw_down(draw))
    see_down_weights(subject, draw_down(draw, pooled=False), max_pooling=False)


@check_of(
    "conv_block",
    title="Values with given weights",
    points=2,
    hint="Convolution, ReLU, twice; skip_connection is the map before the pooling.",
)
def down_values(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in use, with pooling."""
    see_down_values(subject, draw, draw_down(draw))


@check_of(
    "conv_block",
    title="Dropout while training",
    hint="Dropout(dropout_prob) comes after both convolutions and before the pooling.",
)
def down_dropout(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a rate that is drawn."""
    see_dropout(subject, draw, draw_down(draw), float(draw.uniform(0.15, 0.22)))


@check_of(
    "conv_block",
    title="Weights at the beginning",
    hint="kernel_initializer='he_normal' in both convolutions: signals keep their size through a ReLU.",
)
def down_initial_weights(subject: Subject, draw: np.random.Generator) -> None:
    """See the spread of the kernels."""
    models = subject.call("conv_block", Input((8, 8, 12)), 12)
    if not isinstance(models, tuple | list) or not models:
        models = (models,)
    see_initial_weights(subject, compare.is_model(models[-1], "conv_block"))


# upsampling_block


@check_of(
    "upsampling_block",
    title="Shapes of its result and its weights",
    hint="Conv2DTranspose(n_filters, 3, strides=2, padding='same'), concatenate, then two convolutions of 3x3.",
)
def up_shapes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for maps of different numbers of channels."""
    see_up_weights(subject, draw_up(draw))


@check_of(
    "upsampling_block",
    title="Values with given weights",
    points=2,
    hint="The transposed convolution has no activation, the two convolutions have a ReLU each.",
)
def up_values(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in use."""
    see_up_values(subject, draw, draw_up(draw))


@check_of(
    "upsampling_block",
    title="Weights at the beginning",
    hint="kernel_initializer='he_normal' in both convolutions; the transposed one keeps Keras's default.",
)
def up_initial_weights(subject: Subject, draw: np.random.Generator) -> None:
    """See the spread of the kernels: with few channels across, Keras's own initializer has 0.72 of the right one."""
    model = subject.model("upsampling_block", Input((4, 4, 7)), Input((8, 8, 2)), 24)
    see_initial_weights(subject, model, transposed=(3, 3, 24, 7))


# unet_model


@check_of(
    "unet_model",
    title="Shapes of its output and its weights",
    hint="Filters of 1, 2, 4, 8 and 16 times n_filters on the way down, then 8, 4, 2 and 1 times on the way up.",
)
def network_shapes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a small network."""

    def see() -> None:
        classes = int(draw.integers(4, 8))
        see_network_weights(build_network(subject, (16, 32, 3), 3, classes), 3, 3, classes)

    blame(subject, see)


@check_of(
    "unet_model",
    title="Logits with given weights",
    points=2,
    hint="No activation at the end; the convolution of 3x3 before it has a ReLU.",
)
def network_values(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in use."""

    def see() -> None:
        model = build_network(subject, (32, 16, 2), 3, 5)
        see_network_weights(model, 2, 3, 5)
        see_network_values(subject, draw, model, Network(3, 5))

    blame(subject, see)


@check_of(
    "unet_model",
    title="Where it drops out",
    hint="dropout_prob=0.3 in the fourth and the fifth conv_block, and none above.",
)
def network_dropout(subject: Subject, draw: np.random.Generator) -> None:
    """Compare places and rates."""
    blame(subject, lambda: see_network_dropout(build_network(subject, (32, 16, 2), 2, 3), (32, 16, 2), 2))


# mean_iou


@check_of(
    "mean_iou",
    title="The mean over classes",
    points=2,
    hint="Of each class: pixels that both maps have, by pixels that either has; then the mean.",
)
def iou_of_maps(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for pictures with pixels that count nowhere, and with classes that are in no map."""

    def cases() -> Iterator[Case]:
        while True:
            maps = draw_maps(draw, (2, 12, 15), [0, 2, 3, 5], ignored=0.1)
            yield (*maps, 7), mean_iou(*maps, 7), mean_iou_mistakes(*maps, 7)

    inputs, right, mistakes = telling(cases())
    compare.close(subject.call("mean_iou", *inputs), right, "mean_iou", mistakes=mistakes)


@check_of(
    "mean_iou",
    title="A class that is predicted but nowhere there",
    hint="A class counts where the truth or the prediction has it.",
)
def iou_of_invented(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for one picture, in which a fourth class is predicted."""
    y_true, y_pred = draw_maps(draw, (10, 13), [0, 1, 2])
    y_pred[draw.random(y_pred.shape) < 0.2] = 3
    right, mistakes = mean_iou(y_true, y_pred, 4), only_predicted_mistakes(y_true, y_pred, 4)
    compare.close(subject.call("mean_iou", y_true, y_pred, 4), right, "mean_iou", mistakes=mistakes)


# dice_coefficient


@check_of(
    "dice_coefficient",
    title="A number for each picture",
    points=2,
    hint="(2 * sum of y_true * y_pred + 1) / (sum of y_true + sum of y_pred + 1), over height and width.",
)
def dice_of_pictures(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for probabilities."""

    def cases() -> Iterator[Case]:
        while True:
            pair = draw_soft(draw, 4, (5, 6))
            yield pair, dice(*pair), dice_mistakes(*pair)

    pair, right, mistakes = telling(cases())
    received = subject.call("dice_coefficient", *map(Tensor, pair))
    compare.close(received, right, "dice_coefficient", mistakes=mistakes)


@check_of(
    "dice_coefficient",
    title="What a step of training would change",
    hint="Use keras.ops or TensorFlow, and no rounding: else there is no gradient.",
)
def dice_slope(subject: Subject, draw: np.random.Generator) -> None:
    """Compare the gradient."""
    see_dice_gradient(subject, *draw_soft(draw, 3, (6, 7)))
