"""How well objects are found with their masks, as one HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from keras_cv_course.metrics.instances import InstanceMetrics
from keras_cv_course.report.html import PageFacts, show_picture, write_model_page

_PICTURE_WIDTH = 1080  # pixels, of the three together


@dataclass(frozen=True, eq=False)
class InstancesPicture:
    """A picture, the objects on it and those that were found.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        truth: the same with the masks and boxes of what is there.
        said: the same with those that were found.
        mask_ap: average precision of the masks of this picture alone; NaN where there is no object.
    """

    image: np.ndarray
    truth: np.ndarray
    said: np.ndarray
    mask_ap: float


def write_instances_page(
    path: Path,
    *,
    metrics: InstanceMetrics,
    objects: Mapping[str, int],
    pictures: Sequence[InstancesPicture],
    worst: Sequence[InstancesPicture],
    **about: Unpack[PageFacts],
) -> None:
    """Write a self-contained page: COCO's figures of boxes and masks, some pictures, the worst ones, and the curves.

    Args:
        path: the HTML file, written whole or not at all.
        metrics: the figures.
        objects: class name -> how many objects are there.
        pictures: as they come.
        worst: those with the lowest average precision.
        about: the model.
    """
    parts = {"Some of them": pictures, "The worst": worst}
    write_model_page(
        path,
        "instances.html.j2",
        about,
        kinds={"Masks": metrics.masks, "Boxes": metrics.boxes},
        masks=metrics.masks,
        boxes=metrics.boxes,
        objects=objects,
        parts={heading: list(map(_card, some)) for heading, some in parts.items() if some},
    )


def _card(picture: InstancesPicture) -> dict[str, object]:
    beside = np.concatenate([picture.image, picture.truth, picture.said], axis=1)
    return {"picture": show_picture(beside, _PICTURE_WIDTH), "mask_ap": picture.mask_ap}
