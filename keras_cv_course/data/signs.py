"""SIGNS: photographs of hands that show the numbers 0 to 5, in the course's two HDF5 files.

``train_signs.h5`` holds ``train_set_x`` uint8 (m, 64, 64, 3), ``train_set_y`` int64 (m,) and ``list_classes`` (6,);
``test_signs.h5`` holds ``test_set_x``, ``test_set_y`` and ``list_classes``. A set drawn by this package has the same
layout and says so in the file attribute ``synthetic``.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import numpy as np

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.data.synthetic.hand_signs import CLASSES, draw_hand_signs
from keras_cv_course.errors import DataContentError, DataError, DataFileError, DataNotFoundError, first_line
from keras_cv_course.files import atomic_path

DATA_VARIABLE = "KERAS_CV_COURSE_DATA"
IMAGE_SIZE = (64, 64)  # (height, width)
Part = Literal["train", "test"]


@dataclass(frozen=True)
class SignsPart:
    """One of the two files, read and checked.

    Attributes:
        data: images uint8 (m, 64, 64, 3) and labels int64 (m,).
        classes: int64 (6,), the file's ``list_classes``.
        path: the file.
        synthetic: drawn by this package, not photographed.
    """

    data: LabelledImages
    classes: np.ndarray
    path: Path
    synthetic: bool

    @property
    def kind(self) -> str:
        """``real`` or ``synthetic``."""
        return "synthetic" if self.synthetic else "real"


def find_signs(folder: str | Path | None = None, parts: Sequence[Part] = ("train", "test")) -> Path:
    """Find the folder that holds the SIGNS files.

    Args:
        folder: where to look; the folder itself or its subfolder ``signs``. None looks in the folder that the
            environment variable KERAS_CV_COURSE_DATA names or, if it is not set, in ``datasets`` below the working
            directory.
        parts: the files that have to be there.

    Returns:
        The folder with ``train_signs.h5`` and ``test_signs.h5``, or with those of them that `parts` asks for.

    Raises:
        DataNotFoundError: no such folder; the message lists the places that were looked at.
    """
    place = Path(folder or os.environ.get(DATA_VARIABLE) or "datasets")
    named_by = f" (from {DATA_VARIABLE})" if not folder and os.environ.get(DATA_VARIABLE) else ""
    places = (place, place / "signs")
    files = [f"{part}_signs.h5" for part in parts]
    for candidate in places:
        if all((candidate / file).is_file() for file in files):
            return candidate
    raise DataNotFoundError(
        f"Expected {' and '.join(files)}. Looked in: {', '.join(map(str, places))}{named_by}. Name their folder, "
        f"set {DATA_VARIABLE}, or draw a synthetic set with `kcc data signs`."
    )


def read_signs(folder: str | Path | None, part: Part) -> SignsPart:
    """Read one SIGNS file and check everything about it.

    Args:
        folder: as for :func:`find_signs`.
        part: ``"train"`` or ``"test"``.

    Raises:
        DataNotFoundError: the file is not there.
        DataFileError: it is truncated or no HDF5 file.
        DataContentError: a missing key, a wrong dtype, shape or rank, labels outside the classes, different numbers
            of images and labels, or no images.
    """
    path = find_signs(folder, [part]) / f"{part}_signs.h5"
    keys = (f"{part}_set_x", f"{part}_set_y", "list_classes")
    try:
        with h5py.File(path) as file:
            missing = [key for key in keys if not isinstance(file.get(key), h5py.Dataset)]
            if missing:
                raise DataContentError(
                    f"{path}: expected the data sets {', '.join(keys)}. Received: {', '.join(file) or 'none'}. "
                    f"Is this the course's {part} file?"
                )
            images, labels, classes = (np.asarray(file[key][()]) for key in keys)
            synthetic = bool(file.attrs.get("synthetic", False))
    except DataError:
        raise
    except (OSError, RuntimeError) as error:  # h5py raises either, by what is damaged
        raise DataFileError(
            f"{path}: expected an HDF5 file. It is damaged, truncated or of another kind ({first_line(error)}). "
            f"Copy it again from its source."
        ) from error
    if classes.shape != (CLASSES,) or not np.issubdtype(classes.dtype, np.integer):
        raise DataContentError(
            f"{path}: expected list_classes as integers of shape ({CLASSES},). "
            f"Received: {classes.dtype} of shape {classes.shape}."
        )
    names = tuple(str(value) for value in classes)
    data = LabelledImages(images, labels, names, origin=str(path))
    if data.images.shape[1:3] != IMAGE_SIZE:
        raise DataContentError(f"{path}: expected {keys[0]} of shape (m, 64, 64, 3). Received: shape {images.shape}.")
    return SignsPart(data, classes, path, synthetic)


def write_synthetic_signs(
    folder: str | Path,
    *,
    train: int = 1080,
    test: int = 120,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Draw a synthetic SIGNS set and write it as the course's two files.

    Args:
        folder: where the files go; made if missing. Files that stand there already are never replaced.
        train: number of training images.
        test: number of test images, drawn apart from the training images.
        seed: of the drawing; equal seeds give equal files.
        progress: called with the number of images drawn so far.

    Returns:
        The folder.

    Raises:
        DataError: one of the files exists.
        DataContentError: fewer than one image of a kind.
    """
    folder = Path(folder)
    for part in ("train", "test"):
        if (folder / f"{part}_signs.h5").exists():
            raise DataError(
                f"{folder / f'{part}_signs.h5'} exists and is not replaced. Name another folder, or move the file away."
            )
    images, labels = draw_hand_signs(train + test, seed, progress=progress)
    for part, chosen in (("train", slice(0, train)), ("test", slice(train, None))):
        with atomic_path(folder / f"{part}_signs.h5") as path, h5py.File(path, "w") as file:
            file.create_dataset(f"{part}_set_x", data=images[chosen], compression="gzip")
            file.create_dataset(f"{part}_set_y", data=labels[chosen])
            file.create_dataset("list_classes", data=np.arange(CLASSES))
            file.attrs["synthetic"] = True
            file.attrs["seed"] = seed
    return folder


