import numpy as np
import pytest

from keras_cv_course.data.synthetic.face.curves import interpolate, smooth
from keras_cv_course.data.synthetic.face.person import Person
from keras_cv_course.data.synthetic.face.points import Expression, face_points
from keras_cv_course.data.synthetic.face.view import View, rotation
from keras_cv_course.data.synthetic.faces import DrawnFace, draw_blinks, draw_face, draw_faces, draw_no_face
from keras_cv_course.errors import DataContentError


@pytest.fixture(scope="module")
def faces() -> list[DrawnFace]:
    return list(draw_faces(40, seed=3, image_size=(96, 120)))


def test_arrays(faces: list[DrawnFace]):
    for face in faces:
        assert (face.image.dtype, face.image.shape) == (np.uint8, (96, 120, 3))
        assert (face.points.dtype, face.points.shape) == (np.float32, (68, 2))


def test_points_lie_within_the_picture_and_are_zeros_without_a_face(faces: list[DrawnFace]):
    with_face = np.array([face.has_face for face in faces])
    points = np.stack([face.points for face in faces])
    assert 0 < (~with_face).sum() < 12  # a tenth of 40
    assert (points[~with_face] == 0).all()
    assert (points[with_face] > 0).all()
    assert (points[with_face] < [120, 96]).all()


def test_the_order_is_that_of_300w(faces: list[DrawnFace]):
    for face in faces:
        if face.has_face:
            x, y = _upright(face.points).T
            assert (np.diff(x[[0, 8, 16]]) > 0).all()  # the jaw from the left of the picture to the right
            assert x[36] < x[39] < x[42] < x[45]  # corners of the eyes
            assert y[19] < y[37] <= y[41] + 1e-3  # a brow is above an upper lid, and this above a lower one
            assert y[27] < y[28] < y[29] < y[30]  # down the nose
            assert x[31] < x[33] < x[35]
            assert x[48] < x[60] < x[62] < x[64] < x[54]  # the mouth, outer and inner edge
            assert y[51] < y[62] <= y[66] + 0.3 < y[57] + 0.3
            assert y[57] < y[8]


def _upright(points: np.ndarray) -> np.ndarray:
    """Turn points (68, 2) in the picture until the line from the eyes to the mouth runs down."""
    down = points[48:68].mean(axis=0) - points[36:48].mean(axis=0)
    down = down / np.linalg.norm(down)
    return points @ np.array([[down[1], down[0]], [-down[0], down[1]]])


def test_the_iris_and_the_dark_of_an_open_mouth_lie_where_the_points_say():
    """Compares brightness on the pictures with places from the points alone."""
    eyes, mouths = [], []
    for seed in range(30):
        face = draw_face(np.random.default_rng(seed), (128, 128))
        grey = face.image.astype(float).mean(axis=2)

        def at(point: np.ndarray, grey: np.ndarray = grey) -> float:
            x, y = point.astype(int)
            return float(grey[y, x])

        points = face.points
        if np.linalg.norm(points[37] - points[41]) > 4:
            cheek = (points[41] + points[31]) / 2
            eyes.append(at(points[[37, 38]].mean(axis=0)) - at(cheek))
        if np.linalg.norm(points[62] - points[66]) > 7:
            mouths.append(
                at(points[62] + 0.8 * (points[66] - points[62]))
                - at(points[33:34].mean(axis=0) * 0.4 + points[51] * 0.6)
            )
    assert np.mean(eyes) < -30
    assert np.mean(mouths) < -20


def test_pictures_show_something_and_differ(faces: list[DrawnFace]):
    assert all(face.image.std() > 3 for face in faces)
    means = np.array([face.image.mean() for face in faces])
    assert means.std() > 10


def test_a_face_is_a_function_of_its_seed():
    first, second = draw_faces(2, seed=5, image_size=(48, 48), without_face=0)
    (again,) = draw_faces(1, seed=5, image_size=(48, 48), without_face=0)
    (other,) = draw_faces(1, seed=6, image_size=(48, 48), without_face=0)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert (first.points != second.points).all()
    assert (first.points != other.points).all()


