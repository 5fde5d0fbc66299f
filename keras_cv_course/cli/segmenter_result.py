"""What a segmenter says of pictures whose classes are known: figures and a page, for several commands."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Unpack

import numpy as np

from keras_cv_course.data.segmented_images import SegmentedImages
from keras_cv_course.detection.draw_masks import draw_class_map
from keras_cv_course.errors import ModelError
from keras_cv_course.metrics.masks import SegmentationMetrics, segmentation_metrics
from keras_cv_course.models.segmenter import Segmenter
from keras_cv_course.report.html import PageFacts
from keras_cv_course.report.segmenter_page import SegmentedPicture, write_segmenter_page

_SHOWN, _WORST_SHOWN = 12, 12
_STRENGTH = 0.65  # of the colours on small pictures


@dataclass(frozen=True, eq=False)
class SegmenterResult:
    """A segmenter's answers beside the truth.

    Attributes:
        segmenter: that was measured.
        data: pictures of its size.
        found: what it says of them, class maps uint8 (m, height, width).
    """

    segmenter: Segmenter
    data: SegmentedImages
    found: np.ndarray

    @cached_property
    def metrics(self) -> SegmentationMetrics:
        """The figures."""
        return segmentation_metrics(self.data.class_maps, self.found, self.data.class_names)

    def picture(self, number: int) -> SegmentedPicture:
        """Give a picture with what is there and what was said."""
        image, colours = self.data.images[number], self.segmenter.colours
        return SegmentedPicture(
            image,
            draw_class_map(image, self.data.class_maps[number], colours, _STRENGTH),
            draw_class_map(image, self.found[number], colours, _STRENGTH),
            self._mean_iou(number),
        )

    def write_page(self, path: Path, **about: Unpack[PageFacts]) -> None:
        """Write the page of :func:`~keras_cv_course.report.segmenter_page.write_segmenter_page`."""
        write_segmenter_page(
            path,
            metrics=self.metrics,
            colours=dict(zip(self.data.class_names, self.segmenter.colours, strict=True)),
            pictures=[self.picture(number) for number in range(min(_SHOWN, len(self.data)))],
            worst=[self.picture(number) for number in self.from_worst()[:_WORST_SHOWN]],
            **about,
        )

    def from_worst(self) -> list[int]:
        """Give the pictures from the lowest mean IoU on, but those of which no pixel counts."""
        measured = {number: self._mean_iou(number) for number in range(len(self.data))}
        some = [number for number, figure in measured.items() if not math.isnan(figure)]
        return sorted(some, key=lambda number: measured[number])

    def _mean_iou(self, number: int) -> float:
        part = slice(number, number + 1)
        return segmentation_metrics(self.data.class_maps[part], self.found[part], self.data.class_names).mean_iou


def measure_segmenter(segmenter: Segmenter, data: SegmentedImages) -> SegmenterResult:
    """Let a segmenter look at pictures of its size.

    Raises:
        ModelError: pictures of another size, or other classes.
    """
    if segmenter.class_names != data.class_names:
        raise ModelError(
            f"{segmenter.origin}: expected pictures with the classes {', '.join(segmenter.class_names)}. Received: "
            f"{', '.join(data.class_names)}."
        )
    return SegmenterResult(segmenter, data, segmenter.predict(data.images))