# The course's helpers, with their exact results.


def load_dataset(
    folder: str | Path | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Load SIGNS as the course's helper of this name does.

    Args:
        folder: as for :func:`find_signs`; the course keeps its files in ``datasets``.

    Returns:
        X_train uint8 (m, 64, 64, 3), Y_train int64 (1, m), X_test, Y_test, classes int64 (6,).

    Raises:
        DataError: as :func:`read_signs`.
    """
    train, test = read_signs(folder, "train"), read_signs(folder, "test")
    return (
        train.data.images,
        train.data.labels.reshape(1, -1),
        test.data.images,
        test.data.labels.reshape(1, -1),
        test.classes,
    )


def convert_to_one_hot(Y: np.ndarray, C: int) -> np.ndarray:
    """Turn labels into one column each.

    Args:
        Y: integers 0..C-1 of any shape, m of them.
        C: number of classes.

    Returns:
        float64 (C, m), a single 1 in each column.

    Raises:
        DataContentError: labels that are no integers or not in 0..C-1.
    """
    Y = np.asarray(Y).reshape(-1)
    if not np.issubdtype(Y.dtype, np.integer) or np.any((Y < 0) | (Y >= C)):
        raise DataContentError(
            f"Expected integer labels 0..{C - 1}. Received: dtype {Y.dtype}"
            + (f", values {Y.min()}..{Y.max()}." if Y.size else ".")
        )
    return np.eye(C)[Y].T


def random_mini_batches(
    X: np.ndarray, Y: np.ndarray, mini_batch_size: int = 64, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Shuffle examples and cut them into mini-batches.

    The order is that of ``np.random.seed(seed); np.random.permutation(m)``, drawn without touching NumPy's global
    state.

    Args:
        X: (m, ...), one example a row.
        Y: (m, ...), its target.
        mini_batch_size: examples in each batch; the last one may be shorter.
        seed: of the permutation.

    Returns:
        Pairs (X, Y) of mini-batches.

    Raises:
        DataContentError: `X` and `Y` of different lengths, or a batch size below one.
    """
    m = X.shape[0]
    if Y.shape[0] != m:
        raise DataContentError(f"Expected as many rows in Y as in X. Received: {m} in X and {Y.shape[0]} in Y.")
    if mini_batch_size < 1:
        raise DataContentError(f"Expected mini_batch_size of at least 1. Received: {mini_batch_size}.")
    order = np.random.RandomState(seed).permutation(m)
    cuts = [order[start : start + mini_batch_size] for start in range(0, m, mini_batch_size)]
    return [(X[rows], Y[rows]) for rows in cuts]
