"""How much a picture is like another: PSNR and SSIM.

Source of SSIM: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
Similarity", 2004.
"""

import numpy as np

from keras_cv_course.errors import DataContentError

_WINDOW, _SPREAD = 11, 1.5  # pixels
_WHITE = 255.0


def psnr(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of pairs of pictures, in decibels: 10 log10 of 255 squared by the mean squared error.

    Args:
        images: uint8 (m, height, width, channels), m >= 1.
        others: the same shape.

    Returns:
        float64 (m,); infinite for equal pictures.

    Raises:
        DataContentError: pictures of another dtype or shape.
    """
    _check(images, others, least=1)
    error = np.square(images.astype(float) - others).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(_WHITE**2 / error)


def ssim(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Structural similarity of pairs of pictures, the mean over channels and over all windows that lie inside.

    Windows are Gaussians of 11 x 11 pixels with a standard deviation of 1.5.

    Args:
        images: uint8 (m, height, width, channels), each side at least 11, m >= 1.
        others: the same shape.

    Returns:
        float64 (m,), -1 to 1, 1 for equal pictures.

    Raises:
        DataContentError: pictures of another dtype or shape, or smaller than a window.
    """
    _check(images, others, least=_WINDOW)
    a, b = images.astype(float), others.astype(float)
    mean_a, mean_b = _blur(a), _blur(b)
    variances = _blur(a * a) - mean_a**2 + _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * _WHITE) ** 2, (0.03 * _WHITE) ** 2
    light = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (light * (2 * covariance + c2) / (variances + c2)).mean(axis=(1, 2, 3))


def _blur(images: np.ndarray) -> np.ndarray:
    """Average each window of images (m, height, width, channels): (m, height - 10, width - 10, channels)."""
    weights = np.exp(-0.5 * ((np.arange(_WINDOW) - _WINDOW // 2) / _SPREAD) ** 2)
    weights /= weights.sum()
    rows, columns = (side - _WINDOW + 1 for side in images.shape[1:3])
    down = sum(weight * images[:, start : start + rows] for start, weight in enumerate(weights))
    return np.asarray(sum(weight * down[:, :, start : start + columns] for start, weight in enumerate(weights)))


def _check(images: np.ndarray, others: np.ndarray, least: int) -> None:
    shapes = images.shape, others.shape
    if (
        {images.dtype, others.dtype} != {np.dtype(np.uint8)}
        or images.ndim != 4
        or shapes[0] != shapes[1]
        or not images.size
        or min(images.shape[1:3]) < least
    ):
        raise DataContentError(
            f"Expected pairs of pictures uint8 (m, height, width, channels), sides of at least {least} pixels. "
            f"Received: {images.dtype} {shapes[0]} and {others.dtype} {shapes[1]}."
        )
