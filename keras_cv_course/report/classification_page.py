"""The result of a classifier as one HTML file that can be mailed, printed and opened anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cv_course.errors import DataContentError
from keras_cv_course.files import write_text_atomically
from keras_cv_course.metrics.classification import wilson_interval
from keras_cv_course.report.html import render_page, show_figure, show_picture
from keras_cv_course.report.plots import plot_confusion_matrix, plot_training_curves

_SKIPPED_SHOWN = 50


@dataclass(frozen=True)
class Sample:
    """One classified picture.

    Attributes:
        image: uint8 array of shape (height, width, 3), red-green-blue.
        truth: name of its true class; None if nobody knows.
        predicted: name of the class that the model chose.
        probabilities: one number from 0 to 1 per class, in the order of the class names.
        name: what to call the picture, such as its path in the data set; None shows nothing.
    """

    image: np.ndarray
    truth: str | None
    predicted: str
    probabilities: Sequence[float]
    name: str | None = None


@dataclass(frozen=True)
class Attention:
    """One classified picture, and where in it the model found the class that it chose.

    Attributes:
        image: uint8 array of shape (height, width, 3), red-green-blue.
        overlay: the same picture with heat laid over it, of the same shape, as
            :func:`~keras_cv_course.report.heat_map.overlay_heat` gives it.
        truth: name of the picture's true class; None if nobody knows.
        predicted: name of the class that the model chose and the heat speaks for.
        probability: what the model gave to that class, from 0 to 1.
    """

    image: np.ndarray
    overlay: np.ndarray
    truth: str | None
    predicted: str
    probability: float


def write_classification_page(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    data_note: str,
    accuracy: float | None,
    number_of_images: int,
    class_names: Sequence[str],
    confusion: np.ndarray | None,
    samples: Sequence[Sample],
    mistakes: Sequence[Sample],
    history: Mapping[str, Sequence[float]] | None = None,
    split: str = "test",
    attention: Sequence[Attention] = (),
    skipped: Sequence[str] = (),
) -> None:
    """Write a self-contained page: pictures, plots and styles are inside the file, which loads nothing else.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        facts: what a reader needs to judge or repeat the result: model, weights, sha256, machine, date.
        data_note: what the images are, above all whether real or synthetic; shown at the top.
        accuracy: share of the images classified correctly, from 0 to 1; None if there is no ground truth.
        number_of_images: how many images were classified.
        class_names: the C class names in the order of the labels.
        confusion: integer counts of shape (C, C) of these images, rows ground truth; None leaves the section
            out.
        samples: predictions to show, right and wrong.
        mistakes: wrong predictions to show, all of them or the most telling ones, in any order: the page shows
            the most confident first.
        history: values per epoch as for :func:`~keras_cv_course.report.plots.plot_training_curves`; None
            leaves the section out.
        split: the part of the data that the images are: ``test`` or ``validation``.
        attention: pictures with the places that speak for the predicted class; none leaves the section out.
        skipped: one line for each file that is not among the images, its name and why; the page shows the first
            50. None leaves the section out.

    Raises:
        DataContentError: a sample or an attention does not fit the class names; an overlay does not fit its
            picture; the accuracy is not from 0 to 1, not of at least one image, or contradicts `confusion` or
            `mistakes`; `confusion` or `history` cannot be drawn.
    """
    result = None
    if accuracy is not None:
        correct = round(accuracy * number_of_images)
        wrong = number_of_images - correct
        result = {
            "correct": correct,
            "wrong": wrong,
            "interval": wilson_interval(correct, number_of_images),
        }
        if len(mistakes) > wrong:
            raise DataContentError(
                f"Expected at most {wrong} mistakes, as {correct} of {number_of_images} images are correct, "
                f"received {len(mistakes)}."
            )
        if confusion is not None and (np.trace(confusion), confusion.sum()) != (correct, number_of_images):
            raise DataContentError(
                f"Expected a confusion matrix with {correct} of {number_of_images} images on its diagonal, "
                f"received {np.trace(confusion)} of {confusion.sum()}. "
                "Count accuracy and matrix on the same images."
            )

    mistake_cards = [_card(sample, class_names) for sample in mistakes]
    mistake_cards.sort(key=lambda card: card["bars"][0][1], reverse=True)  # by the probability of the prediction
    page = render_page(
        "classification.html.j2",
        title=title,
        facts=facts,
        data_note=data_note,
        accuracy=accuracy,
        result=result,
        number_of_images=number_of_images,
        samples=[_card(sample, class_names) for sample in samples],
        mistakes=mistake_cards,
        confusion=None if confusion is None else show_figure(plot_confusion_matrix(confusion, class_names)),
        curves=None if history is None else show_figure(plot_training_curves(history)),
        split=split,
        attention=[_pair(pair, class_names) for pair in attention],
        skipped=skipped[:_SKIPPED_SHOWN],
        number_of_skipped=len(skipped),
        epochs=0 if history is None else max(len(values) for values in history.values()),
    )
    write_text_atomically(path, page)


def _card(sample: Sample, class_names: Sequence[str]) -> dict[str, Any]:
    """What the template shows of a sample: its picture, its verdict, and a bar for prediction and truth."""
    probabilities = dict(zip(class_names, sample.probabilities, strict=False))
    shown = [sample.predicted]
    if sample.truth is not None and sample.truth != sample.predicted:
        shown.append(sample.truth)
    if len(sample.probabilities) != len(class_names) or not probabilities.keys() >= set(shown):
        raise DataContentError(
            f"Expected a sample with {len(class_names)} probabilities and classes among {list(class_names)}, "
            f"received {len(sample.probabilities)} probabilities, predicted {sample.predicted!r}, "
            f"truth {sample.truth!r}."
        )
    return {
        "picture": show_picture(sample.image),
        "name": sample.name,
        "predicted": sample.predicted,
        "truth": sample.truth,
        "bars": [(name, probabilities[name]) for name in shown],
    }


def _pair(attention: Attention, class_names: Sequence[str]) -> dict[str, Any]:
    """What the template shows of an attention: the picture without and with its heat, and the verdict."""
    shown = {attention.predicted, attention.truth} - {None}
    if (
        attention.image.shape != attention.overlay.shape
        or not shown <= set(class_names)
        or not 0 <= attention.probability <= 1
    ):
        raise DataContentError(
            f"Expected an attention with image and overlay of one shape, classes among {list(class_names)} and a "
            f"probability from 0 to 1, received {attention.image.shape} and {attention.overlay.shape}, predicted "
            f"{attention.predicted!r}, truth {attention.truth!r}, {attention.probability}."
        )
    return {
        "picture": show_picture(attention.image),
        "overlay": show_picture(attention.overlay),
        "predicted": attention.predicted,
        "truth": attention.truth,
        "probability": attention.probability,
    }
