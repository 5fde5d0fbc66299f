import numpy as np
import pytest

from keras_cv_course.data.landmarks import BODY_POINT_NAMES
from keras_cv_course.data.synthetic.bodies import DrawnBody, draw_bodies, pose_body
from keras_cv_course.errors import DataContentError


def place(points: np.ndarray, name: str) -> np.ndarray:
    return points[BODY_POINT_NAMES.index(name)]


@pytest.fixture(scope="module")
def bodies() -> list[DrawnBody]:
    return list(draw_bodies(12, seed=4, image_size=(80, 64)))


def test_arrays_and_points_within_the_picture(bodies: list[DrawnBody]):
    for body in bodies:
        assert (body.image.dtype, body.image.shape) == (np.uint8, (80, 64, 3))
        assert (body.points.dtype, body.points.shape) == (np.float32, (32, 2))
        assert (body.points > 0).all()
        assert (body.points < [64, 80]).all()


def test_figures_stand_upright_and_face_the_camera(bodies: list[DrawnBody]):
    for body in bodies:
        heights = [place(body.points, name)[1] for name in ("crown", "chin", "chest", "pelvis")]
        assert heights == sorted(heights)
        assert place(body.points, "left shoulder")[0] < place(body.points, "right shoulder")[0]
        assert place(body.points, "left hip")[0] < place(body.points, "right hip")[0]


def test_bones_keep_their_lengths():
    """Whatever the pose, and the same on both sides."""
    bones = [("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("ankle", "toes")]
    poses = [pose_body(np.random.default_rng(seed)) for seed in range(20)]
    for start, end in bones:
        lengths = [
            np.linalg.norm(place(pose, f"{side} {end}") - place(pose, f"{side} {start}"))
            for pose in poses
            for side in ("left", "right")
        ]
        np.testing.assert_allclose(lengths, lengths[0])
    assert np.std([place(pose, "left wrist") for pose in poses], axis=0).min() > 0.03


def test_the_trunk_has_one_colour_where_the_points_say():
    """The coat lies at the chest and beside it; the backdrop, far outside, differs more."""
    inside, outside = [], []
    for body in draw_bodies(16, seed=9, image_size=(128, 128)):
        image = body.image.astype(float)
        chest, waist = place(body.points, "chest"), place(body.points, "left waist")
        colours = [image[int(y), int(x)] for x, y in (chest, (chest + waist) / 2, [2.0, 2.0])]
        inside.append(np.abs(colours[0] - colours[1]).mean())
        outside.append(np.abs(colours[0] - colours[2]).mean())
    assert 2 * np.median(inside) < np.median(outside)


def test_a_figure_is_a_function_of_its_seed():
    first, second = draw_bodies(2, seed=5, image_size=(32, 32))
    (again,) = draw_bodies(1, seed=5, image_size=(32, 32))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.points, again.points)
    assert (first.points != second.points).any()


@pytest.mark.parametrize(
    ("count", "size", "message"),
    [
        (0, (64, 64), r"Expected count >= 1. Received: count=0"),
        (1, (64, 15), r"each >= 16 pixels. Received: \(64, 15\)"),
    ],
)
def test_bad_arguments(count: int, size: tuple[int, int], message: str):
    with pytest.raises(DataContentError, match=message):
        draw_bodies(count, seed=0, image_size=size)
