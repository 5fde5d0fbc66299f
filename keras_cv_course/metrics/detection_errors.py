"""What a detector takes for what, and on which pictures it errs most."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.detection import check_pairs, ignored_objects, match_boxes


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of the boxes on one picture. Boxes on ignored objects are neither right nor wrong.

    Attributes:
        found: the boxes from the least score on, n of them.
        right: bool (n,), boxes that find an object of their class.
        wrong: bool (n,), boxes that do not.
        mistaken_for: int64 (n,), the object (its number) of another class that a wrong box lies on, or -1.
        found_object: int64 (n,), the object that a right box finds, else -1.
        missed: bool (m,), objects that no box of their class finds.
    """

    found: Detections
    right: np.ndarray
    wrong: np.ndarray
    mistaken_for: np.ndarray
    found_object: np.ndarray
    missed: np.ndarray

    @property
    def mistakes(self) -> int:
        """Number of missed objects and wrong boxes."""
        return int(self.missed.sum() + self.wrong.sum())


def outcome(found: Detections, image: BoxedImage, score_threshold: float, iou_threshold: float = 0.5) -> Outcome:
    """Tell right boxes from wrong ones on a picture, and missed objects from found ones.

    Boxes first find objects of their own class, as :func:`~keras_cv_course.metrics.detection.match_boxes` says. What is
    left of both is matched once more by the same rule, whatever the class: these are mistaken for each other.

    Args:
        found: on the picture.
        image: the picture with its true boxes.
        score_threshold: least score of a box that counts.
        iou_threshold: above 0, up to 1.
    """
    found = found[found.scores >= np.float32(score_threshold)]
    ignored = ignored_objects(image)
    matches = match_boxes(found, image.boxes, image.class_ids, iou_threshold, ignored)  # (n,)
    wrong = matches < 0
    right = ~wrong & ~np.isin(matches, np.flatnonzero(ignored))
    missed = ~ignored & ~np.isin(np.arange(len(image)), matches)

    left_boxes, left_objects = np.flatnonzero(wrong), np.flatnonzero(missed)
    one_class = replace(found[left_boxes], class_ids=np.zeros(len(left_boxes), np.int64))
    again = match_boxes(one_class, image.boxes[left_objects], np.zeros(len(left_objects), np.int64), iou_threshold)
    mistaken_for = np.full(len(found), -1, np.int64)
    mistaken_for[left_boxes[again >= 0]] = left_objects[again[again >= 0]]
    return Outcome(found, right, wrong, mistaken_for, np.where(right, matches, -1), missed)


def outcomes(found: Sequence[Detections], truth: BoxedImages, score_threshold: float) -> list[Outcome]:
    """Give the outcome on each picture of a set, at an IoU of 0.5.

    Raises:
        DataContentError: detections that do not belong to these pictures and classes.
    """
    check_pairs(found, truth)
    return [outcome(one, image, score_threshold) for one, image in zip(found, truth.images, strict=True)]


def detection_confusion(some: Sequence[Outcome], truth: BoxedImages) -> np.ndarray:
    """Count each pair of a true and a found class.

    Args:
        some: the outcome on each picture of `truth`.
        truth: of C classes.

    Returns:
        int64 (C + 1, C + 1): [t, f] counts the objects of class t that were found as f. The last column counts objects
        that no box lies on, the last row boxes that lie on no object.
    """
    background = len(truth.class_names)
    counts = np.zeros((background + 1, background + 1), np.int64)
    for one, image in zip(some, truth.images, strict=True):
        kept = one.right | one.wrong
        object_of = np.where(one.right, one.found_object, one.mistaken_for)[kept]  # (k,)
        true = np.append(image.class_ids, background)[object_of]  # -1 takes the last
        np.add.at(counts, (true, one.found.class_ids[kept]), 1)
        alone = np.setdiff1d(np.flatnonzero(one.missed), one.mistaken_for)
        np.add.at(counts, (image.class_ids[alone], background), 1)
    return counts


def worst_pictures(some: Sequence[Outcome], number: int) -> list[int]:
    """Give the places of the pictures with most mistakes, the worst first, at most `number`, none without mistakes."""
    mistakes = np.array([one.mistakes for one in some], np.int64)
    order = np.argsort(-mistakes, kind="stable")
    return [int(place) for place in order[:number] if mistakes[place]]
