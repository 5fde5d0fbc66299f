"""How well masks and maps of classes agree with the true ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.errors import DataContentError


def mask_iou(masks1: np.ndarray, masks2: np.ndarray) -> np.ndarray:
    """Divide the intersection by the union, for each pair of a mask from the first and one from the second array.

    Args:
        masks1: bool (n, height, width).
        masks2: bool (m, height, width).

    Returns:
        float64 (n, m), from 0 to 1; a mask without pixels has 0 with any other, also with itself.

    Raises:
        DataContentError: other dtypes, or masks of different sizes.
    """
    if {masks1.dtype, masks2.dtype} != {np.dtype(bool)} or masks1.ndim != 3 or masks1.shape[1:] != masks2.shape[1:]:
        raise DataContentError(
            "Expected masks bool (n, height, width) and (m, height, width). Received: "
            f"{masks1.dtype} {masks1.shape} and {masks2.dtype} {masks2.shape}."
        )
    both = np.array([np.count_nonzero(mask & masks2, axis=(1, 2)) for mask in masks1])
    both = both.reshape(len(masks1), len(masks2))  # also for n = 0
    areas1, areas2 = (np.count_nonzero(masks, axis=(1, 2)) for masks in (masks1, masks2))
    return both / np.maximum(areas1[:, None] + areas2 - both, 1)


@dataclass(frozen=True, eq=False)
class SegmentationMetrics:
    """Figures of maps of classes, all from the counts of pixels.

    Attributes:
        confusion: int64 (C, C): [t, s] counts the pixels of class t that were said to be of class s.
        class_names: C names.
    """

    confusion: np.ndarray
    class_names: tuple[str, ...]

    @cached_property
    def class_iou(self) -> dict[str, float]:
        """Class name -> pixels rightly said of it, divided by those that are of it or were said to be; 0 to 1.

        NaN for a class that no pixel is of or was said to be.
        """
        right = np.diag(self.confusion)
        return self._shares(right, self._both - right)

    @cached_property
    def class_dice(self) -> dict[str, float]:
        """Class name -> twice the pixels rightly said of it, divided by the sum of both; 2 IoU / (1 + IoU)."""
        return self._shares(2 * np.diag(self.confusion), self._both)

    @property
    def mean_iou(self) -> float:
        """The mean of `class_iou`, of those that are not NaN; NaN without any."""
        defined = [iou for iou in self.class_iou.values() if not math.isnan(iou)]
        return sum(defined) / len(defined) if defined else math.nan

    @property
    def pixel_accuracy(self) -> float:
        """Share of the pixels whose class is right; NaN without any."""
        total = int(self.confusion.sum())
        return int(np.trace(self.confusion)) / total if total else math.nan

    def to_json(self) -> dict[str, Any]:
        """Give the figures as JSON types; None for NaN."""

        def defined(figure: float) -> float | None:
            return None if math.isnan(figure) else figure

        return {
            "mean_iou": defined(self.mean_iou),
            "pixel_accuracy": defined(self.pixel_accuracy),
            "class_iou": {name: defined(figure) for name, figure in self.class_iou.items()},
            "class_dice": {name: defined(figure) for name, figure in self.class_dice.items()},
            "confusion": {"class_names": [*self.class_names], "counts": self.confusion.tolist()},
        }

    @property
    def _both(self) -> np.ndarray:
        """Pixels of each class in the truth, plus those in what was said, (C,)."""
        sums: np.ndarray = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return sums

    def _shares(self, parts: np.ndarray, wholes: np.ndarray) -> dict[str, float]:
        pairs = zip(self.class_names, parts.tolist(), wholes.tolist(), strict=True)
        return {name: part / whole if whole else math.nan for name, part, whole in pairs}


def segmentation_metrics(truth: np.ndarray, said: np.ndarray, class_names: Sequence[str]) -> SegmentationMetrics:
    """Compare maps of classes with the true ones, over all their pixels together.

    Args:
        truth: uint8 (..., height, width), places in `class_names`, or `IGNORED`: such pixels count nowhere.
        said: uint8 of the same shape, places in `class_names`.
        class_names: C names, each once.

    Raises:
        DataContentError: arrays of different shapes or of no integers, a class without a name, or a name twice.
    """
    classes = len(class_names)
    if truth.shape != said.shape or not all(np.issubdtype(maps.dtype, np.integer) for maps in (truth, said)):
        raise DataContentError(
            "Expected two arrays of integers of the same shape, true and said classes. Received: "
            f"{truth.dtype} {truth.shape} and {said.dtype} {said.shape}."
        )
    if len({*class_names}) != classes:
        raise DataContentError(f"Expected each class name once. Received: {', '.join(class_names)}. Rename one.")
    counted = truth != IGNORED
    truth, said = truth[counted].astype(np.int64), said[counted].astype(np.int64)  # each (pixels,)
    for name, numbers in (("true", truth), ("said", said)):
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
            raise DataContentError(
                f"Expected {name} classes from 0 to {classes - 1}, one for each name. Received: {numbers.min()} to "
                f"{numbers.max()}."
            )
    counts = np.bincount(truth * classes + said, minlength=classes**2)
    return SegmentationMetrics(counts.reshape(classes, classes), tuple(class_names))
