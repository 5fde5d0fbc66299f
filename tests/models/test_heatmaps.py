"""Heatmaps of points and back: exact to a small part of a pixel, for every spread that docs/landmarks.md names."""

import numpy as np
import pytest

from keras_cv_course.errors import ModelError
from keras_cv_course.models.heatmaps import decode_heatmaps, encode_heatmaps, expected_points

SIZE = (20, 32)  # height, width


def random_points(beyond: float, seed: int = 0) -> np.ndarray:
    """Give 1000 points, (1000, 1, 2), up to `beyond` pixels outside of a map."""
    draw = np.random.default_rng(seed)
    return draw.uniform(-beyond, np.array(SIZE[::-1]) + beyond, (1000, 1, 2)).astype(np.float32)


def test_maps_are_gaussians_around_the_points() -> None:
    points = np.array([[[5.0, 3.25], [31.9, -1.0], [0.5, 0.5]]], np.float32)
    maps = np.asarray(encode_heatmaps(points, SIZE, 1.5))
    assert maps.shape == (1, *SIZE, 3)
    for row, column, number in np.ndindex(*SIZE, 3):
        apart = np.hypot(column + 0.5 - points[0, number, 0], row + 0.5 - points[0, number, 1])
        assert maps[0, row, column, number] == pytest.approx(np.exp(-(apart**2) / (2 * 1.5**2)), abs=1e-6)


@pytest.mark.parametrize("spread", [0.5, 1, 1.25, 1.5, 2, 4, 8])
def test_decoding_finds_points_also_at_the_edges(spread: float) -> None:
    points = random_points(beyond=0)
    points[:4, 0] = [[0, 0], [32, 20], [0.5, 0.5], [16, 0]]
    found = np.asarray(decode_heatmaps(encode_heatmaps(points, SIZE, spread)))
    # float32 logarithms; the wider a Gaussian, the less they bend.
    np.testing.assert_allclose(found, points, atol=1e-4)


def test_decoding_finds_points_beyond_the_edges() -> None:
    points = random_points(beyond=3)
    np.testing.assert_allclose(decode_heatmaps(encode_heatmaps(points, SIZE, 1.25)), points, atol=1e-3)


def test_maps_rounded_to_bytes_lose_little() -> None:
    """What is not a perfect Gaussian is decoded in proportion to what is wrong with it."""
    points = random_points(beyond=-1)
    maps = np.rint(255 * np.asarray(encode_heatmaps(points, SIZE, 1.5))) / 255
    apart = np.linalg.norm(np.asarray(decode_heatmaps(maps.astype(np.float32))) - points, axis=-1)
    assert apart.max() < 0.1  # pixels


def test_expected_points_are_the_means() -> None:
    logarithms = np.random.default_rng(1).normal(0, 3, (2, *SIZE, 3)).astype(np.float32)
    found = np.asarray(expected_points(logarithms))
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    for picture, number in np.ndindex(2, 3):
        shares = np.exp(logarithms[picture, :, :, number].astype(float))
        mean = [np.average(columns, weights=shares), np.average(rows, weights=shares)]
        np.testing.assert_allclose(found[picture, number], mean, rtol=1e-5)  # float32


def test_expected_points_of_gaussians_are_their_middles_away_from_the_edges() -> None:
    points = random_points(beyond=-6)
    maps = np.asarray(encode_heatmaps(points, SIZE, 1.25))
    found = expected_points(np.log(np.maximum(maps, 1e-30)) + 7)
    np.testing.assert_allclose(found, points, atol=1e-3)  # the tail behind 6 pixels


def test_maps_without_a_peak_give_the_largest_pixel() -> None:
    maps = np.zeros((2, *SIZE, 1), np.float32)
    maps[1, 4, 6] = 1  # alone: the parabola through it and its empty neighbours has its peak there
    np.testing.assert_allclose(decode_heatmaps(maps)[:, 0], [[0.5, 0.5], [6.5, 4.5]], atol=1e-6)
    assert decode_heatmaps(maps[:0]).shape == (0, 1, 2)


@pytest.mark.parametrize(
    ("points", "size", "spread", "message"),
    [
        (np.zeros((5, 3)), SIZE, 1.0, "points of shape"),
        (np.zeros((5, 2)), (2, 9), 1.0, "at least 3 pixels"),
        (np.zeros((5, 2)), SIZE, 0.2, "spread of at least 0.5"),
        (np.zeros((5, 2)), SIZE, float("nan"), "spread of at least 0.5"),
    ],
)
def test_what_makes_no_heatmaps_is_refused(
    points: np.ndarray, size: tuple[int, int], spread: float, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        encode_heatmaps(points, size, spread)


def test_what_is_no_heatmaps_is_refused() -> None:
    with pytest.raises(ModelError, match="heatmaps of shape"):
        decode_heatmaps(np.zeros((20, 32, 5), np.float32))
    with pytest.raises(ModelError, match="heatmaps of shape"):
        expected_points(np.zeros((20, 32, 5), np.float32))
