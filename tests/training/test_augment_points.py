import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.data.landmarks import EYE_CORNERS, flip_points
from keras_cv_course.training.augment import Augmentation, augment_batch
from keras_cv_course.training.augment_points import augment_points

SIZE = (60, 80)
STILL_LIGHT = Augmentation(flip=True, rotation=25, zoom=0.2, shift=0.05, brightness=0, contrast=0, colour=0)


@pytest.fixture(scope="module")
def dots() -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 16 soft dots each in a channel of its own, (16, 60, 80, 4), and their places (16, 4, 2)."""
    points = np.random.default_rng(0).uniform([28, 20], [52, 40], (16, 4, 2))
    x, y = (np.arange(SIZE[1]) + 0.5)[None, None, :, None], (np.arange(SIZE[0]) + 0.5)[None, :, None, None]
    squares = (x - points[:, None, None, :, 0]) ** 2 + (y - points[:, None, None, :, 1]) ** 2
    return np.exp(-squares / (2 * 1.5**2)).astype(np.float32), points.astype(np.float32)


def centres(images: np.ndarray) -> np.ndarray:
    """The centre of mass of each channel, (m, channels, 2)."""
    total = images.sum(axis=(1, 2))
    x = (images.sum(axis=1) * (np.arange(SIZE[1]) + 0.5)[None, :, None]).sum(axis=1) / total
    y = (images.sum(axis=2) * (np.arange(SIZE[0]) + 0.5)[None, :, None]).sum(axis=1) / total
    return np.stack([x, y], axis=-1)


def change(dots: tuple[np.ndarray, np.ndarray], augmentation: Augmentation, seed: int) -> tuple[np.ndarray, np.ndarray]:
    images, points = augment_points(*map(tf.constant, dots), augmentation, EYE_CORNERS.mirror, tf.constant([seed, 3]))
    return images.numpy(), points.numpy()


def test_dots_stay_under_their_points(dots: tuple[np.ndarray, np.ndarray]):
    images, points = change(dots, STILL_LIGHT, seed=1)
    found = centres(images)
    straight = np.abs(found - points).max(axis=(1, 2))
    swapped = np.abs(found[:, list(EYE_CORNERS.mirror)] - points).max(axis=(1, 2))
    # Bilinear interpolation and the dots' tails cost some hundredths of a pixel.
    assert np.minimum(straight, swapped).max() < 0.05
    assert 2 < (swapped < straight).sum() < 14  # about a half is mirrored, and then left and right change places


def test_a_flip_alone_is_that_of_numpy(dots: tuple[np.ndarray, np.ndarray]):
    only_flip = Augmentation(flip=True, rotation=0, zoom=0, shift=0, brightness=0, contrast=0, colour=0)
    images, points = change(dots, only_flip, seed=2)
    flipped = np.abs(images - dots[0][:, :, ::-1]).max(axis=(1, 2, 3)) < 1e-5
    assert 0 < flipped.sum() < 16
    expected = np.where(flipped[:, None, None], flip_points(dots[1], SIZE[1], EYE_CORNERS.mirror), dots[1])
    np.testing.assert_allclose(points, expected, atol=1e-4)


def test_pictures_are_those_of_augment_batch(dots: tuple[np.ndarray, np.ndarray]):
    images, _ = change(dots, Augmentation(), seed=4)
    np.testing.assert_array_equal(images, augment_batch(tf.constant(dots[0]), Augmentation(), tf.constant([4, 3])))


def test_draws_are_stateless_and_work_in_a_pipeline(dots: tuple[np.ndarray, np.ndarray]):
    seeds = tf.data.Dataset.from_tensors(tf.constant([7, 3]))
    pipeline = seeds.map(lambda seed: augment_points(*map(tf.constant, dots), STILL_LIGHT, EYE_CORNERS.mirror, seed))
    ((_, points),) = pipeline.as_numpy_iterator()
    np.testing.assert_allclose(points, change(dots, STILL_LIGHT, seed=7)[1], atol=1e-4)
    assert np.abs(points - change(dots, STILL_LIGHT, seed=8)[1]).max() > 1
