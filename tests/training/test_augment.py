"""Augmentation: what each change does, and that its draws are a function of the seed alone."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.errors import RunError
from keras_cv_course.training.augment import Augmentation, augment_batch

NOTHING = Augmentation(flip=False, rotation=0, zoom=0, shift=0, brightness=0, contrast=0, colour=0)


def pictures(count: int = 4, height: int = 24, width: int = 16) -> np.ndarray:
    """Give smooth random pictures, values 0.2..0.8."""
    coarse = np.random.default_rng(0).uniform(0.2, 0.8, (count, 4, 4, 3)).astype(np.float32)
    return tf.image.resize(coarse, (height, width)).numpy()


def augment(images: np.ndarray, augmentation: Augmentation, seed: int = 0) -> np.ndarray:
    return augment_batch(tf.constant(images), augmentation, tf.constant([seed, 7])).numpy()


def only(**changes: float) -> Augmentation:
    return Augmentation(**{**vars(NOTHING), **changes})


def test_nothing_changes_nothing() -> None:
    images = pictures()
    np.testing.assert_allclose(augment(images, NOTHING), images, atol=1e-6)  # one interpolation in float32


def test_flip_mirrors_about_half_of_the_pictures() -> None:
    images = pictures(count=200)
    flipped = augment(images, only(flip=True))
    mirrored = np.array([np.allclose(f, i[:, ::-1], atol=1e-5) for f, i in zip(flipped, images, strict=True)])
    kept = np.array([np.allclose(f, i, atol=1e-5) for f, i in zip(flipped, images, strict=True)])
    assert (mirrored ^ kept).all()
    assert 60 < mirrored.sum() < 140  # 100 +- 5.6 standard deviations


def test_shift_stays_in_its_range_on_both_axes() -> None:
    # A bright dot in a dark picture lands where the shift takes it.
    images = np.zeros((300, 40, 20, 1), np.float32)
    images[:, 20, 10] = 1
    shifted = augment(images, only(shift=0.1))
    weights = shifted[..., 0] / shifted[..., 0].sum((1, 2), keepdims=True)
    rows = (weights.sum(2) * np.arange(40)).sum(1) - 20
    columns = (weights.sum(1) * np.arange(20)).sum(1) - 10
    assert 3.5 < np.abs(rows).max() <= 4.01
    assert 1.7 < np.abs(columns).max() <= 2.01


def test_rotation_turns_by_the_angle_about_the_middle() -> None:
    # A dot 15 pixels above the middle; the middle itself stays.
    images = np.zeros((300, 41, 41, 1), np.float32)
    images[:, 4:7, 19:22] = 1
    turned = augment(images, only(rotation=30))[..., 0]
    weights = turned / turned.sum((1, 2), keepdims=True)
    y = (weights.sum(2) * np.arange(41)).sum(1) - 20
    x = (weights.sum(1) * np.arange(41)).sum(1) - 20
    np.testing.assert_allclose(np.hypot(x, y), 15, atol=0.3)
    angles = np.degrees(np.arctan2(x, -y))
    assert 28 < np.abs(angles).max() < 31
    assert (angles > 0).any()
    assert (angles < 0).any()


def test_zoom_scales_both_ways_by_at_most_its_factor() -> None:
    images = np.zeros((300, 61, 61, 1), np.float32)
    images[:, 20:41, 20:41] = 1
    areas = augment(images, only(zoom=0.25)).sum((1, 2, 3)) / 21**2
    assert 1.25**-2 * 0.97 < areas.min() < 0.75
    assert 1.45 < areas.max() < 1.25**2 * 1.03


def test_light_changes_stay_in_their_ranges() -> None:
    grey = np.full((300, 4, 4, 3), 0.5, np.float32)
    brightness = augment(grey, only(brightness=0.1))[:, 0, 0, 0] - 0.5
    assert 0.09 < np.abs(brightness).max() <= 0.1001
    colour = augment(grey, only(colour=0.2))[:, 0, 0] / 0.5
    assert 1 / 1.2001 <= colour.min() < 0.86
    assert 1.17 < colour.max() <= 1.2001
    assert np.abs(colour[:, 0] - colour[:, 1]).max() > 0.1
    quarter = np.full((300, 4, 4, 3), 0.25, np.float32)
    contrast = (0.5 - augment(quarter, only(contrast=0.5))[:, 0, 0, 0]) / 0.25
    assert 1 / 1.5001 <= contrast.min() < 0.7
    assert 1.45 < contrast.max() <= 1.5001


def test_values_stay_within_0_and_1() -> None:
    images = np.random.default_rng(1).random((50, 8, 8, 3), np.float32)
    changed = augment(images, Augmentation(brightness=0.5, contrast=2.0, colour=0.5))
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_equal_seeds_draw_equally_and_pictures_differ_among_each_other() -> None:
    images = np.repeat(pictures(1), 3, axis=0)
    first = augment(images, Augmentation(), seed=1)
    np.testing.assert_array_equal(first, augment(images, Augmentation(), seed=1))
    assert np.abs(first - augment(images, Augmentation(), seed=2)).max() > 0.01
    assert np.abs(first[0] - first[1]).max() > 0.01


def test_negative_range_is_refused() -> None:
    with pytest.raises(RunError, match=r"Augmentation\.zoom must not be negative. Received: -1"):
        Augmentation(zoom=-1)
