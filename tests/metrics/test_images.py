"""PSNR and SSIM against TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.images import psnr, ssim


def test_against_tensorflow() -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (3, 30, 41, 3), dtype=np.uint8)
    others = images // 2 + draw.integers(0, 60, images.shape, dtype=np.uint8)
    others[2] = draw.integers(0, 256, images.shape[1:])
    # TensorFlow computes in float32.
    np.testing.assert_allclose(ssim(images, others), tf.image.ssim(images, others, 255), atol=1e-5)
    np.testing.assert_allclose(psnr(images, others), tf.image.psnr(images, others, 255), atol=1e-4)


def test_equal_and_opposite_pictures() -> None:
    white, black = np.full((1, 11, 11, 1), 255, np.uint8), np.zeros((1, 11, 11, 1), np.uint8)
    assert psnr(white, black)[0] == 0
    assert psnr(white, white)[0] == np.inf
    assert ssim(white, white)[0] == pytest.approx(1)


@pytest.mark.parametrize("shape", [(1, 10, 20, 3), (0, 20, 20, 3), (20, 20, 3)])
def test_what_cannot_be_compared_is_refused(shape: tuple[int, ...]) -> None:
    pictures = np.zeros(shape, np.uint8)
    with pytest.raises(DataContentError, match="pairs of pictures"):
        ssim(pictures, pictures)
    with pytest.raises(DataContentError, match="pairs of pictures"):
        psnr(np.zeros((1, 20, 20, 3), np.uint8), np.zeros((1, 20, 20, 3)))
