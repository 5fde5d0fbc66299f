"""Winograd's convolutions against the definition of a convolution, in NumPy."""

import numpy as np
import pytest
from keras import ops

from keras_cv_course.models.winograd import convolve, saves_time, transform_kernel


def convolve_by_definition(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _, height, width, _ = x.shape
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, row : row + height, column : column + width] @ kernel[row, column].astype(np.float64)
        for row in range(3)
        for column in range(3)
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 3), (5, 2), (7, 7), (8, 6)])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_convolution_by_its_definition(size: tuple[int, int], batch: int) -> None:
    draw = np.random.default_rng(0)
    x, kernel = draw.normal(size=(batch, *size, 3)), draw.normal(size=(3, 3, 3, 2))
    result = convolve(ops.convert_to_tensor(x, "float64"), transform_kernel(ops.convert_to_tensor(kernel, "float64")))
    # In float64 only a wrong method could differ by more.
    np.testing.assert_allclose(np.asarray(result), convolve_by_definition(x, kernel), rtol=0, atol=1e-13)


def test_rounding_in_float32() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(1, 19, 19, 512)).astype(np.float32)
    kernel = draw.normal(0, np.sqrt(2 / (9 * 512)), (3, 3, 512, 64)).astype(np.float32)
    expected = convolve_by_definition(x, kernel)
    result = np.asarray(convolve(ops.convert_to_tensor(x), transform_kernel(ops.convert_to_tensor(kernel))))
    assert result.dtype == np.float32
    # Measured: 5.1e-6 of numbers up to 6, and 1.6e-5 for the direct convolution of TensorFlow.
    assert np.abs(result - expected).max() < 2e-5


def test_an_empty_batch() -> None:
    kernel = transform_kernel(ops.ones((3, 3, 2, 5)))
    assert convolve(ops.zeros((0, 4, 6, 2)), kernel).shape == (0, 4, 6, 5)


def test_where_it_saves_time() -> None:
    """As measured for the layers of YOLOv2 at 608 x 608 by `benchmarks/detect.py`."""
    assert saves_time(19, 19, 1024, 1024)
    assert saves_time(38, 38, 256, 512)
    assert not saves_time(76, 76, 128, 256)
    assert not saves_time(608, 608, 3, 32)
