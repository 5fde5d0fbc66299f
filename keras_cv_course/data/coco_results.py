"""What any detector found, as the results file of COCO: a list of boxes with the ids of the set's own annotations.

Source: https://cocodataset.org/#format-results
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.detection_formats.assembly import read_text
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError, DataFileError, list_few


class CocoResults(NamedTuple):
    """Boxes from a file.

    Attributes:
        found: for each picture of the set.
        other_pictures: number of boxes on pictures that the set does not have.
        other_classes: number of boxes of categories that it does not have.
    """

    found: list[Detections]
    other_pictures: int
    other_classes: int


def read_coco_results(path: str | Path, data: BoxedImages) -> CocoResults:
    """Read the boxes that a detector found on the pictures of a set.

    Args:
        path: a JSON file, a list of objects with image_id, category_id, bbox [left, top, width, height] in pixels, and
            score from 0 to 1.
        data: the set, read from COCO's annotations, whose ids these are.

    Raises:
        DataFileError: no JSON.
        DataContentError: something else in it, no box on the set's pictures, or a set without ids or with one twice.
    """
    place_of = _places(data)
    category_of = {category_id: number for number, category_id in enumerate(data.category_ids)}
    rows: list[list[tuple[list[float], float, int]]] = [[] for _ in data.images]
    entries = _entries(Path(path))
    other_pictures = other_classes = 0
    for number, entry in enumerate(entries):
        image_id, category_id, box, score = _checked(entry, f"{path}: entry {number}")
        if image_id not in place_of:
            other_pictures += 1
        elif category_id not in category_of:
            other_classes += 1
        else:
            rows[place_of[image_id]].append((box, score, category_of[category_id]))
    if entries and not any(rows):
        raise DataContentError(
            f"{path}: expected boxes with image ids such as {list_few(map(str, place_of))}, and category ids such as "
            f"{list_few(map(str, category_of))}. Received: none among {len(entries)}. Give the annotations that they "
            "were made for."
        )
    found = [_detections(some, data.class_names, image.size) for some, image in zip(rows, data.images, strict=True)]
    return CocoResults(found, other_pictures, other_classes)


def _places(data: BoxedImages) -> dict[int | str, int]:
    """Give the place of each picture by its id."""
    if data.format != "coco":
        raise DataContentError(
            f"{data.root}: expected COCO annotations, whose ids the results have. Received: a set as {data.format}. "
            "Convert it with `kcc data convert ... --to coco`, and give the results for that."
        )
    places: dict[int | str, int] = {}
    for place, image in enumerate(data.images):
        assert image.image_id is not None  # COCO's reader sets it
        if image.image_id in places:
            raise DataContentError(
                f"{data.root}: expected each image id once. Received: {image.image_id!r} for "
                f"{data.images[places[image.image_id]].name} and {image.name}. Name one part of the set, or one file."
            )
        places[image.image_id] = place
    return places


def _entries(path: Path) -> list[Any]:
    try:
        entries = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataFileError(f"{path}: expected a JSON file. Received: {error}. Write it again.") from error
    if not isinstance(entries, list):
        raise DataContentError(
            f"{path}: expected COCO results, a list of boxes. Received: {type(entries).__name__}. Annotations are the "
            "other file."
        )
    return entries


def _checked(entry: Any, where: str) -> tuple[int | str, int, list[float], float]:
    """Give image id, category id, xyxy and score."""
    try:
        left, top, width, height = (float(number) for number in entry["bbox"])
        score, image_id, category_id = float(entry["score"]), entry["image_id"], entry["category_id"]
        fits = np.isfinite([left, top, width, height]).all() and min(width, height) >= 0 and 0 <= score <= 1
        if fits and isinstance(image_id, int | str) and isinstance(category_id, int):
            return image_id, category_id, [left, top, left + width, top + height], score
    except (KeyError, TypeError, ValueError):
        pass
    raise DataContentError(
        f"{where}: expected image_id, category_id, bbox [left, top, width, height] and score from 0 to 1. Received: "
        f"{json.dumps(entry):.150}."
    )


def _detections(
    rows: list[tuple[list[float], float, int]], class_names: tuple[str, ...], size: tuple[int, int]
) -> Detections:
    return Detections(
        np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in rows], np.float32),
        np.array([class_id for _, _, class_id in rows], np.int64),
        class_names,
        size,
    )
