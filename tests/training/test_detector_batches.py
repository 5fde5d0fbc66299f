"""Batches of pictures with boxes are a function of seed and epoch; decoding puts boxes where the detector sees them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.training.augment_boxes import BoxAugmentation
from keras_cv_course.training.detector_batches import (
    STEPS_OF_A_SIZE,
    BoxedPixels,
    detector_batches,
    read_boxed_pixels,
)

SIZES = [(32, 64), (64, 96), (96, 128)]


@pytest.fixture(scope="module")
def pixels() -> BoxedPixels:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (10, 64, 96, 3), np.uint8)
    truth = np.concatenate([draw.uniform(0.2, 0.8, (10, 3, 2)), draw.uniform(0.1, 0.4, (10, 3, 3))], axis=-1)
    return BoxedPixels(images, truth.astype(np.float32), ("a",))


def collect(batches: object) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(batches.as_numpy_iterator())


def test_a_later_start_gives_the_same_later_epochs(pixels: BoxedPixels) -> None:
    options = {"epochs": 8, "mosaic_epochs": 6, "seed": 5, "augmentation": BoxAugmentation(mosaic=0.5)}
    batches = collect(detector_batches(pixels, 4, SIZES, **options))
    late = collect(detector_batches(pixels, 4, SIZES, first_epoch=5, **options))
    assert len(batches) == 8 * 2
    for (a, a_truth), (b, b_truth) in zip(batches[10:], late, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a_truth, b_truth)


def test_sizes_change_every_few_steps(pixels: BoxedPixels) -> None:
    batches = detector_batches(pixels, 4, SIZES, epochs=4 * STEPS_OF_A_SIZE)
    sizes = [pictures.shape[1:3] for pictures, _ in batches.as_numpy_iterator()]
    groups = [sizes[start : start + STEPS_OF_A_SIZE] for start in range(0, len(sizes), STEPS_OF_A_SIZE)]
    assert all(len({*group}) == 1 for group in groups)
    assert {*sizes} == {*SIZES}


def test_each_epoch_is_another_permutation_of_unchanged_pictures(pixels: BoxedPixels) -> None:
    known = {image.tobytes(): rows for image, rows in zip(pixels.images, pixels.truth, strict=True)}
    orders = []
    for epoch in (0, 1):
        ((pictures, truth),) = collect(detector_batches(pixels, 10, [(64, 96)], first_epoch=epoch, epochs=epoch + 1))
        keys = [np.rint(picture * 255).astype(np.uint8).tobytes() for picture in pictures]
        assert sorted(keys) == sorted(known)
        for key, rows in zip(keys, truth, strict=True):
            np.testing.assert_allclose(rows, known[key], atol=1e-6)
        orders.append(keys)
    assert orders[0] != orders[1]


def test_mosaics_end_with_their_epochs(pixels: BoxedPixels) -> None:
    augmentation = BoxAugmentation(mosaic=1.0, zoom=0, aspect=0)
    (_, first), (_, last) = collect(
        detector_batches(pixels, 10, [(64, 96)], epochs=2, mosaic_epochs=1, augmentation=augmentation)
    )
    tiles = (first.reshape(10, 4, 3, 5)[..., 2] > 0).any(axis=2)
    assert tiles.sum() > 30  # of 40; a window may miss all three objects
    assert not last[:, 3:].any()


def test_fewer_pictures_than_a_batch_are_one(pixels: BoxedPixels) -> None:
    assert [len(pictures) for pictures, _ in collect(detector_batches(pixels, 64, [(64, 96)], epochs=2))] == [10, 10]


def write_set(folder: Path) -> BoxedImages:
    folder.mkdir()
    Image.new("RGB", (100, 50), (255, 0, 0)).save(folder / "wide.png")
    Image.new("RGB", (50, 100), (0, 255, 0)).save(folder / "high.png")
    (folder / "boxes.csv").write_text(
        "image,class,x1,y1,x2,y2\nwide.png,a,0,0,100,50\nhigh.png,b,25,50,50,100\nhigh.png,b,0,0,50,50\n"
    )
    return find_boxes(folder)


@pytest.mark.parametrize(
    ("resize", "high", "wide"),
    [
        ("letterbox", [[0.625, 0.75, 0.25, 0.5, 1], [0.5, 0.25, 0.5, 0.5, 1]], [[0.5, 0.5, 1, 0.5, 0]]),
        ("stretch", [[0.75, 0.75, 0.5, 0.5, 1], [0.5, 0.25, 1, 0.5, 1]], [[0.5, 0.5, 1, 1, 0]]),
    ],
)
def test_pictures_and_boxes_are_as_the_detector_sees_them(tmp_path: Path, resize: str, high: list, wide: list) -> None:
    read = read_boxed_pixels(write_set(tmp_path / "set"), (64, 64), resize)
    np.testing.assert_allclose(read.truth, np.stack([high, [*wide, [0] * 5]]), atol=1e-6)
    assert read.images.shape == (2, 64, 64, 3)
    grey = (read.images == 128).all(axis=-1).mean()
    assert grey == (0.5 if resize == "letterbox" else 0)


def test_crowds_are_not_learnt_and_broken_files_are_told(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set")
    first = data.images[0]
    crowded = replace(first, flags=(frozenset({"crowd"}), frozenset()))
    read = read_boxed_pixels(replace(data, images=(crowded, *data.images[1:])), (64, 64), "stretch")
    assert (read.truth[..., 2] > 0).sum(axis=1).tolist() == [1, 1]
    data.images[1].path.write_bytes(b"no picture")
    read = read_boxed_pixels(data, (64, 64), "stretch")
    assert len(read) == 1
    assert [file.path.name for file in read.skipped] == ["wide.png"]
