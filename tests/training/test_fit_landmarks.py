"""Training of models of points: what they learn, and what is refused."""

import keras
import numpy as np
import pytest

from keras_cv_course.data.synthetic.landmark_set import LANDMARK_SCHEMES, LandmarkImages, draw_landmark_images
from keras_cv_course.errors import DataContentError, ModelError
from keras_cv_course.models.hourglass import stacked_hourglass
from keras_cv_course.models.landmark_finder import LandmarkFinder
from keras_cv_course.models.landmarks import landmark_regressor
from keras_cv_course.training.fit_landmarks import LandmarkFitConfig, fit_landmarks


@pytest.fixture(scope="module")
def dots() -> LandmarkImages:
    """Give 48 pictures with 4 dots in a row, and 16 without: what a small network learns in a few epochs."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 60, (64, 32, 32, 3), dtype=np.uint8)
    points = np.zeros((64, 4, 2), np.float32)
    for image, each in zip(images[:48], points[:48], strict=True):
        x, y = draw.integers(3, 9), draw.integers(3, 29)
        for number in range(4):
            left = x + 6 * number
            image[y - 2 : y + 2, left - 2 : left + 2] = (255, 85 * number, 0)
            each[number] = left, y
    return LandmarkImages(images, points, np.arange(64) < 48, LANDMARK_SCHEMES["eye-corners"])


def test_heatmaps_find_dots(dots: LandmarkImages) -> None:
    keras.utils.set_random_seed(0)
    model = stacked_hourglass(4, (32, 32), filters=8, depth=1)
    config = LandmarkFitConfig(epochs=12, batch_size=8, learning_rate=0.01, precision="float32", augmentation=None)
    history = fit_landmarks(model, dots, config)
    assert history["loss"][-1] < history["loss"][0]
    probabilities, points = LandmarkFinder(model, dots.scheme, "dots").predict(dots.images)
    assert ((probabilities > 0.5) == dots.is_there).mean() > 0.9
    apart = np.linalg.norm(points - dots.points, axis=-1)[dots.is_there]
    assert apart.mean() < 2  # pixels; half of one of the heatmaps


def test_coordinates_learn_with_pictures_that_move(dots: LandmarkImages) -> None:
    keras.utils.set_random_seed(0)
    model = landmark_regressor(4, (32, 32), filters=(8, 16, 16))
    history = fit_landmarks(model, dots, LandmarkFitConfig(epochs=4, batch_size=8, precision="float32"))
    assert history["loss"][-1] < 0.8 * history["loss"][0]


def test_model_for_other_points_is_refused(dots: LandmarkImages) -> None:
    for model in (landmark_regressor(5, (32, 32), filters=(4,)), stacked_hourglass(5, (32, 32), filters=4, depth=1)):
        with pytest.raises(ModelError, match=r"model for 4 points.*one for 5\."):
            fit_landmarks(model, dots, LandmarkFitConfig(epochs=1))


@pytest.mark.parametrize(("kind", "points", "share"), [("face", 68, 0.9), ("eye-corners", 4, 0.9), ("body", 32, 1.0)])
def test_drawn_sets(kind: str, points: int, share: float) -> None:
    counted: list[int] = []
    data = draw_landmark_images(kind, 10, 3, (32, 32), counted.append)
    assert data.images.shape == (10, 32, 32, 3)
    assert data.points.shape == (10, points, 2)
    assert data.is_there.mean() >= share - 0.3
    np.testing.assert_array_equal(data.points[~data.is_there], 0)
    assert counted == [*range(1, 11)]
    assert data.image_size == (32, 32)


def test_eye_corners_are_those_of_the_face() -> None:
    face, corners = (draw_landmark_images(kind, 3, 5, (32, 32)) for kind in ("face", "eye-corners"))
    np.testing.assert_array_equal(face.images, corners.images)
    np.testing.assert_array_equal(face.points[:, [36, 39, 42, 45]], corners.points)


def test_unknown_points_are_refused() -> None:
    with pytest.raises(DataContentError, match="points of face, eye-corners, body"):
        draw_landmark_images("hand", 1, 0)
