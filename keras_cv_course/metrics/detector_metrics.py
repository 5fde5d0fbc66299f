"""All figures of a detector on a set, from what it found."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.coco import CocoMetrics, coco_metrics
from keras_cv_course.metrics.detection import check_pairs
from keras_cv_course.metrics.detection_errors import Outcome, detection_confusion, outcomes
from keras_cv_course.metrics.voc import VocMetrics, voc_metrics


@dataclass(frozen=True, eq=False)
class DetectorMetrics:
    """What a detector found on pictures whose objects are known; figures are computed when asked for.

    Attributes:
        found: for each picture what was found, down to low scores.
        truth: the pictures and their true boxes, of the same classes.
        score_threshold: least score of the boxes in `outcomes` and `confusion`; the averages take all.
        unreadable: names of the pictures that could not be read, and are not in `truth`.

    Raises:
        DataContentError: detections that do not belong to these pictures and classes.
    """

    found: Sequence[Detections]
    truth: BoxedImages
    score_threshold: float
    unreadable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that found and true boxes belong together."""
        check_pairs(self.found, self.truth)

    @cached_property
    def coco(self) -> CocoMetrics:
        """Average precision and recall as COCO has them."""
        return coco_metrics(self.found, self.truth)

    @cached_property
    def voc(self) -> VocMetrics:
        """Curves of precision and recall, and average precision as VOC had it, at an IoU of 0.5."""
        return voc_metrics(self.found, self.truth)

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What became of the boxes on each picture, from the least score on."""
        return outcomes(self.found, self.truth, self.score_threshold)

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts of true and found classes, int64 (C + 1, C + 1), background last."""
        return detection_confusion(self.outcomes, self.truth)

    def to_json(self) -> dict[str, Any]:
        """Give the figures as JSON types; None for what cannot be measured."""
        return {
            "pictures": len(self.truth),
            "unreadable": list(self.unreadable),
            "objects": {name: curve.objects for name, curve in self.voc.curves.items()},
            "coco": self.coco.to_json(),
            "voc": self.voc.to_json(),
            "confusion": {
                "score_threshold": self.score_threshold,
                "class_names": [*self.truth.class_names, "background"],
                "counts": self.confusion.tolist(),
            },
        }
