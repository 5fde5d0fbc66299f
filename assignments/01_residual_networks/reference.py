"""The blocks and the network once more, in NumPy: what the checks compare with, and what typical mistakes give.

Weights are looked up by what they are and by their shape alone. So the same weights can be set in a submission's model,
whatever its layers are called and in whatever order they were made, and a mistake is the same network with one thing
changed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Weight = tuple[str, tuple[int, ...]]  # what it is, such as "kernel", and its shape
Weights = Callable[[str, tuple[int, ...]], np.ndarray]

BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
EPSILON = 1e-3  # of Keras's batch norm


# Weights


class DrawnWeights:
    """Weights that are drawn: of one kind and shape always the same.

    Args:
        draw: what they are drawn from.
    """

    def __init__(self, draw: np.random.Generator) -> None:
        self._seed = int(draw.integers(2**63))
        self._drawn: dict[Weight, np.ndarray] = {}

    def __call__(self, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        """Give a weight, float32; its size is such that signals neither die nor explode in 50 layers."""
        if (kind, shape) not in self._drawn:
            draw = np.random.default_rng([self._seed, *kind.encode(), *shape])
            numbers = draw.standard_normal(shape, np.float32)
            if kind == "kernel":
                # Sums of 0: else what all positions of all images share drowns what sets them apart.
                numbers -= numbers.mean(axis=tuple(range(len(shape) - 1)))
                numbers *= np.float32(np.sqrt(1 / np.prod(shape[:-1])))
            elif kind in ("gamma", "moving_variance"):
                numbers = draw.uniform(0.5, 1.5, shape).astype(np.float32)
            else:
                numbers *= np.float32(0.2)
            self._drawn[kind, shape] = numbers
        return self._drawn[kind, shape]


def initial_weights(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Give the weights of layers that are new, where `Waves` of given.py makes the kernels."""
    if kind == "kernel":
        return np.sin(np.arange(np.prod(shape))).reshape(shape).astype(np.float32)
    return np.full(shape, 1 if kind in ("gamma", "moving_variance") else 0, np.float32)


def count_weights(forward: Callable[[Weights], np.ndarray]) -> Counter[Weight]:
    """Count the weights that a forward pass uses."""
    used: Counter[Weight] = Counter()

    def zeros(kind: str, shape: tuple[int, ...]) -> np.ndarray:
        used[kind, shape] += 1
        return np.zeros(shape, np.float32)

    forward(zeros)
    return used


# Layers, on (m, height, width, channels)


