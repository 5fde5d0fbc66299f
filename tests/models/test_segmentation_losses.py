"""Losses of class maps against plain loops over pixels."""

import copy
import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.errors import ModelError
from keras_cv_course.models.segmentation_losses import (
    SegmentationLoss,
    balanced_weights,
    cross_entropy_loss,
    dice_loss,
    focal_loss,
)

CLASSES = 3


@pytest.fixture(scope="module")
def batch() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(5)
    class_maps = draw.integers(0, CLASSES, (2, 4, 5)).astype(np.uint8)
    class_maps[draw.random(class_maps.shape) < 0.2] = IGNORED
    return class_maps, draw.normal(0, 2, (2, 4, 5, CLASSES)).astype(np.float32)


def pixels(class_maps: np.ndarray, logits: np.ndarray) -> list[tuple[int, list[float]]]:
    """List the class and the probabilities of each pixel that counts, in float64."""
    found = []
    for place in np.ndindex(class_maps.shape):
        if class_maps[place] != IGNORED:
            powers = [math.exp(x) for x in logits[place]]
            found.append((int(class_maps[place]), [power / sum(powers) for power in powers]))
    return found


def test_losses_are_those_of_a_loop(batch: tuple[np.ndarray, np.ndarray]) -> None:
    listed = pixels(*batch)
    cross_entropy = -sum(math.log(p[c]) for c, p in listed) / len(listed)
    focal = -sum((1 - p[c]) ** 1.5 * math.log(p[c]) for c, p in listed) / len(listed)
    overlaps = []
    for number in range(CLASSES):
        both = sum(p[number] for c, p in listed if c == number)
        either = sum(p[number] for _, p in listed) + sum(c == number for c, _ in listed)
        overlaps.append((2 * both + 1) / (either + 1))
    dice = 1 - sum(overlaps) / CLASSES
    tolerance = {"rel": 1e-5}  # float32 against float64
    assert float(cross_entropy_loss(*batch)) == pytest.approx(cross_entropy, **tolerance)
    assert float(focal_loss(*batch, gamma=1.5)) == pytest.approx(focal, **tolerance)
    assert float(focal_loss(*batch, gamma=0.0)) == pytest.approx(cross_entropy, **tolerance)
    assert float(dice_loss(*batch)) == pytest.approx(dice, **tolerance)
    weighted = SegmentationLoss(0.5, 2.0, 3.0)(*batch)
    expected = 0.5 * cross_entropy + 2 * dice + 3 * float(focal_loss(*batch))
    assert float(weighted) == pytest.approx(expected, **tolerance)


