"""Pascal VOC's masks: two PNG files for each picture.

::

    SegmentationClass/1.png   SegmentationObject/1.png   JPEGImages/1.jpg   ImageSets/Segmentation/train.txt ...

A pixel of the first is the number of a class from 1, of the second the number of an object from 1; 0 is background, and
255 the border of an object, which counts nowhere. Where there is no second file, all of a class on a picture is one
object. The classes are those of ``classes.csv``, or else VOC's own twenty.

Source: PASCAL VOC development kit, 2012, section 3.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cv_course.data.boxed_images import Kind
from keras_cv_course.data.detection_formats.assembly import Assembly, Row, visible
from keras_cv_course.data.detection_formats.class_lists import read_class_list
from keras_cv_course.data.detection_formats.segments import read_segment
from keras_cv_course.data.detection_formats.voc import PICTURES, read_lists
from keras_cv_course.data.masked_images import IGNORED, MaskedImages
from keras_cv_course.run_lengths import Rle

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_CLASSES, _OBJECTS = "SegmentationClass", "SegmentationObject"


def find_voc_masks(path: Path) -> list[Path]:
    """Give the files with the classes of pixels, in a folder's ``SegmentationClass``."""
    folder = path / _CLASSES
    return visible(folder.rglob("*.png"), folder) if folder.is_dir() else []


def read_voc_masks(path: Path) -> MaskedImages:
    """Read a set: the PNG files in ``SegmentationClass`` and ``SegmentationObject`` below `path`, a folder."""
    names, category_ids = read_class_list(path)
    set_ = Assembly(path, "voc", names or VOC_CLASSES, category_ids, masked=True)
    files = {file.relative_to(path / _CLASSES).with_suffix("").as_posix(): file for file in find_voc_masks(path)}
    splits = read_lists(path / "ImageSets" / "Segmentation", files, set_)
    pictures: dict[str, list[Path]] = defaultdict(list)
    for picture in set_.pictures:
        if not {_CLASSES, _OBJECTS} & {*picture.relative_to(path).parts}:
            pictures[picture.stem].append(picture)
    for stem, file in files.items():
        where, fitting = set_.place(file), _fitting(stem, pictures[file.stem])
        if len(fitting) != 1:
            said = f"{stem!r} may be any of {len(fitting)} pictures of that name" if fitting else f"no picture {stem!r}"
            set_.problem(Kind.MISSING, where, said)
            continue
        picture = fitting[0]
        size = set_.size(picture, where)
        if size is None:
            continue
        try:
            classes = _read_numbers(file, size)
            objects = path / _OBJECTS / f"{stem}.png"
            rows, ignored = _read_objects(classes, _read_numbers(objects, size) if objects.is_file() else classes)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            set_.problem(Kind.UNREADABLE, where, f"masks: {error}")
            continue
        set_.add(picture, rows, where, splits=splits[stem], ignored=ignored)
    return set_.finish_masked()


def _fitting(stem: str, same_name: list[Path]) -> list[Path]:
    """Give the pictures whose path ends as that of the masks does, as much of it as any has: train/1 is not val/1."""
    parts = (PICTURES, *stem.split("/"))
    for number in range(len(parts), 0, -1):
        fitting = [picture for picture in same_name if picture.with_suffix("").parts[-number:] == parts[-number:]]
        if fitting:
            return fitting
    return []


def _read_numbers(file: Path, size: tuple[int, int]) -> np.ndarray:
    """Read a PNG whose colours are numbers of a palette; uint8 (height, width)."""
    with Image.open(file) as image:
        if image.mode not in ("P", "L"):
            raise ValueError(f"{file.name} has colours (mode {image.mode}) where VOC has one number for each pixel")
        if image.size[::-1] != size:
            raise ValueError(f"{file.name} is of (height, width) {image.size[::-1]}, the picture of {size}")
        return np.array(image)


def _read_objects(classes: np.ndarray, objects: np.ndarray) -> tuple[list[Row], Rle | None]:
    """Give a row for each object, and the border pixels."""
    rows = []
    for number in np.unique(objects[(objects != 0) & (objects != IGNORED)]):
        mask = objects == number
        inside = classes[mask & (classes != 0) & (classes != IGNORED)]
        if not len(inside):
            raise ValueError(f"object {number} has no class")
        y, x = np.nonzero(mask)
        box = float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)
        rows.append(Row(box, int(np.bincount(inside).argmax()) - 1, mask=mask))
    border = (classes == IGNORED) | (objects == IGNORED)
    return rows, read_segment(border, (border.shape[0], border.shape[1])) if border.any() else None
