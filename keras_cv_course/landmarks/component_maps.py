"""Heatmaps of the parts of a face, as they guide super-resolution.

Source: Yu, Fernando, Ghanem, Porikli and Hartley, "Face Super-resolution Guided by Facial Component Heatmaps", ECCV
2018.
"""

from typing import Any

import numpy as np

from keras_cv_course.data.landmarks import FACE_COMPONENTS
from keras_cv_course.errors import DataContentError

Array = Any  # a NumPy array or a TensorFlow tensor


def component_maps(points: Array, size: tuple[int, int], spread: float) -> Array:
    """Draw a map for each part of a face: eyes, nose, mouth, jaw.

    A point is a Gaussian with the peak 1; a map is the largest of those of its part at each pixel, so that it stays
    within 0..1 however many points meet.

    Args:
        points: float32 (..., 68, 2), x and y in pixels of the maps; (0.5, 0.5) is the middle of the left upper pixel.
            NumPy arrays give NumPy arrays, TensorFlow's tensors, also inside `tf.data`, give tensors.
        size: (height, width) of the maps, pixels.
        spread: standard deviation of the Gaussians, pixels, above 0.

    Returns:
        float32 (..., height, width, 4), in the order of :data:`~keras_cv_course.data.landmarks.FACE_COMPONENTS`.

    Raises:
        DataContentError: the points are not of shape (..., 68, 2), or `spread` is not above 0.
    """
    if tuple(points.shape)[-2:] != (68, 2) or not spread > 0:
        raise DataContentError(
            f"Expected points of shape (..., 68, 2) and a spread above 0. "
            f"Received: shape {tuple(points.shape)}, spread {spread}."
        )
    if isinstance(points, np.ndarray):
        exp, largest, stack = np.exp, np.max, np.stack
    else:
        import tensorflow as tf

        exp, largest, stack = tf.exp, tf.reduce_max, tf.stack

    def part_map(first: int, last: int) -> Array:
        """The map (..., height, width) of points `first` to `last`."""
        part = points[..., first : last + 1, :]  # (..., k, 2)
        rows, columns = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in size)
        across = exp(-0.5 * ((columns - part[..., 0, None]) / spread) ** 2)  # (..., k, width)
        down = exp(-0.5 * ((rows - part[..., 1, None]) / spread) ** 2)  # (..., k, height)
        return largest(down[..., :, None] * across[..., None, :], axis=-3)

    return stack([part_map(numbers[0], numbers[-1]) for numbers in FACE_COMPONENTS.values()], axis=-1)
