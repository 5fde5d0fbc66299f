"""What a Mask R-CNN finds on pictures whose objects are known: figures and a page."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from PIL import Image

from keras_cv_course.boxes import scale_xyxy
from keras_cv_course.data.image_files import read_image
from keras_cv_course.detection.draw import draw_labels, get_colors_for_classes
from keras_cv_course.detection.draw_masks import draw_masks
from keras_cv_course.detections import InstanceDetections
from keras_cv_course.metrics.instances import InstanceMetrics, TrueInstances, measure_instances
from keras_cv_course.models.instance_segmenter import SCORE_THRESHOLD, InstanceSegmenter
from keras_cv_course.report.html import PageFacts
from keras_cv_course.report.instances_page import InstancesPicture, write_instances_page
from keras_cv_course.run_lengths import decode_masks, encode_masks

LEAST_SCORE = 0.05  # of what average precision is measured on

_SHOWN, _WORST_SHOWN = 8, 8
_SIDE = 360  # pixels of a drawn picture's longer side


class ImageFiles(Sequence[np.ndarray]):
    """Pictures of files, each read when it is asked for: a set of photographs may not fit into memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: Any) -> Any:
        return read_image(self.paths[number])


class PackedInstances(Sequence[InstanceDetections]):
    """What was found on pictures, kept with run lengths for masks and unpacked when it is asked for."""

    def __init__(self, found: Iterable[InstanceDetections]) -> None:
        self.packed = [(one.detections, encode_masks(one.masks)) for one in found]

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, number: Any) -> Any:
        detections, masks = self.packed[number]
        return InstanceDetections(detections, decode_masks(masks, detections.image_size))


@dataclass(frozen=True, eq=False)
class InstancesResult:
    """What was found beside the truth, for each of m >= 1 pictures.

    Attributes:
        images: uint8 (height, width, 3), of any sizes.
        found: from `LEAST_SCORE` on.
        truth: what is there; class ids are places in the class names of `found`.
    """

    images: Sequence[np.ndarray]
    found: Sequence[InstanceDetections]
    truth: Sequence[TrueInstances]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Those of the model."""
        return self.found[0].detections.class_names

    @cached_property
    def metrics(self) -> InstanceMetrics:
        """The figures."""
        return measure_instances(self.found, self.truth)

    @cached_property
    def mask_ap(self) -> list[float]:
        """Average precision of the masks of each picture alone, NaN where there is no object."""
        pairs = zip(self.found, self.truth, strict=True)
        return [measure_instances([found], [true]).masks.ap for found, true in pairs]

    def picture(self, number: int) -> InstancesPicture:
        """Give a picture with what is there, and with what was found from `SCORE_THRESHOLD` on."""
        image, true, found = self.images[number], self.truth[number], self.found[number]
        said = found[found.detections.scores >= SCORE_THRESHOLD]
        height, width = image.shape[:2]
        factor = _SIDE / max(height, width)
        picture = Image.fromarray(image).resize((max(1, round(width * factor)), max(1, round(height * factor))))
        scores = [f" {score:.2f}" for score in said.detections.scores]
        return InstancesPicture(
            np.asarray(picture),
            self._draw(picture, true.boxes, decode_masks(true.masks, (height, width)), true.class_ids),
            self._draw(picture, said.detections.boxes, said.masks, said.detections.class_ids, scores),
            self.mask_ap[number],
        )

    def from_worst(self) -> list[int]:
        """Give the pictures from the lowest average precision on, but those without an object."""
        some = [number for number, figure in enumerate(self.mask_ap) if not math.isnan(figure)]
        return sorted(some, key=lambda number: self.mask_ap[number])

    def write_page(self, path: Path, **about: Unpack[PageFacts]) -> None:
        """Write the page of :func:`~keras_cv_course.report.instances_page.write_instances_page`."""
        counted = [true.class_ids[~(true.crowd | true.difficult)].tolist() for true in self.truth]
        counts = Counter(class_id for class_ids in counted for class_id in class_ids)
        write_instances_page(
            path,
            metrics=self.metrics,
            objects={name: counts[number] for number, name in enumerate(self.class_names)},
            pictures=[self.picture(number) for number in range(min(_SHOWN, len(self.images)))],
            worst=[self.picture(number) for number in self.from_worst()[:_WORST_SHOWN]],
            **about,
        )

    def _draw(
        self,
        picture: Image.Image,
        boxes: np.ndarray,
        masks: np.ndarray,
        class_ids: np.ndarray,
        scores: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Draw objects of the picture in its first size, boxes (n, 4) and masks (n, h, w), on it as it is shown."""
        palette = get_colors_for_classes(len(self.class_names))
        colours, names = [palette[i] for i in class_ids], [self.class_names[i] for i in class_ids]
        small = [np.asarray(Image.fromarray(mask).resize(picture.size)) for mask in masks]
        height, width = masks.shape[1:]
        painted = draw_masks(np.asarray(picture), np.array(small, bool).reshape(-1, *picture.size[::-1]), colours)
        labels = [f"{name}{score}" for name, score in zip(names, scores or [""] * len(names), strict=True)]
        placed = scale_xyxy(boxes, (picture.height / height, picture.width / width))
        return draw_labels(Image.fromarray(painted), placed, labels, colours)


def measure_segmenter(
    segmenter: InstanceSegmenter, images: Sequence[np.ndarray], truth: Sequence[TrueInstances]
) -> InstancesResult:
    """Let a model look at pictures of any size."""
    return InstancesResult(images, PackedInstances(segmenter.segment(image, LEAST_SCORE) for image in images), truth)
