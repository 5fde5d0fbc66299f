"""The graded functions once more, in NumPy: what the checks compare with.

In NumPy, because then the grader need not import TensorFlow.
"""

from dataclasses import dataclass

import numpy as np

Size = tuple[int, int]  # (height, width)


def corners(image_size: Size, window: Size, stride: int) -> np.ndarray:
    """List the windows that fit: (rows, columns, 2), each (top, left)."""
    counts = [(size - side) // stride + 1 for size, side in zip(image_size, window, strict=True)]
    return np.moveaxis(np.indices(counts), 0, -1) * stride


def waves(crops: np.ndarray, classes: int) -> np.ndarray:
    """Do what the given `classify_by_waves` does."""
    places = np.arange(crops[0].size)[:, None] * np.arange(1, classes + 1)
    return softmax(crops.reshape(len(crops), -1) @ np.cos(0.7 * places))


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Turn logits into probabilities."""
    weights = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(weights / weights.sum(axis=axis, keepdims=True))


def cut(image: np.ndarray, places: np.ndarray, window: Size) -> np.ndarray:
    """Cut windows out: places (..., 2) give (n, height, width, channels)."""
    return np.stack([image[top : top + window[0], left : left + window[1]] for top, left in places.reshape(-1, 2)])


def window_map(image: np.ndarray, window: Size, stride: int, classes: int) -> np.ndarray:
    """Classify every window: (rows, columns, classes)."""
    places = corners(image.shape[:2], window, stride)
    return waves(cut(image, places, window), classes).reshape(*places.shape[:2], classes)


def convolve(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve without padding: (m, rows, columns, channels) with (height, width, channels, filters)."""
    views = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.tensordot(views, kernel, axes=((3, 4, 5), (2, 0, 1)))  # (m, rows, columns, filters)


@dataclass(frozen=True)
class Network:
    """A network like the lecture's, as convolutions.

    Attributes:
        window: of the pictures that it was made for.
        pool: side of the max-pooling.
        weights: kernel and bias of each layer, as Keras has them.
    """

    window: Size
    pool: int
    weights: tuple[np.ndarray, ...]

    @property
    def map_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of what is flattened."""
        size, _, _, filters = self.weights[0].shape
        height, width = ((side - size + 1) // self.pool for side in self.window)
        return height, width, filters

    @property
    def dense(self) -> tuple[np.ndarray, ...]:
        """Kernel and bias of each dense layer."""
        return self.weights[2:]

    def features(self, images: np.ndarray) -> np.ndarray:
        """Give what is flattened, for pictures of any size."""
        x = np.maximum(convolve(images, self.weights[0]) + self.weights[1], 0)
        rows, columns = (length // self.pool for length in x.shape[1:3])
        x = x[:, : rows * self.pool, : columns * self.pool]
        return np.asarray(x.reshape(len(x), rows, self.pool, columns, self.pool, -1).max(axis=(2, 4)))

    def logits(
        self, images: np.ndarray, kernels: list[np.ndarray], *, biases: bool = True, relu: bool = True
    ) -> np.ndarray:
        """Give the logits of every window, with the dense layers' kernels as those of convolutions."""
        x = self.features(images)
        for kernel, bias in zip(kernels, self.dense[1::2], strict=True):
            x = convolve(x, kernel) + bias * biases
            x = np.maximum(x, 0) if relu and kernel is not kernels[-1] else x
        return x

    def kernels(self) -> list[np.ndarray]:
        """Give the dense layers' kernels as those of convolutions."""
        shapes = [self.map_shape, *((1, 1, len(kernel)) for kernel in self.dense[2::2])]
        return [to_kernel(kernel, shape) for kernel, shape in zip(self.dense[::2], shapes, strict=True)]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Give the class probabilities of every window: (m, rows, columns, classes)."""
        return softmax(self.logits(images, self.kernels()))


def to_kernel(weights: np.ndarray, map_shape: tuple[int, int, int]) -> np.ndarray:
    """Give the weights (h * w * c, n) of a dense layer on a flat map as a convolution's kernel (h, w, c, n)."""
    return weights.reshape(*map_shape, -1)


def box_of(row: int, column: int, window: Size, strides: list[int]) -> np.ndarray:
    """Give (x1, y1, x2, y2) of a cell's window."""
    step = np.prod(strides)
    return np.array([column * step, row * step, column * step + window[1], row * step + window[0]], np.float64)


@dataclass(frozen=True)
class Found:
    """Boxes before suppression.

    Attributes:
        scores: (n,).
        boxes: (n, 4), each (x1, y1, x2, y2).
        classes: (n,), whole numbers.
    """

    scores: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


def overlaps(boxes: np.ndarray) -> np.ndarray:
    """Give the IoU (n, n) of all pairs of boxes (n, 4)."""
    sides = np.minimum(boxes[:, None, 2:], boxes[:, 2:]) - np.maximum(boxes[:, None, :2], boxes[:, :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    return np.asarray(shared / (areas[:, None] + areas - shared))


def suppress(
    found: Found, score_threshold: float = 0.6, iou_threshold: float = 0.5, *, per_class: bool = True
) -> np.ndarray:
    """Give the places of the boxes that stay, by falling score."""
    rivals = overlaps(found.boxes) >= iou_threshold
    if per_class:
        rivals &= found.classes[:, None] == found.classes
    kept: list[int] = []
    for place in np.argsort(-found.scores):
        if found.scores[place] > score_threshold and not rivals[place, kept].any():
            kept.append(int(place))
    return np.array(kept, np.int64)
