"""How well a segmenter tells what each pixel shows, as one HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from keras_cv_course.metrics.masks import SegmentationMetrics
from keras_cv_course.report.html import PageFacts, show_picture, write_model_page

_PICTURE_WIDTH = 720  # pixels, of the three together


@dataclass(frozen=True, eq=False)
class SegmentedPicture:
    """A picture, what it shows and what was said of it.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        truth: the same with the colours of what is there.
        said: the same with the colours of what was said.
        mean_iou: of this picture alone.
    """

    image: np.ndarray
    truth: np.ndarray
    said: np.ndarray
    mean_iou: float


def write_segmenter_page(
    path: Path,
    *,
    metrics: SegmentationMetrics,
    colours: Mapping[str, tuple[int, int, int]],
    pictures: Sequence[SegmentedPicture],
    worst: Sequence[SegmentedPicture],
    **about: Unpack[PageFacts],
) -> None:
    """Write a self-contained page: the figures, some pictures, the worst ones, and the training's curves.

    Args:
        path: the HTML file, written whole or not at all.
        metrics: the figures.
        colours: class name -> its (red, green, blue) on the pictures.
        pictures: as they come.
        worst: those with the lowest mean IoU.
        about: the model.
    """
    parts = {"Some of them": pictures, "The worst": worst}
    write_model_page(
        path,
        "segmenter.html.j2",
        about,
        metrics=metrics,
        colours={name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in colours.items()},
        parts={heading: list(map(_card, some)) for heading, some in parts.items() if some},
    )


def _card(picture: SegmentedPicture) -> dict[str, object]:
    beside = np.concatenate([picture.image, picture.truth, picture.said], axis=1)
    return {"picture": show_picture(beside, _PICTURE_WIDTH), "mean_iou": picture.mean_iou}
