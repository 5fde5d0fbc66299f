"""A classifier measured on labelled images: the figures and the page."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.cli.console import note
from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.data.signs import SignsPart
from keras_cv_course.errors import ModelError
from keras_cv_course.metrics.classification import accuracy, confusion_matrix
from keras_cv_course.models.classifier import Classifier
from keras_cv_course.models.grad_cam import grad_cam
from keras_cv_course.pretrained import pretrained, registry
from keras_cv_course.report.classification_page import Attention, Sample, write_classification_page
from keras_cv_course.report.heat_map import overlay_heat

SAMPLES_SHOWN = 12
MISTAKES_SHOWN = 24
ATTENTION_SHOWN = 8


@dataclass(frozen=True)
class ClassificationResult:
    """What a classifier made of images whose classes are known.

    Attributes:
        classifier: the classifier.
        data: m images.
        probabilities: float32 (m, classes).
        confusion: int64 (classes, classes), rows ground truth.
        source: where the images come from, for people.
        data_note: what they are, in a sentence.
        split: ``test`` or ``validation``.
        names: a name for each image, such as its file; None for none.
    """

    classifier: Classifier
    data: LabelledImages
    probabilities: np.ndarray
    confusion: np.ndarray
    source: str
    data_note: str
    split: str = "test"
    names: tuple[str, ...] | None = None

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0..1."""
        return accuracy(self.confusion)

    def to_json(self) -> dict[str, object]:
        """Give the figures as JSON types."""
        return {
            "model": self.classifier.origin,
            "data": self.source,
            f"{self.split}_images": len(self.data),
            f"{self.split}_accuracy": self.accuracy,
            "class_names": list(self.data.class_names),
            "confusion": self.confusion.tolist(),
        }

    def write_page(
        self,
        path: Path,
        *,
        title: str,
        facts: Mapping[str, str] | None = None,
        history: Mapping[str, Sequence[float]] | None = None,
        skipped: Sequence[str] = (),
        show_attention: bool = False,
    ) -> None:
        """Write the HTML page.

        Args:
            path: the file.
            title: of the page.
            facts: further ones, by name.
            history: of the training.
            skipped: lines about files that were left out.
            show_attention: add Grad-CAM of a few images, right answers and mistakes.
        """
        predicted, truth = self.probabilities.argmax(axis=1), self.data.labels
        wrong = np.flatnonzero(predicted != truth)
        wrong = wrong[np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")]  # most confident first
        all_facts = {
            "Model": self.classifier.origin,
            f"{self.split.capitalize()} data": self.source,
            **(facts or {}),
            "Written": datetime.now(UTC).isoformat(sep=" ", timespec="minutes"),
            "Software": f"keras-cv-course {version('keras-cv-course')}, Keras {keras.__version__} on "
            f"{keras.backend.backend()}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        }
        if self.classifier.origin in registry():
            entry = pretrained(self.classifier.origin)
            all_facts |= {
                "Trained on": entry.trained_on,
                "Recipe": entry.recipe,
                "Weights sha256": entry.sha256 or "not known",
            }
        write_classification_page(
            path,
            title=title,
            facts=all_facts,
            data_note=self.data_note,
            accuracy=self.accuracy,
            number_of_images=len(truth),
            class_names=self.data.class_names,
            confusion=self.confusion,
            samples=self._samples(_spread(truth, SAMPLES_SHOWN)),
            mistakes=self._samples(wrong[:MISTAKES_SHOWN]),
            history=history,
            split=self.split,
            attention=self._attention(wrong) if show_attention else (),
            skipped=skipped,
        )

    def _samples(self, indices: Sequence[int] | np.ndarray) -> list[Sample]:
        names = self.data.class_names
        return [
            Sample(
                image=self.data.images[i],
                truth=names[self.data.labels[i]],
                predicted=names[self.probabilities[i].argmax()],
                probabilities=self.probabilities[i].tolist(),
                name=self.names[i] if self.names else None,
            )
            for i in indices
        ]

    def _attention(self, wrong: np.ndarray) -> list[Attention]:
        """Show half mistakes, the most confident ones, and half right answers of all classes."""
        right, some = np.setdiff1d(np.arange(len(self.data)), wrong), wrong[: ATTENTION_SHOWN // 2]
        right = right[_spread(self.data.labels[right], ATTENTION_SHOWN - len(some))]
        indices = np.concatenate([right, some])
        images, names = np.asarray(self.data.images[indices]), self.data.class_names
        classes = self.probabilities[indices].argmax(axis=1)
        try:
            heat = grad_cam(self.classifier.model, self.classifier.prepare(images), classes)
        except ModelError as error:  # a model from elsewhere, with another head
            note(f"The page has no Grad-CAM: {error}")
            return []
        return [
            Attention(
                image=image,
                overlay=overlay_heat(image, heat_map),
                truth=names[self.data.labels[i]],
                predicted=names[c],
                probability=float(self.probabilities[i, c]),
            )
            for image, heat_map, i, c in zip(images, heat, indices, classes, strict=True)
        ]


def measure(
    classifier: Classifier,
    data: LabelledImages,
    *,
    source: str,
    data_note: str,
    split: str = "test",
    names: tuple[str, ...] | None = None,
) -> ClassificationResult:
    """Classify images; arguments as of :class:`ClassificationResult`.

    Raises:
        ModelError: a classifier for other classes or another size of image.
    """
    if classifier.class_names != data.class_names or classifier.input_size != data.images.shape[1:3]:
        raise ModelError(
            f"{source} needs a classifier of {data.images.shape[1:3]} images into {', '.join(data.class_names)}. "
            f"Received: {classifier.origin}, {classifier.input_size} into {', '.join(classifier.class_names)}."
        )
    probabilities = classifier.predict(data.images)
    confusion = confusion_matrix(data.labels, probabilities.argmax(axis=1), len(data.class_names))
    return ClassificationResult(classifier, data, probabilities, confusion, source, data_note, split, names)


def measure_signs(classifier: Classifier, part: SignsPart) -> ClassificationResult:
    """Classify a whole SIGNS file; errors as of :func:`measure`."""
    note = (
        "Synthetic data: hands drawn by this package, not photographs."
        if part.synthetic
        else "Real data: photographs of hands from the course's SIGNS set."
    )
    return measure(classifier, part.data, source="/".join(part.path.parts[-3:]), data_note=note)


def signs_title(classifier: Classifier) -> str:
    """Give the headline of a page about hand signs."""
    return f"Hand signs, read by {classifier.origin.removesuffix('/model.keras').rpartition('/')[2]}"


def _spread(labels: np.ndarray, number: int) -> np.ndarray:
    """Choose some images, the classes in turns, in the order of the data."""
    turn = np.zeros(len(labels), int)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        turn[members] = np.arange(len(members))
    return np.sort(np.argsort(turn, kind="stable")[:number])
