"""Precision and recall of found boxes, and average precision as Pascal VOC defined it twice."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.coco import without_nan
from keras_cv_course.metrics.detection import check_pairs, ignored_objects, match_boxes


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """What a class gains and loses as the least score falls.

    Attributes:
        scores: float32 (n,), of the found boxes that count, the best first.
        right: int64 (n,), how many of the boxes down to this one find an object.
        objects: how many there are to find.
    """

    scores: np.ndarray
    right: np.ndarray
    objects: int

    @property
    def precision(self) -> np.ndarray:
        """Share of the boxes down to each that find an object, float64 (n,), 0..1."""
        return self.right / np.arange(1, len(self.right) + 1)

    @property
    def recall(self) -> np.ndarray:
        """Share of the objects that the boxes down to each find, float64 (n,), 0..1; NaN without objects."""
        return self.right / self.objects if self.objects else np.full(len(self.right), math.nan)

    @property
    def ap_2007(self) -> float:
        """Mean of the best precision at recalls of at least 0, 0.1 ... 1, from 0 to 1; NaN without objects.

        Source: the development kit of VOC 2007, VOCevaldet.m.
        """
        if not self.objects:
            return math.nan
        # In whole numbers, as 3 / 10 is less than 0.1 * 3.
        reached = [self.right * 10 >= tenth * self.objects for tenth in range(11)]
        return sum(float(self.precision[enough].max(initial=0)) for enough in reached) / 11

    @property
    def ap_2012(self) -> float:
        """Area under the best precision at each recall or a higher one, from 0 to 1; NaN without objects.

        Source: the development kit of VOC 2012, VOCevaldet.m; this definition since 2010.
        """
        if not self.objects:
            return math.nan
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        steps = np.diff(self.recall, prepend=0)
        return float((steps * envelope).sum())

    def at(self, score: float) -> tuple[float, float]:
        """Give precision and recall of the boxes from a score on; a precision of no boxes is NaN."""
        number = int((self.scores >= np.float32(score)).sum())
        if not number:
            return math.nan, 0.0 if self.objects else math.nan
        return float(self.precision[number - 1]), float(self.recall[number - 1])


@dataclass(frozen=True, eq=False)
class VocMetrics:
    """Curves of each class, and average precision by both definitions, each from 0 to 1.

    Attributes:
        curves: class name -> its curve, in the order of the classes.
    """

    curves: Mapping[str, PrecisionRecall]

    @property
    def ap_2007(self) -> float:
        """Mean of the classes that have objects, over eleven recalls; NaN without any."""
        return _mean([curve.ap_2007 for curve in self.curves.values()])

    @property
    def ap_2012(self) -> float:
        """Mean of the classes that have objects, of the areas; NaN without any."""
        return _mean([curve.ap_2012 for curve in self.curves.values()])

    def to_json(self) -> dict[str, Any]:
        """Give the figures as JSON types; None for NaN."""
        return {
            "ap_2007": without_nan(self.ap_2007),
            "ap_2012": without_nan(self.ap_2012),
            "class_ap_2007": without_nan({name: curve.ap_2007 for name, curve in self.curves.items()}),
            "class_ap_2012": without_nan({name: curve.ap_2012 for name, curve in self.curves.items()}),
        }


def voc_metrics(found: Sequence[Detections], truth: BoxedImages, iou_threshold: float = 0.5) -> VocMetrics:
    """Measure what was found on each picture of a set.

    Objects flagged difficult or crowd count for nothing, and neither do boxes that find them. Of equal scores that on
    the earlier picture comes first.

    Args:
        found: for each picture of `truth`, in its order, of its classes, down to low scores.
        truth: pictures with their boxes, corners in order, as ``usable()`` gives them.
        iou_threshold: above 0, up to 1.

    Raises:
        DataContentError: detections that do not belong to these pictures and classes, or a threshold out of range.

    Source: Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", 2010, section 4.2.
    """
    check_pairs(found, truth)
    boxes = [(np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, bool))]
    objects = np.zeros(len(truth.class_names), np.int64)
    for one, image in zip(found, truth.images, strict=True):
        ignored = ignored_objects(image)
        matches = match_boxes(one, image.boxes, image.class_ids, iou_threshold, ignored)
        counts = ~np.isin(matches, np.flatnonzero(ignored))
        boxes.append((one.scores[counts], one.class_ids[counts], matches[counts] >= 0))
        objects += np.bincount(image.class_ids[~ignored], minlength=len(objects))
    scores, class_ids, right = (np.concatenate(column) for column in zip(*boxes, strict=True))  # each (n,)
    order = np.argsort(-scores, kind="stable")
    curves = {}
    for number, name in enumerate(truth.class_names):
        own = order[class_ids[order] == number]
        curves[name] = PrecisionRecall(scores[own], np.cumsum(right[own]), int(objects[number]))
    return VocMetrics(curves)


def _mean(figures: Sequence[float]) -> float:
    defined = [figure for figure in figures if not math.isnan(figure)]
    return sum(defined) / len(defined) if defined else math.nan
