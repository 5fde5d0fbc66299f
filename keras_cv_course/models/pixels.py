"""What a model takes for white: 1, as in the course, or 255, where the scaling is inside the model.

A model with its own preprocessing cannot be fed wrongly: whoever loads it gives it the pixels as they are in the file.
Everything in this package that feeds images to a model asks :func:`white_level` first.
"""

from collections.abc import Iterator

import keras
from keras import layers

# What the preprocess_input of a network of keras.applications becomes in a model: no layers.
_ARITHMETIC = ("TrueDivide", "Divide", "Multiply", "Subtract", "Add")


def white_level(model: keras.Model) -> float:
    """Give the value of a white pixel in the images that `model` takes.

    Returns:
        255.0 for a model that begins with a layer that scales, `Rescaling` or `Normalization`, or with arithmetic, such
        as a `preprocess_input` of Keras (random augmentation before it does not count, nested models are looked into);
        1.0 for any other.
    """
    for step in _steps(model):
        kind = type(step).__name__
        if isinstance(step, keras.Layer):
            if not isinstance(step, layers.InputLayer) and not kind.startswith("Random"):
                return 255.0 if isinstance(step, layers.Rescaling | layers.Normalization) else 1.0
        elif kind in _ARITHMETIC:
            return 255.0
    return 1.0


def _steps(model: keras.Model) -> Iterator[keras.Operation]:
    """Give layers and operations in the order of the computation, those of nested models in their place."""
    for step in getattr(model, "operations", model.layers):
        if isinstance(step, keras.Model):
            yield from _steps(step)
        else:
            yield step
