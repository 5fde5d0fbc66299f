"""Anyone's pictures with masks, in whichever way they are written.

:func:`find_masks` looks what is there and reads it; :func:`write_coco_masks` writes it as COCO's files.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from keras_cv_course.data.detection_datasets import read_found, write_boxes
from keras_cv_course.data.detection_formats import coco, labelme, voc_masks
from keras_cv_course.data.masked_images import MaskedImages


class _Format(NamedTuple):
    """How one format is found and read."""

    title: str
    find: Callable[[Path], list[Path]]
    read: Callable[[Path], MaskedImages]


MASK_FORMATS = {
    "coco": _Format("COCO (JSON files with segmentation)", coco.find_coco_masks, coco.read_coco_masks),
    "voc": _Format("Pascal VOC (SegmentationClass/*.png)", voc_masks.find_voc_masks, voc_masks.read_voc_masks),
    "labelme": _Format("Labelme (JSON files)", labelme.find_labelme, labelme.read_labelme),
}


def find_masks(path: str | Path) -> MaskedImages:
    """Read a set of pictures with masks: COCO, Pascal VOC or Labelme, found by looking.

    What cannot be taken over (a missing picture, a broken file, an object without a mask) is listed in ``problems``.

    Args:
        path: the folder of the set, or COCO's JSON file.

    Returns:
        The set; no picture is decoded.

    Raises:
        DataNotFoundError: nothing there.
        DataFileError: a file that cannot be read as what it should be.
        DataContentError: several formats in one folder, or contents that no set can have.
    """
    return read_found(Path(path), MASK_FORMATS, "masks")


def write_coco_masks(data: MaskedImages, folder: str | Path, progress: Callable[[int], None] | None = None) -> None:
    """Write a set with copies of its pictures as COCO's files, whole or not at all.

    Masks are written as compressed run lengths, to the last pixel. COCO has no place for ``ignored`` pixels: of VOC's
    sets the borders of objects become background.

    Args:
        data: the set; what it could not take over from its files is not in it.
        folder: new, or empty.
        progress: called with the number of pictures copied so far.

    Raises:
        DataError: `folder` is not empty.
    """
    write_boxes(data, folder, "coco", progress)
