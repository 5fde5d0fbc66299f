"""Average precision of found objects by their boxes and by their masks, as COCO measures both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from keras_cv_course.data.masked_images import MaskedImage
from keras_cv_course.detections import InstanceDetections
from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.coco import CocoMetrics, evaluate_coco
from keras_cv_course.run_lengths import Rle, check_size, encode_masks


@dataclass(frozen=True, eq=False)
class TrueInstances:
    """The objects that are on one picture.

    Attributes:
        boxes: float32 (n, 4), x1, y1, x2, y2 in pixels, corners in order.
        class_ids: int64 (n,).
        masks: n run lengths.
        crowd: bool (n,), COCO's crowds: what is found within one is neither right nor wrong.
        difficult: bool (n,), as VOC flags them: they need not be found, and what finds one counts for nothing.

    Raises:
        DataContentError: different lengths.
    """

    boxes: np.ndarray
    class_ids: np.ndarray
    masks: tuple[Rle, ...]
    crowd: np.ndarray
    difficult: np.ndarray

    def __post_init__(self) -> None:
        """Check that every object has everything."""
        lengths = [len(x) for x in (self.boxes, self.class_ids, self.masks, self.crowd, self.difficult)]
        if {*lengths} != {lengths[0]}:
            raise DataContentError(
                f"Expected a class, a mask and a word on crowds and on difficulty for each box. Received: {lengths} of "
                "boxes, classes, masks, crowds and difficulties."
            )

    @classmethod
    def from_image(cls, image: MaskedImage) -> "TrueInstances":
        """Take the objects of a picture of a set; give those of its ``usable()``."""
        return cls(image.boxes, image.class_ids, image.masks, image.flagged("crowd"), image.flagged("difficult"))

    @classmethod
    def from_masks(cls, boxes: np.ndarray, class_ids: np.ndarray, masks: np.ndarray) -> "TrueInstances":
        """Take objects with masks bool (n, height, width), none a crowd or difficult."""
        neither = np.zeros(len(boxes), bool)
        return cls(boxes, class_ids, encode_masks(masks), neither, neither)


@dataclass(frozen=True)
class InstanceMetrics:
    """COCO's figures for the same objects, once with the overlaps of boxes, once with those of masks.

    Attributes:
        boxes: COCO's ``bbox``.
        masks: COCO's ``segm``.
    """

    boxes: CocoMetrics
    masks: CocoMetrics

    def to_json(self) -> dict[str, Any]:
        """Give the figures as JSON types; None for what cannot be measured."""
        return {"boxes": self.boxes.to_json(), "masks": self.masks.to_json()}


def measure_instances(found: Sequence[InstanceDetections], truth: Sequence[TrueInstances]) -> InstanceMetrics:
    """Measure what was found on each picture.

    As in COCO's own files, the number of a true mask's pixels is the size of the object by which small, medium and
    large ones are told apart, for boxes too.

    Args:
        found: for each of m >= 1 pictures, with objects down to low scores; of each class the best 100 count.
        truth: for the same pictures in the same order; class ids are places in the class names of `found`.

    Raises:
        DataContentError: another number of pictures, none, `found` of several lists of classes, masks of another size
            than the picture, or a class without a name.

    Source: https://cocodataset.org/#detection-eval
    """
    if len(found) != len(truth) or not found:
        raise DataContentError(
            f"Expected what was found for each of m >= 1 pictures. Received: {len(found)} for {len(truth)}. Give one "
            "for each, empty ones too."
        )
    class_names = found[0].detections.class_names
    objects: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, (one, true) in enumerate(zip(found, truth, strict=True)):
        check_size(true.masks, one.detections.image_size)
        if one.detections.class_names != class_names or max(true.class_ids, default=0) >= len(class_names):
            raise DataContentError(
                f"Expected objects of the classes {', '.join(class_names)} on every picture. Received: others on "
                f"picture {number}."
            )
        objects += _objects(true, number)
        results += one.to_coco(number)
    sizes = [one.detections.image_size for one in found]
    masks = [{**result, "area": float(coco_mask.area(result["segmentation"]))} for result in results]
    return InstanceMetrics(
        evaluate_coco(objects, results, sizes, class_names, "bbox"),
        evaluate_coco(objects, masks, sizes, class_names, "segm"),
    )


def _objects(true: TrueInstances, number: int) -> list[dict[str, Any]]:
    """Give COCO's annotations of picture `number`."""
    corners = true.boxes.astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    flags = true.crowd.tolist(), true.difficult.tolist()
    rows = zip(boxes.tolist(), true.class_ids.tolist(), true.masks, *flags, strict=True)
    return [
        {
            "image_id": number,
            "category_id": class_id,
            "bbox": box,
            "segmentation": mask,
            "area": float(coco_mask.area(mask)),
            "iscrowd": int(crowd),
            "difficult": int(difficult),
        }
        for box, class_id, mask, crowd, difficult in rows
    ]
