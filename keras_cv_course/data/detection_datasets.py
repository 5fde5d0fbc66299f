"""Anyone's pictures with boxes, in whichever way they are written.

:func:`find_boxes` looks what is there and reads it; :func:`write_boxes` writes it in another way. Pictures, sizes,
boxes to the last bit of float32, classes in their order, flags and lists come through every format.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.detection_formats import coco, csv_boxes, voc, yolo_txt
from keras_cv_course.errors import DataContentError, DataNotFoundError, list_few
from keras_cv_course.files import atomic_folder

Found = TypeVar("Found", bound=BoxedImages, covariant=True)


class Format(Protocol[Found]):
    """How one format is found and read."""

    @property
    def title(self) -> str:
        """What messages call it."""

    @property
    def find(self) -> Callable[[Path], list[Path]]:
        """Give the set's files; none where it is in another format."""

    @property
    def read(self) -> Callable[[Path], Found]:
        """Read the set."""


class _Format(NamedTuple):
    """How one format is found, read and written, and where its pictures go."""

    title: str
    find: Callable[[Path], list[Path]]
    read: Callable[[Path], BoxedImages]
    write: Callable[[BoxedImages, Path], None]
    pictures: str


FORMATS = {
    "voc": _Format("Pascal VOC (XML files)", voc.find_voc, voc.read_voc, voc.write_voc, voc.PICTURES),
    "coco": _Format("COCO (JSON files)", coco.find_coco, coco.read_coco, coco.write_coco, coco.PICTURES),
    "yolo": _Format("YOLO (data.yaml)", yolo_txt.find_yolo, yolo_txt.read_yolo, yolo_txt.write_yolo, yolo_txt.PICTURES),
    "csv": _Format(
        "CSV (image, class, x1, y1, x2, y2)",
        csv_boxes.find_csv,
        csv_boxes.read_csv,
        csv_boxes.write_csv,
        csv_boxes.PICTURES,
    ),
}


def find_boxes(path: str | Path) -> BoxedImages:
    """Read a set of pictures with boxes: Pascal VOC, COCO, YOLO or CSV, found by looking.

    What cannot be taken over (a missing picture, a broken file, an unknown class) is listed in ``problems``; what is
    there and looks wrong is left in, and told by :func:`~keras_cv_course.data.box_problems.find_problems`.

    Args:
        path: the folder of the set, or its ``data.yaml``, JSON or CSV file.

    Returns:
        The set; no picture is decoded, only the beginnings of the files are read.

    Raises:
        DataNotFoundError: nothing there.
        DataFileError: a file that cannot be read as what it should be.
        DataContentError: several formats in one folder, or contents that no set can have.
    """
    return read_found(Path(path), FORMATS, "boxes")


def read_found(path: Path, formats: Mapping[str, Format[Found]], what: str) -> Found:
    """Read a set in that of several formats which is there; `what` it holds, for messages.

    Raises:
        DataNotFoundError: nothing there.
        DataFileError: a file that cannot be read as what it should be.
        DataContentError: several formats in one folder, or contents that no set can have.
    """
    if not path.exists():
        raise DataNotFoundError(f"{path}: expected a folder of pictures with {what}. Received: no such path. Check it.")
    found = {name: files for name, form in formats.items() if (files := form.find(path))}
    if not found:
        raise DataNotFoundError(
            f"{path}: expected {what} as {', '.join(form.title for form in formats.values())}. "
            f"Received: {_describe(path)}. Give the folder that holds both pictures and {what}."
        )
    if len(found) > 1:
        said = " and ".join(f"{formats[name].title} such as {files[0].name}" for name, files in found.items())
        raise DataContentError(
            f"{path}: expected {what} in one format. Received: {said}. Give the path of one: its file, or its folder."
        )
    data = formats[next(iter(found))].read(path)
    if not len(data):
        first = data.problems[0] if data.problems else None
        raise DataNotFoundError(
            f"{path}: expected at least one picture with its {what}. Received: none in {formats[data.format].title}"
            + (f", first problem: {first.where}: {first.detail}." if first else ".")
        )
    return data


def write_boxes(
    data: BoxedImages, folder: str | Path, format: str, progress: Callable[[int], None] | None = None
) -> None:
    """Write a set with copies of its pictures, whole or not at all.

    Args:
        data: the set; what it could not take over from its files is not in it.
        folder: new, or empty.
        format: voc, coco, yolo or csv.
        progress: called with the number of pictures copied so far.

    Raises:
        DataContentError: an unknown format, or two pictures whose names differ in the suffix only, for a format that
            has a file for each picture.
        DataError: `folder` is not empty.
    """
    if format not in FORMATS:
        raise DataContentError(f"Expected a format among {', '.join(FORMATS)}. Received: {format!r}.")
    if format in ("voc", "yolo"):
        _check_stems(data)
    with atomic_folder(folder) as temporary:
        FORMATS[format].write(data, temporary)
        for number, image in enumerate(data.images, start=1):
            copy = temporary / FORMATS[format].pictures / image.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image.path, copy)
            if progress is not None:
                progress(number)


def _check_stems(data: BoxedImages) -> None:
    counts = Counter(image.name.removesuffix(Path(image.name).suffix) for image in data.images)
    twice = [stem for stem, count in counts.items() if count > 1]
    if twice:
        raise DataContentError(
            f"{data.root}: expected pictures whose names differ without their suffix, as each has a file of boxes. "
            f"Received: {list_few(twice)} more than once. Rename them, or take coco or csv."
        )


def _describe(path: Path) -> str:
    if path.is_file():
        return f"a file {path.name!r}"
    suffixes = Counter(file.suffix or "no suffix" for file in path.rglob("*") if file.is_file())
    return f"a folder with {', '.join(f'{n} x {suffix}' for suffix, n in suffixes.most_common(4)) or 'nothing in it'}"
