"""How well a localizer names and finds the one object of a picture, as one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from keras_cv_course.metrics.localization import LocalizationMetrics
from keras_cv_course.report.html import PageFacts, show_picture, write_model_page

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
    metrics: LocalizationMetrics,
    pictures: Sequence[LocalizedPicture],
    mistakes: Sequence[LocalizedPicture],
    **about: Unpack[PageFacts],
) -> None:
    """Write a self-contained page: the figures, some pictures, the mistakes, and the training's curves.

    Args:
        path: the HTML file, written whole or not at all.
        metrics: the figures.
        pictures: as they come.
        mistakes: pictures with a wrong class or box.
        about: the model.
    """
    parts = {"Some of them": pictures, "Mistakes": mistakes}
    write_model_page(
        path,
        "localizer.html.j2",
        about,
        metrics=metrics,
        parts={heading: list(map(_card, some)) for heading, some in parts.items() if some},
    )


def _card(picture: LocalizedPicture) -> dict[str, object]:
    return {
        "picture": show_picture(picture.drawn, _PICTURE_WIDTH),
        "truth": picture.truth,
        "said": picture.said,
        "correct": picture.correct,
    }
