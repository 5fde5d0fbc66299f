"""What the models of this assignment compute, in NumPy: the right thing, and what typical mistakes give.

The base is the small one of given.py. Weights are looked up by what they are and by their shape, so that they can be
set whatever the submission's layers are called and in whatever order they were made.
"""

from dataclasses import dataclass, field

import numpy as np

FILTERS, CHANNELS, PATCH = 8, 1280, 32  # of the small base
EPSILON = 1e-3  # of Keras's batch norm
BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


@dataclass(frozen=True)
class DrawnWeights:
    """Weights that are drawn: of one kind and shape always the same.

    Attributes:
        seed: that they are drawn from.
        of_head: the kernel of the dense layer, in place of a drawn one.
    """

    seed: int
    of_head: np.ndarray | None = None

    def __call__(self, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        """Give a weight, float32."""
        if kind == "kernel" and self.of_head is not None and shape == self.of_head.shape:
            return self.of_head
        draw = np.random.default_rng([self.seed, *kind.encode(), *shape])
        if kind == "kernel":
            return (draw.normal(size=shape) / np.sqrt(np.prod(shape[:-1]) / 4)).astype(np.float32)
        if kind in ("gamma", "moving_variance"):
            return draw.uniform(0.5, 1.5, shape).astype(np.float32)
        return draw.normal(0.2, 0.2, shape).astype(np.float32)


# What may become of the pixels


def to_minus_one_and_one(pixels: np.ndarray) -> np.ndarray:
    """Scale 0..255 to -1..1, as MobileNetV2 was trained with."""
    return np.asarray(pixels / np.float32(127.5) - 1, np.float32)


def to_zero_and_one(pixels: np.ndarray) -> np.ndarray:
    """Scale 0..255 to 0..1."""
    return np.asarray(pixels / np.float32(255), np.float32)


def unscaled(pixels: np.ndarray) -> np.ndarray:
    """Change nothing."""
    return pixels


def as_for_resnet(pixels: np.ndarray) -> np.ndarray:
    """Turn the colours round and subtract their means, as Keras's ResNet50 and VGG16 were trained with."""
    return pixels[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)


# The classifier


def base_map(x: np.ndarray, weights: DrawnWeights, *, batch_statistics: bool = False) -> np.ndarray:
    """Give what the small base gives, (m, height / 32, width / 32, 1280), for x whose sizes are multiples of 32."""
    m, height, width, _ = x.shape
    rows, columns = height // PATCH, width // PATCH
    patches = x.reshape(m, rows, PATCH, columns, PATCH, 3).swapaxes(2, 3).reshape(m, rows, columns, -1)
    x = patches @ weights("kernel", (PATCH, PATCH, 3, FILTERS)).reshape(-1, FILTERS)
    x = _activated(x, weights, batch_statistics)
    return _activated(x @ weights("kernel", (1, 1, FILTERS, CHANNELS))[0, 0], weights, batch_statistics)


def _activated(x: np.ndarray, weights: DrawnWeights, batch_statistics: bool) -> np.ndarray:
    gamma, beta, mean, variance = (weights(kind, x.shape[-1:]) for kind in BATCH_NORM)
    if batch_statistics:
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return np.clip((x - mean) / np.sqrt(variance + np.float32(EPSILON)) * gamma + beta, 0, 6)


def logits_of(features: np.ndarray, weights: DrawnWeights) -> np.ndarray:
    """Apply the dense layer to features (m, 1280): (m, 1)."""
    return features @ weights("kernel", (CHANNELS, 1)) + weights("bias", (1,))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Squeeze numbers between 0 and 1."""
    return np.asarray(1 / (1 + np.exp(-x)), x.dtype)


# The model to fine-tune


@dataclass(frozen=True)
class SmallModel:
    """The model of `model_to_fine_tune`, in use.

    Attributes:
        blocks: of its base.
        weights: in the order of the model.
    """

    blocks: int
    weights: list[np.ndarray] = field(repr=False)

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        """Give (m, 1) logits for pictures (m, 8, 8, 3) of 0..255."""
        x = to_minus_one_and_one(pixels)
        *body, last, kernel, bias = self.weights
        for block in range(self.blocks):
            convolution, gamma, beta, mean, variance = body[5 * block : 5 * block + 5]
            x = (x @ convolution[0, 0] - mean) / np.sqrt(variance + np.float32(EPSILON)) * gamma + beta
            x = np.maximum(x, 0)
        x = np.maximum(x @ last[0, 0], 0).mean(axis=(1, 2))
        return x @ kernel + bias


def layer_of_weights(blocks: int) -> list[int]:
    """Tell of each weight of that base, in their order, which of `layers` it belongs to."""
    return [3 * block + place for block in range(blocks) for place in (1, 2, 2, 2, 2)] + [3 * blocks + 1]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Give the mean cross-entropy of logits (m, 1), for labels 0 and 1."""
    z = logits.astype(np.float64)
    return float(np.mean(np.logaddexp(0, z) - labels * z))


def cross_entropy_of_probabilities(p: np.ndarray, labels: np.ndarray) -> float:
    """Give the same of probabilities, which Keras keeps from 0 and 1, in float32."""
    smallest = np.float32(1e-7)
    p = np.clip(p, smallest, 1 - smallest)
    return float(-np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p)))
