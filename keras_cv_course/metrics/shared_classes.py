"""A detector and a set rarely have the same classes: what both have, they are measured on."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError, list_few


def shared_classes(detector: Sequence[str], data: Sequence[str]) -> tuple[str, ...]:
    """Give the names that stand in both lists, in the order of the second.

    Raises:
        DataContentError: none does.
    """
    shared = tuple(name for name in data if name in detector)
    if not shared:
        raise DataContentError(
            f"Expected a detector with at least one class of the set: {list_few(data)}. Received: one of "
            f"{list_few(detector)}. Names must be equal to the letter: rename the detector's (--names), or the set's."
        )
    return shared


def share_classes(found: Sequence[Detections], truth: BoxedImages) -> tuple[list[Detections], BoxedImages]:
    """Bring found and true boxes to the classes that both know by name; boxes of others go, pictures stay.

    Args:
        found: at least one, all of the same classes.
        truth: the set.

    Raises:
        DataContentError: no class in common.
    """
    names = shared_classes(found[0].class_names, truth.class_names)
    boxes = [_renumber(one, names) for one in found]
    kept = np.array([truth.class_names.index(name) for name in names])
    images = []
    for image in truth.images:
        some = image.take(np.isin(image.class_ids, kept))
        images.append(replace(some, class_ids=np.searchsorted(kept, some.class_ids)))  # `kept` is sorted
    category_ids = tuple(truth.category_ids[number] for number in kept)
    return boxes, replace(truth, images=tuple(images), class_names=names, category_ids=category_ids)


def _renumber(found: Detections, names: tuple[str, ...]) -> Detections:
    numbers = np.array([names.index(name) if name in names else -1 for name in found.class_names], np.int64)
    some = found[numbers[found.class_ids] >= 0]
    return replace(some, class_ids=numbers[some.class_ids], class_names=names)
