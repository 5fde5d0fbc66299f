"""How well found boxes agree with the true ones."""

from collections.abc import Sequence

import numpy as np

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError, list_few


def match_boxes(
    found: Detections,
    truth_xyxy: np.ndarray,
    truth_class_ids: np.ndarray,
    iou_threshold: float = 0.5,
    ignored: np.ndarray | None = None,
) -> np.ndarray:
    """Give each found box the true one that it stands for, no true one twice, as Pascal VOC counts.

    From the best score to the least, a box takes the true box of its class that it overlaps most, if that is not
    taken yet and the IoU is at least the threshold.

    Args:
        found: on one picture.
        truth_xyxy: float32 (m, 4), pixels of the same picture.
        truth_class_ids: integers (m,).
        iou_threshold: above 0, up to 1.
        ignored: bool (m,): true boxes that any number of found ones may stand for, as VOC's difficult objects; None
            for none.

    Returns:
        int64 (n,): for each found box the number of its true one, or -1.

    Raises:
        DataContentError: another number of classes than of boxes, or a threshold outside 0..1.

    Source: Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", 2010, section 4.2.
    """
    if len(truth_xyxy) != len(truth_class_ids) or not 0 < iou_threshold <= 1:
        raise DataContentError(
            f"Expected a class for each true box, and iou_threshold above 0, up to 1. Received: {len(truth_xyxy)} "
            f"boxes, {len(truth_class_ids)} classes, {iou_threshold}."
        )
    matches = np.full(len(found), -1, np.int64)
    if not len(truth_xyxy):
        return matches
    iou = pairwise_iou(found.boxes, truth_xyxy)  # (n, m)
    iou[found.class_ids[:, None] != truth_class_ids] = -1
    free = np.ones(len(truth_xyxy), bool)
    for number in np.argsort(-found.scores, kind="stable"):
        best = iou[number].argmax()
        if iou[number, best] >= iou_threshold and free[best]:
            matches[number] = best
            free[best] = ignored is not None and ignored[best]
    return matches


def ignored_objects(image: BoxedImage) -> np.ndarray:
    """Give the objects that need not be found and that no box is wrong to find, as a mask bool (m,).

    VOC has this rule for what is flagged difficult; a crowd is no single object, so the same holds for it.
    """
    return image.flagged("difficult") | image.flagged("crowd")


def check_pairs(found: Sequence[Detections], truth: BoxedImages) -> None:
    """Make sure that each picture of a set has what was found on it, and that both mean the same classes and pixels.

    Raises:
        DataContentError: another number of pictures, other classes, another size of a picture, or a true box with its
            corners out of order.
    """
    if len(found) != len(truth):
        raise DataContentError(
            f"Expected detections for each of {len(truth)} pictures. Received: {len(found)}. Give one for each, in the "
            "set's order, empty ones too."
        )
    for one, image in zip(found, truth.images, strict=True):
        if one.class_names != truth.class_names:
            raise DataContentError(
                f"{image.name}: expected detections of the set's classes ({list_few(truth.class_names)}). Received: "
                f"{list_few(one.class_names)}. Bring both to the classes that they share with share_classes."
            )
        if one.image_size != image.size:
            raise DataContentError(
                f"{image.name}: expected boxes in pixels of a picture of (height, width) {image.size}. Received: of "
                f"{one.image_size}. Scale the boxes."
            )
        if (image.boxes[:, :2] > image.boxes[:, 2:]).any():
            raise DataContentError(
                f"{image.name}: expected true boxes with x1 <= x2 and y1 <= y2. Received: others. Take the set's "
                "usable()."
            )
