"""YOLO: a text file for each picture, and ``data.yaml`` with the classes and the parts of the set.

::

    data.yaml   train.txt, val.txt ...   images/1.jpg   labels/1.txt   flags.csv (where a box has any)

A line is the number of a class from 0, then centre x, centre y, width and height as parts of the picture. The parts are
folders of pictures, or lists of them. Boxes have no flags in this format, so ours stand in a file of their own.

Source: https://docs.ultralytics.com/datasets/detect/
"""

import csv
import io
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from keras_cv_course.boxes import xywh_to_xyxy, xyxy_to_xywh
from keras_cv_course.data.boxed_images import FLAGS, BoxedImages, Kind
from keras_cv_course.data.detection_formats.assembly import PICTURE_FOLDERS, Assembly, Row, contains, read_text
from keras_cv_course.data.detection_formats.decimals import shortest_numbers
from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError

PICTURES = "images"
FLAG_FILE = "flags.csv"
_FLAG_HEADER = ["image", "box", "flags"]
_NO_PARTS = ("path", "names", "nc", "category_ids", "download")  # keys of data.yaml with another meaning


def find_yolo(path: Path) -> list[Path]:
    """Give the files that may be ``data.yaml``: `path` itself, or those in it."""
    if path.is_file():
        return [path] if path.suffix.lower() in (".yaml", ".yml") else []
    files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
    return [file for file in files if file.stem == "data"] or [file for file in files if contains(file, b"names")]


def read_yolo(path: Path) -> BoxedImages:
    """Read a set by its ``data.yaml``.

    A picture without a label file has no box. Pictures with a label file that no list names are in no part.

    Raises:
        DataFileError: no YAML.
        DataContentError: no class names in it, or several YAML files.
        DataNotFoundError: no label file at all, or a list or folder that is not there.
    """
    file = _only(find_yolo(path), path)
    settings = _read_yaml(file)
    names, category_ids = _read_names(settings, file)
    root = file.parent
    if isinstance(settings.get("path"), str) and (root / settings["path"]).is_dir():
        root = root / settings["path"]  # an absolute path stands for itself
    set_ = Assembly(root, "yolo", names, category_ids)
    splits = _read_parts(settings, file, root, set_)
    labels = {picture: _label_file(picture) for picture in set_.pictures}
    if set_.pictures and not any(label.is_file() for label in labels.values()):
        raise DataNotFoundError(
            f"{file}: expected a text file with boxes for pictures, such as {labels[set_.pictures[0]]}. Received: none "
            f"of {len(labels)}. Labels lie in a folder labels where the pictures lie in images."
        )
    flags = _read_flags(root)
    for picture, label in labels.items():
        if picture not in splits and not label.is_file():
            continue
        size = set_.size(picture, set_.place(picture))
        if size is not None:
            where = set_.place(label)
            rows = _read_labels(label, size, flags[set_.place(picture)], where, set_) if label.is_file() else []
            set_.add(picture, rows, where, splits=splits[picture])
    return set_.finish()


def write_yolo(data: BoxedImages, root: Path) -> None:
    """Write labels, lists and ``data.yaml`` below `root`; the pictures belong into ``images``.

    Raises:
        DataContentError: a part of the set with a name that means something else in ``data.yaml``.
    """
    lists: dict[str, list[str]] = defaultdict(list)
    flags = []
    for image in data.images:
        place = f"{PICTURES}/{image.name}"
        label = _label_file(root / place)
        label.parent.mkdir(parents=True, exist_ok=True)
        numbers = shortest_numbers(_from_xyxy(image.boxes, image.size), partial(_to_xyxy, size=image.size))
        lines = zip(image.class_ids.tolist(), numbers, strict=True)
        label.write_text("".join(f"{number} {' '.join(box)}\n" for number, box in lines), encoding="utf-8")
        flags += [[place, box, " ".join(sorted(some))] for box, some in enumerate(image.flags, start=1) if some]
        for split in image.splits:
            lists[split].append(f"./{place}\n")
    for split, lines_ in lists.items():
        if split in _NO_PARTS:
            raise DataContentError(f"Expected parts of the set not named {', '.join(_NO_PARTS)}. Received: {split!r}.")
        (root / f"{split}.txt").write_text("".join(lines_), encoding="utf-8")
    # Trainers want both keys. The same folder for both says that the set is not divided.
    parts = {split: f"{split}.txt" for split in sorted(lists)} or {"train": PICTURES, "val": PICTURES}
    settings = {**parts, "names": dict(enumerate(data.class_names)), "category_ids": [*data.category_ids]}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    (root / "data.yaml").write_text(text, encoding="utf-8")
    if flags:
        with (root / FLAG_FILE).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([_FLAG_HEADER, *flags])


def _scale(size: tuple[int, int]) -> np.ndarray:
    return np.array([size[1], size[0], size[1], size[0]], np.float64)


