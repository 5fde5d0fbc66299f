"""Many picture files as one array, however large: in memory, or on disk and mapped.

:func:`read_images` takes the files that :func:`~keras_cv_course.data.image_folders.find_images` has found, or a part
of them. A file that cannot be read costs that file only: it comes back with the reason.
"""

import os
import shutil
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cv_course.data.image_files import crop_and_resize, read_image
from keras_cv_course.data.image_folders import ImageFolder, SkippedFile, count_and_first
from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import DataContentError, DataError, ImageFileError

MOST_IN_MEMORY = 2**30  # bytes of decoded pixels
MOST_THREADS = 8  # each holds one whole decoded picture


@dataclass(frozen=True)
class ReadImages:
    """Pictures as read from files.

    Attributes:
        data: the images and labels of the files that could be read; above `MOST_IN_MEMORY` bytes the images are a
            read-only ``numpy.memmap`` on a file without a name, which is gone when the array is.
        paths: the file of each image.
        skipped: the files that could not be read, with the reason.
    """

    data: LabelledImages
    paths: tuple[Path, ...]
    skipped: tuple[SkippedFile, ...]


def read_images(
    files: ImageFolder,
    size: tuple[int, int],
    *,
    every_class: bool = True,
    progress: Callable[[int], None] | None = None,
) -> ReadImages:
    """Read pictures and bring each to one size: its middle, as much of it as has that aspect ratio, and no stretching.

    Args:
        files: at least one.
        size: (height, width) of the images.
        every_class: a class of which no file can be read is an error; else only if no file at all can be.
        progress: called with the number of files done so far.

    Returns:
        The images in the order of the files. Files that cannot be read are left out and listed.

    Raises:
        DataContentError: a class of which no file could be read, or an impossible size.
        DataError: images that fit neither into memory nor on the disk for temporary files.
    """
    if min(size) < 1:
        raise DataContentError(f"Expected size as (height, width), each at least 1. Received: {size}.")

    def check(read: list[int], skipped: list[SkippedFile]) -> None:
        if every_class or not read:
            _check_every_class_was_read(files, read, skipped)

    pixels, read, skipped = decode_pictures(
        files.paths, size, lambda picture: crop_and_resize(picture, size), files.root, check=check, progress=progress
    )
    data = LabelledImages(pixels, files.labels[read], files.class_names, origin=str(files.root))
    return ReadImages(data, tuple(files.paths[i] for i in read), tuple(skipped))


def decode_pictures(
    paths: Sequence[Path],
    size: tuple[int, int],
    prepare: Callable[[np.ndarray], np.ndarray],
    root: Path,
    *,
    check: Callable[[list[int], list[SkippedFile]], None] = lambda read, skipped: None,
    progress: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, list[int], list[SkippedFile]]:
    """Decode picture files into one array, with threads.

    Args:
        paths: the files.
        size: (height, width) of each picture in the array.
        prepare: brings a picture uint8 (height, width, 3), of any size, to `size`.
        root: the folder of the files, for messages.
        check: called at the end with the numbers of the files that were read and with those that were not.
        progress: called with the number of files done so far.

    Returns:
        uint8 (n, *size, 3), above `MOST_IN_MEMORY` bytes mapped from a file without a name; the number of each
        picture's file; and the files that could not be read.

    Raises:
        DataError: pictures that fit neither into memory nor on the disk for temporary files.
    """
    read: list[int] = []
    skipped: list[SkippedFile] = []

    def pictures(pool: ThreadPoolExecutor) -> Iterator[np.ndarray]:
        for index, picture in enumerate(_in_order(pool, paths, prepare)):
            if isinstance(picture, SkippedFile):
                skipped.append(picture)
            else:
                read.append(index)
                yield picture
            if progress is not None:
                progress(index + 1)
        check(read, skipped)

    # `read_image` silences Pillow with `catch_warnings`, which acts on all threads: with several in it at once, the
    # last one out may leave the wrong filters behind. Those set here hold meanwhile, and the old ones come back.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pool = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1))
        try:
            if len(paths) * size[0] * size[1] * 3 <= MOST_IN_MEMORY:
                pixels = np.fromiter(pictures(pool), np.dtype((np.uint8, (*size, 3))))
            else:
                pixels = _on_disk(pictures(pool), len(paths), size, root)
        finally:
            pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C: wait for the few pictures in work only
    return pixels, read, skipped


def _in_order(
    pool: ThreadPoolExecutor, paths: Sequence[Path], prepare: Callable[[np.ndarray], np.ndarray]
) -> Iterator[np.ndarray | SkippedFile]:
    """Read ahead by a few pictures only; `pool.map` would decode them all, however slowly they are taken."""
    ahead: deque[Future[np.ndarray | SkippedFile]] = deque()
    for path in paths:
        ahead.append(pool.submit(_read_one, path, prepare))
        if len(ahead) > 4 * MOST_THREADS:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _read_one(path: Path, prepare: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | SkippedFile:
    try:
        return prepare(read_image(path))
    except ImageFileError as error:
        return SkippedFile(path, " ".join(str(error).removeprefix(f"{path}: ").split()))


def _check_every_class_was_read(files: ImageFolder, read: list[int], skipped: list[SkippedFile]) -> None:
    label_of = dict(zip(files.paths, files.labels, strict=True))
    for label in np.setdiff1d(files.labels, files.labels[read]):
        left_out = [file for file in skipped if label_of[file.path] == label]
        raise DataContentError(
            f"{files.root}: expected at least one picture of class {files.class_names[label]!r} that can be read. "
            f"Received: {count_and_first(left_out, files.root)}."
        )


def _on_disk(images: Iterator[np.ndarray], count: int, size: tuple[int, int], root: Path) -> np.ndarray:
    """Write images to a file that the system deletes with the last use of it, and map it into memory.

    Written, not assigned to the mapped array: assigned pixels would stay in memory until the system is short of it, and
    a full disk would be a bus error.
    """
    height, width = size
    image_bytes = height * width * 3
    needed = count * image_bytes
    folder = tempfile.gettempdir()

    def too_little(received: str) -> DataError:
        return DataError(
            f"{root}: expected {needed / 2**30:.1f} GiB of free disk in {folder} for {count} images of "
            f"{height} x {width}. Received: {received}. Make them smaller (--image-size), or set TMPDIR to a folder "
            "with more space."
        )

    free = shutil.disk_usage(folder).free
    if free < needed:
        raise too_little(f"{free / 2**30:.1f} GiB")
    with tempfile.TemporaryFile(buffering=0) as file:
        for image in images:
            try:
                whole = file.write(image.data) == image_bytes
            except OSError as error:
                raise too_little(str(error.strerror)) from error
            if not whole:
                raise too_little("a disk that is full now")
        return np.memmap(file, np.uint8, "r", shape=(file.tell() // image_bytes, height, width, 3))
