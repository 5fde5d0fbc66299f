"""How well points are found, as one HTML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_cv_course.files import write_text_atomically
from keras_cv_course.metrics.landmarks import LandmarkMetrics
from keras_cv_course.report.html import render_page, show_figure, show_picture
from keras_cv_course.report.plots import plot_training_curves


class PointedPicture(NamedTuple):
    """A picture with the points found on it.

    Attributes:
        drawn: uint8 (height, width, 3), RGB.
        caption: below it.
    """

    drawn: np.ndarray
    caption: str


def write_landmarks_page(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    data_note: str,
    metrics: LandmarkMetrics,
    presence: float,
    groups: Mapping[str, Sequence[PointedPicture]],
    history: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Write a self-contained page: the figures, the training's curve, and pictures.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        facts: what a reader needs to judge or repeat the result, by name.
        data_note: what the pictures are; shown at the top.
        metrics: of the pictures that show what the points are of.
        presence: share of all pictures on which the model says rightly whether they do, 0 to 1.
        groups: pictures, by the headline of their section.
        history: of the training, as :func:`~keras_cv_course.report.plots.plot_training_curves` takes it.
    """
    page = render_page(
        "landmarks.html.j2",
        title=title,
        facts=facts,
        data_note=data_note,
        metrics=metrics,
        presence=presence,
        training=None if history is None else show_figure(plot_training_curves(history)),
        groups={
            name: [{"picture": show_picture(one.drawn), "caption": one.caption} for one in pictures]
            for name, pictures in groups.items()
        },
    )
    write_text_atomically(path, page)
