"""What a model takes for white: 1, as in the course, or 255, where the scaling is inside the model.

A model with its own preprocessing, as `transfer/` builds it, cannot be fed wrongly: whoever loads it gives it the
pixels as they are in the file. Everything in this package that feeds images to a model asks :func:`white_level` first.
"""

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

# These move pixels and keep their values.
_GEOMETRY = ("Resizing", "CenterCrop", "ZeroPadding2D", "Cropping2D")
# What the preprocess_input of a network of keras.applications becomes in a model: no layers.
_ARITHMETIC = ("TrueDivide", "Divide", "Multiply", "Subtract", "Add")


def white_level(model: keras.Model) -> float:
    """Give the value of a white pixel in the images that `model` takes.

    Returns:
        255.0 for a model that begins with a layer that scales, `Rescaling` or `Normalization`, or with arithmetic, such
        as a `preprocess_input` of Keras; 1.0 for any other. Random augmentation, resizing, cropping and padding before
        it do not count, and nested models are looked into. A model whose scaling layer itself expects 0..1 is not told
        from others.
    """
    for step in _steps(model):
        kind = type(step).__name__
        if isinstance(step, keras.Layer):
            if not (isinstance(step, layers.InputLayer) or kind.startswith("Random") or kind in _GEOMETRY):
                return 255.0 if isinstance(step, layers.Rescaling | layers.Normalization) else 1.0
        elif kind in _ARITHMETIC:
            return 255.0
    return 1.0


def model_pixels(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Turn images uint8 (..., 3) into float32 with the values that `model` takes."""
    pixels = images.astype(np.float32)
    return pixels if white_level(model) == 255 else pixels / 255


def _steps(model: keras.Model) -> Iterator[keras.Operation]:
    """Give layers and operations in the order of the computation, those of nested models in their place."""
    for step in getattr(model, "operations", model.layers):
        if isinstance(step, keras.Model):
            yield from _steps(step)
        else:
            yield step
