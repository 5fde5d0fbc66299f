"""How well a localizer names and finds the one object of a picture, as one HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cv_course.files import write_text_atomically
from keras_cv_course.metrics.localization import LocalizationMetrics
from keras_cv_course.report.html import render_page, show_figure, show_picture
from keras_cv_course.report.plots import plot_training_curves

_PICTURE_WIDTH = 480  # pixels


@dataclass(frozen=True, eq=False)
class LocalizedPicture:
    """A picture with what was said of it.

    Attributes:
        drawn: uint8 (height, width, 3), RGB, the true box and that said drawn on it.
        truth: what is there, in words.
        said: what was said, in words.
        correct: whether class and box are right.
    """

    drawn: np.ndarray
    truth: str
    said: str
    correct: bool


def write_localizer_page(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    data_note: str,
    metrics: LocalizationMetrics,
    pictures: Sequence[LocalizedPicture],
    mistakes: Sequence[LocalizedPicture],
    history: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Write a self-contained page: the figures, some pictures, the mistakes, and the training's curves.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        facts: what a reader needs to judge or repeat the result, by name.
        data_note: what the pictures are; shown at the top.
        metrics: the figures.
        pictures: as they come.
        mistakes: pictures with a wrong class or box.
        history: of the training, as :func:`~keras_cv_course.report.plots.plot_training_curves` takes it.
    """
    parts = {"Some of them": pictures, "Mistakes": mistakes}
    page = render_page(
        "localizer.html.j2",
        title=title,
        facts=facts,
        data_note=data_note,
        metrics=metrics,
        parts={heading: list(map(_card, some)) for heading, some in parts.items() if some},
        training=None if history is None else show_figure(plot_training_curves(history)),
    )
    write_text_atomically(path, page)


def _card(picture: LocalizedPicture) -> dict[str, object]:
    return {
        "picture": show_picture(picture.drawn, _PICTURE_WIDTH),
        "truth": picture.truth,
        "said": picture.said,
        "correct": picture.correct,
    }
