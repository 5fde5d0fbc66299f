"""How well a segmenter tells what each pixel shows, as one HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cv_course.files import write_text_atomically
from keras_cv_course.metrics.masks import SegmentationMetrics
from keras_cv_course.report.html import render_page, show_figure, show_picture
from keras_cv_course.report.plots import plot_training_curves

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
    title: str,
    facts: Mapping[str, str],
    data_note: str,
    metrics: SegmentationMetrics,
    colours: Mapping[str, tuple[int, int, int]],
    pictures: Sequence[SegmentedPicture],
    worst: Sequence[SegmentedPicture],
    history: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Write a self-contained page: the figures, some pictures, the worst ones, and the training's curves.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        facts: what a reader needs to judge or repeat the result, by name.
        data_note: what the pictures are; shown at the top.
        metrics: the figures.
        colours: class name -> its (red, green, blue) on the pictures.
        pictures: as they come.
        worst: those with the lowest mean IoU.
        history: of the training, as :func:`~keras_cv_course.report.plots.plot_training_curves` takes it.
    """
    parts = {"Some of them": pictures, "The worst": worst}
    page = render_page(
        "segmenter.html.j2",
        title=title,
        facts=facts,
        data_note=data_note,
        metrics=metrics,
        colours={name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in colours.items()},
        parts={heading: list(map(_card, some)) for heading, some in parts.items() if some},
        training=None if history is None else show_figure(plot_training_curves(history)),
    )
    write_text_atomically(path, page)


def _card(picture: SegmentedPicture) -> dict[str, object]:
    beside = np.concatenate([picture.image, picture.truth, picture.said], axis=1)
    return {"picture": show_picture(beside, _PICTURE_WIDTH), "mean_iou": picture.mean_iou}
