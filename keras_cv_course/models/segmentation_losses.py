"""Losses of a class for every pixel; pixels that count nowhere are left out of all of them.

All take class maps (m, h, w), integers below the number of classes or `IGNORED`, and logits (m, h, w, classes), and
give one number for the batch.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.errors import ModelError

_GAMMA = 2.0  # of the focal loss, as in its paper
_SMOOTH = 1.0  # pixel; of a class that is nowhere, nothing said is all right
_LEAST = 1e-7  # of 1 - p: a power below 1 has no gradient at 0


def cross_entropy_loss(class_maps: Any, logits: Any) -> Any:
    """Give the mean cross-entropy of the pixels that count; 0 where none does."""
    return _cross_entropy(_compare(class_maps, logits))


def focal_loss(class_maps: Any, logits: Any, gamma: float = _GAMMA) -> Any:
    """Give the mean cross-entropy, each pixel's times (1 - p) ** gamma with p the probability of its class.

    What is sure already counts little, so that the few hard pixels are not lost among many easy ones (Lin et al.,
    "Focal loss for dense object detection", 2017).

    Args:
        class_maps: (m, h, w).
        logits: (m, h, w, classes).
        gamma: 0 or more; 0 gives :func:`cross_entropy_loss`.
    """
    return _focal(_compare(class_maps, logits), gamma)


def dice_loss(class_maps: Any, logits: Any) -> Any:
    """Give 1 minus the Dice coefficient of the probabilities with the truth, the mean of the classes.

    The coefficient of a class is 2 sum(p t) / (sum(p) + sum(t)) over all pixels of the batch, one pixel added above and
    below: small classes weigh as much as large ones (Milletari et al., "V-Net", 2016, section 3).
    """
    return _dice(_compare(class_maps, logits))


@keras.saving.register_keras_serializable(package="keras_cv_course")
class SegmentationLoss(keras.losses.Loss):
    """A sum of the three losses, each with its weight.

    Args:
        cross_entropy: weight of :func:`cross_entropy_loss`.
        dice: weight of :func:`dice_loss`.
        focal: weight of :func:`focal_loss`.

    Raises:
        ModelError: a negative weight, or none above 0.
    """

    def __init__(
        self, cross_entropy: float = 1.0, dice: float = 1.0, focal: float = 0.0, name: str = "segmentation_loss"
    ) -> None:
        super().__init__(name=name)
        weights = {"cross_entropy": cross_entropy, "dice": dice, "focal": focal}
        if min(weights.values()) < 0 or not any(weights.values()):
            raise ModelError(f"Expected weights of losses, 0 or more, one at least above 0. Received: {weights}.")
        self.weights = weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Give the loss of the batch; the arguments are class maps and logits."""
        losses = {"cross_entropy": _cross_entropy, "dice": _dice, "focal": _focal}
        pixels = _compare(y_true, y_pred)  # once for all of them: it takes longer than what each makes of it
        return sum(weight * losses[name](pixels) for name, weight in self.weights.items() if weight)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {**self.weights, "name": self.name}


class _Pixels(NamedTuple):
    """Truth and answer."""

    counts: Any  # (m, h, w), 1 or 0
    targets: Any  # (m, h, w, classes), 1 at the true class, zeros where a pixel does not count
    log_p: Any  # (m, h, w, classes), the logarithm of each class's probability


def _compare(class_maps: Any, logits: Any) -> _Pixels:
    class_maps = ops.cast(class_maps, "int32")
    counts = class_maps != IGNORED
    targets = ops.one_hot(ops.where(counts, class_maps, -1), logits.shape[-1], dtype="float32")
    return _Pixels(ops.cast(counts, "float32"), targets, ops.log_softmax(ops.cast(logits, "float32")))


def _cross_entropy(pixels: _Pixels) -> Any:
    return _mean(-ops.sum(pixels.targets * pixels.log_p, axis=-1), pixels.counts)


def _focal(pixels: _Pixels, gamma: float = _GAMMA) -> Any:
    log_p = ops.sum(pixels.targets * pixels.log_p, axis=-1)  # of the true class, (m, h, w)
    return _mean(-ops.power(ops.maximum(1 - ops.exp(log_p), _LEAST), gamma) * log_p, pixels.counts)


def _dice(pixels: _Pixels) -> Any:
    said = ops.exp(pixels.log_p)
    both = ops.sum(said * pixels.targets, axis=(0, 1, 2))  # (classes,)
    either = ops.sum(said * pixels.counts[..., None], axis=(0, 1, 2)) + ops.sum(pixels.targets, axis=(0, 1, 2))
    return 1 - ops.mean((2 * both + _SMOOTH) / (either + _SMOOTH))


def _mean(values: Any, counts: Any) -> Any:
    return ops.sum(values * counts) / ops.maximum(ops.sum(counts), 1)
