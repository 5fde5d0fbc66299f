"""The blocks, the network and the measures once more, in NumPy: what the checks compare with.

Weights are looked up by what they are and by their shape alone. So the same weights can be set in a submission's model,
whatever its layers are called and in whatever order they were made, and a mistake is the same network with one thing
changed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Weight = tuple[str, tuple[int, ...]]  # what it is, such as "kernel", and its shape
Weights = Callable[[str, tuple[int, ...]], np.ndarray]

IGNORED = 255  # a pixel of a class map that counts nowhere
DROPOUT = 0.3  # of the two lowest levels
LEVELS = 5


# Class maps


def class_map(masks: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    """Give the class map (h, w), uint8, of masks (n, h, w): the smaller lies over the larger."""
    return paint(masks, class_ids, np.argsort([-mask.sum() for mask in masks], kind="stable"))


def paint(masks: np.ndarray, class_ids: np.ndarray, order: np.ndarray | list[int], first: int = 1) -> np.ndarray:
    """Paint masks one over the other, each with `first` + its class."""
    painted = np.zeros(masks.shape[1:], np.uint8)
    for number in order:
        painted[masks[number]] = first + class_ids[number]
    return painted


def overlaps(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the pixels of each class that both maps have, that the truth has and that the prediction has."""
    counted = y_true != IGNORED
    true, predicted = y_true[counted], y_pred[counted]
    both = np.bincount(true[true == predicted], minlength=n_classes)[:n_classes]
    return both, np.bincount(true, minlength=n_classes), np.bincount(predicted, minlength=n_classes)[:n_classes]


