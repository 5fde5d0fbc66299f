"""Small faces made large: the network's parts, and that it learns."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_cv_course.data.landmarks import FACE_68
from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.data.synthetic.landmark_set import LandmarkImages, draw_landmark_images
from keras_cv_course.errors import DataContentError, ModelError
from keras_cv_course.models.super_resolution import MapsLoss, double, face_super_resolution
from keras_cv_course.training.fit_super_resolution import SuperResolutionFitConfig, fit_super_resolution, shrink


def test_doubling_is_depth_to_space() -> None:
    inputs = keras.Input((3, 5, 8))
    pixels = np.random.default_rng(0).random((2, 3, 5, 8)).astype(np.float32)
    doubled = keras.Model(inputs, double(inputs, "double"))(pixels)
    np.testing.assert_array_equal(doubled, tf.nn.depth_to_space(pixels, 2))


def test_untrained_network_only_enlarges() -> None:
    small = np.random.default_rng(1).random((1, 8, 12, 3)).astype(np.float32)
    given = face_super_resolution((8, 12), filters=4)(small)
    assert given["maps"].shape == (1, 16, 24, 4)
    bilinear = tf.image.resize(small, (64, 96))
    np.testing.assert_allclose(given["picture"], bilinear, atol=1e-6)


def test_loss_of_maps_is_the_divergence_from_the_truth() -> None:
    draw = np.random.default_rng(2)
    truth, found = (draw.uniform(0.1, 0.9, (2, 5, 6, 4)).astype(np.float32) for _ in range(2))
    divergence = truth * np.log(truth / found) + (1 - truth) * np.log((1 - truth) / (1 - found))
    np.testing.assert_allclose(MapsLoss(2.0).call(truth, found), 2 * divergence.mean(axis=(1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(MapsLoss().call(truth, truth), 0, atol=1e-6)


def test_shrinking_averages_squares() -> None:
    images = np.random.default_rng(3).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    small = shrink(images)
    assert small.shape == (2, 2, 3, 3)
    assert abs(small[1, 1, 2, 0] - images[1, 8:, 16:, 0].mean()) <= 0.5
    for others in (images[:, :12], images / 255, images[0]):
        with pytest.raises(DataContentError, match="multiples of 8"):
            shrink(others)


def small_faces() -> LandmarkImages:
    faces = list(draw_faces(8, 5, (32, 32), without_face=0))
    images, points = np.stack([face.image for face in faces]), np.stack([face.points for face in faces])
    return LandmarkImages(images, points, np.ones(8, bool), FACE_68)


def two_layers() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 3))
    picture = layers.Conv2D(3, 1, name="picture")(layers.UpSampling2D(8)(inputs))
    maps = layers.Conv2D(4, 3, padding="same", activation="sigmoid", name="maps")(layers.UpSampling2D(2)(inputs))
    return keras.Model(inputs, {"picture": picture, "maps": maps})


def test_training_learns_pictures_and_maps() -> None:
    """By a model of two layers with the same outputs; benchmarks/face_super_resolution.py trains the real one."""
    config = SuperResolutionFitConfig(epochs=40, batch_size=8, learning_rate=0.1, precision="float32")
    history = fit_super_resolution(two_layers(), small_faces(), config)
    assert history["picture_loss"][-1] < 0.5 * history["picture_loss"][0]
    assert history["maps_loss"][-1] < 0.7 * history["maps_loss"][0]


def test_maps_are_empty_where_there_is_no_face() -> None:
    data = replace(small_faces(), is_there=np.zeros(8, bool))
    config = SuperResolutionFitConfig(epochs=1, batch_size=8, learning_rate=1e-9, maps_weight=1, precision="float32")
    model = two_layers()
    history = fit_super_resolution(model, data, config)
    maps = model(shrink(data.images).astype(np.float32) / 255)["maps"]
    # Keras keeps the truth's zeros 1e-7 away from 0.
    assert history["maps_loss"] == pytest.approx([-np.log1p(-np.asarray(maps)).mean()], rel=1e-3)


def test_training_needs_the_points_of_faces() -> None:
    data = draw_landmark_images("eye-corners", 2, 5, (32, 32))
    with pytest.raises(DataContentError, match=r"68 face points.*Received: 4"):
        fit_super_resolution(two_layers(), data, SuperResolutionFitConfig(epochs=1))


@pytest.mark.parametrize(("size", "filters"), [((10, 16), 8), ((0, 16), 8), ((16, 16), 6)])
def test_impossible_network_is_refused(size: tuple[int, int], filters: int) -> None:
    with pytest.raises(ModelError, match="multiples of 4"):
        face_super_resolution(size, filters=filters)
