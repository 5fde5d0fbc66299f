"""A classifier of windows with everything that is needed to find objects with it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.errors import ModelError, list_few
from keras_cv_course.models.classifier import load_classifier
from keras_cv_course.models.fully_convolutional import FullyConvolutional, to_fully_convolutional
from keras_cv_course.models.overfeat import road_window_network
from keras_cv_course.models.pixels import model_pixels
from keras_cv_course.pretrained import weights_path, window_classifiers
from keras_cv_course.weights_file import read_weights

BACKGROUND_NAMES = ("background", "nothing", "none", "empty", "negative", "neither")


@dataclass(frozen=True, eq=False)
class WindowClassifier:
    """A model of windows, its classes, and which of them stand for no object.

    Attributes:
        model: from float32 (m, height, width, 3) to probabilities (m, classes); or to a list of these and boxes (m, 4),
            xywh as parts of the window. Values are 0..1, or 0..255 where the model begins with a layer that scales them
            (:func:`~keras_cv_course.models.pixels.white_level`).
        class_names: one for each probability.
        background: names of the classes that stand for no object; may be empty.
        origin: where it comes from, for messages.

    Raises:
        ModelError: the parts do not fit together.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    background: tuple[str, ...]
    origin: str

    def __post_init__(self) -> None:
        """Check that the parts fit."""
        taken, given, classes = self.model.input_shape, self.model.output_shape, len(self.class_names)
        outputs = [given] if isinstance(given, tuple) and not isinstance(given[-1], tuple) else list(given)
        if (
            len(taken) != 4
            or None in taken[1:]
            or taken[3] != 3
            or outputs not in ([(None, classes)], [(None, classes), (None, 4)])
        ):
            raise ModelError(
                f"{self.origin}: expected a model from windows (None, height, width, 3) of a fixed size to "
                f"probabilities (None, {classes}), or to these and boxes (None, 4). Received: {taken} to {given}."
            )
        unknown = set(self.background) - set(self.class_names)
        if unknown or not set(self.class_names) - set(self.background):
            raise ModelError(
                f"{self.origin}: expected background as some of the classes {', '.join(self.class_names)}, not all. "
                f"Received: {', '.join(self.background)}."
            )

    @property
    def window(self) -> tuple[int, int]:
        """(height, width) of the windows that the model takes."""
        height, width = self.model.input_shape[1:3]
        return height, width

    @cached_property
    def fully_convolutional(self) -> FullyConvolutional:
        """The model as convolutions, for whole pictures; made once, with the weights of that moment.

        Raises:
            ModelError: a layer does not allow it.
        """
        return to_fully_convolutional(self.model)

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Turn images uint8 (..., 3) into float32 with the values that the model takes."""
        return model_pixels(self.model, images)


def load_window_classifier(source: str | Path, background: tuple[str, ...] | None = None) -> WindowClassifier:
    """Load a classifier of windows by its name in the registry, or whatever `load_classifier` takes.

    Args:
        source: a name, such as ``road-windows``; a run folder; or a ``.keras`` file.
        background: names of the classes that stand for no object; None for the one that is named as in
            `BACKGROUND_NAMES`, in small or capital letters.

    Raises:
        WeightsError: as of :func:`~keras_cv_course.models.classifier.load_classifier`.
        ModelError: `background` is None and no class is named so, or several are; or it is none of the classes.
    """
    entry = window_classifiers().get(str(source))
    if entry is not None:
        model = road_window_network(len(entry.class_names))
        read_weights(weights_path(entry), model.weights)
        class_names, origin = entry.class_names, entry.name
    else:
        classifier = load_classifier(source)
        model, class_names, origin = classifier.model, classifier.class_names, classifier.origin
    if background is None:
        background = tuple(name for name in class_names if name.lower() in BACKGROUND_NAMES)
        if len(background) != 1:
            raise ModelError(
                f"{origin}: expected one class that stands for no object, named {', '.join(BACKGROUND_NAMES[:-1])} or "
                f"{BACKGROUND_NAMES[-1]}. Received the classes {list_few(class_names)}. Say which it is (--background)."
            )
    return WindowClassifier(model, class_names, background, origin)
