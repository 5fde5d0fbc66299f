"""The two text files that come with the course's detector: the names of its classes, and its anchors."""

from pathlib import Path

import numpy as np

from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError


def read_classes(classes_path: str | Path) -> list[str]:
    """Read class names, one on each line, in the order of the detector's outputs.

    Args:
        classes_path: a text file in UTF-8, such as ``coco_classes.txt`` or Darknet's ``coco.names``.

    Returns:
        The names, without spaces around them.

    Raises:
        DataNotFoundError: no such file.
        DataFileError: a file that is no text.
        DataContentError: no name, a name that is there twice, or an empty line between names, which would move the
            numbers of all classes behind it.
    """
    names = [line.strip() for line in _read_text(Path(classes_path), "class names").rstrip().splitlines()]
    if not names:
        raise DataContentError(f"{classes_path}: expected a class name on each line. Received: an empty file.")
    if "" in names:
        raise DataContentError(
            f"{classes_path}: expected a class name on each line. Received: an empty line {names.index('') + 1}. "
            "Remove it, or name the class."
        )
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataContentError(f"{classes_path}: expected each class name once. Received twice: {sorted(twice)}.")
    return names


def read_anchors(anchors_path: str | Path) -> np.ndarray:
    """Read anchors, numbers with commas between them: width and height of the first, then of the second.

    Args:
        anchors_path: a text file, such as the course's ``yolo_anchors.txt``: ``0.57273, 0.677385, ...``.

    Returns:
        float64 (anchors, 2), width and height in cells of the grid.

    Raises:
        DataNotFoundError: no such file.
        DataFileError: a file that is no text.
        DataContentError: something else than an even number of positive numbers.
    """
    text = _read_text(Path(anchors_path), "anchors")
    expected = f"{anchors_path}: expected anchors as positive numbers, width, height, width, height ..."
    try:
        numbers = np.array([float(number) for number in text.replace(",", " ").split()])
    except ValueError as error:
        raise DataContentError(f"{expected} Received: {error}.") from error
    if not len(numbers) or len(numbers) % 2:
        raise DataContentError(f"{expected} Received: {len(numbers)} numbers.")
    if not (np.isfinite(numbers) & (numbers > 0)).all():
        raise DataContentError(f"{expected} Received: {numbers.tolist()}.")
    return numbers.reshape(-1, 2)


def _read_text(path: Path, content: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows editors put a mark before the first name
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{path}: expected a text file with {content}. Received: no such file.") from error
    except OSError as error:
        raise DataFileError(f"{path}: expected a text file with {content}. Received: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path}: expected a text file with {content}, in UTF-8. Received: other bytes. Save it as UTF-8 text."
        ) from error
