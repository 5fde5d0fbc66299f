"""Public checks of the transfer learning assignment.

Nothing here compares lists of layers. An augmentation is judged by what it does to pictures; a model by what it
computes with weights that are set, on a small base in MobileNetV2's place (given.py); fine-tuning by one step.
"""

import numpy as np

from keras_cv_course.grading import Named, Subject, check_of, compare
from keras_cv_course.grading.wire import Array

from .classifier import build, see_call, see_logits, see_structure, see_training
from .tuning import TuningCase, see_step, tune
from .turned import MOST_TURNED, SLACK, augmented, draw_spots, see_changes

# data_augmenter


@check_of(
    "data_augmenter",
    title="Pictures change while training, and only then",
    hint="keras.Sequential with the layers RandomFlip and RandomRotation, called without training=... inside.",
)
def augmenter_in_training_only(subject: Subject, draw: np.random.Generator) -> None:
    """Run it in use, and while training."""
    images, seed = np.repeat(draw_spots(draw).image[None], 8, axis=0), int(draw.integers(2**31))
    in_use = augmented(subject, images, training=False, seed=seed)
    if (
        isinstance(in_use, Array)
        and in_use.values.shape == images.shape
        and not np.allclose(in_use.values, images, atol=1e-3)
    ):
        raise compare.Wrong("The pictures change in use, too: augmentation is for training only.")
    compare.close(in_use, images, "pictures in use", atol=1e-3)
    training = augmented(subject, images, training=True, seed=seed)
    if isinstance(training, Array) and np.array_equal(training.values, images):
        raise compare.Wrong("The pictures do not change while training.")


@check_of(
    "data_augmenter",
    title="Half of the pictures are mirrored, none stands on its head",
    points=2,
    hint="RandomFlip('horizontal') exchanges left and right.",
)
def augmenter_mirrors(subject: Subject, draw: np.random.Generator) -> None:
    """Look at what it does to a hundred pictures."""
    changes = see_changes(subject, draw, draw_spots(draw))
    share = float(changes.mirrored.mean())
    if changes.is_upside_down:
        both = bool((np.abs(changes.angles[~changes.mirrored]) > 90).any())
        raise compare.Wrong(
            "Pictures are mirrored upside down as well: RandomFlip does both unless it gets 'horizontal'."
            if both
            else "Pictures are mirrored upside down, and not left to right: 'horizontal', not 'vertical'."
        )
    if share == 0:
        raise compare.Wrong("No picture is mirrored: RandomFlip('horizontal').")
    if not 0.2 < share < 0.8:  # of 100 fair draws: once in a hundred million
        raise compare.Wrong(f"Expected about half of the pictures mirrored. Received: {share:.0%}.")


@check_of(
    "data_augmenter",
    title="Pictures are turned by up to 72 degrees, either way",
    hint="RandomRotation(0.2): 0.2 is a part of a whole turn.",
)
def augmenter_turns(subject: Subject, draw: np.random.Generator) -> None:
    """Look at the angles of a hundred pictures."""
    angles = see_changes(subject, draw, draw_spots(draw)).folded
    most = float(np.abs(angles).max())
    if most < 1:
        raise compare.Wrong("No picture is turned: RandomRotation(0.2).")
    if most > MOST_TURNED + SLACK:
        raise compare.Wrong(
            f"Pictures are turned by more than {MOST_TURNED:g} degrees. The factor 0.2 is a part of a whole turn, "
            f"neither degrees nor radians."
        )
    if min(-angles.min(), angles.max()) < 10 < most:
        raise compare.Wrong("Pictures are turned one way only: one number, 0.2, means both.")
    if most < 60:
        raise compare.Wrong(f"Expected turns of up to {MOST_TURNED:g} degrees. Received: at most {most:.0f} of 100.")


# alpaca_model


@check_of(
    "alpaca_model",
    title="Input, output, and what is trained",
    hint="A frozen base without its top, global average pooling, dropout, Dense(1): two weights to train.",
)
def model_structure(subject: Subject, draw: np.random.Generator) -> None:
    """Build it for pictures that are not square."""
    shape = (64, 96)
    see_structure(subject, build(subject, shape, Named("negative_while_training")), shape)


@check_of(
    "alpaca_model",
    title="Logits in use, with given weights",
    points=2,
    hint="Augmentation, preprocess_input, base, mean of the map, dropout, one unit without activation.",
)
def model_in_use(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in use, where neither augmentation nor dropout acts."""
    see_logits(subject, draw, (64, 96))


@check_of(
    "alpaca_model",
    title="While training: augmentation first, dropout at the end",
    points=2,
    hint="data_augmentation works on the pixels as they are; Dropout(0.2) stands between pooling and Dense.",
)
def model_in_training(subject: Subject, draw: np.random.Generator) -> None:
    """Compare with an augmentation that makes negatives, for pictures with a map of two places."""
    see_training(subject, draw, (32, 64))


@check_of(
    "alpaca_model",
    title="Called on pictures, without training=...",
    hint="Only the base gets training=False; augmentation and dropout find out by themselves.",
)
def model_called(subject: Subject, draw: np.random.Generator) -> None:
    """Call it as a layer, with everything in it trainable."""
    see_call(subject, draw, (32, 64))


# fine_tune


@check_of(
    "fine_tune",
    title="Which layers are trained",
    points=2,
    hint="Make the base trainable, then freeze each layer of base_model.layers[:fine_tune_at].",
)
def tuning_unfreezes(subject: Subject, draw: np.random.Generator) -> None:
    """Let fine_tune_at be a layer with weights behind another one with weights."""
    case = TuningCase(blocks=5, fine_tune_at=int(draw.choice([5, 11])))
    case.see_trained(tune(subject, case.make(subject), fine_tune_at=case.fine_tune_at, base_learning_rate=0.001))


@check_of(
    "fine_tune",
    title="One step of training: loss, optimizer, learning rate",
    points=2,
    hint="compile with Adam(base_learning_rate / 10), BinaryCrossentropy(from_logits=True) and an accuracy.",
)
def tuning_step(subject: Subject, draw: np.random.Generator) -> None:
    """Open the last convolution, which no batch norm follows."""
    see_step(subject, draw, TuningCase(blocks=1, fine_tune_at=4), rate=float(draw.uniform(0.01, 0.03)))
