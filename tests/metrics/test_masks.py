"""Figures of masks and maps: against plain loops and pycocotools."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.masks import mask_iou, segmentation_metrics
from keras_cv_course.run_lengths import encode_masks

NAMES = ("sky", "road", "car")


def test_mask_iou_as_pycocotools() -> None:
    rng = np.random.default_rng(0)
    masks1, masks2 = rng.random((5, 24, 31)) < 0.3, rng.random((7, 24, 31)) < 0.6
    expected = coco_mask.iou(list(encode_masks(masks1)), list(encode_masks(masks2)), [0] * 7)
    np.testing.assert_allclose(mask_iou(masks1, masks2), expected, rtol=1e-12)  # quotients of the same integers


def test_mask_iou_of_nothing() -> None:
    nothing, empty = np.zeros((0, 4, 5), bool), np.zeros((1, 4, 5), bool)
    assert mask_iou(nothing, empty).shape == (0, 1)
    assert mask_iou(empty, nothing).shape == (1, 0)
    assert mask_iou(empty, empty) == 0


@pytest.mark.parametrize("other", [np.zeros((1, 5, 4), bool), np.zeros((1, 4, 5), np.uint8)])
def test_mask_iou_refuses_others(other: np.ndarray) -> None:
    with pytest.raises(DataContentError, match=r"Expected masks bool \(n, height, width\)"):
        mask_iou(np.zeros((1, 4, 5), bool), other)


def test_worked_example() -> None:
    truth = np.array([[0, 0, 1, 1], [0, 1, 1, IGNORED]], np.uint8)
    said = np.array([[0, 1, 1, 1], [0, 1, 0, 2]], np.uint8)
    metrics = segmentation_metrics(truth, said, NAMES)
    np.testing.assert_array_equal(metrics.confusion, [[2, 1, 0], [1, 3, 0], [0, 0, 0]])
    assert metrics.class_iou == pytest.approx({"sky": 2 / 4, "road": 3 / 5, "car": math.nan}, nan_ok=True)
    assert metrics.class_dice == pytest.approx({"sky": 4 / 6, "road": 6 / 8, "car": math.nan}, nan_ok=True)
    assert metrics.mean_iou == pytest.approx((1 / 2 + 3 / 5) / 2)  # the class that is nowhere is in no mean
    assert metrics.pixel_accuracy == pytest.approx(5 / 7)
    written = json.loads(json.dumps(metrics.to_json(), allow_nan=False))
    assert (written["mean_iou"], written["class_iou"]["car"]) == (metrics.mean_iou, None)


def test_a_class_that_is_only_said_counts_as_wrong() -> None:
    metrics = segmentation_metrics(np.zeros((2, 2), np.uint8), np.array([[0, 0], [0, 2]], np.uint8), NAMES)
    assert metrics.class_iou == pytest.approx({"sky": 3 / 4, "road": math.nan, "car": 0.0}, nan_ok=True)
    assert metrics.mean_iou == pytest.approx(3 / 8)


@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 1), (3, 4), (2, 3, 4)]))
def test_as_plain_loops(seed: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    truth, said = rng.choice(np.array([0, 1, 2, IGNORED], np.uint8), shape), rng.integers(0, 3, shape, np.uint8)
    metrics = segmentation_metrics(truth, said, NAMES)
    pairs = [(t, s) for t, s in zip(truth.ravel().tolist(), said.ravel().tolist(), strict=True) if t != IGNORED]
    for number, name in enumerate(NAMES):
        right = sum(t == s == number for t, s in pairs)
        some = sum(number in pair for pair in pairs)
        sizes = sum(t == number for t, _ in pairs) + sum(s == number for _, s in pairs)
        for figures, expected in (
            (metrics.class_iou, right / some if some else math.nan),
            (metrics.class_dice, 2 * right / sizes if sizes else math.nan),
        ):
            assert figures[name] == pytest.approx(expected, nan_ok=True)
    expected = sum(t == s for t, s in pairs) / len(pairs) if pairs else math.nan
    assert metrics.pixel_accuracy == pytest.approx(expected, nan_ok=True)


def test_nothing_to_count() -> None:
    metrics = segmentation_metrics(np.full((2, 2), IGNORED, np.uint8), np.zeros((2, 2), np.uint8), NAMES)
    assert math.isnan(metrics.mean_iou)
    assert math.isnan(metrics.pixel_accuracy)
    assert metrics.to_json()["mean_iou"] is None


@pytest.mark.parametrize(
    ("truth", "said", "names", "message"),
    [
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), NAMES, "of the same shape"),
        (np.zeros((2, 2)), np.zeros((2, 2), np.uint8), NAMES, "arrays of integers"),
        (np.full((2, 2), 3, np.uint8), np.zeros((2, 2), np.uint8), NAMES, "true classes from 0 to 2.*Received: 3 to 3"),
        (np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8), NAMES, "said classes from 0 to 2"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), ("a", "a"), "each class name once"),
    ],
)
def test_what_cannot_be_compared(truth: np.ndarray, said: np.ndarray, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataContentError, match=message):
        segmentation_metrics(truth, said, names)
