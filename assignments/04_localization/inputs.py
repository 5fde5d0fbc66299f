"""Inputs that are drawn until every mistake shows.

That is: until each mistake that a check names gives something else than the right answer and than the other mistakes.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from .reference import CLASSES, Picture, corners, overlap, softmax

Case = tuple[Any, Any, dict[str, Any]]  # inputs, the right answer, and what each mistake gives
MARGIN = 0.01  # of IoU and p_c from a threshold, where nothing is to hang on rounding


def telling(candidates: Iterator[Case]) -> Case:
    """Give the first inputs, expected answer and mistakes in which each can be told from all others."""
    return next(
        (inputs, expected, mistakes)
        for inputs, expected, mistakes in candidates
        if not any(is_same(*pair) for pair in combinations([expected, *mistakes.values()], 2))
    )


def is_same(first: Any, second: Any) -> bool:
    """Say whether two answers could be taken for one another."""
    if isinstance(first, dict):
        return all(is_same(first[name], second[name]) for name in first)
    return np.shape(first) == np.shape(second) and np.allclose(first, second, rtol=0.01)


def draw_picture(draw: np.random.Generator, image_size: tuple[int, int], num_classes: int) -> Picture:
    """Draw a picture with an object: neither the first nor the last class, and no number that is another one's."""
    height, width = image_size
    size = draw.uniform(0.2, 0.5, 2) * [width, height]
    low = draw.uniform(0.05, 0.45, 2) * [width, height]
    box = tuple(float(side) for side in np.concatenate([low, low + size]).round(1))
    return box, int(draw.integers(2, num_classes - 1)), image_size, num_classes


def draw_target(draw: np.random.Generator, has_object: bool, num_classes: int) -> np.ndarray:
    """Draw a vector y; of an empty picture the numbers that do not matter are anything."""
    classes = np.arange(num_classes) == draw.integers(num_classes)
    box = [*draw.uniform(0.35, 0.65, 2), *draw.uniform(0.15, 0.6, 2)]
    return np.concatenate([[has_object], box, classes]).astype(np.float32)


def draw_prediction(draw: np.random.Generator, near: np.ndarray, spread: float) -> np.ndarray:
    """Draw what a network may give for a target: p_c and classes of any value, and a box that is off by `spread`."""
    p = draw.uniform(0.1, 0.9, 1)
    box = near[1:5] + draw.normal(0, spread, 4)
    return np.concatenate([p, box, softmax(draw.normal(0, 1, near[CLASSES].shape))]).astype(np.float32)


def draw_batch(
    draw: np.random.Generator, has_object: list[bool], num_classes: int, *, spread: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Draw targets and predictions, (m, 5 + n) each; boxes are off by so much that their part of a loss shows."""
    y_true = np.stack([draw_target(draw, there, num_classes) for there in has_object])
    return y_true, np.stack([draw_prediction(draw, y, spread) for y in y_true])


def draw_judged(draw: np.random.Generator, count: int, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw targets and predictions of which about a half are right, with IoUs and p_c away from 0.5.

    A quarter of the pictures is empty; their targets are zeros, as `encode_target` writes them.
    """
    y_true, y_pred = draw_batch(draw, [number % 4 != 0 for number in range(count)], num_classes, spread=0.06)
    y_true[::4] = 0
    y_pred[:, 0] = np.where(draw.random(count) < 0.75, y_true[:, 0], 1 - y_true[:, 0]) * 0.8 + draw.uniform(0.05, 0.15)
    is_known = draw.random(count) < 0.75
    y_pred[is_known, 5:] = 0.6 * y_true[is_known, 5:] + 0.4 * y_pred[is_known, 5:]
    return y_true, y_pred


def is_clear(y_true: np.ndarray, y_pred: np.ndarray, *iou_thresholds: float) -> bool:
    """Say whether no IoU lies so close to a threshold that rounding decides."""
    ious = overlap(corners(y_true), corners(y_pred))
    return bool(np.abs(ious[:, None] - np.array(iou_thresholds)).min() > MARGIN)
