"""Hidden checks of the transfer learning assignment: other sizes and values, defaults, and what is easily forgotten."""

import numpy as np

from keras_cv_course.grading import Subject, check_of, compare

from .classifier import see_logits, see_own_augmentation
from .tuning import TuningCase, tune
from .turned import MOST_TURNED, SLACK, draw_spots, see_changes


@check_of("data_augmenter", title="Pictures of another shape and range of values")
def augmenter_of_other_pictures(subject: Subject, draw: np.random.Generator) -> None:
    """Use a picture that is wider than high, of -1..1."""
    changes = see_changes(subject, draw, draw_spots(draw, 48, 80, white=1))
    most = np.abs(changes.angles).max()
    if not 0.2 < changes.mirrored.mean() < 0.8 or not 60 < most < MOST_TURNED + SLACK:
        raise compare.Wrong("Expected half of the pictures mirrored, and all turned by up to 72 degrees.")


@check_of("data_augmenter", title="Nothing else is changed")
def augmenter_changes_nothing_else(subject: Subject, draw: np.random.Generator) -> None:
    """Look at size, place and brightness."""
    changes = see_changes(subject, draw, draw_spots(draw))
    if np.abs(changes.scales - 1).max() > 0.05 or changes.shifts.max() > 1:
        raise compare.Wrong("Pictures are also zoomed or moved: only mirrored and turned was asked for.")
    if np.abs(changes.light - 1).max() > 0.05:
        raise compare.Wrong("The values of the pictures are changed: they are only mirrored and turned.")


@check_of("alpaca_model", title="Other pictures")
def model_of_other_pictures(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for pictures that are higher than wide."""
    see_logits(subject, draw, (96, 32), named=False)


@check_of("alpaca_model", title="Without arguments")
def model_by_default(subject: Subject, draw: np.random.Generator) -> None:
    """Expect the shape and the augmentation of the defaults."""
    see_own_augmentation(subject, draw)


@check_of("fine_tune", title="The defaults: from layer 120 on, at a rate of 0.0001")
def tuning_by_default(subject: Subject, draw: np.random.Generator) -> None:
    """Use a base of as many layers as it takes."""
    case = TuningCase(blocks=41, fine_tune_at=120)
    model = tune(subject, case.make(subject))
    case.see_trained(model)
    if model.compiled is None:
        raise compare.Wrong("The model is not compiled.")
    compare.close(model.compiled.get("learning_rate"), 0.0001, "learning rate by default")


@check_of("fine_tune", title="The weights stay as they are, and all layers can be trained")
def tuning_keeps_weights(subject: Subject, draw: np.random.Generator) -> None:
    """Compare them before and after, with fine_tune_at=0."""
    case = TuningCase(blocks=2, fine_tune_at=0)
    model = case.make(subject)
    before = subject.weights(model)
    model = tune(subject, model, fine_tune_at=0, base_learning_rate=0.01)
    case.see_trained(model)
    if any(not np.array_equal(one, other) for one, other in zip(before, subject.weights(model), strict=True)):
        raise compare.Wrong("fine_tune changes weights: it only prepares the training, and keeps what was learned.")