def mean_iou(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> float:
    """Give the mean, over the classes that are in a map, of intersection over union."""
    both, true, predicted = overlaps(y_true, y_pred, n_classes)
    union = true + predicted - both
    return float((both[union > 0] / union[union > 0]).mean())


def dice(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Give the Dice coefficient of each picture, (m,), with 1 above and below."""
    true, predicted = y_true.astype(np.float64), y_pred.astype(np.float64)
    shared, sizes = (true * predicted).sum(axis=(1, 2)), true.sum(axis=(1, 2)) + predicted.sum(axis=(1, 2))
    return np.asarray((2 * shared + 1) / (sizes + 1))


def dice_gradient(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Give the gradient of the sum of the Dice coefficients with respect to the prediction."""
    sizes = (y_true + y_pred).astype(np.float64).sum(axis=(1, 2), keepdims=True) + 1
    shared = (y_true * y_pred).astype(np.float64).sum(axis=(1, 2), keepdims=True)
    return np.asarray(2 * y_true / sizes - (2 * shared + 1) / sizes**2)


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
        """Give a weight, float32; its size is such that signals neither die nor explode on their way."""
        if (kind, shape) not in self._drawn:
            numbers = np.random.default_rng([self._seed, *kind.encode(), *shape]).standard_normal(shape, np.float32)
            size = np.sqrt(2 / np.prod(shape[:-1])) if kind == "kernel" else 0.2
            self._drawn[kind, shape] = numbers * np.float32(size)
        return self._drawn[kind, shape]


def count_weights(forward: Callable[[Weights], object]) -> Counter[Weight]:
    """Count the weights that a forward pass uses."""
    used: Counter[Weight] = Counter()

    def zeros(kind: str, shape: tuple[int, ...]) -> np.ndarray:
        used[kind, shape] += 1
        return np.zeros(shape, np.float32)

    forward(zeros)
    return used


# Layers, on (m, height, width, channels)


def relu(x: np.ndarray) -> np.ndarray:
    """Apply ReLU."""
    return np.maximum(x, 0)


def convolve(x: np.ndarray, weights: Weights, filters: int, size: int = 3, *, activated: bool = True) -> np.ndarray:
    """Convolve with as many zeros around as keep the size; then ReLU, unless it is not `activated`."""
    kernel, bias = weights("kernel", (size, size, x.shape[-1], filters)), weights("bias", (filters,))
    height, width = x.shape[1:3]
    padded = np.pad(x, ((0, 0), ((size - 1) // 2, size // 2), ((size - 1) // 2, size // 2), (0, 0)))
    result = np.broadcast_to(bias, (len(x), height, width, filters)).copy()
    for row in range(size):
        for column in range(size):
            result += padded[:, row : row + height, column : column + width] @ kernel[row, column]
    return relu(result) if activated else result


def convolve_transposed(x: np.ndarray, weights: Weights, filters: int, size: int = 3) -> np.ndarray:
    """Convolve transposed with a stride of 2: each position writes a patch, and twice the size is left."""
    kernel, bias = weights("kernel", (size, size, filters, x.shape[-1])), weights("bias", (filters,))
    height, width = x.shape[1:3]
    result = np.zeros((len(x), 2 * height + size - 1, 2 * width + size - 1, filters), np.float32)
    for row in range(size):
        for column in range(size):
            written = x @ kernel[row, column].T
            result[:, row : row + 2 * height : 2, column : column + 2 * width : 2] += written
    cut = (size - 2) // 2
    return result[:, cut : cut + 2 * height, cut : cut + 2 * width] + bias


def pool(x: np.ndarray, reduce: Callable[..., np.ndarray] = np.max) -> np.ndarray:
    """Pool windows of 2x2, one beside the other."""
    count, height, width, channels = x.shape
    windows = x[:, : height // 2 * 2, : width // 2 * 2].reshape(count, height // 2, 2, width // 2, 2, channels)
    return np.asarray(reduce(windows, axis=(2, 4)))


# Blocks and network, without dropout: in use it does nothing


@dataclass(frozen=True)
class Down:
    """A level of the way down; the defaults are the right ones, and a mistake changes one of them.

    Attributes:
        filters: of both convolutions.
        pooled: whether the map is pooled for the next level.
        activated: which of the convolutions have a ReLU.
        size: of their kernels.
        count: of convolutions.
        reduce: what reduces windows of 2x2.
    """

    filters: int
    pooled: bool = True
    activated: tuple[bool, bool] = (True, True)
    size: int = 3
    count: int = 2
    reduce: Callable[..., np.ndarray] = np.max

    def __call__(self, x: np.ndarray, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        """Give what the next level gets, and what goes across."""
        for activated in self.activated[: self.count]:
            x = convolve(x, weights, self.filters, self.size, activated=activated)
        return (pool(x, self.reduce) if self.pooled else x), x


@dataclass(frozen=True)
class Up:
    """A level of the way up; the defaults are the right ones, and a mistake changes one of them.

    Attributes:
        filters: of all three convolutions.
        order: in which the two maps are joined.
        activated: which of the two convolutions have a ReLU.
        count: of convolutions after the transposed one.
        transposed_activated: whether the transposed one has a ReLU.
        transposed_size: of its kernel.
    """

    filters: int
    order: Literal["up first", "across first", "up alone", "added"] = "up first"
    activated: tuple[bool, bool] = (True, True)
    count: int = 2
    transposed_activated: bool = False
    transposed_size: int = 3

    def __call__(self, below: np.ndarray, across: np.ndarray, weights: Weights) -> np.ndarray:
        """Give the map of this level."""
        up = convolve_transposed(below, weights, self.filters, self.transposed_size)
        up = relu(up) if self.transposed_activated else up
        if self.order == "added":
            x = up + across
        else:
            x = np.concatenate({"up first": [up, across], "across first": [across, up]}.get(self.order, [up]), axis=-1)
        for activated in self.activated[: self.count]:
            x = convolve(x, weights, self.filters, activated=activated)
        return x


@dataclass(frozen=True)
class Network:
    """A U-Net; the defaults are the right ones, and a mistake changes one of them.

    Attributes:
        filters: of the highest level.
        classes: number of outputs for each pixel.
        widths: of the five levels, as multiples of `filters`.
        order: in which each level joins its two maps.
        last_block: whether there is a convolution between the highest level and the outputs.
        last_activated: whether it has a ReLU.
        last_size: of the outputs' kernel.
        activation: of the outputs.
    """

    filters: int
    classes: int
    widths: tuple[int, ...] = (1, 2, 4, 8, 16)
    order: Literal["up first", "across first", "up alone"] = "up first"
    last_block: bool = True
    last_activated: bool = True
    last_size: int = 1
    activation: Literal["none", "softmax", "sigmoid", "relu"] = "none"

    def __call__(self, x: np.ndarray, weights: Weights) -> np.ndarray:
        """Give the outputs (m, height, width, classes)."""
        widths = [width * self.filters for width in self.widths]
        crossing = []
        for width in widths[:-1]:
            x, across = Down(width)(x, weights)
            crossing.append(across)
        x, _ = Down(widths[-1], pooled=False)(x, weights)
        for width, across in zip(widths[-2::-1], crossing[::-1], strict=True):
            x = Up(width, self.order)(x, across, weights)
        if self.last_block:
            x = convolve(x, weights, self.filters, activated=self.last_activated)
        x = convolve(x, weights, self.classes, self.last_size, activated=self.activation == "relu")
        if self.activation == "softmax":
            x = np.exp(x - x.max(axis=-1, keepdims=True))
            return np.asarray(x / x.sum(axis=-1, keepdims=True))
        return 1 / (1 + np.exp(-x)) if self.activation == "sigmoid" else x


def with_other_order(network: Network) -> Network:
    """Give the network that joins its maps the other way round, which is as good."""
    return replace(network, order="across first")
