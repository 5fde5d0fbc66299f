"""What all sets of equally large pictures share: their size, checked, and drawing and reading them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage
from keras_cv_course.data.image_folders import SkippedFile, count_and_first
from keras_cv_course.data.read_images import decode_pictures
from keras_cv_course.errors import DataContentError

Scene = TypeVar("Scene")
Some = TypeVar("Some", bound=BoxedImage)


class EqualPictures:
    """Pictures of one size, with what a set of them knows beside.

    Attributes:
        images: uint8 (m, height, width, 3), RGB; may be mapped from a file.
        skipped: the files that could not be read.
    """

    images: np.ndarray
    skipped: tuple[SkippedFile, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of each picture."""
        height, width = self.images.shape[1:3]
        return height, width

    def check_images(self) -> None:
        """Make sure that the pictures are such.

        Raises:
            DataContentError: another dtype or shape, or none.
        """
        images = self.images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or not len(images):
            raise DataContentError(
                f"Expected images uint8 (m, height, width, 3), m >= 1. Received: {images.dtype} {images.shape}."
            )


def counted(scenes: Iterable[Scene], progress: Callable[[int], None] | None) -> Iterator[Scene]:
    """Give one scene after the other, and say how many are done."""
    for done, scene in enumerate(scenes, start=1):
        yield scene
        if progress is not None:
            progress(done)


def read_pictures(
    images: Sequence[Some],
    size: tuple[int, int],
    bring: Callable[[np.ndarray], np.ndarray],
    root: Path,
    progress: Callable[[int], None] | None,
) -> tuple[np.ndarray, list[Some], tuple[SkippedFile, ...]]:
    """Decode those pictures of a set that can be read.

    Args:
        images: of the set.
        size: (height, width) of each decoded picture.
        bring: makes a picture uint8 (height, width, 3), of any size, one of `size`.
        root: of the set, for messages.
        progress: called with the number of pictures done so far.

    Returns:
        uint8 (m, *size, 3); what the set says of each of them; and the files that could not be read.

    Raises:
        DataContentError: none can be read.
        DataError: pictures that fit neither into memory nor on the disk for temporary files.
    """
    pixels, read, skipped = decode_pictures([one.path for one in images], size, bring, root, progress=progress)
    if not read:
        received = count_and_first(skipped, root) if skipped else "none"
        raise DataContentError(f"{root}: expected at least one picture that can be read. Received: {received}.")
    return pixels, [images[number] for number in read], tuple(skipped)
