"""Weights for models whose numbers are compared."""

import keras
import numpy as np


def with_drawn_weights(model: keras.Model) -> keras.Model:
    """Draw every weight anew, so that each part of a batch norm counts."""
    draw = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "kernel":
            spread = np.sqrt(2 / np.prod(weight.shape[:-1]))
            weight.assign(draw.normal(0, spread, weight.shape))
        elif weight.name in ("gamma", "moving_variance"):
            weight.assign(draw.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(draw.normal(0, 0.3, weight.shape))
    return model
