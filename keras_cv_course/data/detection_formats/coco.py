"""COCO: one JSON file for each part of a set.

::

    annotations/instances_train.json, instances_val.json ...   images/1.jpg

A box is x and y of its left upper corner, width and height, in pixels with fractions; 0 is the outer edge of the first
pixel. A mask is a list of polygons or run lengths.

Source: https://cocodataset.org/#format-data
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from keras_cv_course.data.boxed_images import FLAGS, BoxedImage, BoxedImages, Kind
from keras_cv_course.data.detection_formats.assembly import Assembly, Row, contains, read_text, split_of_name
from keras_cv_course.data.detection_formats.decimals import shortest_numbers
from keras_cv_course.data.masked_images import MaskedImage, MaskedImages
from keras_cv_course.errors import DataContentError, DataFileError
from keras_cv_course.run_lengths import to_json

PICTURES = "images"
_WHOLE = "instances"  # the file of the pictures that are in no part
_KEYS = ("images", "annotations", "categories")


def find_coco(path: Path) -> list[Path]:
    """Give the files with boxes: `path` itself, or those in it, in ``annotations`` or in a part's own folder."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    found = sorted([*path.glob("*.json"), *path.glob("*/*.json")])
    files = [file for file in found if contains(file, b'"categories"')] or [
        # One that was cut off before its last list: reading it says so.
        file
        for file in found
        if contains(file, b'"images"') and contains(file, b'"annotations"')
    ]
    # COCO itself has captions and key points of the same pictures beside them.
    return [file for file in files if file.name.startswith("instances")] or [
        file for file in files if not file.name.startswith(("captions_", "person_keypoints_", "image_info_"))
    ]


def find_coco_masks(path: Path) -> list[Path]:
    """Give the files of :func:`find_coco` that have masks."""
    return [file for file in find_coco(path) if contains(file, b'"segmentation"')]


def read_coco(path: Path) -> BoxedImages:
    """Read a set: one JSON file, or all of a folder; classes are in the order of their category ids.

    Raises:
        DataFileError: a file that is no JSON.
        DataContentError: no COCO annotations, or files with different categories.
    """
    return _read(path, find_coco(path), masked=False).finish()


def read_coco_masks(path: Path) -> MaskedImages:
    """Read a set with its masks, polygons or run lengths; else as :func:`read_coco`."""
    return _read(path, find_coco_masks(path), masked=True).finish_masked()


def _read(path: Path, files: list[Path], *, masked: bool) -> Assembly:
    root = path if path.is_dir() else path.parent
    root = root.parent if root.name == "annotations" else root
    contents = {file: _read_json(file) for file in files}
    categories = _categories(contents)
    set_ = Assembly(root, "coco", list(categories.values()), list(categories), masked=masked)
    number_of = {category_id: number for number, category_id in enumerate(categories)}
    left_out: dict[str, int] = defaultdict(int)
    for file, content in contents.items():
        split = _split_of(file, root, alone=len(files) == 1)
        splits = () if split is None else (split,)
        try:
            _read_part(content, file, splits, number_of, set_, left_out)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataContentError(
                f"{file}: expected images with id and file_name, and annotations with image_id, category_id and bbox. "
                f"Received: something else ({type(error).__name__}: {error})."
            ) from error
    set_.left_out = [f"{name} of {count} annotations" for name, count in left_out.items() if count]
    return set_


