"""A classifier measured on the SIGNS test file: the figures and the page."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.data.signs import SignsPart
from keras_cv_course.errors import ModelError
from keras_cv_course.metrics.classification import accuracy, confusion_matrix
from keras_cv_course.models.classifier import Classifier
from keras_cv_course.pretrained import pretrained, registry
from keras_cv_course.report.classification_page import Sample, write_classification_page

SAMPLES_SHOWN = 12
MISTAKES_SHOWN = 24


@dataclass(frozen=True)
class SignsResult:
    """What a classifier made of the test images.

    Attributes:
        classifier: the classifier.
        part: the test file.
        probabilities: float32 (m, 6).
        confusion: int64 (6, 6), rows ground truth.
    """

    classifier: Classifier
    part: SignsPart
    probabilities: np.ndarray
    confusion: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0..1."""
        return accuracy(self.confusion)

    @property
    def kind_of_data(self) -> str:
        """``real`` or ``synthetic``."""
        return "synthetic" if self.part.synthetic else "real"

    def to_json(self) -> dict[str, object]:
        """Give the figures as JSON types."""
        return {
            "model": self.classifier.origin,
            "data": str(self.part.path),
            "kind_of_data": self.kind_of_data,
            "test_images": len(self.part.data),
            "test_accuracy": self.accuracy,
            "confusion": self.confusion.tolist(),
        }

    def write_page(self, path: Path, history: Mapping[str, Sequence[float]] | None = None) -> None:
        """Write the HTML page."""
        predicted, truth = self.probabilities.argmax(axis=1), self.part.data.labels
        note = (
            "Synthetic data: hands drawn by this package, not photographs."
            if self.part.synthetic
            else "Real data: photographs of hands from the course's SIGNS set."
        )
        facts = {
            "Model": self.classifier.origin,
            "Test data": "/".join(self.part.path.parts[-3:]),
            "Written": datetime.now(UTC).isoformat(sep=" ", timespec="minutes"),
            "Software": f"keras-cv-course {version('keras-cv-course')}, Keras {keras.__version__} on "
            f"{keras.backend.backend()}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        }
        if self.classifier.origin in registry():
            entry = pretrained(self.classifier.origin)
            facts |= {"Trained on": entry.trained_on, "Recipe": entry.recipe, "Weights sha256": entry.sha256}
        write_classification_page(
            path,
            title=f"Hand signs, read by {self.classifier.origin.removesuffix('/model.keras').rpartition('/')[2]}",
            facts=facts,
            data_note=note,
            accuracy=self.accuracy,
            number_of_images=len(truth),
            class_names=self.part.data.class_names,
            confusion=self.confusion,
            samples=self._samples(range(min(SAMPLES_SHOWN, len(truth)))),
            mistakes=self._samples(np.flatnonzero(predicted != truth)[:MISTAKES_SHOWN]),
            history=history,
        )

    def _samples(self, indices: Sequence[int] | np.ndarray | range) -> list[Sample]:
        names, data = self.part.data.class_names, self.part.data
        return [
            Sample(
                image=data.images[i],
                truth=names[data.labels[i]],
                predicted=names[self.probabilities[i].argmax()],
                probabilities=self.probabilities[i].tolist(),
            )
            for i in indices
        ]


def measure_signs(classifier: Classifier, part: SignsPart) -> SignsResult:
    """Classify a whole SIGNS file.

    Raises:
        ModelError: a classifier for other classes or another size of image.
    """
    data = part.data
    if classifier.class_names != data.class_names or classifier.input_size != data.images.shape[1:3]:
        raise ModelError(
            f"{part.path} needs a classifier of {data.images.shape[1:3]} images into {', '.join(data.class_names)}. "
            f"Received: {classifier.origin}, {classifier.input_size} into {', '.join(classifier.class_names)}."
        )
    probabilities = classifier.predict(data.images)
    confusion = confusion_matrix(data.labels, probabilities.argmax(axis=1), len(data.class_names))
    return SignsResult(classifier, part, probabilities, confusion)
