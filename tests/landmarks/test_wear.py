from collections.abc import Callable

import numpy as np
import pytest

from keras_cv_course.data.landmarks import EYE_CORNERS
from keras_cv_course.data.synthetic.face.head import Head
from keras_cv_course.data.synthetic.face.points import Expression, Features, face_points
from keras_cv_course.data.synthetic.face.view import View, rotation
from keras_cv_course.errors import DataContentError
from keras_cv_course.landmarks.draw import draw_points
from keras_cv_course.landmarks.wear import wear_crown, wear_glasses

WEAR = pytest.mark.parametrize("wear", [wear_glasses, wear_crown], ids=["glasses", "crown"])
GREY = np.full((240, 240, 3), 128, np.uint8)


def face(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, scale: float = 6.0) -> np.ndarray:
    """Points of an average face that looks at the camera from the middle of a picture of 240 pixels."""
    seen = View(rotation(yaw, pitch, roll), scale, np.array([120, 130.0]), 1e6, np.array([0, 0, 1.0]), 1, np.ones(3))
    return seen.pixels(face_points(Head(), Features(), Expression()))


def changed(wear: Callable[[np.ndarray, np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """Which pixels are painted."""
    result = wear(GREY, points)
    assert (result.dtype, result.shape) == (np.uint8, GREY.shape)
    assert (GREY == 128).all()
    return (result != 128).any(axis=2)


def middle(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()]) + 0.5


def test_glasses_lie_around_the_eyes():
    points = face()
    worn = changed(wear_glasses, points)
    for eye in (points[36:42], points[42:48]):
        x, y = eye.mean(axis=0).astype(int)
        assert worn[y, x]  # a tinted glass
    x, y = points[57].astype(int)
    assert not worn[y, x]
    assert np.abs(middle(worn) - points[36:48].mean(axis=0)).max() < 5


def test_a_crown_lies_above_the_brows():
    points = face()
    rows = np.flatnonzero(changed(wear_crown, points).any(axis=1))
    assert rows.max() < points[17:27, 1].min()
    assert rows.max() > points[17:27, 1].min() - 40


@WEAR
def test_mirrored_points_wear_a_mirrored_thing(wear: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    left, right = changed(wear, face(yaw=0.4, roll=0.3)), changed(wear, face(yaw=-0.4, roll=-0.3))
    assert (left != right[:, ::-1]).mean() < 0.01  # Pillow's edges are not the same on both sides
    assert (left != right).mean() > 0.02


@WEAR
def test_it_grows_and_rolls_with_the_face(wear: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    small, large = changed(wear, face(scale=4)), changed(wear, face(scale=6))
    assert large.sum() / small.sum() == pytest.approx(2.25, rel=0.15)  # lines have whole widths
    upright, rolled = middle(changed(wear, face())), middle(changed(wear, face(roll=np.pi / 2)))
    across, up = upright - [120, 130]
    np.testing.assert_allclose(rolled - [120, 130], [-up, across], atol=1)


@WEAR
def test_nothing_breaks_where_the_face_leaves_the_picture(wear: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    result = wear(GREY, face() + np.array([90, 60]))
    assert (result != 128).any()
    assert (result[:90] == 128).all()
    np.testing.assert_array_equal(wear(GREY, face() + 1000), GREY)


@WEAR
def test_bad_input(wear: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    with pytest.raises(DataContentError, match=r"Expected a picture as uint8 .* float64 \(240, 240, 3\)"):
        wear(GREY / 255, face())
    with pytest.raises(DataContentError, match=r"points of shape \(68, 2\)"):
        wear(GREY, face()[:4])
    with pytest.raises(DataContentError, match="points on one line"):
        wear(GREY, np.zeros((68, 2)))


def test_points_are_drawn_where_they_are():
    points = np.array([[40, 50], [60, 50], [100, 55], [120, 60]], float)
    drawn = (draw_points(GREY, points, EYE_CORNERS) != 128).any(axis=2)
    for x, y in points.astype(int):
        assert drawn[y, x]
    assert drawn[50, 50]  # the line through an eye
    assert not drawn[52, 80]  # none between the eyes
    assert np.flatnonzero(drawn.any(axis=0)).max() < 125
