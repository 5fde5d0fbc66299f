"""Labelme: a JSON file for each picture, with the outlines that someone drew.

::

    1.jpg   1.json

Polygons, rectangles and circles are objects; those with the same label and ``group_id`` are one. Classes are sorted by
name.

Source: https://github.com/wkentaro/labelme
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from keras_cv_course.data.boxed_images import FLAGS, Kind
from keras_cv_course.data.detection_formats.assembly import Assembly, Row, contains, read_text, split_of_name, visible
from keras_cv_course.data.masked_images import MaskedImages
from keras_cv_course.errors import DataFileError

_CIRCLE = np.linspace(0, 2 * np.pi, 64, endpoint=False)


def find_labelme(path: Path) -> list[Path]:
    """Give the JSON files in or below a folder that are Labelme's."""
    files = visible(path.rglob("*.json"), path) if path.is_dir() else []
    return [file for file in files if contains(file, b'"shapes"') and contains(file, b'"imagePath"')]


def read_labelme(path: Path) -> MaskedImages:
    """Read a set: all of Labelme's JSON files below `path`, a folder. A folder train or val is a part of the set."""
    set_ = Assembly(path, "labelme", None, masked=True)
    for file in find_labelme(path):
        where = set_.place(file)
        try:
            content = json.loads(read_text(file))
            picture = set_.find(str(content["imagePath"]), [file.parent, path], where)
            if picture is None:
                continue
            rows = _read_shapes(content["shapes"], where, set_)
            written = (int(content.get("imageHeight") or 0), int(content.get("imageWidth") or 0))
        except (DataFileError, ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
            set_.problem(Kind.UNREADABLE, where, f"no JSON of Labelme ({type(error).__name__}: {error})")
            continue
        part = split_of_name(file.parent.name) if file.parent != path else None
        set_.add(
            picture,
            rows,
            where,
            splits=() if part is None else (part,),
            written_size=written if written != (0, 0) else None,
        )
    return set_.finish_masked()


def _read_shapes(shapes: list[dict[str, Any]], where: str, set_: Assembly) -> list[Row]:
    """Give a row for each object, whose mask are the polygons of its shapes."""
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for number, shape in enumerate(shapes):
        together = shape.get("group_id")
        groups[number if together is None else (str(together), shape["label"])].append(shape)
    rows = []
    for some in groups.values():
        try:
            polygons = [_polygon(shape) for shape in some]
        except ValueError as error:
            set_.problem(Kind.UNREADABLE, where, f"{some[0]['label']!r}: {error}")
            continue
        corners = np.concatenate(polygons)
        box = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
        flags = frozenset(flag for shape in some for flag in FLAGS if (shape.get("flags") or {}).get(flag))
        rows.append(Row(box, str(some[0]["label"]).strip(), flags, [polygon.ravel().tolist() for polygon in polygons]))
    return rows


def _polygon(shape: dict[str, Any]) -> np.ndarray:
    """Give the corners (n, 2) of a shape, x before y in pixels."""
    kind = shape.get("shape_type") or "polygon"
    if any(len(point) != 2 for point in shape["points"]):
        raise ValueError(f"a {kind} with a point that is no pair of numbers")
    points = np.array(shape["points"], np.float64).reshape(-1, 2)
    if kind == "polygon" and len(points) >= 3:
        return points
    if kind == "rectangle" and len(points) == 2:
        (x1, y1), (x2, y2) = points
        return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    if kind == "circle" and len(points) == 2:
        radius = np.linalg.norm(points[1] - points[0])
        corners: np.ndarray = points[0] + radius * np.stack([np.cos(_CIRCLE), np.sin(_CIRCLE)], axis=1)
        return corners
    raise ValueError(f"a {kind} of {len(points)} points has no area that is known")