def write_coco(data: BoxedImages, root: Path) -> None:
    """Write the annotations below `root`; the pictures belong into ``images``."""
    parts: dict[str, list[int]] = defaultdict(list)
    for number, image in enumerate(data.images):
        for split in image.splits:
            parts[f"{_WHOLE}_{split}"].append(number)
        if not image.splits:
            parts[_WHOLE].append(number)
    folder = root / "annotations"
    folder.mkdir(parents=True)
    for name, numbers in parts.items() if parts else [(_WHOLE, [])]:
        text = json.dumps(_part(data, numbers), ensure_ascii=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _to_xyxy(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataFileError(f"{file}: expected a JSON file. Received: {error}. Copy or export it again.") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in _KEYS):
        received = ", ".join(sorted(content)[:8]) if isinstance(content, dict) else type(content).__name__
        raise DataContentError(
            f"{file}: expected COCO annotations, an object with the lists {', '.join(_KEYS)}. Received: {received}. "
            "Name the file with the boxes, if this is another one."
        )
    return content


def _categories(contents: dict[Path, dict[str, Any]]) -> dict[int, str]:
    """Give the classes of all files, id -> name, by id."""
    names: dict[int, str] = {}
    for file, content in contents.items():
        for category in content["categories"]:
            try:
                number, name = int(category["id"]), str(category["name"]).strip()
            except (KeyError, TypeError, ValueError) as error:
                raise DataContentError(
                    f"{file}: expected categories with a number as id and a name. Received: {category!r}."
                ) from error
            if names.setdefault(number, name) != name:
                raise DataContentError(
                    f"{file}: expected category {number} to be {names[number]!r}, as in another file or place. "
                    f"Received: {name!r}. Read the files one by one."
                )
    return dict(sorted(names.items()))


def _split_of(file: Path, root: Path, alone: bool) -> str | None:
    """Tell the part of the set from the names of a file and its folder."""
    if file.stem == _WHOLE:
        return None
    if file.stem.startswith(f"{_WHOLE}_"):
        return re.sub("(?<=[a-z])20[0-9]{2}$", "", file.stem.removeprefix(f"{_WHOLE}_"))  # train of train2017
    folder = file.parent.name if file.parent != root else ""
    return split_of_name(file.stem) or split_of_name(folder) or (None if alone else file.stem)


def _read_part(
    content: dict[str, Any],
    file: Path,
    splits: Iterable[str],
    number_of: dict[int, int],
    set_: Assembly,
    left_out: dict[str, int],
) -> None:
    place = set_.place(file)
    names = {image["id"]: str(image["file_name"]) for image in content["images"]}
    rows: dict[Any, list[Row]] = defaultdict(list)
    for annotation in content["annotations"]:
        image_id = annotation["image_id"]
        where = f"{place}: {names.get(image_id, f'image {image_id!r}')}"
        if image_id not in names:
            set_.problem(Kind.MISSING, where, "no such id among the images")
            continue
        try:
            x, y, width, height = (float(number) for number in annotation["bbox"])
        except (KeyError, TypeError, ValueError):
            set_.problem(Kind.UNREADABLE, where, f"bbox {annotation.get('bbox')!r} is not four numbers")
            continue
        flags = {flag for flag in FLAGS if annotation.get(flag)} | ({"crowd"} if annotation.get("iscrowd") else set())
        category = annotation["category_id"]
        if category not in number_of:
            set_.problem(Kind.UNKNOWN_CLASS, where, f"category_id {category!r}")
            continue
        box, mask = (x, y, x + width, y + height), annotation.get("segmentation")
        rows[image_id].append(Row(box, number_of[category], frozenset(flags), mask or None if set_.masked else None))
        for name in ("segmentation", "keypoints", "attributes"):
            left_out[name] += bool(annotation.get(name)) and not (set_.masked and name == "segmentation")
    for image in content["images"]:
        where = f"{place}: {image['file_name']}"
        picture = set_.find(names[image["id"]], [set_.root / PICTURES, file.parent, set_.root], where)
        if picture is not None:
            written = (int(image.get("height") or 0), int(image.get("width") or 0))
            set_.add(
                picture,
                rows[image["id"]],
                where,
                splits=splits,
                written_size=written if written != (0, 0) else None,
                image_id=image["id"],
            )


def _part(data: BoxedImages, numbers: list[int]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for number in numbers:
        for annotation in _annotations(data.images[number], data.category_ids):
            annotations.append({"id": len(annotations) + 1, "image_id": number + 1, **annotation})
    return {
        "images": [
            {
                "id": number + 1,
                "file_name": data.images[number].name,
                "width": data.images[number].size[1],
                "height": data.images[number].size[0],
            }
            for number in numbers
        ],
        "annotations": annotations,
        "categories": [
            {"id": category_id, "name": name}
            for category_id, name in zip(data.category_ids, data.class_names, strict=True)
        ],
    }


def _annotations(image: BoxedImage, category_ids: tuple[int, ...]) -> list[dict[str, Any]]:
    corners = image.boxes.astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    written = []
    for number, numbers in enumerate(shortest_numbers(boxes, _to_xyxy)):
        box = [json.loads(text) for text in numbers]  # a whole number as such
        flags = image.flags[number]
        written.append(
            {
                "category_id": category_ids[image.class_ids[number]],
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": int("crowd" in flags),
                **{flag: 1 for flag in FLAGS if flag in flags and flag != "crowd"},
            }
        )
    if isinstance(image, MaskedImage):
        for annotation, mask in zip(written, image.masks, strict=True):
            annotation |= {"area": int(coco_mask.area(mask)), "segmentation": to_json(mask)}
    return written
