"""Pictures with boxes: what detectors train and are measured on.

Boxes are held as they were written, right or wrong, so that a set can be looked at, mended and converted without loss;
:meth:`BoxedImages.usable` gives those that a detector can learn from.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from keras_cv_course.boxes import clip_xyxy, sort_corners
from keras_cv_course.errors import DataContentError

FLAGS = ("difficult", "truncated", "occluded", "crowd")

_LEAST_SIDE = 1.0  # pixel; what is smaller after clipping shows nothing


class Kind(StrEnum):
    """What can be wrong with a set, in the order in which it is told."""

    MISSING = "picture missing"
    UNREADABLE_PICTURE = "picture cannot be read"
    UNREADABLE = "annotation cannot be read"
    TWICE = "picture annotated twice"
    LISTED_ONLY = "listed, but without annotation"
    UNKNOWN_CLASS = "box of an unknown class"
    WRONG_SIZE = "size is not the picture's"
    REVERSED = "box reversed"
    EMPTY = "box empty"
    TINY = "box under 2 pixels wide or high"
    OUTSIDE = "box outside the picture"
    OVER_EDGE = "box over the picture's edge"
    DUPLICATE = "box written twice"
    NO_MASK = "object without a mask"


@dataclass(frozen=True)
class Problem:
    """Something wrong in one place.

    Attributes:
        kind: what is wrong.
        where: the file below the set's root, and the picture where a file tells of several.
        detail: what stands there.
        count: how often, for boxes and entries.
        name: the picture's name in the set, None where the set does not hold it.
    """

    kind: Kind
    where: str
    detail: str
    count: int = 1
    name: str | None = None


@dataclass(frozen=True, eq=False)
class BoxedImage:
    """One picture file with its boxes.

    Attributes:
        name: path below the folder of the pictures, with ``/``: printable, no spaces around it.
        path: the file.
        size: (height, width) of the picture as a viewer shows it.
        boxes: float32 (n, 4), x1, y1, x2, y2 in pixels of the picture, finite; 0 is the outer edge of the first pixel,
            and the width, or the height, that of the last.
        class_ids: int64 (n,).
        flags: n sets of names in `FLAGS`.
        splits: the parts of the set, such as train or val, whose lists name the picture.
        written_size: (height, width) in the annotation, None where it has none.
        source: where the boxes are written, for messages.
        image_id: what COCO's files call the picture; None in other formats.

    Raises:
        DataContentError: wrong dtype or shape, different lengths, numbers that are not finite, an unknown flag, a name
            that does not fit on a line, or a picture without pixels.
    """

    name: str
    path: Path
    size: tuple[int, int]
    boxes: np.ndarray
    class_ids: np.ndarray
    flags: tuple[frozenset[str], ...]
    splits: frozenset[str] = frozenset()
    written_size: tuple[int, int] | None = None
    source: str = ""
    image_id: int | str | None = None

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        n = len(self.flags)
        for name, dtype, shape in (("boxes", "f4", (n, 4)), ("class_ids", "i8", (n,))):
            array = getattr(self, name)
            if array.dtype != np.dtype(dtype) or array.shape != shape:
                received = f"{array.dtype} of shape {array.shape}"
                _fail(self.name, f"{name} of {np.dtype(dtype)} of shape {shape}, as there are {n} flags", received)
        if not np.isfinite(self.boxes).all():
            _fail(self.name, "finite boxes", "others")
        unknown = frozenset().union(*self.flags) - {*FLAGS}
        if unknown:
            _fail(self.name, f"flags among {', '.join(FLAGS)}", ", ".join(sorted(unknown)))
        if min(self.size) < 1:
            _fail(self.name, "a size (height, width), each at least 1", str(self.size))
        for text in (self.name, *self.splits):
            _check_on_one_line(text, "name of a picture or a list")

    def __len__(self) -> int:
        return len(self.boxes)

    def flagged(self, flag: str) -> np.ndarray:
        """Give the boxes with one of `FLAGS`, as a mask bool (n,)."""
        return np.array([flag in flags for flags in self.flags], bool)

    def take(self, index: np.ndarray) -> Self:
        """Give the picture with some of its boxes: a mask (n,) or indices."""
        return replace(self, **self._rows(np.arange(len(self))[index]))

    def _rows(self, chosen: np.ndarray) -> dict[str, Any]:
        """Give those attributes that have an entry for each box, with the entries at indices `chosen`."""
        flags = tuple(self.flags[i] for i in chosen)
        return {"boxes": self.boxes[chosen], "class_ids": self.class_ids[chosen], "flags": flags}


Image = TypeVar("Image", bound=BoxedImage)


@dataclass(frozen=True, eq=False)
class BoxedImages:
    """A validated set of pictures with boxes.

    Attributes:
        root: the folder of the set, for messages.
        images: sorted by name, each name once.
        class_names: one for each class id, each once.
        category_ids: COCO's number for each class.
        format: voc, coco, yolo or csv, as it was read; of masks, coco, voc or labelme.
        problems: what could not be taken from the files, and is not in the set.
        left_out: what the files say beside boxes, and is not kept.

    Raises:
        DataContentError: names out of order or twice, or a class id without a name.
    """

    root: Path
    images: tuple[BoxedImage, ...]
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    format: str
    problems: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        names = [image.name for image in self.images]
        if names != sorted({*names}):
            _fail(str(self.root), "pictures sorted by name, each once", f"{len(names)} in another order, or one twice")
        classes = len(self.class_names)
        for name in self.class_names:
            _check_on_one_line(name, "name of a class")
        if len({*self.class_names}) != classes:
            twice = {name for name in self.class_names if self.class_names.count(name) > 1}
            _fail(str(self.root), "each class name once", f"{', '.join(sorted(twice))} twice")
        if len({*self.category_ids}) != classes or len(self.category_ids) != classes:
            _fail(str(self.root), f"{classes} different category ids, one for each class", str(self.category_ids))
        for image in self.images:
            wrong = image.class_ids[(image.class_ids < 0) | (image.class_ids >= classes)]
            if len(wrong):
                _fail(image.name, f"class ids below {classes}, one for each class name", f"such as {wrong[0]}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def splits(self) -> dict[str, int]:
        """Number of pictures in each part that the set's own lists name."""
        names = sorted({name for image in self.images for name in image.splits})
        return {name: sum(name in image.splits for image in self.images) for name in names}

    def take(self, indices: Iterable[int]) -> Self:
        """Give the pictures at `indices`; they are sorted again."""
        return replace(self, images=tuple(self.images[i] for i in sorted({*indices})))

    def part(self, name: str) -> Self:
        """Give the pictures that the list `name` names.

        Raises:
            DataContentError: no such list.
        """
        if name not in self.splits:
            received = f"{', '.join(self.splits) or 'no lists'}"
            _fail(str(self.root), f"a list {name!r} of the set", received)
        return self.take(i for i, image in enumerate(self.images) if name in image.splits)

    def split(self, fraction: float, seed: int) -> tuple[Self, Self]:
        """Set a random part of the pictures aside; it depends on `seed` and the number of pictures only.

        Args:
            fraction: share to set aside, between 0 and 1, rounded to whole pictures.
            seed: of the draw.

        Returns:
            The rest and the part set aside.

        Raises:
            DataContentError: one of the two would be empty.
        """
        number = round(fraction * len(self))
        if not 0 < number < len(self):
            _fail(str(self.root), "a fraction that leaves pictures on both sides", f"{fraction} of {len(self)}")
        order = np.random.default_rng(seed).permutation(len(self)).tolist()
        return self.take(order[number:]), self.take(order[:number])

    def usable(self) -> Self:
        """Give the boxes that a detector can learn from: corners in order, within the picture, none twice.

        Boxes are cut off at the picture's edges; one of which less than a pixel in width or height is left goes, and so
        does the second of two equal ones. No picture goes.
        """
        return replace(self, images=tuple(_usable(image) for image in self.images))


def _usable(image: Image) -> Image:
    boxes = clip_xyxy(sort_corners(image.boxes), image.size)
    large = ((boxes[:, 2:] - boxes[:, :2]) >= _LEAST_SIDE).all(axis=1)
    return replace(image, boxes=boxes).take(large & ~repeated(boxes, image.class_ids))


def repeated(boxes: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    """Give the boxes (n, 4) that are there before with the same class (n,), as a mask (n,)."""
    _, first = np.unique(np.column_stack([boxes, class_ids]), axis=0, return_index=True)
    return ~np.isin(np.arange(len(boxes)), first)


def _check_on_one_line(text: str, what: str) -> None:
    if not text or text != text.strip() or not text.isprintable():
        raise DataContentError(
            f"Expected the {what} as one line of printable characters without spaces around it. Received: {text!r}. "
            "Rename it."
        )


def _fail(where: str, expected: str, received: str) -> None:
    raise DataContentError(f"{where}: expected {expected}. Received: {received}.")
