"""Inputs that are drawn until every mistake shows.

That is: until each mistake that a check names gives something else than the right answer and than the other mistakes.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from .reference import IGNORED

Case = tuple[Any, Any, dict[str, Any]]  # inputs, the right answer, and what each mistake gives


def telling(candidates: Iterator[Case]) -> Case:
    """Give the first inputs, expected answer and mistakes in which each can be told from all others."""
    return next(
        (inputs, expected, mistakes)
        for inputs, expected, mistakes in candidates
        if not any(is_same(*pair) for pair in combinations([expected, *mistakes.values()], 2))
    )


def is_same(first: Any, second: Any) -> bool:
    """Say whether two answers could be taken for one another."""
    return np.shape(first) == np.shape(second) and np.allclose(first, second, rtol=0.01, atol=1e-3)


def draw_masks(draw: np.random.Generator, count: int, size: tuple[int, int]) -> np.ndarray:
    """Draw masks bool (count, height, width) of rectangles of different areas that overlap in the middle."""
    height, width = size
    masks = np.zeros((count, height, width), bool)
    while len({mask.sum() for mask in masks}) < count:
        masks[:] = False
        for mask in masks:
            (y1, x1), (y2, x2) = (
                draw.integers(0, [height // 2, width // 2]),
                draw.integers([height // 2, width // 2], size),
            )
            mask[y1 : y2 + 1, x1 : x2 + 1] = True
    return masks


def draw_maps(
    draw: np.random.Generator, shape: tuple[int, ...], classes: list[int], *, ignored: float = 0.0, wrong: float = 0.4
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a true and a predicted class map, uint8, with classes of unequal shares.

    Args:
        draw: what they are drawn from.
        shape: of the maps.
        classes: that may occur.
        ignored: share of the true map's pixels that count nowhere.
        wrong: share of the pixels whose prediction is drawn anew.
    """
    shares = draw.dirichlet(np.full(len(classes), 2.0))
    y_true = draw.choice(classes, shape, p=shares).astype(np.uint8)
    y_pred = np.where(draw.random(shape) < wrong, draw.choice(classes, shape), y_true).astype(np.uint8)
    y_true[draw.random(shape) < ignored] = IGNORED
    return y_true, y_pred


def draw_soft(draw: np.random.Generator, count: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw true masks of 0 and 1, and probabilities, float32 (count, height, width)."""
    y_true = (draw.random((count, *size)) < draw.uniform(0.1, 0.6, (count, 1, 1))).astype(np.float32)
    noise = draw.uniform(0, 1, y_true.shape)
    return y_true, (0.6 * y_true * draw.uniform(0.3, 1, (count, 1, 1)) + 0.4 * noise).astype(np.float32)
