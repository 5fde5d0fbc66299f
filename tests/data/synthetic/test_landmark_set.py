"""Drawn pictures with points as arrays."""

import numpy as np
import pytest

from keras_cv_course.data.landmarks import EYE_CORNERS, EYE_CORNERS_IN_68
from keras_cv_course.data.synthetic.bodies import draw_bodies
from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.data.synthetic.landmark_set import LANDMARK_SCHEMES, LandmarkImages, draw_landmark_images
from keras_cv_course.errors import DataContentError


@pytest.mark.parametrize("kind", LANDMARK_SCHEMES)
def test_arrays_are_what_is_drawn(kind: str) -> None:
    seen: list[int] = []
    data = draw_landmark_images(kind, 3, 5, (16, 20), seen.append)
    assert seen == [1, 2, 3]
    assert (data.scheme, data.image_size) == (LANDMARK_SCHEMES[kind], (16, 20))
    drawn = list((draw_bodies if kind == "body" else draw_faces)(3, 5, (16, 20)))
    np.testing.assert_array_equal(data.images, [one.image for one in drawn])
    kept = list(EYE_CORNERS_IN_68) if kind == "eye-corners" else slice(None)
    np.testing.assert_array_equal(data.points, [one.points[kept] for one in drawn])
    np.testing.assert_array_equal(data.is_there, [getattr(one, "has_face", True) for one in drawn])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataContentError, match=r"face, eye-corners, body. Received: 'cat'"):
        draw_landmark_images("cat", 1, 0)
    images, points, there = np.zeros((2, 16, 16, 3), np.uint8), np.zeros((2, 4, 2), np.float32), np.ones(2, bool)
    for one, other in ((points[:, :3], there), (points[:1], there), (points, there[:1])):
        with pytest.raises(DataContentError, match="4 eye corners and a truth value for each of 2 pictures"):
            LandmarkImages(images, one, other, EYE_CORNERS)
    with pytest.raises(DataContentError, match="NaN or infinity"):
        LandmarkImages(images, np.full_like(points, np.nan), there, EYE_CORNERS)
