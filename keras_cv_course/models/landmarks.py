"""Points on a picture as numbers of a network: targets, losses, and the network that gives coordinates.

A target has 1 + 2 n numbers, y = [p, x1, y1, ..., xn, yn]: whether there is a face (or whatever the points are of), and
the points in parts of the picture's width and height. For the 68 points of a face it has 137 numbers. Without a face p
is 0 and the rest does not matter.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_cv_course.errors import ModelError
from keras_cv_course.models.heatmaps import encode_heatmaps
from keras_cv_course.models.hourglass import MOMENTUM

Tensor = Any

SPREAD = 1.25  # of the heatmaps that networks are trained on, pixels of the maps


def encode_landmarks(points: np.ndarray, has_face: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Turn points into targets.

    Args:
        points: (..., n, 2), x and y in pixels.
        has_face: truth values (...,): whether the points mean anything.
        image_size: (height, width) of the pictures.

    Returns:
        float32 (..., 1 + 2 n), with zeros where there is no face.

    Raises:
        ModelError: points or truth values are not of these shapes.
    """
    points, has_face = np.asarray(points, np.float32), np.asarray(has_face, bool)
    if points.ndim < 2 or points.shape[-1] != 2 or has_face.shape != points.shape[:-2]:
        raise ModelError(
            f"Expected points of shape (..., n, 2) and a truth value for each set of them. Received: {points.shape} "
            f"and {has_face.shape}."
        )
    height, width = image_size
    parts = (points / np.array([width, height], np.float32)).reshape(
        *has_face.shape, 2 * points.shape[-2]
    )  # (..., 2 n)
    target = np.concatenate([np.ones_like(parts[..., :1]), parts], axis=-1)
    return np.where(has_face[..., None], target, 0).astype(np.float32)


def decode_landmarks(prediction: np.ndarray, image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Turn targets, or what a network gives for them, into probabilities and points.

    Args:
        prediction: (..., 1 + 2 n).
        image_size: (height, width) of the pictures.

    Returns:
        The probability of a face, float32 (...,), and points, float32 (..., n, 2), x and y in pixels.

    Raises:
        ModelError: the last axis has another length than 1 + 2 n.
    """
    prediction = np.asarray(prediction, np.float32)
    if prediction.ndim < 1 or prediction.shape[-1] < 3 or prediction.shape[-1] % 2 == 0:
        raise ModelError(f"Expected 1 + 2 n numbers for n points. Received: shape {prediction.shape}.")
    height, width = image_size
    points = prediction[..., 1:].reshape(*prediction.shape[:-1], prediction.shape[-1] // 2, 2)
    return prediction[..., 0], points * np.array([width, height], np.float32)


def landmark_regressor(
    num_points: int,
    input_size: tuple[int, int] = (128, 128),
    *,
    filters: Sequence[int] = (16, 32, 64, 96, 128),
    name: str = "landmark_regressor",
) -> keras.Model:
    """Build a small network that gives coordinates, with random weights.

    Args:
        num_points: at least 1.
        input_size: (height, width) of the pictures.
        filters: of its convolutions; each halves the maps.
        name: of the model.

    Returns:
        A model from float32 (batch, *input_size, 3), 0..1, to targets (batch, 1 + 2 num_points).

    Raises:
        ModelError: no point, or pictures too small for so many convolutions.
    """
    if min(input_size) < 2 ** len(filters):
        raise ModelError(
            f"Expected pictures of at least {2 ** len(filters)} pixels, to be halved {len(filters)} times. "
            f"Received: {input_size}."
        )
    inputs = keras.Input((*input_size, 3), name="image")
    x = inputs
    for number, width in enumerate(filters, start=1):
        for step, strides in enumerate((2, 1), start=1):
            conv = f"block{number}_conv{step}"
            x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False, name=conv)(x)
            x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{conv}_bn")(x)
            x = layers.ReLU(name=f"{conv}_relu")(x)
    return keras.Model(inputs, coordinates_head(x, num_points), name=name)


def coordinates_head(features: Tensor, num_points: int) -> Tensor:
    """Put the output of a network of coordinates on the last feature map of any backbone.

    Args:
        features: (batch, height, width, channels), a symbolic tensor of a fixed size.
        num_points: at least 1.

    Returns:
        (batch, 1 + 2 num_points), float32: a probability, and coordinates that begin in the middle of the picture.

    Raises:
        ModelError: no point.
    """
    if num_points < 1:
        raise ModelError(f"num_points must be at least 1. Received: {num_points}.")
    x = layers.Flatten(name="flatten")(features)  # not pooled: where a feature is, is what is asked for
    face = layers.Dense(1, "sigmoid", dtype="float32", name="face")(x)
    points = layers.Dense(2 * num_points, dtype="float32", bias_initializer="zeros", name="points")(x)
    middle = layers.Rescaling(1.0, offset=0.5, dtype="float32", name="from_the_middle")(points)
    return layers.Concatenate(dtype="float32", name="prediction")([face, middle])


@keras.saving.register_keras_serializable("keras_cv_course")
class CoordinatesLoss(keras.losses.Loss):
    """Logistic loss of the face, and the mean absolute error of the coordinates where there is one.

    Args:
        weight: of the coordinates' part.
    """

    def __init__(self, weight: float = 20.0, name: str = "coordinates_loss") -> None:
        super().__init__(name=name, dtype="float32")
        self.weight = weight

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Give the loss (batch,) of predictions (batch, 1 + 2 n) for targets of the same shape."""
        has_face = y_true[:, 0]
        apart = ops.mean(ops.abs(y_pred[:, 1:] - y_true[:, 1:]), axis=-1)
        return keras.losses.binary_crossentropy(y_true[:, :1], y_pred[:, :1]) + self.weight * has_face * apart

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {"weight": self.weight, "name": self.name}


@keras.saving.register_keras_serializable("keras_cv_course")
class HeatmapsLoss(keras.losses.Loss):
    """Cross-entropy of where each point is, over all pixels of its map, for every hourglass; 0 without a face.

    The wanted distribution is a Gaussian around the point. The squared error of the maps, which Bulat and Tzimiropoulos
    take, starts slowly on so few pictures: Gaussians cover so little of a map that a network first learns to give
    zeros.

    Args:
        spread: standard deviation of the Gaussians, pixels of the maps.
    """

    def __init__(self, spread: float = SPREAD, name: str = "heatmaps_loss") -> None:
        super().__init__(name=name, dtype="float32")
        self.spread = spread

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Give the loss (batch,) of logarithms (batch, stacks, height, width, n) for targets (batch, 1 + 2 n)."""
        stacks, height, width, number = y_pred.shape[1:]
        points = ops.reshape(y_true[:, 1:], (-1, number, 2)) * np.array([width, height], np.float32)
        wanted = ops.reshape(encode_heatmaps(points, (height, width), self.spread), (-1, 1, height * width, number))
        wanted = wanted / ops.maximum(ops.sum(wanted, axis=2, keepdims=True), 1e-6)  # nearly 0 for points far outside
        found = ops.log_softmax(ops.reshape(y_pred, (-1, stacks, height * width, number)), axis=2)
        entropy = -ops.sum(wanted * found, axis=2)  # (batch, stacks, n)
        return y_true[:, 0] * ops.sum(ops.mean(entropy, axis=-1), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {"spread": self.spread, "name": self.name}
