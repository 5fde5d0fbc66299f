"""How well points are found, as one HTML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Unpack

import numpy as np

from keras_cv_course.metrics.landmarks import LandmarkMetrics
from keras_cv_course.report.html import PageFacts, show_picture, write_model_page


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
    metrics: LandmarkMetrics,
    presence: float,
    groups: Mapping[str, Sequence[PointedPicture]],
    **about: Unpack[PageFacts],
) -> None:
    """Write a self-contained page: the figures, the training's curve, and pictures.

    Args:
        path: the HTML file, written whole or not at all.
        metrics: of the pictures that show what the points are of.
        presence: share of all pictures on which the model says rightly whether they do, 0 to 1.
        groups: pictures, by the headline of their section.
        about: the model.
    """
    write_model_page(
        path,
        "landmarks.html.j2",
        about,
        metrics=metrics,
        presence=presence,
        groups={
            name: [{"picture": show_picture(one.drawn), "caption": one.caption} for one in pictures]
            for name, pictures in groups.items()
        },
    )
