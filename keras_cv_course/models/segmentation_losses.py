"""Losses of a class for every pixel; pixels that count nowhere are left out of all of them.

All take class maps (m, h, w), integers below the number of classes or `IGNORED`, and logits (m, h, w, classes), and
give one number for the batch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.errors import ModelError
from keras_cv_course.models.fused import fused

_GAMMA = 2.0  # of the focal loss, as in its paper
_SMOOTH = 1.0  # pixel
_LEAST = 1e-7  # of 1 - p, since a power below 1 has no gradient at 0, and of what is divided by


def cross_entropy_loss(class_maps: Any, logits: Any, class_weights: Sequence[float] | None = None) -> Any:
    """Give the mean cross-entropy of the pixels that count; 0 where none does.

    Args:
        class_maps: (m, h, w).
        logits: (m, h, w, classes).
        class_weights: how much a pixel of each class counts in the mean, 0 or more; None for all alike.
    """
    return _cross_entropy(_compare(class_maps, logits, class_weights))


def focal_loss(
    class_maps: Any, logits: Any, gamma: float = _GAMMA, class_weights: Sequence[float] | None = None
) -> Any:
    """Give the mean cross-entropy, each pixel's times (1 - p) ** gamma with p the probability of its class.

    What is sure already counts little, so that the few hard pixels are not lost among many easy ones (Lin et al.,
    "Focal loss for dense object detection", 2017).

    Args:
        class_maps: (m, h, w).
        logits: (m, h, w, classes).
        gamma: 0 or more; 0 gives :func:`cross_entropy_loss`.
        class_weights: as there.
    """
    return _focal(_compare(class_maps, logits, class_weights), gamma)


def dice_loss(class_maps: Any, logits: Any) -> Any:
    """Give 1 minus the Dice coefficient of the probabilities with the truth, the mean of the classes that are there.

    The coefficient of a class is 2 sum(p t) / (sum(p) + sum(t)) over all pixels of the batch, one pixel added above and
    below: small classes weigh as much as large ones (Milletari et al., "V-Net", 2016, section 3). Classes of which the
    batch has no pixel are left out, for they would only teach never to name what is rare. 0 where no pixel counts.
    """
    return _dice(_compare(class_maps, logits))


@keras.saving.register_keras_serializable(package="keras_cv_course")
class SegmentationLoss(keras.losses.Loss):
    """A sum of the three losses, each with its weight.

    Args:
        cross_entropy: weight of :func:`cross_entropy_loss`.
        dice: weight of :func:`dice_loss`.
        focal: weight of :func:`focal_loss`.
        class_weights: how much a pixel of each class counts in the first and the last of them; None for all alike.

    Raises:
        ModelError: a negative weight, or none above 0.
    """

    def __init__(
        self,
        cross_entropy: float = 1.0,
        dice: float = 1.0,
        focal: float = 0.0,
        class_weights: Sequence[float] | None = None,
        name: str = "segmentation_loss",
    ) -> None:
        super().__init__(name=name)
        weights = {"cross_entropy": cross_entropy, "dice": dice, "focal": focal}
        if min(weights.values()) < 0 or not any(weights.values()):
            raise ModelError(f"Expected weights of losses, 0 or more, one at least above 0. Received: {weights}.")
        if class_weights is not None and (min(class_weights) < 0 or not any(class_weights)):
            raise ModelError(f"Expected class_weights, 0 or more, one at least above 0. Received: {class_weights}.")
        self.weights = weights
        self.class_weights = None if class_weights is None else tuple(map(float, class_weights))
        self._fused_sum = fused(self._sum)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Give the loss of the batch, (1,); the arguments are class maps and logits.

        Keras takes the mean of it, and with several devices each one's share: of a scalar it would take the whole.
        """
        return ops.reshape(self._fused_sum(y_true, y_pred), (1,))

    def _sum(self, y_true: Any, y_pred: Any) -> Any:
        losses = {"cross_entropy": _cross_entropy, "dice": _dice, "focal": _focal}
        pixels = _compare(
            y_true, y_pred, self.class_weights
        )  # once for all of them: it takes longer than what each makes of it
        return sum(weight * losses[name](pixels) for name, weight in self.weights.items() if weight)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {**self.weights, "class_weights": self.class_weights, "name": self.name}


def balanced_weights(class_maps: np.ndarray, classes: int, balance: float) -> tuple[float, ...]:
    """Give class weights that let rare classes count more.

    Args:
        class_maps: (m, h, w), of the training; not empty.
        classes: their number.
        balance: 0 or more. A pixel weighs its class's share of all pixels, to the power of minus `balance`: with 0 all
            pixels weigh the same, with 1 all classes do.

    Returns:
        A weight for each class, 1 in the mean of the pixels; 0 for a class without any.
    """
    numbers = np.zeros(classes, np.int64)
    for class_map in class_maps:  # one by one: they may be mapped from a file
        numbers += np.bincount(class_map.reshape(-1), minlength=IGNORED + 1)[:classes]
    shares = numbers / max(1, numbers.sum())
    weights = np.where(numbers > 0, np.maximum(shares, _LEAST) ** -balance, 0)
    return tuple((weights / max(_LEAST, (weights * shares).sum())).tolist())


class _Pixels(NamedTuple):
    """Truth and answer."""

    weights: Any  # (m, h, w), of each pixel in a mean; 0 where it does not count
    counts: Any  # (m, h, w), 1 or 0
    targets: Any  # (m, h, w, classes), 1 at the true class, zeros where a pixel does not count
    log_p: Any  # (m, h, w, classes), the logarithm of each class's probability


def _compare(class_maps: Any, logits: Any, class_weights: Sequence[float] | None = None) -> _Pixels:
    class_maps = ops.cast(class_maps, "int32")
    counted = class_maps != IGNORED
    targets = ops.one_hot(ops.where(counted, class_maps, -1), logits.shape[-1], dtype="float32")
    counts = ops.cast(counted, "float32")
    weights = counts
    if class_weights is not None:
        if len(class_weights) != logits.shape[-1]:
            raise ModelError(
                f"Expected a class weight for each of {logits.shape[-1]} classes. Received: {class_weights}."
            )
        weights = ops.sum(targets * ops.convert_to_tensor(class_weights, "float32"), axis=-1)
    return _Pixels(weights, counts, targets, ops.log_softmax(ops.cast(logits, "float32")))


def _cross_entropy(pixels: _Pixels) -> Any:
    return _mean(-ops.sum(pixels.targets * pixels.log_p, axis=-1), pixels.weights)


def _focal(pixels: _Pixels, gamma: float = _GAMMA) -> Any:
    log_p = ops.sum(pixels.targets * pixels.log_p, axis=-1)  # of the true class, (m, h, w)
    return _mean(-ops.power(ops.maximum(1 - ops.exp(log_p), _LEAST), gamma) * log_p, pixels.weights)


def _dice(pixels: _Pixels) -> Any:
    said = ops.exp(pixels.log_p)
    both = ops.sum(said * pixels.targets, axis=(0, 1, 2))  # (classes,)
    there = ops.sum(pixels.targets, axis=(0, 1, 2))
    either = ops.sum(said * pixels.counts[..., None], axis=(0, 1, 2)) + there
    return _mean(1 - (2 * both + _SMOOTH) / (either + _SMOOTH), ops.cast(there > 0, "float32"))


def _mean(values: Any, weights: Any) -> Any:
    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), _LEAST)
