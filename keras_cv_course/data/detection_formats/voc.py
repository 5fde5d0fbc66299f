"""Pascal VOC: an XML file for each picture.

::

    Annotations/1.xml   JPEGImages/1.jpg   ImageSets/Main/train.txt, val.txt ...   classes.csv (the classes in order)

Corners are pixels counted from 1, the last one included: xmin 1 and xmax 500 on a picture 500 pixels wide reach from
edge to edge. Here that is 0 to 500, so x1 = xmin - 1 and x2 = xmax, and the same for y.

Source: PASCAL VOC development kit, 2012, section 11.
"""

import re
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from keras_cv_course.data.boxed_images import FLAGS, BoxedImage, BoxedImages, Kind
from keras_cv_course.data.detection_formats.assembly import Assembly, Row, contains, read_text, visible
from keras_cv_course.data.detection_formats.class_lists import read_class_list, write_class_list
from keras_cv_course.data.detection_formats.decimals import shortest_numbers

PICTURES = "JPEGImages"
_ALWAYS_WRITTEN = ("truncated", "difficult")
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_KEPT = {"name", "bndbox", *FLAGS}


def find_voc(path: Path) -> list[Path]:
    """Give the XML files in or below a folder, if there is an annotation among them."""
    files = visible(path.rglob("*.xml"), path) if path.is_dir() else []
    return files if any(contains(file, b"<annotation") for file in files) else []


def read_voc(path: Path) -> BoxedImages:
    """Read a set: all XML files below `path`, a folder.

    Where there is no ``classes.csv`` the classes are sorted by name.
    """
    root = path.parent if path.name.lower() in ("annotations", "labels") else path
    set_ = Assembly(root, "voc", *read_class_list(root))
    files = {_stem(file, root): file for file in find_voc(path)}
    splits = read_lists(root / "ImageSets" / "Main", files, set_)
    left_out: dict[str, int] = defaultdict(int)
    for stem, file in files.items():
        where = set_.place(file)
        try:
            annotation = ElementTree.fromstring(file.read_bytes())
        except (ElementTree.ParseError, OSError, ValueError) as error:  # ValueError: an encoding that Python lacks
            set_.problem(Kind.UNREADABLE, where, f"no XML: {error}")
            continue
        if annotation.tag != "annotation":
            set_.problem(Kind.UNREADABLE, where, f"<{annotation.tag}> where VOC has <annotation>")
            continue
        written = (annotation.findtext("filename") or file.stem).strip()
        near = [root / PICTURES, root / "images", file.parent, file.parent.parent]
        if Path(written).suffix == "":
            written = _with_suffix(file.stem, set_) or written
        picture = set_.find(written, near, where)
        if picture is None:
            continue
        rows = []
        for number, thing in enumerate(annotation.findall("object"), start=1):
            try:
                rows.append(_read_object(thing))
            except ValueError as error:
                set_.problem(Kind.UNREADABLE, where, f"object {number}: {error}")
            for child in thing:
                said = (child.text or "").strip() not in ("", "Unspecified") or len(child)
                left_out[child.tag] += child.tag not in _KEPT and bool(said)
        set_.add(picture, rows, where, splits=splits[stem], written_size=_read_size(annotation))
    set_.left_out = [f"<{tag}> of {count} objects" for tag, count in sorted(left_out.items()) if count]
    return set_.finish()


def write_voc(data: BoxedImages, root: Path) -> None:
    """Write annotations, lists and classes below `root`; the pictures belong into ``JPEGImages``."""
    lists: dict[str, list[str]] = defaultdict(list)
    for image in data.images:
        stem = image.name.removesuffix(Path(image.name).suffix)
        file = root / "Annotations" / f"{stem}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_annotation(image, data.class_names))
        for split in image.splits:
            lists[split].append(stem)
    for split, stems in lists.items():
        file = root / "ImageSets" / "Main" / f"{split}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{stem}\n" for stem in stems), encoding="utf-8")
    write_class_list(data, root)


def _to_xyxy(corners: np.ndarray) -> np.ndarray:
    return corners - np.array([1.0, 1.0, 0.0, 0.0])


def _read_object(thing: ElementTree.Element) -> Row:
    name = (thing.findtext("name") or "").strip()
    if not name:
        raise ValueError("no <name>")
    corners = []
    for side in _SIDES:
        text = thing.findtext(f"bndbox/{side}")
        if text is None:
            raise ValueError(f"no <{side}> in <bndbox>")
        corners.append(float(text))
    flags = frozenset(flag for flag in FLAGS if (thing.findtext(flag) or "").strip().lower() in ("1", "true"))
    return Row(tuple(_to_xyxy(np.array(corners)).tolist()), name, flags)


def _read_size(annotation: ElementTree.Element) -> tuple[int, int] | None:
    try:
        height, width = (int(annotation.findtext(f"size/{side}") or 0) for side in ("height", "width"))
    except ValueError:
        return None
    return (height, width) if (height, width) != (0, 0) else None  # some tools write 0 for what they do not know


def _with_suffix(stem: str, set_: Assembly) -> str | None:
    """Give the name of the picture beside whose name just the suffix is missing."""
    return next((path.name for path in set_.pictures if path.stem == stem), None)


def _stem(file: Path, root: Path) -> str:
    """Name an annotation as the lists do: below ``Annotations``, without its suffix."""
    parts = file.relative_to(root).with_suffix("").parts
    return "/".join(part for part in parts if part.lower() != "annotations")


def read_lists(folder: Path, files: dict[str, Path], set_: Assembly) -> dict[str, set[str]]:
    """Read which lists in a folder name which annotation; `files` are the annotations by the names in the lists."""
    splits: dict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
        # car_train.txt says of every picture, with 1 or -1, whether there is a car: no part of its own.
        if lines and all(re.search(r"\s(-1|0|1)$", line) and line not in files for line in lines):
            continue
        missing = [line for line in lines if line not in files]
        if missing:
            set_.problem(Kind.LISTED_ONLY, set_.place(path), f"such as {missing[0]!r}", len(missing))
        for line in lines:
            splits[line].add(path.stem)
    return splits


def _annotation(image: BoxedImage, class_names: tuple[str, ...]) -> bytes:
    annotation = ElementTree.Element("annotation")

    def add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
        child = ElementTree.SubElement(parent, tag)
        child.text = text
        return child

    add(annotation, "folder", PICTURES)
    add(annotation, "filename", image.name)
    size = add(annotation, "size")
    for tag, value in (("width", image.size[1]), ("height", image.size[0]), ("depth", 3)):
        add(size, tag, str(value))
    corners = image.boxes.astype(np.float64) + np.array([1.0, 1.0, 0.0, 0.0])
    for number, numbers in enumerate(shortest_numbers(corners, _to_xyxy)):
        thing = add(annotation, "object")
        add(thing, "name", class_names[image.class_ids[number]])
        for flag in FLAGS:
            if flag in _ALWAYS_WRITTEN or flag in image.flags[number]:
                add(thing, flag, str(int(flag in image.flags[number])))
        box = add(thing, "bndbox")
        for side, text in zip(_SIDES, numbers, strict=True):
            add(box, side, text)
    ElementTree.indent(annotation, "\t")
    return ElementTree.tostring(annotation, encoding="utf-8") + b"\n"