def convolve(
    x: np.ndarray, weights: Weights, filters: int, size: int, stride: int = 1, *, padded: bool = True
) -> np.ndarray:
    """Convolve, with as many zeros around as keep the size, divided by the stride and rounded up; or with none."""
    kernel, bias = weights("kernel", (size, size, x.shape[-1], filters)), weights("bias", (filters,))
    if padded:
        missing = [max((-(-length // stride) - 1) * stride + size - length, 0) for length in x.shape[1:3]]
        x = np.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in missing), (0, 0)))
    height, width = ((length - size) // stride + 1 for length in x.shape[1:3])
    result = np.broadcast_to(bias, (len(x), height, width, filters)).copy()
    for row in range(size):
        for column in range(size):
            part = x[
                :, row : row + stride * (height - 1) + 1 : stride, column : column + stride * (width - 1) + 1 : stride
            ]
            result += part @ kernel[row, column]
    return result


def normalize(x: np.ndarray, weights: Weights, training: bool, epsilon: float = EPSILON) -> np.ndarray:
    """Apply batch norm, with the batch's own statistics in training."""
    gamma, beta, mean, variance = (weights(kind, x.shape[-1:]) for kind in BATCH_NORM)
    if training:
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return (x - mean) / np.sqrt(variance + np.float32(epsilon)) * gamma + beta


def relu(x: np.ndarray) -> np.ndarray:
    """Apply ReLU."""
    return np.maximum(x, 0)


def pool(x: np.ndarray, size: int, stride: int, reduce: Callable[..., np.ndarray]) -> np.ndarray:
    """Pool windows that lie wholly inside."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return reduce(windows, axis=(-2, -1))


# Blocks


@dataclass(frozen=True)
class Block:
    """A residual block; the defaults are the right ones, and a mistake changes one of them.

    Attributes:
        size: of the middle kernel.
        filters: of the three convolutions.
        stride: 1 for none.
        projects: whether the shortcut has a convolution and a batch norm.
        strides: of the three convolutions; None for the stride in the first.
        activated: which of the first two convolutions have a ReLU.
        activated_first: whether their ReLUs come before their batch norms.
        join: how main path and shortcut come together.
        shortcut_activated: whether the shortcut has a ReLU.
        last_activated: whether there is a ReLU at the end.
        epsilon: of the batch norms.
    """

    size: int
    filters: tuple[int, int, int]
    stride: int = 1
    projects: bool = False
    strides: tuple[int, int, int] | None = None
    activated: tuple[bool, bool] = (True, True)
    activated_first: bool = False
    join: Literal["added", "main alone", "main twice", "before the batch norm", "after a ReLU"] = "added"
    shortcut_activated: bool = False
    last_activated: bool = True
    epsilon: float = EPSILON

    def __call__(self, x: np.ndarray, weights: Weights, training: bool) -> np.ndarray:
        """Apply the block."""
        shortcut = x
        if self.projects:
            shortcut = normalize(convolve(x, weights, self.filters[2], 1, self.stride), weights, training, self.epsilon)
        if self.shortcut_activated:
            shortcut = relu(shortcut)
        strides = self.strides or (self.stride, 1, 1)
        for filters, size, stride, activated in zip(
            self.filters[:2], (1, self.size), strides[:2], self.activated, strict=True
        ):
            x = convolve(x, weights, filters, size, stride)
            if self.activated_first:
                x = normalize(relu(x), weights, training, self.epsilon)
            else:
                x = normalize(x, weights, training, self.epsilon)
                x = relu(x) if activated else x
        x = convolve(x, weights, self.filters[2], 1, strides[2])
        if self.join == "before the batch norm":
            x = normalize(x + shortcut, weights, training, self.epsilon)
        else:
            x = normalize(x, weights, training, self.epsilon)
            x = relu(x) if self.join == "after a ReLU" else x
            x = x + {"main alone": 0, "main twice": x}.get(self.join, shortcut)
        return relu(x) if self.last_activated else x


# The network


@dataclass(frozen=True)
class Network:
    """The ResNet of 50 layers; the defaults are the right ones, and a mistake changes one of them.

    Attributes:
        classes: number of outputs.
        zeros: around the image, before the first convolution.
        first_padded: whether the first convolution pads, too.
        first_activated: whether a ReLU follows it.
        first_pool: what reduces 3x3 windows after it; None for no pooling.
        counts: of the blocks in stages 2 to 5.
        strides: of these stages.
        last_pool: what reduces 2x2 windows at the end; None for no pooling.
        activation: of the outputs.
    """

    classes: int
    zeros: int = 3
    first_padded: bool = False
    first_activated: bool = True
    first_pool: Callable[..., np.ndarray] | None = np.max
    counts: tuple[int, ...] = (3, 4, 6, 3)
    strides: tuple[int, ...] = (1, 2, 2, 2)
    last_pool: Callable[..., np.ndarray] | None = np.mean
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"

    def __call__(self, x: np.ndarray, weights: Weights, training: bool) -> np.ndarray:
        """Give the outputs (m, classes)."""
        x = np.pad(x, ((0, 0), (self.zeros, self.zeros), (self.zeros, self.zeros), (0, 0)))
        x = normalize(convolve(x, weights, 64, 7, 2, padded=self.first_padded), weights, training)
        x = relu(x) if self.first_activated else x
        x = x if self.first_pool is None else pool(x, 3, 2, self.first_pool)
        for stage, (count, stride) in enumerate(zip(self.counts, self.strides, strict=True)):
            width = 64 * 2**stage
            for number in range(count):
                filters = (width, width, 4 * width)
                block = Block(3, filters) if number else Block(3, filters, stride, projects=True)
                x = block(x, weights, training)
        x = x if self.last_pool is None else pool(x, 2, 2, self.last_pool)
        x = x.reshape(len(x), -1)
        x = x @ weights("kernel", (x.shape[-1], self.classes)) + weights("bias", (self.classes,))
        if self.activation == "softmax":
            x = np.exp(x - x.max(axis=-1, keepdims=True))
            return x / x.sum(axis=-1, keepdims=True)
        return 1 / (1 + np.exp(-x)) if self.activation == "sigmoid" else x