def test_in_one_pass_loss_and_gradient_are_the_same(batch: tuple[np.ndarray, np.ndarray]) -> None:
    class_maps, logits = batch
    loss, x = SegmentationLoss(1.0, 1.0, 0.5, (0.5, 1.0, 3.0)), tf.constant(logits)
    found = []
    for function in (loss, loss._sum, copy.deepcopy(loss)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(class_maps, x)
        found.append((value, tape.gradient(value, x)))
    for value, gradient in found[::2]:
        np.testing.assert_allclose(value, found[1][0], rtol=1e-6)  # sums in another order
        np.testing.assert_allclose(gradient, found[1][1], rtol=1e-5, atol=1e-7)
    for _ in range(2):
        with pytest.raises(ModelError, match="for each of 3 classes"):
            SegmentationLoss(class_weights=(1, 2))(*batch)


def test_class_weights_are_those_of_a_loop(batch: tuple[np.ndarray, np.ndarray]) -> None:
    weights, listed = (0.5, 0.0, 3.0), pixels(*batch)
    whole = sum(weights[c] for c, _ in listed)
    cross_entropy = -sum(weights[c] * math.log(p[c]) for c, p in listed) / whole
    focal = -sum(weights[c] * (1 - p[c]) ** 2 * math.log(p[c]) for c, p in listed) / whole
    assert float(cross_entropy_loss(*batch, class_weights=weights)) == pytest.approx(cross_entropy, rel=1e-5)
    assert float(focal_loss(*batch, class_weights=weights)) == pytest.approx(focal, rel=1e-5)
    summed = SegmentationLoss(2.0, 1.0, 3.0, weights)(*batch)
    assert float(summed) == pytest.approx(2 * cross_entropy + float(dice_loss(*batch)) + 3 * focal, rel=1e-5)
    with pytest.raises(ModelError, match="for each of 3 classes"):
        cross_entropy_loss(*batch, class_weights=(1, 2))


def test_balanced_weights_of_a_worked_example() -> None:
    class_maps = np.array([[[0] * 8, [0] * 8], [[1] * 4 + [IGNORED] * 4, [IGNORED] * 8]], np.uint8)  # 16 and 4 pixels
    np.testing.assert_allclose(balanced_weights(class_maps, 3, 0), (1, 1, 0))
    np.testing.assert_allclose(
        balanced_weights(class_maps, 3, 0.5), (5 / 6, 5 / 3, 0)
    )  # 0.8**-0.5 is half of 0.2**-0.5
    np.testing.assert_allclose(balanced_weights(class_maps, 3, 1), (5 / 8, 5 / 2, 0))  # 16 and 4 pixels weigh the same


def test_dice_leaves_out_what_is_nowhere() -> None:
    class_maps = np.array([[[0, 0, 1, IGNORED]]], np.uint8)
    logits = np.array([[[[2, 0, 3], [1, 0, 0], [0, 1, 0], [0, 0, 9]]]], np.float32)
    listed, overlaps = pixels(class_maps, logits), []
    for number in range(2):
        both = sum(p[number] for c, p in listed if c == number)
        either = sum(p[number] for _, p in listed) + sum(c == number for c, _ in listed)
        overlaps.append((2 * both + 1) / (either + 1))
    assert float(dice_loss(class_maps, logits)) == pytest.approx(1 - sum(overlaps) / 2, rel=1e-5)


def test_what_is_said_of_pixels_that_count_nowhere_changes_nothing(batch: tuple[np.ndarray, np.ndarray]) -> None:
    class_maps, logits = batch
    other = logits.copy()
    other[class_maps == IGNORED] = 50 * np.random.default_rng(0).normal(size=CLASSES)
    for loss in (cross_entropy_loss, focal_loss, dice_loss):
        assert float(loss(class_maps, logits)) == float(loss(class_maps, other))
    for loss in (cross_entropy_loss, focal_loss, dice_loss):
        assert float(loss(np.full((1, 2, 2), IGNORED, np.uint8), np.ones((1, 2, 2, CLASSES), "f4"))) == 0


def test_a_sure_right_answer_costs_nothing() -> None:
    class_maps = np.array([[[0, 1], [1, 1]]], np.uint8)
    logits = np.where(np.eye(CLASSES)[class_maps] > 0, 100, -100).astype(np.float32)
    for loss in (cross_entropy_loss, focal_loss, dice_loss):
        assert float(loss(class_maps, logits)) == pytest.approx(0, abs=1e-6)


def test_gradients_are_finite_where_nothing_counts_and_where_all_is_sure() -> None:
    class_maps = np.array([[[0, IGNORED, 2]]], np.uint8)
    logits = tf.constant([[[[200.0, 0, 0], [3, 2, 1], [1, 2, 3]]]])  # sure, nowhere, and the usual
    for gamma in (0.0, 0.5, 1.0, 2.0):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = focal_loss(class_maps, logits, gamma)
        gradient = tape.gradient(loss, logits).numpy()
        assert np.isfinite(gradient).all()
        assert gradient[0, 0, 2, 2] < 0 < gradient[0, 0, 2, 0]
        np.testing.assert_array_equal(gradient[0, 0, :2], 0)


def test_a_model_compiled_with_the_loss_is_opened_by_keras(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(CLASSES, 1)])
    model.compile("sgd", SegmentationLoss(focal=2.0, class_weights=[1, 2, 3]))
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras").loss
    assert isinstance(loaded, SegmentationLoss)
    assert loaded.weights == {"cross_entropy": 1.0, "dice": 1.0, "focal": 2.0}
    assert loaded.class_weights == (1, 2, 3)


def test_weights_that_cannot_be_are_refused() -> None:
    for weights in ((0, 0, 0), (1, -1, 0)):
        with pytest.raises(ModelError, match="one at least above 0"):
            SegmentationLoss(*weights)
    with pytest.raises(ModelError, match=r"class_weights, 0 or more.*Received: \(0, 0\)"):
        SegmentationLoss(class_weights=(0, 0))
    loss = SegmentationLoss(0.0, 1.0, 2.0)
    assert SegmentationLoss(**loss.get_config()).weights == loss.weights
