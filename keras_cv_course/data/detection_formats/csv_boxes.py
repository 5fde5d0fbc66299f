"""CSV: a line for each box.

::

    image,class,x1,y1,x2,y2
    images/1.jpg,car,10,20,110,80
    images/2.jpg,,,,,

The last line is a picture without boxes. Corners are pixels; 0 is the outer edge of the first one. Without a header
the columns are those above, or those of keras-retinanet: image, x1, y1, x2, y2, class. With a header they may stand in
any order, under the usual names (filename, label, xmin ...), and ``split`` and ``flags`` may be there too.
"""

import csv
import io
from collections import defaultdict
from pathlib import Path

import numpy as np

from keras_cv_course.data.boxed_images import FLAGS, BoxedImages, Kind
from keras_cv_course.data.detection_formats.assembly import Assembly, Row, read_text, split_of_name
from keras_cv_course.data.detection_formats.class_lists import CLASS_LIST, read_class_list, write_class_list
from keras_cv_course.data.detection_formats.decimals import shortest_numbers
from keras_cv_course.data.detection_formats.yolo_txt import FLAG_FILE
from keras_cv_course.errors import DataContentError, DataError

PICTURES = "images"
_SIDES = ("x1", "y1", "x2", "y2")
_COLUMNS = ("image", "class", *_SIDES)
_RETINANET = ("image", *_SIDES, "class")
_OTHER_NAMES = {
    "filename": "image",
    "file_name": "image",
    "image_path": "image",
    "path": "image",
    "label": "class",
    "class_name": "class",
    "name": "class",
    "xmin": "x1",
    "ymin": "y1",
    "xmax": "x2",
    "ymax": "y2",
}


def find_csv(path: Path) -> list[Path]:
    """Give the files that may list boxes: `path` itself, or those in it."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".csv" else []
    files = sorted(file for file in path.glob("*.csv") if file.name not in (CLASS_LIST, FLAG_FILE))
    return [file for file in files if _lists_boxes(file)]


def read_csv(path: Path) -> BoxedImages:
    """Read a set: one CSV file, or all of a folder, of which each is a part if its name says so.

    Where there is no ``classes.csv`` the classes are sorted by name.

    Raises:
        DataContentError: columns that cannot be told.
    """
    root = path if path.is_dir() else path.parent
    set_ = Assembly(root, "csv", *read_class_list(root))
    for file in find_csv(path):
        _read_file(file, set_)
    return set_.finish()


def write_csv(data: BoxedImages, root: Path) -> None:
    """Write ``boxes.csv`` and ``classes.csv`` below `root`; the pictures belong into ``images``."""
    further = ["split"] * bool(data.splits) + ["flags"] * any(any(image.flags) for image in data.images)
    with (root / "boxes.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [*_COLUMNS, *further], lineterminator="\n", extrasaction="ignore")
        table.writeheader()
        for image in data.images:
            common = {"image": f"{PICTURES}/{image.name}", "split": " ".join(sorted(image.splits))}
            if not len(image):
                table.writerow(common)
            for number, box in enumerate(shortest_numbers(image.boxes.astype(np.float64), lambda boxes: boxes)):
                row = {
                    "class": data.class_names[image.class_ids[number]],
                    "flags": " ".join(sorted(image.flags[number])),
                    **dict(zip(_SIDES, box, strict=True)),
                }
                table.writerow({**common, **row})
    write_class_list(data, root)


def _read_file(file: Path, set_: Assembly) -> None:
    columns, lines = _columns(_lines(file), file)
    part = split_of_name(file.stem)
    place = set_.place(file)
    rows: dict[str, list[Row]] = defaultdict(list)
    splits: dict[str, set[str]] = defaultdict(set)
    sizes: dict[str, tuple[int, int]] = {}
    for line in lines:
        cells = dict(zip(columns, (cell.strip() for cell in line), strict=False))
        image = cells["image"]
        where = f"{place}: {image}"
        splits[image] |= {*cells.get("split", "").split()} or ({part} if part else set())
        if cells.get("width", "").isdigit() and cells.get("height", "").isdigit():
            sizes[image] = (int(cells["height"]), int(cells["width"]))
        flags = frozenset(cells.get("flags", "").split())
        corners = [cells.get(side, "") for side in _SIDES]
        if not any(corners) and not cells.get("class"):
            _ = rows[image]  # a picture without boxes
            continue
        try:
            box = [float(corner) for corner in corners]
            if not cells.get("class") or not flags <= {*FLAGS}:
                raise ValueError
        except ValueError:
            _ = rows[image]
            set_.problem(Kind.UNREADABLE, where, f"{','.join(line):.60}, where a class and four numbers belong")
            continue
        rows[image].append(Row(tuple(box), cells["class"], flags))
    for image, boxes in rows.items():
        where = f"{place}: {image}"
        picture = set_.find(image, [file.parent, file.parent / PICTURES], where)
        if picture is not None:
            set_.add(picture, boxes, where, splits=splits[image], written_size=sizes.get(image))


def _columns(lines: list[list[str]], file: Path) -> tuple[list[str], list[list[str]]]:
    """Give the columns' names and the lines below the header."""
    first = [cell.strip() for cell in lines[0]] if lines else []
    plain = [cell.lower().replace(" ", "_") for cell in first]
    named = [_OTHER_NAMES.get(cell, cell) for cell in plain]
    if {*_COLUMNS} <= {*named}:
        return named, lines[1:]
    if len(first) == 6:
        for columns in (_COLUMNS, _RETINANET):
            at = [columns.index(side) for side in _SIDES]
            # The first lines may be pictures without boxes, which look the same in both.
            if all(_is_number(line[place]) for line in lines if len(line) == 6 and any(line[1:]) for place in at):
                return list(columns), lines
    raise DataContentError(
        f"{file}: expected the columns {', '.join(_COLUMNS)}, with a header or in this order. Received: "
        f"{','.join(first) or 'an empty file'}. Name the columns in a first line."
    )


def _lists_boxes(file: Path) -> bool:
    try:
        _columns(_lines(file), file)
    except DataError:
        return False
    return True


def _lines(file: Path) -> list[list[str]]:
    return [line for line in csv.reader(io.StringIO(read_text(file))) if any(cell.strip() for cell in line)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
