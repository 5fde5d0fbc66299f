"""Models of points from where people have them, on pictures of any size."""

import json
import math
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cv_course.data.landmarks import EYE_CORNERS, FACE_68
from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.metrics.landmarks import measure_landmarks
from keras_cv_course.models.landmark_finder import LandmarkFinder, load_landmark_finder, number_of_points
from keras_cv_course.models.landmarks import landmark_regressor


def light_finder() -> LandmarkFinder:
    """Give a model of 4 points, each of which it puts on the lightest pixel of 4 x 4."""
    inputs = keras.Input((32, 32, 3))
    light = layers.AveragePooling2D(4)(inputs)[..., :1]  # (batch, 8, 8, 1)
    maps = layers.Reshape((1, 8, 8, 4))(layers.Concatenate()([20 * light] * 4))
    face = ops.mean(light, axis=(1, 2))
    return LandmarkFinder(keras.Model(inputs, {"face": face, "heatmaps": maps}), EYE_CORNERS, "light")


@pytest.mark.parametrize("size", [(32, 32), (64, 160), (90, 40), (16, 24)])
def test_points_are_in_pixels_of_the_picture(size: tuple[int, int]) -> None:
    height, width = size
    side = max(size) // 4
    image = np.zeros((*size, 3), np.uint8)
    x, y = round(0.3 * width), round(0.6 * height)
    image[max(0, y - side // 2) : y + side // 2, max(0, x - side // 2) : x + side // 2] = 255
    (found,) = light_finder().find([image])
    centre = np.argwhere(image[..., 0]).mean(axis=0)[::-1] + 0.5
    # A pixel of the heatmaps is an eighth of the picture's longer side.
    np.testing.assert_allclose(found.points, np.tile(centre, (4, 1)), atol=max(size) / 8)
    assert found.points.dtype == np.float32


def test_pictures_come_in_order_and_one_batch_ahead() -> None:
    finder, taken = light_finder(), []

    def pictures() -> object:
        for number in range(70):
            taken.append(number)
            yield np.full((32, 32, 3), 3 * number, np.uint8)

    found = finder.find(pictures())
    assert next(found).probability == 0
    assert len(taken) == 32
    np.testing.assert_allclose([one.probability for one in found], 3 * np.arange(1, 70) / 255, rtol=1e-5)
    assert list(finder.find([])) == []


def test_shipped_model_finds_drawn_faces() -> None:
    faces = list(draw_faces(24, seed=77))
    finder = load_landmark_finder("face-landmarks")
    assert finder.scheme is FACE_68
    probabilities, points = finder.predict(np.stack([face.image for face in faces]))
    there = np.array([face.has_face for face in faces])
    np.testing.assert_array_equal(probabilities > 0.5, there)
    truth = np.stack([face.points for face in faces])[there]
    assert measure_landmarks(truth, points[there]).error < 0.06  # 0.04 over many, and these are few


def test_run_folder_and_bare_file(tmp_path: Path) -> None:
    landmark_regressor(4, (16, 16), filters=(4,)).save(tmp_path / "model.keras")
    (tmp_path / "config.json").write_text(json.dumps({"task": "landmarks"}))
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    from_run, bare = (load_landmark_finder(path) for path in (tmp_path, tmp_path / "model.keras"))
    np.testing.assert_array_equal(from_run.predict(images)[1], bare.predict(images)[1])
    assert from_run.scheme is EYE_CORNERS
    assert from_run.predict(images[:0])[1].shape == (0, 4, 2)
    with pytest.raises(ModelError, match="expected images uint8"):
        from_run.predict(images[:, :8])
    (tmp_path / "model.keras").unlink()
    with pytest.raises(WeightsError, match="not complete"):
        load_landmark_finder(tmp_path)


@pytest.mark.parametrize(
    "outputs",
    [
        {"points": (9,)},
        {"heatmaps": (1, 8, 8, 4)},
        {"heatmaps": (1, 8, 8, 4), "face": (2,)},
        {"heatmaps": (8, 8, 4), "face": (1,)},
        {"heatmaps": (1, 4, 4, 4), "face": (1,)},  # half of the maps' size
        {"heatmaps": (1, 8, 8, 5), "face": (1,)},
    ],
    ids=str,
)
def test_other_outputs_are_no_points(outputs: dict[str, tuple[int, ...]]) -> None:
    inputs = keras.Input((32, 32, 3))
    flat = layers.GlobalAveragePooling2D()(inputs)
    given = {name: layers.Reshape(shape)(layers.Dense(math.prod(shape))(flat)) for name, shape in outputs.items()}
    with pytest.raises(ModelError, match="other: expected a model from images of a fixed size to 68, 4, 32 points"):
        number_of_points(keras.Model(inputs, given), "other")


def test_numbers_that_are_none_are_no_points() -> None:
    broken = landmark_regressor(4, (8, 8), filters=(4,))
    broken.get_layer("face").bias.assign([np.nan])
    with pytest.raises(ModelError, match="broken: expected finite numbers"):
        LandmarkFinder(broken, EYE_CORNERS, "broken").predict(np.zeros((1, 8, 8, 3), np.uint8))


def test_what_is_no_model_of_points_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, layers.Dense(6)(layers.GlobalAveragePooling2D()(inputs))).save(tmp_path / "six.keras")
    with pytest.raises(ModelError, match="68, 4, 32 points"):
        load_landmark_finder(tmp_path / "six.keras")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(WeightsError, match="not a Keras model"):
        load_landmark_finder(tmp_path / "text.keras")
    with pytest.raises(WeightsError, match="face-landmarks"):
        load_landmark_finder("face-landmark")
