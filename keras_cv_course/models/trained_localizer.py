"""A trained localizer with everything that is needed to use it."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.errors import ModelError
from keras_cv_course.models.classifier import class_names_of, open_model, outputs_of, require_finite
from keras_cv_course.models.localizer import (
    NUMBERS_BEFORE_CLASSES,
    THRESHOLD,
    Localization,
    decode_prediction,
    localizer,
)
from keras_cv_course.models.pixels import model_pixels
from keras_cv_course.pretrained import localizers, weights_path
from keras_cv_course.weights_file import read_weights

PREDICTION_BATCH = 64


@dataclass(frozen=True)
class Localizer:
    """A model, its classes and the size of picture it takes.

    Attributes:
        model: from float32 (m, height, width, 3) to rows (m, 5 + classes), as of
            :func:`~keras_cv_course.models.localizer.encode_target`.
        class_names: one for each class.
        origin: where it comes from, for reports.

    Raises:
        ModelError: model and class names do not fit.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    origin: str

    def __post_init__(self) -> None:
        """Check that model and class names fit."""
        taken, given = self.model.input_shape, self.model.output_shape
        numbers = NUMBERS_BEFORE_CLASSES + len(self.class_names)
        if len(taken) != 4 or None in taken[1:] or taken[3] != 3 or given != (None, numbers) or not self.class_names:
            raise ModelError(
                f"{self.origin}: expected a model from images (None, height, width, 3) of a fixed size to rows (None, "
                f"5 + classes), classes: {len(self.class_names)}. Received: {taken} to {given}."
            )

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the images that the model takes."""
        height, width = self.model.input_shape[1:3]
        return height, width

    def predict(self, images: np.ndarray, threshold: float = THRESHOLD) -> Localization:
        """Say what is on each image, and where.

        Args:
            images: uint8 (m, height, width, 3) of the model's size; m may be 0.
            threshold: least p_c of an object.

        Returns:
            Arrays of m rows, boxes in pixels of these images.

        Raises:
            ModelError: images of another dtype or size, or a model whose numbers are not finite.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (*self.input_size, 3):
            raise ModelError(
                f"{self.origin}: expected images uint8 (m, {self.input_size[0]}, {self.input_size[1]}, 3). "
                f"Received: {images.dtype} {images.shape}."
            )
        rows = [np.zeros((0, self.model.output_shape[-1]), np.float32)]
        for start in range(0, len(images), PREDICTION_BATCH):
            batch = model_pixels(self.model, images[start : start + PREDICTION_BATCH])
            rows.append(self.model.predict_on_batch(batch))
        y = np.concatenate(rows)
        require_finite(self.origin, y)
        return decode_prediction(y, self.input_size, threshold)


def load_localizer(source: str | Path) -> Localizer:
    """Load a localizer by name, or from where a training left it.

    Args:
        source: a name in the registry, such as ``road-localizer``; a run folder; or a ``.keras`` file.

    Raises:
        WeightsError: an unknown name, a missing or damaged file, or a run that is not complete.
        ModelError: a model that is no localizer.
    """
    entry = localizers().get(str(source))
    if entry is not None:
        model = localizer((*entry.input_size, 3), len(entry.class_names))
        read_weights(weights_path(entry), model.weights)
        return Localizer(model, entry.class_names, entry.name)
    path, model = open_model(source, localizers())
    return Localizer(model, class_names_of(path, max(outputs_of(model) - NUMBERS_BEFORE_CLASSES, 0)), str(path))
