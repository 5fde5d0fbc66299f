"""A trained image classifier with everything that is needed to use it."""

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.errors import ModelError, WeightsError, first_line
from keras_cv_course.models.nested_layers import outputs_in_structure
from keras_cv_course.models.pixels import model_pixels
from keras_cv_course.models.resnet import resnet
from keras_cv_course.pretrained import classifiers, weights_path
from keras_cv_course.weights_file import read_weights

PREDICTION_BATCH = 64


@dataclass(frozen=True)
class Classifier:
    """A model, its classes and the size of picture it takes.

    Attributes:
        model: from float32 (m, height, width, 3) to probabilities (m, classes). Values are 0..1, or 0..255 where the
            model begins with a layer that scales them (:func:`~keras_cv_course.models.pixels.white_level`).
        class_names: one for each output.
        origin: where it comes from, for reports.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    origin: str

    def __post_init__(self) -> None:
        """Check that model and class names fit."""
        taken, given = self.model.input_shape, self.model.output_shape
        if len(taken) != 4 or None in taken[1:] or taken[3] != 3 or given != (None, len(self.class_names)):
            raise ModelError(
                f"{self.origin}: expected a model from images (None, height, width, 3) of a fixed size to "
                f"probabilities (None, {len(self.class_names)}). Received: {taken} to {given}."
            )

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the images that the model takes."""
        height, width = self.model.input_shape[1:3]
        return height, width

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Classify images.

        Args:
            images: uint8 (m, height, width, 3) of the model's size; m may be 0.

        Returns:
            float32 (m, classes), rows that sum to 1.

        Raises:
            ModelError: images of another dtype or size, or a model whose numbers are not finite.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (*self.input_size, 3):
            raise ModelError(
                f"{self.origin}: expected images uint8 (m, {self.input_size[0]}, {self.input_size[1]}, 3). "
                f"Received: {images.dtype} {images.shape}."
            )
        pieces = [np.zeros((0, len(self.class_names)), np.float32)]
        for start in range(0, len(images), PREDICTION_BATCH):
            pieces.append(self.model.predict_on_batch(self.prepare(images[start : start + PREDICTION_BATCH])))
        probabilities = np.concatenate(pieces)
        require_finite(self.origin, probabilities)
        return probabilities

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Turn images uint8 (m, height, width, 3) into float32 with the values that the model takes."""
        return model_pixels(self.model, images)


def load_classifier(source: str | Path) -> Classifier:
    """Load a classifier by name, or from where a training left it.

    Args:
        source: a name in the registry, such as ``signs-resnet50``; a run folder; or a ``.keras`` file.

    Raises:
        WeightsError: an unknown name, a missing or damaged file, or a run that is not complete.
        ModelError: a model that is no image classifier.
    """
    entry = classifiers().get(str(source))
    if entry is not None:
        model = resnet(entry.depth, (*entry.input_size, 3), len(entry.class_names), name=entry.name.replace("-", "_"))
        read_weights(weights_path(entry), model.weights)
        return Classifier(model, entry.class_names, entry.name)

    path, model = open_model(source, classifiers())
    return Classifier(model, class_names_of(path, outputs_of(model)), str(path))


def open_model(source: str | Path, names: Iterable[str]) -> tuple[Path, keras.Model]:
    """Load the model of a run folder or a ``.keras`` file.

    Args:
        source: the folder or file.
        names: of the shipped models that would have been taken as well, for the message.

    Returns:
        The file, and the model.

    Raises:
        WeightsError: a missing or damaged file, or a run that is not complete.
    """
    path = Path(source)
    if path.is_dir():
        if (path / "config.json").exists() and not (path / "model.keras").exists():
            raise WeightsError(f"{source}: a run that is not complete. Go on with it: kcc train ... --resume {source}")
        path /= "model.keras"
    if not path.is_file() or path.suffix != ".keras":
        raise WeightsError(
            f"Expected a trained model's name ({', '.join(names)}), a run folder with model.keras, or a .keras "
            f"file. Received: {str(source)!r}{'' if path.is_file() else f', and there is no {path}'}."
        )
    try:
        return path, keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: not a Keras model that loads here ({first_line(error)}).") from error


def outputs_of(model: keras.Model) -> int:
    """Count the numbers that a model gives for a picture; 0 where it does not give one row of them."""
    given = outputs_in_structure(model)
    return given.shape[1] if isinstance(given, keras.KerasTensor) and len(given.shape) == 2 else 0


def require_finite(origin: str, *outputs: np.ndarray) -> None:
    """Raise ModelError where a model gave NaN or infinity, which would read as a result."""
    if not all(np.isfinite(output).all() for output in outputs):
        raise ModelError(
            f"{origin}: expected finite numbers of the model. Received: NaN or infinity. The weights are damaged or "
            "untrained."
        )


def class_names_of(path: Path, classes: int) -> tuple[str, ...]:
    """Take the names from the config.json of a model's run; a bare file has the class numbers.

    Raises:
        WeightsError: a config.json without them.
    """
    config = path.with_name("config.json")
    if not config.is_file():
        return tuple(str(number) for number in range(classes))
    try:
        return tuple(map(str, json.loads(config.read_text(encoding="utf-8"))["class_names"]))
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{config}: expected the settings of a run, with class_names ({error}).") from error
