"""Anchors for one's own boxes: k-means over widths and heights, with 1 - IoU as the distance.

A plain k-means would spend its anchors on the large boxes, whose differences in pixels are large.

Source: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016, section 2, "Dimension Clusters".
"""

from typing import Literal, NamedTuple

import numpy as np

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.errors import DataContentError

STRIDE = 32  # pixels of a cell of YOLOv2's grid

_MOST_STEPS = 300
_RESTARTS = 30  # of 40 small sets that can be searched in full, 10 missed the best of one, 30 of none
_MOST_BOXES = 20_000  # more say the same, and take minutes


class Anchors(NamedTuple):
    """Shapes to start predictions from.

    Attributes:
        sizes: float32 (k, 2), width and height in cells of the network's grid, the smallest area first.
        average_iou: of every box with the anchor that fits it best, both at one centre; 0 to 1.
    """

    sizes: np.ndarray
    average_iou: float


def sizes_in_cells(
    data: BoxedImages, input_size: tuple[int, int], resize: Literal["stretch", "letterbox"] = "stretch"
) -> np.ndarray:
    """Give the width and height that every usable box has in a network's input; boxes around a crowd do not count.

    Args:
        data: the set.
        input_size: (height, width) of the network's input, pixels.
        resize: how pictures come to that size: ``"stretch"``, or ``"letterbox"``, which keeps their aspect ratio.

    Returns:
        float64 (n, 2), in cells of 32 pixels, each above 0.
    """
    sizes = [np.zeros((0, 2))]
    for image in data.usable().images:
        height, width = image.size
        scale = np.array([input_size[1] / width, input_size[0] / height])
        if resize == "letterbox":
            scale[:] = scale.min()
        boxes = image.boxes[~image.flagged("crowd")].astype(np.float64)
        sizes.append((boxes[:, 2:] - boxes[:, :2]) * scale / STRIDE)
    return np.concatenate(sizes)


def average_iou(sizes: np.ndarray, anchors: np.ndarray) -> float:
    """Average over boxes the IoU with the anchor that fits best, both at one centre.

    Args:
        sizes: floats (n, 2), width and height, n at least 1.
        anchors: floats (k, 2), in the same unit.
    """
    return float(_ious(sizes, anchors).max(axis=1).mean())


def find_anchors(sizes: np.ndarray, k: int, seed: int = 0) -> Anchors:
    """Find the shapes that fit boxes best on average.

    K-means from several random starts; of all the anchors on the way, those with the highest average IoU are taken, as
    with this distance a step may also lead down. Of very many boxes a random part decides.

    Args:
        sizes: float64 (n, 2), width and height in cells, each above 0.
        k: number of anchors, at least 1 and at most the number of different sizes.
        seed: of the random starts. Equal seeds give equal anchors.

    Raises:
        DataContentError: fewer different sizes than `k`, or sizes that are not as described.
    """
    if sizes.ndim != 2 or sizes.shape[1:] != (2,) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise DataContentError(f"Expected sizes above 0 of shape (n, 2). Received: shape {sizes.shape}, or others.")
    different = len(np.unique(sizes, axis=0))
    if not 1 <= k <= different:
        raise DataContentError(f"Expected k from 1 to {different}, the number of different box sizes. Received: k={k}.")
    draw = np.random.default_rng(seed)
    some = sizes if len(sizes) <= _MOST_BOXES else draw.choice(sizes, _MOST_BOXES, replace=False)
    best, best_iou = some[:k], -1.0
    for _ in range(_RESTARTS):
        anchors, iou = _cluster(some, _start(some, k, draw))
        if iou > best_iou:
            best, best_iou = anchors, iou
    best = best[np.argsort(best.prod(axis=1), kind="stable")].astype(np.float32)
    return Anchors(best, average_iou(sizes, best.astype(np.float64)))


def _start(sizes: np.ndarray, k: int, draw: np.random.Generator) -> np.ndarray:
    """Draw k boxes, each with a probability as the square of its distance from those drawn before (k-means++)."""
    chosen = [int(draw.integers(len(sizes)))]
    while len(chosen) < k:
        distance = (1 - _ious(sizes, sizes[chosen]).max(axis=1)) ** 2
        distance[chosen] = 0  # rounding may leave a box a little away from itself
        chosen.append(int(draw.choice(len(sizes), p=distance / distance.sum())))
    return sizes[chosen]


def _cluster(sizes: np.ndarray, anchors: np.ndarray) -> tuple[np.ndarray, float]:
    """Move anchors to the means of the boxes nearest to them until none changes; give the best seen."""
    best, best_iou = anchors, -1.0
    before = np.full(len(sizes), -1)
    for _ in range(_MOST_STEPS):
        ious = _ious(sizes, anchors)  # (n, k)
        nearest = ious.argmax(axis=1)
        iou = float(ious.max(axis=1).mean())
        if iou > best_iou:
            best, best_iou = anchors, iou
        if (nearest == before).all():
            break
        before = nearest
        counts = np.bincount(nearest, minlength=len(anchors))
        sums = np.stack([np.bincount(nearest, side, minlength=len(anchors)) for side in sizes.T], axis=1)  # (k, 2)
        # An anchor without boxes stays where it is.
        anchors = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], anchors)
    return best, best_iou


def _ious(sizes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Give the IoU (n, k) of boxes and anchors that share a corner, which is that at one centre."""
    return pairwise_iou(*(np.concatenate([np.zeros_like(some), some], axis=1) for some in (sizes, anchors)))
