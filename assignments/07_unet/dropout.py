"""Sees a dropout by what it does: numbers become 0 in training, and the others grow."""

from typing import Any

import numpy as np

from keras_cv_course.grading import Subject, compare

from .blocks import CLOSE, DownCase
from .reference import DrawnWeights
from .weights import set_weights

_SHARE_TOLERANCE = 0.06  # of some thousand numbers, how far a share may be off: more than five standard deviations
_POSITIVE = 0.05  # what a ReLU gave counts from here on, so that a ratio is exact
_ELSEWHERE = (
    "In training the numbers are not what a dropout of the second convolution's gives: each is 0, or its value in use "
    "divided by 1 - dropout_prob. Dropout(dropout_prob) comes after both convolutions, before the pooling."
)


def see_dropout(subject: Subject, draw: np.random.Generator, case: DownCase, rate: float) -> None:
    """See that dropout works on what the second convolution gives, in training alone, and with the right rate.

    Raises:
        compare.Wrong: it does not.
    """
    below, across = case.build(subject, dropout_prob=rate)
    weights, x = DrawnWeights(draw), draw.normal(0, 1, (12, *case.shape)).astype(np.float32)
    pooled, whole = case.block(x, weights)
    for model in (below, across):
        set_weights(subject, model, weights)
    compare.close(subject.predict(across, x), whole, "skip_connection in use", **CLOSE)
    in_training = subject.predict(below, x, training=True)
    _see_skip(_ratios(subject.predict(across, x, training=True), whole), _ratios(in_training, pooled), rate)
    if np.allclose(_ratios(in_training, pooled), 1, rtol=1e-3):
        raise compare.Wrong("next_layer has no dropout: what is pooled is what the dropout gives.")
    if not _comes_from(in_training.values, whole / (1 - rate)):
        raise compare.Wrong(f"next_layer in training: {_ELSEWHERE}")


def _see_skip(across: np.ndarray, below: np.ndarray, rate: float) -> None:
    """See that what goes across was dropped; both are ratios to the values in use."""
    if np.allclose(across, 1, rtol=1e-3):
        raise compare.Wrong(
            "There is no dropout in training: Dropout(dropout_prob) after the second convolution."
            if np.allclose(below, 1, rtol=1e-3)
            else "skip_connection has no dropout: the dropout comes before the pooling, and skip_connection after it."
        )
    received = _rate(across)
    if received is None:
        raise compare.Wrong(f"skip_connection in training: {_ELSEWHERE}")
    if abs(received - rate) > _SHARE_TOLERANCE:
        is_kept = abs(1 - rate - received) <= _SHARE_TOLERANCE
        raise compare.Wrong(
            f"{'dropout_prob is the share that is dropped, not the one that is kept.' + chr(10) if is_kept else ''}The "
            f"share of numbers that become 0 in training: expected dropout_prob={rate:.2f}. Received: {received:.2f}."
        )


def _ratios(received: Any, right: np.ndarray) -> np.ndarray:
    """Give what was received, as parts of the right values, where these are not about 0."""
    values = getattr(received, "values", None)
    if not isinstance(values, np.ndarray) or values.shape != right.shape:
        compare.close(received, right, "conv_block")
    return np.asarray(values[right > _POSITIVE] / right[right > _POSITIVE], np.float64)


def _rate(ratios: np.ndarray) -> float | None:
    """Give the share of dropped numbers, where all others have grown accordingly; None where it is no dropout."""
    is_zero = np.abs(ratios) < 1e-6
    share, kept = float(is_zero.mean()), ratios[~is_zero]
    if not 0.01 < share < 0.99 or np.ptp(kept) > 0.01 * abs(kept.mean()):
        return None
    return share if abs(1 - 1 / float(kept.mean()) - share) < _SHARE_TOLERANCE else None


def _comes_from(pooled: np.ndarray, whole: np.ndarray) -> bool:
    """Say whether each number is 0 or one of its window."""
    count, height, width, channels = pooled.shape
    windows = whole.reshape(count, height, 2, width, 2, channels)
    is_one = np.isclose(windows, pooled[:, :, None, :, None], rtol=1e-3, atol=1e-4).any(axis=(2, 4))
    return bool((is_one | (np.abs(pooled) < 1e-6)).all())
