"""Confusion matrix, accuracy, and how sure an accuracy is."""

import math

import numpy as np

from keras_cv_course.errors import DataContentError


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, number_of_classes: int) -> np.ndarray:
    """Count each pair of ground truth and prediction.

    Args:
        truth: integer labels of shape (N,), N >= 1, from 0 to `number_of_classes` - 1.
        predicted: the same, for the same images in the same order.
        number_of_classes: C, the number of classes.

    Returns:
        int64 array of shape (C, C): [t, p] counts the images of class t that were predicted as p.

    Raises:
        DataContentError: the labels are not as described.
    """
    truth = _checked_labels("ground truth", truth, number_of_classes)
    predicted = _checked_labels("predicted", predicted, number_of_classes)
    if len(truth) != len(predicted):
        raise DataContentError(
            f"Expected one prediction per ground-truth label, received {len(predicted)} predictions for "
            f"{len(truth)} labels. Compare labels of the same images."
        )
    pairs = truth * number_of_classes + predicted
    counts = np.bincount(pairs, minlength=number_of_classes**2)  # (C * C,)
    return counts.reshape(number_of_classes, number_of_classes)


def accuracy(confusion: np.ndarray) -> float:
    """Share of images on the diagonal of a confusion matrix.

    Args:
        confusion: counts of shape (C, C), as :func:`confusion_matrix` returns them.

    Returns:
        A number from 0 to 1.

    Raises:
        DataContentError: the matrix is not square or counts no image.
    """
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        raise DataContentError(f"Expected a square confusion matrix, received shape {confusion.shape}.")
    total = confusion.sum()
    if total < 1:
        raise DataContentError("Expected a confusion matrix of at least one image, received none.")
    return float(np.trace(confusion) / total)


def wilson_interval(correct: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Confidence interval of a success rate, honest for few trials and for rates near 0 or 1.

    Args:
        correct: number of successes, from 0 to `total`.
        total: number of trials, at least 1.
        z: quantile of the normal distribution; 1.96 gives 95 % confidence.

    Returns:
        (low, high), each from 0 to 1.

    Raises:
        DataContentError: `correct` or `total` is out of range.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat.
    Assoc. 22 (1927).
    """
    if total < 1 or not 0 <= correct <= total:
        raise DataContentError(
            f"Expected correct from 0 to total, and total at least 1, received correct={correct}, total={total}."
        )
    rate = correct / total
    shrink = 1 + z**2 / total
    centre = (rate + z**2 / (2 * total)) / shrink
    half_width = z * math.sqrt(rate * (1 - rate) / total + z**2 / (4 * total**2)) / shrink
    return max(0.0, centre - half_width), min(1.0, centre + half_width)


def _checked_labels(name: str, labels: np.ndarray, number_of_classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0 or not np.issubdtype(labels.dtype, np.integer):
        raise DataContentError(
            f"Expected {name} labels as a non-empty list of integers, received {labels.dtype} of shape {labels.shape}."
        )
    if labels.min() < 0 or labels.max() >= number_of_classes:
        raise DataContentError(
            f"Expected {name} labels from 0 to {number_of_classes - 1}, "
            f"received {labels.min()} to {labels.max()}. Check the labels or the number of classes."
        )
    return labels.astype(np.int64)  # uint8 labels would overflow when combined
