"""The training pipeline is a function of seed and epoch; the measuring one gives everything once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.training.batches import measuring_batches, training_batches


def collect(batches: object) -> tuple[np.ndarray, np.ndarray]:
    images, targets = zip(*((i.numpy(), t.numpy()) for i, t in batches), strict=True)
    return np.stack(images), np.stack(targets)


@pytest.mark.parametrize("augmentation", [None, Augmentation()])
def test_a_later_start_gives_the_same_later_epochs(
    colour_squares: LabelledImages, augmentation: Augmentation | None
) -> None:
    options = {"epochs": 4, "seed": 5, "augmentation": augmentation}
    images, targets = collect(training_batches(colour_squares, 8, **options))
    late_images, late_targets = collect(training_batches(colour_squares, 8, first_epoch=2, **options))
    assert len(images) == 4 * 6
    np.testing.assert_array_equal(images[12:], late_images)
    np.testing.assert_array_equal(targets[12:], late_targets)


def test_each_epoch_is_another_permutation_with_its_labels(colour_squares: LabelledImages) -> None:
    images, targets = collect(training_batches(colour_squares, 16, epochs=2))
    labels = {image.tobytes(): label for image, label in zip(colour_squares.images, colour_squares.labels, strict=True)}
    orders = []
    for epoch in (slice(0, 3), slice(3, 6)):
        flat = np.rint(images[epoch].reshape(48, 16, 16, 3) * 255).astype(np.uint8)
        keys = [image.tobytes() for image in flat]
        assert sorted(keys) == sorted(labels)
        assert [labels[key] for key in keys] == targets[epoch].reshape(48, 3).argmax(1).tolist()
        orders.append(keys)
    assert orders[0] != orders[1]


def test_batches_are_whole_and_there_is_at_least_one(colour_squares: LabelledImages) -> None:
    assert collect(training_batches(colour_squares, 20, epochs=3))[0].shape == (3 * 2, 20, 16, 16, 3)
    assert collect(training_batches(colour_squares, 100, epochs=1))[0].shape == (1, 48, 16, 16, 3)


def test_other_seed_other_order(colour_squares: LabelledImages) -> None:
    a, b = (collect(training_batches(colour_squares, 48, epochs=1, seed=seed))[0] for seed in (0, 1))
    assert not np.array_equal(a, b)


def test_measuring_gives_each_image_once_in_order(colour_squares: LabelledImages) -> None:
    batches = list(measuring_batches(colour_squares, 20))
    assert [len(images) for images, _ in batches] == [20, 20, 8]
    images = np.concatenate([images for images, _ in batches])
    np.testing.assert_array_equal(np.rint(images * 255), colour_squares.images)
    np.testing.assert_array_equal(np.concatenate([t for _, t in batches]).argmax(1), colour_squares.labels)


@pytest.mark.parametrize(
    "batches",
    [
        lambda data, **white: training_batches(data, 16, epochs=2, augmentation=Augmentation(), **white),
        lambda data, **white: measuring_batches(data, 16, **white),
    ],
    ids=["training", "measuring"],
)
def test_white_may_be_255(colour_squares: LabelledImages, batches: Callable) -> None:
    (ones, targets), (whites, same_targets) = (collect(batches(colour_squares, white=w)) for w in (1.0, 255.0))
    assert 0.5 < ones.max() <= 1
    np.testing.assert_array_equal(whites, 255 * ones)
    np.testing.assert_array_equal(targets, same_targets)


def test_images_may_lie_in_a_file(colour_squares: LabelledImages, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", colour_squares.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    on_disk = LabelledImages(mapped, colour_squares.labels, colour_squares.class_names)
    for options in ({"augmentation": None}, {"augmentation": Augmentation()}):
        for a, b in zip(
            collect(training_batches(on_disk, 16, epochs=2, **options)),
            collect(training_batches(colour_squares, 16, epochs=2, **options)),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        collect(measuring_batches(on_disk, 16))[0], collect(measuring_batches(colour_squares, 16))[0]
    )
