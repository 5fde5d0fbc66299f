import math

import numpy as np
import pytest

from keras_cv_course.data.landmarks import BODY_32, EYE_CORNERS
from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.landmarks import (
    Normaliser,
    error_auc,
    failure_rate,
    measure_landmarks,
    normalised_errors,
    normalising_distances,
)

# Corners of eyes 10 apart, a box of 10 by 4, and points found 1, 2, 3 and 0 pixels away.
TRUTH = np.array([[[0, 0], [4, 4], [6, 4], [10, 0]]], float)
FOUND = TRUTH + np.array([[0, 1], [2, 0], [0, -3], [0, 0]])


@pytest.mark.parametrize(
    ("normaliser", "distance"),
    [("inter-ocular", 10), ("inter-pupil", 6), ("box", math.sqrt(40)), ("diagonal", math.sqrt(116))],
)
def test_by_hand(normaliser: Normaliser, distance: float):
    np.testing.assert_allclose(normalising_distances(TRUTH, normaliser, EYE_CORNERS), [distance])
    np.testing.assert_allclose(normalised_errors(TRUTH, FOUND, normaliser, EYE_CORNERS), [1.5 / distance])


def plain_distance(points: list[list[float]], normaliser: str) -> float:
    if normaliser == "inter-ocular":
        return math.dist(points[36], points[45])
    if normaliser == "inter-pupil":
        left = [sum(points[n][axis] for n in range(36, 42)) / 6 for axis in (0, 1)]
        right = [sum(points[n][axis] for n in range(42, 48)) / 6 for axis in (0, 1)]
        return math.dist(left, right)
    width = max(x for x, _ in points) - min(x for x, _ in points)
    height = max(y for _, y in points) - min(y for _, y in points)
    return math.sqrt(width * height) if normaliser == "box" else math.sqrt(width**2 + height**2)


@pytest.mark.parametrize("normaliser", ["inter-ocular", "inter-pupil", "box", "diagonal"])
def test_against_a_plain_loop(normaliser: Normaliser):
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (5, 68, 2))
    found = truth + rng.normal(0, 5, truth.shape)
    expected = [
        sum(math.dist(a, b) for a, b in zip(one, other, strict=True)) / 68 / plain_distance(one, normaliser)
        for one, other in zip(truth.tolist(), found.tolist(), strict=True)
    ]
    np.testing.assert_allclose(normalised_errors(truth, found, normaliser), expected, rtol=1e-12)
    figures = measure_landmarks(truth, found, normaliser, threshold=0.1)
    assert figures.error == pytest.approx(np.mean(expected))
    assert figures.failure_rate == np.mean([error > 0.1 for error in expected])
    assert (figures.normaliser, figures.threshold, figures.pictures) == (normaliser, 0.1, 5)


def test_failure_rate_and_auc_by_hand():
    errors = np.array([0.02, 0.04, 0.08, 0.5])
    assert failure_rate(errors, 0.08) == 0.25  # 0.08 itself has not failed
    assert error_auc(errors, 0.08) == pytest.approx((0.75 + 0.5 + 0 + 0) / 4)


def test_auc_is_the_area_under_the_curve():
    errors = np.random.default_rng(1).gamma(2, 0.03, 50)
    steps = (np.arange(20000) + 0.5) / 20000 * 0.08
    curve = [(errors <= step).mean() for step in steps]
    assert error_auc(errors, 0.08) == pytest.approx(np.mean(curve), abs=1e-4)  # the sum's steps are 1/20000 wide


def test_perfect_points():
    truth = np.random.default_rng(2).uniform(0, 9, (2, 68, 2))
    figures = measure_landmarks(truth, truth)
    assert (figures.error, figures.failure_rate, figures.auc) == (0, 0, 1)


def test_bodies_have_a_box_but_no_corners_of_eyes():
    points = np.random.default_rng(3).uniform(0, 9, (2, 32, 2))
    assert (normalising_distances(points, "box", BODY_32) > 0).all()
    with pytest.raises(DataContentError, match="Normalise by 'box' or 'diagonal'"):
        normalising_distances(points, "inter-ocular", BODY_32)


@pytest.mark.parametrize(
    ("truth", "found", "normaliser", "message"),
    [
        (np.zeros((0, 68, 2)), np.zeros((0, 68, 2)), "box", r"Received: shape \(0, 68, 2\)"),
        (np.zeros((2, 4, 2)), np.zeros((2, 4, 2)), "box", r"\(pictures, 68, 2\).* Received: shape \(2, 4, 2\)"),
        (np.zeros((2, 68, 2)), np.zeros((2, 68, 2)), "box", "picture 0 with box distance 0"),
        (np.full((1, 68, 2), np.nan), np.zeros((1, 68, 2)), "box", "Expected finite true points"),
        (np.eye(68, 2)[None], np.full((1, 68, 2), np.inf), "box", "found points with NaN or infinity"),
        (np.eye(68, 2)[None], np.zeros((2, 68, 2)), "box", r"Received: \(2, 68, 2\)"),
        (np.eye(68, 2)[None], np.zeros((1, 68, 2)), "iod", "Received: 'iod'"),
    ],
)
def test_bad_input(truth: np.ndarray, found: np.ndarray, normaliser: Normaliser, message: str):
    with pytest.raises(DataContentError, match=message):
        normalised_errors(truth, found, normaliser)


@pytest.mark.parametrize(
    ("errors", "threshold"),
    [(np.zeros(0), 0.08), (np.zeros(3), 0.0), (np.zeros((2, 2)), 0.08), (np.array([0.1, np.nan]), 0.08)],
)
def test_bad_errors(errors: np.ndarray, threshold: float):
    for figure in (failure_rate, error_auc):
        with pytest.raises(DataContentError, match="Expected errors of at least one picture"):
            figure(errors, threshold)
