"""Pictures of folders, read: into memory and onto disk, in order, with what cannot be read."""

import os
import resource
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from picture_folders import folder_of, picture, reasons, write, write_pets
from PIL import Image

import keras_cv_course.data.read_images as reading
from keras_cv_course.data.image_files import crop_and_resize, read_image
from keras_cv_course.data.image_folders import find_images
from keras_cv_course.data.read_images import read_images
from keras_cv_course.errors import DataContentError, DataError

SIZE = (6, 8)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return write_pets(tmp_path / "pets")


PICTURES = {
    "rgb": picture(1),
    "jpeg": picture(2, "JPEG"),
    "cmyk": picture(3, "JPEG", "CMYK"),
    "grey": picture(4, "PNG", "L"),
    "palette": picture(5, "GIF", "P"),
    "transparent": picture(6, "PNG", "RGBA"),
}
NOT_PICTURES = {
    "half png": (picture(7)[:-100], "truncated or damaged"),
    "half jpeg": (picture(8, "JPEG")[:-200], "truncated or damaged"),
    "text": (b"no picture", "starts with b'no pictu'"),
}


@pytest.fixture(params=["in memory", "on disk"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Read into memory and into a file; nothing may be left of the file's folder when the test ends."""
    folder = tmp_path / "temporary files"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    if request.param == "on disk":
        monkeypatch.setattr(reading, "MOST_IN_MEMORY", 2 * 6 * 8 * 3)
    yield request.param
    assert list(folder.iterdir()) == []


def test_pictures_of_every_kind_are_read_and_others_are_said(tmp_path: Path, place: str) -> None:
    files = {f"good/{name}.jpg": contents for name, contents in PICTURES.items()}
    files |= {f"mixed/{name}.jpg": contents for name, (contents, _) in NOT_PICTURES.items()}
    found = find_images(write(tmp_path / "pets", {**files, "mixed/fine.png": picture(9)}))
    assert len(found) == 10

    done: list[int] = []
    read = read_images(found, SIZE, progress=done.append)
    assert done == list(range(1, 11))
    assert [path.stem for path in read.paths] == [*sorted(PICTURES), "fine"]
    assert read.data.labels.tolist() == [0] * 6 + [1]
    assert read.data.class_names == ("good", "mixed")
    assert read.data.origin == str(tmp_path / "pets")
    assert isinstance(read.data.images, np.memmap) == (place == "on disk")
    expected = np.stack([crop_and_resize(read_image(path), SIZE) for path in read.paths])
    np.testing.assert_array_equal(read.data.images, expected)

    said = reasons(read.skipped, found.root)
    assert list(said) == sorted(f"mixed/{name}.jpg" for name in NOT_PICTURES)
    for name, (_, message) in NOT_PICTURES.items():
        assert message in said[f"mixed/{name}.jpg"]
        assert "\n" not in said[f"mixed/{name}.jpg"]
        assert str(tmp_path) not in said[f"mixed/{name}.jpg"]


def test_many_pictures_stay_in_order(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_at_times(path: Path) -> np.ndarray:
        number = int(path.stem)
        time.sleep(0.002 * (number % 3))
        return np.full((2, 2, 3), number % 256, np.uint8)

    monkeypatch.setattr(reading, "read_image", slow_at_times)
    read = read_images(folder_of([300, 200]), SIZE)
    assert read.data.images[:, 0, 0, 0].tolist() == [number % 256 for number in range(500)]
    assert read.data.labels.tolist() == [0] * 300 + [1] * 200


def test_reading_does_not_run_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Path] = []

    def note(path: Path) -> np.ndarray:
        begun.append(path)
        return np.zeros((2, 2, 3), np.uint8)

    def slowly(done: int) -> None:
        time.sleep(0.001)
        assert len(begun) <= done + 4 * reading.MOST_THREADS + 1

    monkeypatch.setattr(reading, "read_image", note)
    read_images(folder_of([200, 200]), SIZE, progress=slowly)
    assert len(begun) == 400


def test_a_mapped_array_outlives_its_file_and_is_not_written(pets: Path, place: str) -> None:
    images = read_images(find_images(pets), SIZE).data.images
    if place == "on disk":
        with pytest.raises(ValueError, match="read-only"):
            images[0] = 0
    taken = images[np.array([3, 0])]
    np.testing.assert_array_equal(taken[1], crop_and_resize(read_image(pets / "cat" / "0.png"), SIZE))


@pytest.mark.parametrize("spoilt", [["cat"], ["cat", "dog"]])
def test_a_class_that_cannot_be_read(pets: Path, place: str, spoilt: list[str]) -> None:
    found = find_images(pets)
    for name in spoilt:
        for number, path in enumerate((pets / name).iterdir()):
            path.write_bytes(b"spoilt" + bytes([number]))
    with pytest.raises(
        DataContentError,
        match=r"one picture of class 'cat' that can be read\. Received: 5 that cannot be used, first cat.0\.png: exp",
    ):
        read_images(found, SIZE)


def test_a_class_without_files_need_not_be_read(pets: Path) -> None:
    assert len(read_images(find_images(pets, ["cat", "horse", "dog"]), SIZE).data) == 9


@pytest.mark.parametrize("size", [(0, 4), (4, -1)])
def test_an_impossible_size(pets: Path, size: tuple[int, int]) -> None:
    with pytest.raises(DataContentError, match=r"size as \(height, width\), each at least 1. Received: \("):
        read_images(find_images(pets), size)


@pytest.mark.parametrize("place", ["on disk"], indirect=True)
def test_too_little_disk_is_said_before_reading(pets: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read_image", lambda path: pytest.fail("read although there is no space"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 2**29))
    renamed = pets.rename(pets.with_name("{pets}"))
    with pytest.raises(
        DataError,
        match=r"\{pets\}: expected 20\.1 GiB of free disk in .*temporary files for 9 images of 20000 x 40000. "
        r"Received: 0\.5 GiB\. Make them smaller \(--image-size\), or set TMPDIR",
    ):
        read_images(find_images(renamed), (20000, 40000))


@pytest.mark.parametrize("whole_images", [0, 3, 8.5])
@pytest.mark.parametrize("place", ["on disk"], indirect=True)
def test_a_disk_that_fills_meanwhile(pets: Path, place: str, whole_images: float) -> None:
    # A limit on the size of files stands for the full disk: the system writes what fits, then refuses.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    found = find_images(pets)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(whole_images * 6 * 8 * 3), hard))
    try:
        with pytest.raises(DataError, match=r"Received: (File too large|a disk that is full now)\. Make them smaller"):
            read_images(found, SIZE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_ctrl_c_stops_within_a_moment(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Path] = []

    def slow(path: Path) -> np.ndarray:
        begun.append(path)
        time.sleep(0.05)
        return np.zeros((2, 2, 3), np.uint8)

    def interrupt(*_: object) -> None:
        begun_before.append(len(begun))
        raise KeyboardInterrupt

    monkeypatch.setattr(reading, "read_image", slow)
    begun_before: list[int] = []
    handler = signal.signal(signal.SIGINT, interrupt)
    try:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            read_images(folder_of([200, 200]), SIZE)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(begun) <= begun_before[0] + reading.MOST_THREADS  # each thread may take up one more


def test_warning_filters_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    # The order that goes wrong: the second thread keeps the first one's filters as those to put back.
    first_is_in, second_is_in, first_is_out = threading.Event(), threading.Event(), threading.Event()

    def overlap(path: Path) -> np.ndarray:
        if path.stem == "0000":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                first_is_in.set()
                assert second_is_in.wait(10)
            first_is_out.set()
        else:
            assert first_is_in.wait(10)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                second_is_in.set()
                assert first_is_out.wait(10)
                warnings.warn("of a picture", stacklevel=1)
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(reading, "read_image", overlap)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        read_images(folder_of([2]), SIZE)
        assert warnings.filters == before


def test_a_file_that_cannot_be_opened_is_left_out(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def locked(path: Path, *args: str) -> object:
        if path.name == "4.png":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    found = find_images(pets)
    monkeypatch.setattr(Path, "open", locked)
    read = read_images(found, SIZE)
    assert len(read.data) == 8
    assert "Permission denied" in reasons(read.skipped, pets)["cat/4.png"]


def test_pictures_are_cut_and_not_stretched(tmp_path: Path) -> None:
    # Blue, then twice as wide a red middle, then blue: with its height as width, only red is left.
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[..., 2] = 200
    wide[:, 4:12] = 200, 0, 0
    for name, image in {"a": wide, "b": wide.transpose(1, 0, 2)}.items():
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "1.png")
    images = read_images(find_images(tmp_path), (4, 4)).data.images
    np.testing.assert_array_equal(images, np.broadcast_to(np.array([200, 0, 0], np.uint8), (2, 4, 4, 3)))


def test_the_real_photos(real_data: Path) -> None:
    _, held_out = find_images(real_data / "alpaca").split(0.2, seed=0)
    assert held_out is not None
    read = read_images(held_out, (32, 48))
    assert read.skipped == ()
    assert read.data.images.shape == (53, 32, 48, 3)
    np.testing.assert_array_equal(read.data.images[-1], crop_and_resize(read_image(held_out.paths[-1]), (32, 48)))
