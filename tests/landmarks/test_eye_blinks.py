import numpy as np
import pytest

from keras_cv_course.data.synthetic.faces import draw_blinks
from keras_cv_course.errors import DataContentError
from keras_cv_course.landmarks.eye_blinks import eye_aspect_ratio, find_blinks

EYE = np.array([[0, 0], [2, -1.5], [4, -2], [6, 0], [4, 1], [2, 1.5]])  # heights 3 and 3, width 6


def face(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    points = np.random.default_rng(0).normal(size=(68, 2))
    points[36:42], points[42:48] = left, right
    return points


def test_ratio_by_hand():
    right = EYE * [1, 0.5]
    np.testing.assert_allclose(eye_aspect_ratio(face(EYE, right)), [0.5, 0.25])
    np.testing.assert_allclose(eye_aspect_ratio(face(EYE * [1, 0], right)), [0, 0.25])


def test_ratio_stands_still_under_size_shift_and_roll():
    points = face(EYE, EYE + np.array([10, 1]))
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    films = np.stack([points, 3 * points + 7, points @ turn])
    np.testing.assert_allclose(eye_aspect_ratio(films), np.full((3, 2), 0.5))


def test_blinks_of_drawn_faces():
    for seed in (0, 1):
        film = draw_blinks(40, seed, image_size=(16, 16))
        found = find_blinks(eye_aspect_ratio(film.points).mean(axis=-1), least_frames=1)
        assert found == film.blinks
        assert found


def test_runs():
    ratios = np.array([0.1, 0.1, 0.3, 0.1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.1, 0.1])
    assert find_blinks(ratios) == [(0, 1), (9, 10)]
    assert find_blinks(ratios, least_frames=1) == [(0, 1), (3, 3), (9, 10)]
    assert find_blinks(ratios, threshold=0.05) == []
    assert find_blinks(np.full(5, 0.3)) == []


def test_bad_points():
    with pytest.raises(DataContentError, match=r"shape \(..., 68, 2\). Received: \(6, 2\)"):
        eye_aspect_ratio(EYE)
    with pytest.raises(DataContentError, match="corners that coincide"):
        eye_aspect_ratio(np.zeros((68, 2)))


@pytest.mark.parametrize("ratios", [np.zeros(0), np.zeros((3, 2)), np.array([0.2, np.nan])])
def test_bad_ratios(ratios: np.ndarray):
    with pytest.raises(DataContentError, match="Expected one finite ratio for each frame"):
        find_blinks(ratios)
