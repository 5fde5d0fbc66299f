"""What a set holds: boxes and pictures of each class, and how large the boxes are."""

from dataclasses import dataclass

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImages

PERCENTILES = (0, 5, 50, 95, 100)


@dataclass(frozen=True)
class ClassCount:
    """One class of a set, or all of them.

    Attributes:
        name: of the class; "all" for the whole set.
        boxes: how many.
        pictures: on how many.
        widths: pixels, at each of `PERCENTILES`; None without boxes.
        heights: the same.
    """

    name: str
    boxes: int
    pictures: int
    widths: tuple[float, ...] | None
    heights: tuple[float, ...] | None


def count_classes(data: BoxedImages) -> list[ClassCount]:
    """Count each class, in order, and then all together. A reversed box is as large as the same one in order."""
    sizes, ids = box_sizes(data)  # (n, 2), (n,)
    counts = []
    for number, name in enumerate(data.class_names):
        pictures = sum(bool((image.class_ids == number).any()) for image in data.images)
        counts.append(_count(name, pictures, sizes[ids == number]))
    return [*counts, _count("all", sum(len(image) > 0 for image in data.images), sizes)]


def box_sizes(data: BoxedImages) -> tuple[np.ndarray, np.ndarray]:
    """Give width and height of every box, float64 (n, 2) in pixels, each at least 0, and its class id, int64 (n,)."""
    boxes = np.concatenate([np.zeros((0, 4)), *(image.boxes for image in data.images)])
    ids = np.concatenate([np.zeros(0, np.int64), *(image.class_ids for image in data.images)])
    return np.abs(boxes[:, 2:] - boxes[:, :2]), ids


def choose_pictures(data: BoxedImages, number: int) -> list[int]:
    """Choose pictures that show what the set holds: each class if possible, then evenly spaced ones.

    Returns:
        At most `number` places in ``data.images``, sorted.
    """
    _, ids = box_sizes(data)
    frequency = np.bincount(ids, minlength=len(data.class_names))
    chosen: list[int] = []
    for class_id in np.argsort(frequency, kind="stable"):  # a picture of a rare class often shows a common one too
        showing = [i for i, image in enumerate(data.images) if (image.class_ids == class_id).any()]
        if showing and not {*showing} & {*chosen}:
            chosen.append(showing[len(showing) // 2])
    others = [i for i in range(len(data)) if i not in {*chosen}]
    room = max(0, number - len(chosen))
    spaced = np.linspace(0, len(others) - 1, min(room, len(others))).round().astype(int)
    return sorted([*chosen, *(others[i] for i in spaced)][:number])


def _count(name: str, pictures: int, sizes: np.ndarray) -> ClassCount:
    if not len(sizes):
        return ClassCount(name, 0, pictures, None, None)
    widths, heights = (tuple(np.percentile(side, PERCENTILES).tolist()) for side in sizes.T)
    return ClassCount(name, len(sizes), pictures, widths, heights)
