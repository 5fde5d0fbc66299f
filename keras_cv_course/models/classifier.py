"""A trained image classifier with everything that is needed to use it."""

import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.resnet import resnet
from keras_cv_course.pretrained import pretrained, registry, weights_path
from keras_cv_course.weights_file import read_weights

PREDICTION_BATCH = 64


@dataclass(frozen=True)
class Classifier:
    """A model, its classes and the size of picture it takes.

    Attributes:
        model: from float32 (m, height, width, 3), values 0..1, to probabilities (m, classes).
        class_names: one for each output.
        origin: where it comes from, for reports.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    origin: str

    def __post_init__(self) -> None:
        """Check that model and class names fit."""
        expected = (None, len(self.class_names))
        if self.model.output_shape != expected or len(self.model.input_shape) != 4:
            raise ModelError(
                f"{self.origin}: expected a model from images to probabilities of shape {expected}. "
                f"Received: {self.model.input_shape} to {self.model.output_shape}."
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
        """
        pieces = [np.zeros((0, len(self.class_names)), np.float32)]
        for start in range(0, len(images), PREDICTION_BATCH):
            batch = images[start : start + PREDICTION_BATCH].astype(np.float32) / 255
            pieces.append(self.model.predict_on_batch(batch))
        return np.concatenate(pieces)


def load_classifier(source: str | Path) -> Classifier:
    """Load a classifier by name, or from where a training left it.

    Args:
        source: a name in the registry, such as ``signs-resnet50``; a run folder; or a ``.keras`` file.

    Raises:
        WeightsError: an unknown name, a missing or damaged file, or a run that is not complete.
        ModelError: a model that is no image classifier.
    """
    if str(source) in registry():
        entry = pretrained(str(source))
        model = resnet(entry.depth, (*entry.input_size, 3), len(entry.class_names), name=entry.name.replace("-", "_"))
        read_weights(weights_path(entry), model.weights)
        return Classifier(model, entry.class_names, entry.name)

    path = Path(source)
    if path.is_dir():
        path /= "model.keras"
    if not path.is_file():
        raise WeightsError(
            f"Expected a trained model's name ({', '.join(registry())}), a run folder with model.keras, or a .keras "
            f"file. Received: {str(source)!r}, and there is no {path}."
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path}: not a Keras model that loads here ({str(error).splitlines()[0]}).") from error
    return Classifier(model, _class_names(path, model), str(path))


def _class_names(path: Path, model: keras.Model) -> tuple[str, ...]:
    """Take the names from the run's config.json; a bare file has the class numbers."""
    config = path.with_name("config.json")
    if config.is_file():
        return tuple(json.loads(config.read_text(encoding="utf-8"))["class_names"])
    return tuple(str(number) for number in range(model.output_shape[-1]))
