"""The SIGNS files: found, read, refused; and the course's helpers."""

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.data.signs import (
    convert_to_one_hot,
    find_signs,
    load_dataset,
    random_mini_batches,
    read_signs,
    write_synthetic_signs,
)
from keras_cv_course.errors import DataContentError, DataError, DataFileError, DataNotFoundError


@pytest.fixture
def signs(synthetic_signs: Path, tmp_path: Path) -> Path:
    """Give a copy of a drawn set that a test may spoil."""
    return Path(shutil.copytree(synthetic_signs, tmp_path / "copy"))


def replace(key: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            changed = change(file[key][()])
            del file[key]
            file[key] = changed

    return spoil


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove_key(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["train_set_y"]


def corrupt_chunk(path: Path) -> None:
    """Overwrite compressed pixels; the file's own structure stays whole."""
    with h5py.File(path) as file:
        chunk = file["train_set_x"].id.get_chunk_info(0)
    with path.open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(b"\xff" * chunk.size)


X, Y = "train_set_x", "train_set_y"
BAD_FILES = {
    "missing": (Path.unlink, DataNotFoundError, "Looked in: .*draw a synthetic set with `kcc data signs`"),
    "truncated": (truncate, DataFileError, "truncated"),
    "corrupt": (corrupt_chunk, DataFileError, "damaged"),
    "empty file": (lambda path: path.write_bytes(b""), DataFileError, "expected an HDF5 file"),
    "not HDF5": (lambda path: path.write_text("x" * 5000), DataFileError, "expected an HDF5 file"),
    "missing key": (remove_key, DataContentError, "train_set_y.*Received: list_classes, train_set_x"),
    "float images": (replace(X, lambda x: x / 255), DataContentError, "uint8.*Received: dtype float64"),
    "float labels": (replace(Y, lambda y: y + 0.5), DataContentError, "integer dtype. Received: dtype float64"),
    "other size": (replace(X, lambda x: x[:, :32]), DataContentError, "64, 64, 3.*32, 64, 3"),
    "grey images": (replace(X, lambda x: x[..., :1]), DataContentError, "height, width, 3"),
    "images of rank 3": (replace(X, lambda x: x[..., 0]), DataContentError, "height, width, 3"),
    "labels of rank 2": (replace(Y, lambda y: y[None]), DataContentError, r"labels of shape \(m,\)"),
    "label 6": (replace(Y, lambda y: np.where(y == 5, 6, y)), DataContentError, r"labels 0\.\.5.*such as 6"),
    "label -1": (replace(Y, lambda y: y - 1), DataContentError, r"labels 0\.\.5.*such as -1"),
    "fewer labels": (replace(Y, lambda y: y[:-1]), DataContentError, "48 images and 47 labels"),
    "five classes": (replace("list_classes", lambda c: c[:5]), DataContentError, r"shape \(6,\)"),
    "empty set": (replace(X, lambda x: x[:0]), DataContentError, "0 images and 48 labels"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_has_its_own_error(signs: Path, case: str) -> None:
    spoil, error, message = BAD_FILES[case]
    spoil(signs / "train_signs.h5")
    with pytest.raises(error, match=message):
        read_signs(signs, "train")


def test_set_without_a_single_image(signs: Path) -> None:
    for key in (X, Y):
        replace(key, lambda values: values[:0])(signs / "train_signs.h5")
    with pytest.raises(DataContentError, match="at least one image"):
        read_signs(signs, "train")


def test_found_by_path_then_environment_then_working_directory(
    signs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_CV_COURSE_DATA", raising=False)
    with pytest.raises(DataNotFoundError, match="Looked in: datasets"):
        find_signs()
    shutil.copytree(signs, tmp_path / "datasets")
    assert find_signs() == Path("datasets")
    shutil.copytree(signs, tmp_path / "all" / "signs")
    monkeypatch.setenv("KERAS_CV_COURSE_DATA", str(tmp_path / "all"))
    assert find_signs() == tmp_path / "all" / "signs"
    assert find_signs(signs) == signs
    with pytest.raises(DataNotFoundError):  # a place that is named and wrong does not fall back
        find_signs(tmp_path / "nowhere")
    monkeypatch.setenv("KERAS_CV_COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataNotFoundError, match=r"Looked in: .*nowhere"):
        find_signs()


def test_one_part_needs_only_its_own_file(signs: Path) -> None:
    (signs / "train_signs.h5").unlink()
    assert len(read_signs(signs, "test").data) == 12
    with pytest.raises(DataNotFoundError, match=r"Expected train_signs\.h5\."):
        read_signs(signs, "train")


def test_written_set_reads_back(synthetic_signs: Path) -> None:
    train, test = read_signs(synthetic_signs, "train"), read_signs(synthetic_signs, "test")
    assert train.synthetic
    assert test.synthetic
    assert train.data.images.shape == (48, 64, 64, 3)
    assert test.data.labels.shape == (12,)
    assert np.bincount(train.data.labels).tolist() == [8] * 6
    same = (train.data.images[:, None] == test.data.images[None]).all(axis=(2, 3, 4))
    assert not same.any()


def test_existing_files_are_never_replaced(signs: Path) -> None:
    (signs / "train_signs.h5").unlink()
    before = (signs / "test_signs.h5").read_bytes()
    with pytest.raises(DataError, match="exists and is not replaced"):
        write_synthetic_signs(signs, train=6, test=6)
    assert (signs / "test_signs.h5").read_bytes() == before
    assert not (signs / "train_signs.h5").exists()


def test_real_files_as_the_course_loads_them(real_data: Path) -> None:
    X_train, Y_train, X_test, Y_test, classes = load_dataset(real_data)
    assert X_train.shape[1:] == X_test.shape[1:] == (64, 64, 3)
    assert X_train.dtype == X_test.dtype == np.uint8
    assert Y_train.shape == (1, len(X_train))
    assert Y_test.shape == (1, len(X_test))
    assert classes.tolist() == [0, 1, 2, 3, 4, 5]
    with h5py.File(find_signs(real_data) / "train_signs.h5") as file:
        np.testing.assert_array_equal(X_train, file["train_set_x"][:])
        np.testing.assert_array_equal(Y_train[0], file["train_set_y"][:])
    assert not read_signs(real_data, "test").synthetic


def test_one_hot_has_a_column_for_each_label() -> None:
    one_hot = convert_to_one_hot(np.array([[1, 0, 2]]), 4)
    assert one_hot.dtype == np.float64
    assert one_hot.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("labels", [[0, 6], [-1, 2], [0.0, 1.0]])
def test_one_hot_refuses_what_is_no_class(labels: list[float]) -> None:
    with pytest.raises(DataContentError, match=r"labels 0\.\.5"):
        convert_to_one_hot(np.array(labels), 6)


@given(m=st.integers(0, 40), size=st.integers(1, 50), seed=st.integers(0, 2**31))
def test_mini_batches_are_the_course_s_permutation(m: int, size: int, seed: int) -> None:
    X, Y = np.arange(m * 2).reshape(m, 2), np.arange(m).reshape(m, 1)
    np.random.seed(seed)
    order = list(np.random.permutation(m))
    expected = [order[i : i + size] for i in range(0, m, size)]
    state = np.random.get_state()[1].copy()
    batches = random_mini_batches(X, Y, size, seed)
    assert [y[:, 0].tolist() for _, y in batches] == expected
    assert all((x[:, 0] == 2 * y[:, 0]).all() for x, y in batches)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # the global generator is left alone


def test_mini_batches_refuse_what_does_not_pair() -> None:
    with pytest.raises(DataContentError, match="3 in X and 2 in Y"):
        random_mini_batches(np.zeros((3, 1)), np.zeros((2, 1)))
    with pytest.raises(DataContentError, match="at least 1"):
        random_mini_batches(np.zeros((3, 1)), np.zeros((3, 1)), 0)
