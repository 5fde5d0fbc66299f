"""Where in a picture a classifier finds the class: Grad-CAM.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017.
Section 3 weighs each channel of the last feature map by the mean gradient of the class's logit. Behind global average
pooling that gradient is the same everywhere, the one by the pooled feature divided by height * width: so only the few
layers of the head are differentiated, by the backend in use.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from keras_cv_course.errors import ModelError

BATCH = 16  # the feature maps of a large model, 7 x 7 x 2048 for one picture, then stay at a few megabytes


def grad_cam(model: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Map how much each place of an image speaks for a class.

    Args:
        model: from images (None, height, width, 3) of a fixed size, through any layers and nested models, to
            GlobalAveragePooling2D, from there through any layers without nested models to a last Dense. (h, w) is the
            size of the map that is pooled.
        inputs: float32 (m, height, width, 3) as the model takes them; m may be 0.
        classes: int (m,), for each image the class that is asked about: 0 .. outputs - 1.

    Returns:
        float32 (m, h, w), for each image 1 at the place that speaks for its class most and 0 where nothing does.
        All 0 where no place speaks for it.

    Raises:
        ModelError: a model with another head or without a fixed size; inputs or classes that are not as described.
    """
    pooling, dense = _head(model)
    _check(model, dense, inputs, classes)
    to_features = keras.Model(model.inputs[0], pooling.input)
    to_last = keras.Model(pooling.output, dense.input) if dense.input is not pooling.output else None
    height, width, channels = pooling.input.shape[1:]
    kernel = keras.ops.convert_to_numpy(dense.kernel)  # (units, outputs)

    heat = np.zeros((len(inputs), height, width), np.float32)
    for start in range(0, len(inputs), BATCH):
        batch = slice(start, start + BATCH)
        features = keras.ops.convert_to_numpy(to_features(inputs[batch], training=False)).astype(np.float32)
        features = features.reshape(-1, height * width, channels)
        # The gradient of a logit by what the last layer takes is the class's column of its kernel.
        slopes = kernel[:, classes[batch]].T  # (batch, units)
        if to_last is not None:
            slopes = _pull_back(to_last, features.mean(axis=1), slopes)  # (batch, channels)
        evidence = features @ slopes[:, :, None]  # (batch, h * w, 1)
        heat[batch] = np.maximum(evidence, 0).reshape(-1, height, width)
    hottest = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, hottest, out=heat, where=hottest > 0)


def _pull_back(model: keras.Model, inputs: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Give the gradient of the sum of slopes * outputs by a model's inputs, with the backend's own differentiation."""

    def weighted(x: Any) -> Any:
        return keras.ops.sum(keras.ops.multiply(model(x, training=False), slopes))

    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            x = tf.convert_to_tensor(inputs)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = weighted(x)
            gradient = tape.gradient(y, x)
        case "jax":
            import jax

            gradient = jax.grad(weighted)(keras.ops.convert_to_tensor(inputs))
        case "torch":
            x = keras.ops.convert_to_tensor(inputs).requires_grad_()
            weighted(x).backward()
            gradient = x.grad
        case other:
            raise ModelError(f"Grad-CAM needs Keras on tensorflow, jax or torch. Received: {other}.")
    return keras.ops.convert_to_numpy(gradient)


def _head(model: keras.Model) -> tuple[keras.Layer, keras.Layer]:
    """Find the pooling and the dense layer that ends the model; its layers stand in the order of computing."""
    pools = [i for i, layer in enumerate(model.layers) if isinstance(layer, layers.GlobalAveragePooling2D)]
    tail = model.layers[pools[-1] :] if pools else []
    if (
        len(tail) < 2
        or not isinstance(tail[-1], layers.Dense)
        or any(isinstance(layer, keras.Model) for layer in tail)
        or tail[0].data_format != "channels_last"
        or tail[0].keepdims
        or getattr(model, "output_shape", None) != (None, tail[-1].units)
    ):
        received = ", ".join(type(layer).__name__ for layer in model.layers[-3:]) or "nothing"
        raise ModelError(
            "Grad-CAM needs a model that ends in GlobalAveragePooling2D (channels last) and, layers without images "
            "between them, a Dense, not inside a nested model, and whose input is known. Received: model "
            f"{model.name!r}, which ends in {received}. Build the model with this head."
        )
    return tail[0], tail[-1]


def _check(model: keras.Model, dense: keras.Layer, inputs: np.ndarray, classes: np.ndarray) -> None:
    taken = model.input_shape
    if len(taken) != 4 or None in taken[1:] or taken[3] != 3:
        raise ModelError(
            f"Grad-CAM needs a model of images (None, height, width, 3) of a fixed size. Received: model "
            f"{model.name!r} of {taken}. Build it with the size of the images."
        )
    if inputs.dtype != np.float32 or inputs.ndim != 4 or inputs.shape[1:] != taken[1:]:
        raise ModelError(
            f"Grad-CAM of {model.name!r} needs inputs float32 (m, {taken[1]}, {taken[2]}, 3), in the range of values "
            f"that the model takes. Received: {inputs.dtype} {inputs.shape}."
        )
    if not np.issubdtype(classes.dtype, np.integer) or classes.shape != inputs.shape[:1]:
        raise ModelError(
            f"Grad-CAM of {len(inputs)} images needs one class for each, int ({len(inputs)},). "
            f"Received: {classes.dtype} {classes.shape}."
        )
    others = classes[(classes < 0) | (classes >= dense.units)]
    if len(others):
        raise ModelError(
            f"Grad-CAM of {model.name!r} needs classes from 0 to {dense.units - 1}. "
            f"Received: {len(others)} others, such as {others[0]}."
        )
