"""What is wrong with the boxes of a set: each kind, in which file, how often."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages, Kind, Problem, repeated
from keras_cv_course.data.detection_formats.assembly import reason
from keras_cv_course.data.image_files import read_image
from keras_cv_course.errors import ImageFileError

_SLACK = 1e-3  # pixel: parts of a picture with six digits miss its edge by as much


def find_problems(data: BoxedImages, progress: Callable[[int], None] | None = None) -> list[Problem]:
    """Look at every box, and decode every picture.

    Args:
        data: as :func:`~keras_cv_course.data.detection_datasets.find_boxes` read it.
        progress: called with the number of pictures done so far.

    Returns:
        What could not be read at all (``data.problems``) and what is wrong with the rest, by kind and then by name.
    """
    problems = [*data.problems]
    # `read_image` silences Pillow with `catch_warnings`, which acts on all threads; see `read_images`.
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        for number, (image, spoilt) in enumerate(zip(data.images, pool.map(_decode, data.images), strict=True), 1):
            problems += [*spoilt, *_box_problems(image)]
            if progress is not None:
                progress(number)
    order = {kind: place for place, kind in enumerate(Kind)}
    return sorted(problems, key=lambda problem: (order[problem.kind], problem.where))


def _decode(image: BoxedImage) -> list[Problem]:
    """Tell what is wrong with a picture itself. It is let go at once: a whole set does not fit into memory."""
    try:
        size = read_image(image.path).shape[:2]
    except ImageFileError as error:
        return [Problem(Kind.UNREADABLE_PICTURE, image.name, reason(error, image.path), name=image.name)]
    if image.written_size in (None, size) and image.size == size:
        return []
    written = image.size if image.written_size is None else image.written_size
    detail = f"{_size(written)}, the picture is {_size(size)}"
    return [Problem(Kind.WRONG_SIZE, image.source, detail, name=image.name)]


def _box_problems(image: BoxedImage) -> Iterator[Problem]:
    """Tell what is wrong with boxes; each has one kind, the first that fits, and may be a copy besides."""
    height, width = image.size
    x1, y1, x2, y2 = image.boxes.T
    rest = np.ones(len(image), bool)
    kinds = {
        Kind.REVERSED: (x2 < x1) | (y2 < y1),
        Kind.EMPTY: (x2 == x1) | (y2 == y1),
        Kind.TINY: (x2 - x1 < 2) | (y2 - y1 < 2),
        Kind.OUTSIDE: (x2 <= 0) | (y2 <= 0) | (x1 >= width) | (y1 >= height),
        Kind.OVER_EDGE: (x1 < -_SLACK) | (y1 < -_SLACK) | (x2 > width + _SLACK) | (y2 > height + _SLACK),
    }
    for kind, wrong in kinds.items():
        if (wrong & rest).any():
            yield _problem(image, kind, wrong & rest, f" on {_size(image.size)}")
        rest &= ~wrong
    copies = repeated(image.boxes, image.class_ids)
    if copies.any():
        yield _problem(image, Kind.DUPLICATE, copies, "")


def _problem(image: BoxedImage, kind: Kind, which: np.ndarray, further: str) -> Problem:
    x1, y1, x2, y2 = (f"{side:g}" for side in image.boxes[which][0])
    detail = f"({x1}, {y1}) to ({x2}, {y2}){further}"
    return Problem(kind, image.source, detail, int(which.sum()), image.name)


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"


def count_problems(problems: Sequence[Problem]) -> dict[Kind, tuple[int, int]]:
    """Give for each kind how often it is there and in how many places, in the order of `Kind`."""
    counts = Counter[Kind]()
    for problem in problems:
        counts[problem.kind] += problem.count
    return {
        kind: (counts[kind], len({problem.where for problem in problems if problem.kind == kind}))
        for kind in Kind
        if counts[kind]
    }
