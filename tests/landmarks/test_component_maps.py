import math

import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.data.landmarks import FACE_COMPONENTS
from keras_cv_course.errors import DataContentError
from keras_cv_course.landmarks.component_maps import component_maps

POINTS = np.random.default_rng(0).uniform(-2, 14, (2, 68, 2)).astype(np.float32)
SIZE = (9, 12)


def plain(points: np.ndarray, spread: float) -> np.ndarray:
    maps = np.zeros((*SIZE, 4))
    for part, numbers in enumerate(FACE_COMPONENTS.values()):
        for row in range(SIZE[0]):
            for column in range(SIZE[1]):
                nearest = min(math.dist((column + 0.5, row + 0.5), points[number]) for number in numbers)
                maps[row, column, part] = math.exp(-(nearest**2) / (2 * spread**2))
    return maps


def test_against_a_plain_loop():
    maps = component_maps(POINTS, SIZE, 1.5)
    assert (maps.dtype, maps.shape) == (np.float32, (2, 9, 12, 4))
    # The largest Gaussian is that of the nearest point; the rest is float32.
    np.testing.assert_allclose(maps, [plain(points, 1.5) for points in POINTS], atol=1e-5)
    np.testing.assert_array_equal(component_maps(POINTS[1], SIZE, 1.5), maps[1])


def test_the_same_in_a_pipeline():
    pipeline = tf.data.Dataset.from_tensors(POINTS).map(lambda points: component_maps(points, SIZE, 1.5))
    (maps,) = pipeline.as_numpy_iterator()
    np.testing.assert_allclose(maps, component_maps(POINTS, SIZE, 1.5), atol=1e-6)  # another library's exp


def test_peaks_are_one_at_the_points_pixels():
    points = np.tile(np.array([3.5, 4.5], np.float32), (68, 1))
    assert (component_maps(points, SIZE, 0.7)[4, 3] == 1).all()


@pytest.mark.parametrize(("points", "spread"), [(POINTS[:, :4], 1.0), (POINTS, 0.0)])
def test_bad_input(points: np.ndarray, spread: float):
    with pytest.raises(DataContentError, match=r"a spread above 0. Received: "):
        component_maps(points, SIZE, spread)