def test_share_without_face():
    assert all(face.has_face for face in draw_faces(20, seed=0, image_size=(16, 16), without_face=0))
    assert not any(face.has_face for face in draw_faces(20, seed=0, image_size=(16, 16), without_face=1))


def test_jaw_drop_opens_the_mouth_and_takes_the_chin_along():
    person = Person.random(np.random.default_rng(0))
    closed = face_points(person.head, person.features, Expression())
    opened = face_points(person.head, person.features, Expression(jaw_drop=2.0))
    assert np.allclose(closed[61:64, 1], closed[[67, 66, 65], 1], atol=0.05)
    assert opened[66, 1] - opened[62, 1] > 1.5
    assert opened[8, 1] - closed[8, 1] == pytest.approx(2.0 * person.head.length)
    np.testing.assert_array_equal(opened[17:48], closed[17:48])


@pytest.mark.parametrize(("turned", "moves"), [((0.3, 0, 0), (1, 0)), ((0, 0.3, 0), (0, 1))], ids=["yaw", "pitch"])
def test_the_nose_moves_to_where_the_face_turns(turned: tuple[float, float, float], moves: tuple[int, int]):
    person = Person.random(np.random.default_rng(1))
    points = face_points(person.head, person.features, Expression())
    ahead, aside = (
        View(rotation(*angles), 10.0, np.zeros(2), 100.0, np.array([0, 0, 1.0]), 0.5, np.ones(3)).pixels(points)
        for angles in ((0, 0, 0), turned)
    )
    moved = aside[30] - ahead[30]
    assert moved @ moves > 15
    assert abs(moved @ moves[::-1]) < 1  # of perspective


def test_roll_turns_the_picture_clockwise():
    seen = View(rotation(0, 0, np.pi / 2), 10.0, np.zeros(2), 1e9, np.array([0, 0, 1.0]), 0.5, np.ones(3))
    np.testing.assert_allclose(seen.pixels(np.array([1.0, 2.0, 2.0])), [0, 10], atol=1e-5)


def test_blinks_close_the_eyes():
    film = draw_blinks(45, seed=2, image_size=(32, 32))
    assert film.images.shape == (45, 32, 32, 3)
    opened = np.linalg.norm(film.points[:, [37, 38, 43, 44]] - film.points[:, [41, 40, 47, 46]], axis=-1).mean(axis=1)
    blinking = np.zeros(45, bool)
    for first, last in film.blinks:
        blinking[first : last + 1] = True
    assert film.blinks
    assert opened[blinking].max() < opened[~blinking].min()
    steps = np.abs(np.diff(film.points[~blinking], axis=0)).max()
    assert steps < 3  # the head moves slowly


def test_curves_pass_through_their_points():
    places, values = np.array([0.0, 1, 3, 4]), np.array([2.0, -1, 5, 5])
    np.testing.assert_allclose(interpolate(places, places, values), values)
    np.testing.assert_allclose(interpolate(np.array([-3.0, 9.0]), places, values), [2, 5])
    points = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_allclose(smooth(points, closed=True, pieces=4)[::4], points)
    np.testing.assert_allclose(smooth(points, closed=False, pieces=4)[::4], points)


def test_pictures_without_face_come_in_all_kinds():
    pictures = [draw_no_face(np.random.default_rng(seed), (32, 32)) for seed in range(12)]
    assert not any(picture.has_face for picture in pictures)
    assert len({picture.image.tobytes() for picture in pictures}) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "Expected count >= 1. Received: count=0"),
        ({"image_size": (15, 64)}, r"Expected image_size \(height, width\), each >= 16 pixels. Received: \(15, 64\)"),
        ({"without_face": 1.5}, "Expected without_face from 0 to 1. Received: 1.5"),
    ],
)
def test_bad_arguments_are_refused_at_the_call(arguments: dict, message: str):
    with pytest.raises(DataContentError, match=message):
        draw_faces(**{"count": 1, "seed": 0, **arguments})


def test_no_frames():
    with pytest.raises(DataContentError, match=r"Expected frames >= 1. Received: frames=0"):
        draw_blinks(0, seed=0)
