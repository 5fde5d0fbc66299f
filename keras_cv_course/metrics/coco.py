"""Average precision and recall as COCO measures them: the numbers are pycocotools' own."""

import io
import math
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.detection import check_pairs

# The places of COCOeval's twelve figures.
_STATS = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"),
)


@dataclass(frozen=True)
class CocoMetrics:
    """COCO's figures, each from 0 to 1; NaN where the truth has no object to measure it on.

    Attributes:
        ap: average precision, the mean over the classes and the IoU thresholds .50, .55 to .95.
        ap50: at IoU .50.
        ap75: at IoU .75.
        ap_small: of objects of up to 32 x 32 pixels.
        ap_medium: of objects up to 96 x 96 pixels.
        ap_large: of larger ones.
        ar1: average recall, the mean over classes and thresholds, of the best box of each class on a picture.
        ar10: of the best 10 boxes.
        ar100: of the best 100 boxes, as all values of AP.
        ar_small: of the best 100 boxes and small objects.
        ar_medium: of medium ones.
        ar_large: of large ones.
        class_ap: class name -> its `ap`.
        class_ap50: class name -> its `ap50`.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar1: float
    ar10: float
    ar100: float
    ar_small: float
    ar_medium: float
    ar_large: float
    class_ap: Mapping[str, float]
    class_ap50: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Give the figures as JSON types; None for NaN."""
        return {name: without_nan(value) for name, value in asdict(self).items()}


def coco_metrics(found: Sequence[Detections], truth: BoxedImages) -> CocoMetrics:
    """Measure what was found on each picture of a set.

    Objects flagged ``crowd`` are COCO's crowds: boxes within one, any number, are neither right nor wrong. An object
    flagged ``difficult`` need not be found, and the box that finds it counts for nothing, as COCO has it for objects of
    another size; pycocotools knows no such flag. The area of a box stands for the object's.

    Args:
        found: for each picture of `truth`, in its order, of its classes. For COCO's figures, with boxes down to low
            scores; of each class on a picture the best 100 count.
        truth: pictures with their boxes, corners in order, as ``usable()`` gives them.

    Raises:
        DataContentError: detections that do not belong to these pictures and classes.

    Source: https://cocodataset.org/#detection-eval
    """
    check_pairs(found, truth)
    objects, boxes = [], []
    for number, (one, image) in enumerate(zip(found, truth.images, strict=True)):
        objects += _objects(image, number)
        boxes += one.to_coco(number)
    return evaluate_coco(objects, boxes, [image.size for image in truth.images], truth.class_names)


def evaluate_coco(
    objects: list[dict[str, Any]],
    found: list[dict[str, Any]],
    sizes: Sequence[tuple[int, int]],
    class_names: tuple[str, ...],
    kind: Literal["bbox", "segm"] = "bbox",
) -> CocoMetrics:
    """Let pycocotools compare found with true objects.

    Args:
        objects: COCO's annotations; image ids are places in `sizes`, category ids places in `class_names`. A box's
            area stands where there is none; ``difficult`` objects count for nothing.
        found: COCO's results, with the same ids.
        sizes: (height, width) of each picture.
        class_names: one for each class.
        kind: what overlaps are of, boxes or masks.
    """
    with redirect_stdout(io.StringIO()):  # pycocotools tells each step
        evaluation = _Evaluation(_as_coco(objects, sizes, class_names), _as_coco(found, sizes, class_names), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (thresholds, recalls, classes), of all sizes, 100 boxes
    return CocoMetrics(
        **{name: _defined(value) for name, value in zip(_STATS, evaluation.stats, strict=True)},
        class_ap={name: _mean(precision[:, :, number]) for number, name in enumerate(class_names)},
        class_ap50={name: _mean(precision[0, :, number]) for number, name in enumerate(class_names)},
    )


def without_nan(value: Any) -> Any:
    """Replace NaN, which JSON does not have, by None; of a mapping each value."""
    if isinstance(value, Mapping):
        return {name: without_nan(one) for name, one in value.items()}
    return None if math.isnan(value) else value


class _Evaluation(COCOeval):
    """COCO's evaluation, which also ignores objects flagged difficult."""

    def _prepare(self) -> None:
        super()._prepare()  # sets ``ignore`` to ``iscrowd``
        for objects in self._gts.values():
            for one in objects:
                one["ignore"] = one["iscrowd"] or one.get("difficult", 0)


def _objects(image: BoxedImage, number: int) -> list[dict[str, Any]]:
    corners = image.boxes.astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return [
        {
            "image_id": number,
            "category_id": class_id,
            "bbox": box,
            "iscrowd": int("crowd" in flags),
            "difficult": int("difficult" in flags),
        }
        for box, class_id, flags in zip(boxes.tolist(), image.class_ids.tolist(), image.flags, strict=True)
    ]


def _as_coco(objects: list[dict[str, Any]], sizes: Sequence[tuple[int, int]], class_names: tuple[str, ...]) -> COCO:
    """Give pycocotools' index of true or found objects, which it numbers from 1: 0 means none."""
    index = COCO()
    index.dataset = {
        "images": [{"id": number, "height": size[0], "width": size[1]} for number, size in enumerate(sizes)],
        "annotations": [
            {"area": one["bbox"][2] * one["bbox"][3], **one, "id": number} for number, one in enumerate(objects, 1)
        ],
        "categories": [{"id": class_id} for class_id in range(len(class_names))],
    }
    index.createIndex()
    return index


def _defined(figure: float) -> float:
    """Give NaN for pycocotools' -1: there is nothing to measure."""
    return math.nan if figure == -1 else float(figure)


def _mean(precision: np.ndarray) -> float:
    """Give the mean of what is defined; a class without objects has none."""
    return _defined(precision[precision > -1].mean()) if (precision > -1).any() else math.nan