def _to_xyxy(boxes_xywh: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return xywh_to_xyxy(boxes_xywh * _scale(size))


def _from_xyxy(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return xyxy_to_xywh(boxes.astype(np.float64)) / _scale(size)


def _only(files: list[Path], path: Path) -> Path:
    if len(files) != 1:
        raise DataContentError(
            f"{path}: expected one YAML file, data.yaml. Received: {', '.join(file.name for file in files) or 'none'}. "
            "Name the one that belongs to the set."
        )
    return files[0]


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise DataFileError(f"{file}: expected a YAML file. Received: {' '.join(str(error).split())}.") from error
    if not isinstance(settings, dict):
        raise DataContentError(f"{file}: expected keys such as names, train and val. Received: {settings!r:.80}.")
    return settings


def _read_names(settings: dict[str, Any], file: Path) -> tuple[list[str], list[int] | None]:
    names = settings.get("names")
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list):
        raise DataContentError(
            f"{file}: expected names as a list of the classes, or numbered from 0. Received: {names!r:.80}."
        )
    category_ids = settings.get("category_ids")
    if category_ids is not None and not (
        isinstance(category_ids, list) and all(isinstance(number, int) for number in category_ids)
    ):
        raise DataContentError(f"{file}: expected category_ids as a list of numbers. Received: {category_ids!r:.80}.")
    return [str(name).strip() for name in names], category_ids


def _read_parts(settings: dict[str, Any], file: Path, root: Path, set_: Assembly) -> dict[Path, set[str]]:
    """Read which parts name which picture."""
    entries = {
        key: [value] if isinstance(value, str) else value
        for key, value in settings.items()
        if key not in _NO_PARTS
        and (key in ("train", "val", "test") or (isinstance(value, str) and value.endswith(".txt")))
        and value
    }
    undivided = "train" in entries and entries["train"] == entries.get("val")
    splits: dict[Path, set[str]] = defaultdict(set)
    for part, places in entries.items():
        for place in places:
            for picture in _pictures_of(str(place), part, file, root, set_):
                splits[picture] |= set() if undivided else {part}
    return splits


def _pictures_of(place: str, part: str, file: Path, root: Path, set_: Assembly) -> list[Path]:
    """List the pictures of one entry: a folder, or a text file that lists them."""
    # Exports of one well-known service say ../train/images for train/images.
    found = next((path for text in (place, place.removeprefix("../")) if (path := root / text).exists()), None)
    if found is None:
        raise DataNotFoundError(
            f"{file}: expected {part} to name a folder of pictures, or a list of them, from {root}. Received: "
            f"{place!r}, which is not there."
        )
    if found.is_dir():
        return [picture for picture in set_.pictures if picture.is_relative_to(found)]
    lines = [line for line in read_text(found).splitlines() if line.strip()]
    pictures = (set_.find(line, [found.parent, root], set_.place(found)) for line in lines)
    return [picture for picture in pictures if picture is not None]


def _label_file(picture: Path) -> Path:
    """Give the place of a picture's boxes: the last folder ``images`` of its path is ``labels``, else beside it."""
    parts = list(picture.parts)
    for place in reversed(range(len(parts) - 1)):
        if parts[place].lower() in PICTURE_FOLDERS:
            parts[place] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _read_labels(
    label: Path, size: tuple[int, int], flags: dict[int, frozenset[str]], where: str, set_: Assembly
) -> list[Row]:
    rows = []
    try:
        lines = [line.split() for line in read_text(label).splitlines() if line.strip()]
    except DataFileError as error:
        set_.problem(Kind.UNREADABLE, where, str(error))
        return []
    for number, words in enumerate(lines, start=1):
        try:
            if len(words) != 5:
                raise ValueError
            category, box = float(words[0]), np.array([[float(word) for word in words[1:]]])
            if not category.is_integer():
                raise ValueError
        except (ValueError, OverflowError):
            detail = f"line {number}: {len(words)} words, {' '.join(words):.40} ..., where a class and 4 numbers belong"
            set_.problem(Kind.UNREADABLE, where, detail)
            continue
        rows.append(Row(tuple(_to_xyxy(box, size)[0].tolist()), int(category), flags.get(number, frozenset())))
    return rows


def _read_flags(root: Path) -> dict[str, dict[int, frozenset[str]]]:
    """Read the flags: picture -> number of the box from 1 -> its flags."""
    flags: dict[str, dict[int, frozenset[str]]] = defaultdict(dict)
    path = root / FLAG_FILE
    if path.is_file():
        header, *lines = csv.reader(io.StringIO(read_text(path))) or [[]]
        known = all(len(line) == 3 and line[1].isdigit() and {*line[2].split()} <= {*FLAGS} for line in lines)
        if header != _FLAG_HEADER or not known:
            raise DataContentError(
                f"{path}: expected the columns {', '.join(_FLAG_HEADER)} with flags among {', '.join(FLAGS)}. "
                "Received: others. Mend the file, or remove it."
            )
        for image, box, names in lines:
            flags[image][int(box)] = frozenset(names.split())
    return flags
