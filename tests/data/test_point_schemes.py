from pathlib import Path

import numpy as np
import pytest

from keras_cv_course.data.landmarks import (
    BODY_32,
    BODY_POINT_NAMES,
    EYE_CORNERS,
    EYE_CORNERS_IN_68,
    FACE_68,
    FACE_COMPONENTS,
    PointScheme,
    flip_points,
    read_pts,
    write_pts,
)
from keras_cv_course.data.synthetic.face.head import Head
from keras_cv_course.data.synthetic.face.points import Expression, Features, face_points
from keras_cv_course.data.synthetic.face.view import View, rotation
from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError

SCHEMES = [FACE_68, EYE_CORNERS, BODY_32]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
class TestSchemes:
    def test_mirror_is_a_permutation_and_its_own_inverse(self, scheme: PointScheme):
        mirror = np.array(scheme.mirror)
        assert sorted(mirror) == list(range(scheme.count))
        np.testing.assert_array_equal(mirror[mirror], np.arange(scheme.count))

    def test_mirror_swaps_the_sides_of_groups(self, scheme: PointScheme):
        for name, numbers in scheme.groups.items():
            mirrored = {scheme.mirror[number] for number in numbers}
            other = {"left": "right", "right": "left"}.get(name.split()[0])
            counterpart = name if other is None else " ".join([other, *name.split()[1:]])
            assert mirrored == set(scheme.groups[counterpart])

    def test_groups_hold_every_point(self, scheme: PointScheme):
        assert {number for group in scheme.groups.values() for number in group} == set(range(scheme.count))

    def test_flipping_twice_changes_nothing(self, scheme: PointScheme):
        points = np.random.default_rng(0).uniform(0, 64, (3, scheme.count, 2)).astype(np.float32)
        flipped = flip_points(points, 64, scheme.mirror)
        assert flipped.dtype == np.float32
        np.testing.assert_allclose(flip_points(flipped, 64, scheme.mirror), points, atol=1e-5)


def test_counts():
    assert [scheme.count for scheme in SCHEMES] == [68, 4, 32]
    assert len(BODY_POINT_NAMES) == len(set(BODY_POINT_NAMES)) == 32
    assert sum(len(numbers) for numbers in FACE_COMPONENTS.values()) == 68 - 10  # without the brows


def test_mirror_of_a_face_that_is_the_same_on_both_sides():
    points = face_points(Head(), Features(), Expression(smile=0.5, jaw_drop=1.0))[:, :2]
    np.testing.assert_allclose(flip_points(points, 0, FACE_68.mirror), points, atol=1e-9)


def test_mirror_of_a_picture_of_a_face_that_winks():
    """The same face in a mirror: turned and leaning the other way, the other eye closed."""

    def seen(sign: int, openness: tuple[float, float]) -> np.ndarray:
        turn = rotation(0.4 * sign, 0.1, 0.3 * sign)
        view = View(turn, 5.0, np.array([64 + 9.0 * sign, 60]), 90.0, np.array([0, 0, 1.0]), 0.5, np.ones(3))
        return view.pixels(face_points(Head(), Features(), Expression(openness=openness)))

    mirrored = flip_points(seen(1, (1.0, 0.2)), 128, FACE_68.mirror)
    np.testing.assert_allclose(mirrored, seen(-1, (0.2, 1.0)), atol=1e-9)


def test_eye_corners_are_those_of_the_68():
    points = np.random.default_rng(1).uniform(0, 10, (68, 2))
    corners = points[list(EYE_CORNERS_IN_68)]
    flipped = flip_points(points, 10, FACE_68.mirror)
    np.testing.assert_array_equal(flipped[list(EYE_CORNERS_IN_68)], flip_points(corners, 10, EYE_CORNERS.mirror))
    assert FACE_68.outer_corners is not None
    np.testing.assert_array_equal(corners[list(EYE_CORNERS.outer_corners or ())], points[list(FACE_68.outer_corners)])


def test_flip_refuses_another_number_of_points():
    with pytest.raises(DataContentError, match=r"shape \(..., 4, 2\).* Received: shape \(68, 2\)"):
        flip_points(np.zeros((68, 2)), 10, EYE_CORNERS.mirror)


def test_a_file_of_points(tmp_path: Path):
    path = tmp_path / "face.pts"
    path.write_text("version: 1\nn_points:  3\n{\n1 1\n10.5 20.25\n3.000000 4e1\n}\n")
    points = read_pts(path)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, [[0.5, 0.5], [10, 19.75], [2.5, 39.5]])


def test_points_written_and_read_again(tmp_path: Path):
    points = np.random.default_rng(3).uniform(-5, 300, (68, 2)).astype(np.float32)
    write_pts(tmp_path / "face.pts", points)
    np.testing.assert_allclose(read_pts(tmp_path / "face.pts"), points, atol=1e-4)  # four decimals
    for bad in (np.zeros((2, 3)), np.zeros((0, 2)), np.full((1, 2), np.inf)):
        with pytest.raises(DataContentError, match=rf"Received: shape \({bad.shape[0]}, {bad.shape[1]}\)"):
            write_pts(tmp_path / "bad.pts", bad)
    assert not (tmp_path / "bad.pts").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\nn_points: 2\n{\n1 2\n3 4\n", "may be cut off"),
        ("version: 1\nn_points: 3\n{\n1 2\n3 4\n}", r"Expected 3 points .* shape \(2, 2\)"),
        ("version: 1\nn_points: 2\n{\n1 2\n3\n}", "not of this form"),
        ("version: 1\nn_points: 1\n{\n1 nan\n}", "Expected 1 points of two finite numbers"),
        ("1 2\n3 4\n", "not of this form"),
        ("", "not of this form"),
    ],
)
def test_a_file_that_is_not_of_points(tmp_path: Path, text: str, message: str):
    path = tmp_path / "face.pts"
    path.write_text(text)
    with pytest.raises(DataFileError, match=message):
        read_pts(path)


def test_no_file_of_points(tmp_path: Path):
    with pytest.raises(DataNotFoundError, match=r"Received: .*none.pts, where there is none"):
        read_pts(tmp_path / "none.pts")
