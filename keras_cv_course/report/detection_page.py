"""What a detector found on some pictures, as one HTML file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cv_course.detections import Detections
from keras_cv_course.files import write_text_atomically
from keras_cv_course.metrics.detection import match_boxes
from keras_cv_course.report.html import render_page, show_picture

_PICTURE_WIDTH = 1000  # pixels


@dataclass(frozen=True, eq=False)
class DetectedPicture:
    """A picture, what was found on it and what is there.

    Attributes:
        drawn: uint8 (height, width, 3), RGB, the boxes drawn on it.
        found: the boxes.
        truth_xyxy: float32 (n, 4), pixels.
        truth_class_ids: integers (n,), of `found`'s classes.
    """

    drawn: np.ndarray
    found: Detections
    truth_xyxy: np.ndarray
    truth_class_ids: np.ndarray


def write_detection_page(
    path: Path, *, title: str, facts: Mapping[str, str], data_note: str, pictures: Sequence[DetectedPicture]
) -> tuple[int, int, int]:
    """Write a self-contained page: the pictures, and how many of the objects were found.

    An object counts as found if a box of its class overlaps it by an IoU of 0.5 or more.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        facts: what a reader needs to judge or repeat the result, by name.
        data_note: what the pictures are; shown at the top.
        pictures: at least one.

    Returns:
        How many objects were found, how many there are, and how many boxes are of none.
    """
    cards = []
    found = there = wrong = 0
    for number, picture in enumerate(pictures, start=1):
        names = picture.found.class_names
        matches = match_boxes(picture.found, picture.truth_xyxy, picture.truth_class_ids)
        missed = np.delete(picture.truth_class_ids, matches[matches >= 0])
        cards.append(
            {
                "number": number,
                "picture": show_picture(picture.drawn, _PICTURE_WIDTH),
                "found": _count(picture.found.class_ids[matches >= 0], names),
                "wrong": _count(picture.found.class_ids[matches < 0], names),
                "missed": _count(missed, names),
            }
        )
        found += int((matches >= 0).sum())
        wrong += int((matches < 0).sum())
        there += len(picture.truth_class_ids)
    page = render_page(
        "detection.html.j2",
        title=title,
        facts=facts,
        data_note=data_note,
        cards=cards,
        found=found,
        there=there,
        wrong=wrong,
    )
    write_text_atomically(path, page)
    return found, there, wrong


def _count(class_ids: np.ndarray, names: Sequence[str]) -> str:
    """Say how many there are of each class, as in "3 x car, pedestrian"."""
    counts = Counter(names[number] for number in class_ids).most_common()
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts)
