"""Where in a picture a classifier finds the class: Grad-CAM.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017.
Section 3 weighs each channel of the last feature map by the mean gradient of the class's logit. In front of global
average pooling and one dense layer that gradient is, everywhere, the class's column of the dense kernel divided by
height * width (the paper's proof that Grad-CAM generalizes CAM). With a dense ReLU layer in between, it is the product
of the two kernels without the hidden units that are 0. So nothing needs automatic differentiation here, and every
Keras backend will do.
"""

import keras
import numpy as np
from keras import layers

from keras_cv_course.errors import ModelError

BATCH = 16  # the feature maps of a large model, 7 x 7 x 2048 for one picture, then stay at a few megabytes


def grad_cam(model: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Map how much each place of an image speaks for a class.

    Args:
        model: from images (None, height, width, 3) of a fixed size, through any layers and nested models, to
            GlobalAveragePooling2D, one or two Dense (the first of two with ReLU), and Dropout anywhere among them.
            (h, w) is the size of the map that is pooled.
        inputs: float32 (m, height, width, 3) as the model takes them; m may be 0.
        classes: int (m,), for each image the class that is asked about: 0 .. outputs - 1.

    Returns:
        float32 (m, h, w), for each image 1 at the place that speaks for its class most and 0 where nothing does.
        All 0 where no place speaks for it.

    Raises:
        ModelError: a model with another head or without a fixed size; inputs or classes that are not as described.
    """
    pooling, *dense = _head(model)
    _check(model, dense[-1], inputs, classes)
    to_features = keras.Model(model.inputs[0], pooling.input)
    height, width, channels = pooling.input.shape[1:]
    last_kernel = keras.ops.convert_to_numpy(dense[-1].kernel)  # (channels or hidden units, outputs)

    heat = np.zeros((len(inputs), height, width), np.float32)
    for start in range(0, len(inputs), BATCH):
        batch = slice(start, start + BATCH)
        features = keras.ops.convert_to_numpy(to_features(inputs[batch], training=False)).astype(np.float32)
        features = features.reshape(-1, height * width, channels)
        columns = last_kernel[:, classes[batch]].T  # (batch, channels or hidden units)
        if len(dense) == 2:
            kernel, bias = map(keras.ops.convert_to_numpy, (dense[0].kernel, dense[0].bias))
            active = features.mean(axis=1) @ kernel + bias > 0
            columns = (columns * active) @ kernel.T  # (batch, channels)
        evidence = features @ columns[:, :, None]  # (batch, h * w, 1)
        heat[batch] = np.maximum(evidence, 0).reshape(-1, height, width)
    hottest = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, hottest, out=heat, where=hottest > 0)


def _head(model: keras.Model) -> list[keras.Layer]:
    """Find the pooling and the dense layers that end the model; its layers stand in the order of computing."""
    tail = [layer for layer in model.layers if not isinstance(layer, layers.Dropout)]
    pools = [i for i, layer in enumerate(tail) if isinstance(layer, layers.GlobalAveragePooling2D)]
    tail = tail[pools[-1] :] if pools else tail[-2:]
    if (
        list(map(type, tail)) not in ([layers.GlobalAveragePooling2D, *[layers.Dense] * n] for n in (1, 2))
        or (len(tail) == 3 and not (tail[1].activation is keras.activations.relu and tail[1].use_bias))
        or tail[0].data_format != "channels_last"
        or getattr(model, "output_shape", None) != (None, tail[-1].units)
    ):
        received = ", ".join(type(layer).__name__ for layer in model.layers[-3:]) or "nothing"
        raise ModelError(
            "Grad-CAM needs a model that ends in GlobalAveragePooling2D (channels last) and one or two Dense, the "
            "first of two with ReLU, not inside a nested model, and whose input is known. Received: model "
            f"{model.name!r}, which ends in {received}. Build the model with this head."
        )
    return tail


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
