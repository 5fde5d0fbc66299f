"""Inputs that are drawn until every mistake shows.

That is: until each mistake that a check names gives something else than the right answer and the other mistakes.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import TypeVar

import numpy as np

from .reference import Box, Size, interpolate, resized

Inputs = TypeVar("Inputs")
Answers = tuple[np.ndarray, dict[str, np.ndarray]]  # the right one, and what each mistake gives
MARGIN = 1e-4


def telling(candidates: Iterator[Inputs], answers: Callable[[Inputs], Answers]) -> tuple[Inputs, Answers]:
    """Give the first inputs for which the right answer and all mistakes can be told from each other."""
    for inputs in candidates:
        right, mistakes = answers(inputs)
        if not any(is_same(*pair) for pair in combinations([right, *mistakes.values()], 2)):
            return inputs, (right, mistakes)
    raise RuntimeError("Expected endless candidates.")


def is_same(first: np.ndarray, second: np.ndarray) -> bool:
    """Say whether two answers could be taken for one another."""
    return first.shape == second.shape and np.allclose(first, second, rtol=0.01)


def draw_map(draw: np.random.Generator, size: Size, channels: int = 3) -> np.ndarray:
    """Draw a feature map, float32 (height, width, channels)."""
    return draw.normal(0, 1, (*size, channels)).astype(np.float32)


def draw_sides(draw: np.random.Generator, least: int, most: int) -> Size:
    """Draw two sides that differ."""
    height, width = (int(side) for side in draw.choice(np.arange(least, most), 2, replace=False))
    return height, width


def draw_between(draw: np.random.Generator, count: int, least: float, most: float) -> np.ndarray:
    """Draw places between cells, none of them near a cell's centre or the middle of two."""
    whole = draw.integers(int(least), int(most), count)
    return whole + draw.choice([0.0, 0.5], count) + draw.uniform(0.1, 0.4, count)


def draw_boxes(draw: np.random.Generator, size: Size, least: float, most: float) -> Iterator[Box]:
    """Draw boxes inside a picture of (height, width), of `least` to `most` pixels a side, with fractions."""
    height, width = size
    while True:
        wide, high = (float(side) for side in draw.uniform(least, most, 2))
        x, y = draw.uniform(0, width - wide), draw.uniform(0, height - high)
        yield x, y, x + wide, y + high


def draw_masks(draw: np.random.Generator, count: int, size: Size) -> np.ndarray:
    """Draw blobs that crowd around the middle, with a hole or a dent: bool (count, height, width)."""
    height, width = size
    y, x = np.indices(size)
    masks = []
    for _ in range(count):
        middle_y, middle_x = draw.uniform(0.4, 0.6, 2) * (height, width)
        radius_y, radius_x = draw.uniform(0.25, 0.38, 2) * (height, width)
        away = np.hypot((y - middle_y) / radius_y, (x - middle_x) / radius_x)
        masks.append((away < 1) & (np.abs(away - draw.uniform(0.3, 0.6)) > 0.2))
    return np.stack(masks)


def draw_soft_mask(draw: np.random.Generator, cells: Size) -> np.ndarray:
    """Draw probabilities, float32 `cells`, that change slowly and are high at some edges."""
    grid = np.meshgrid(*(np.linspace(0, side - 1, count) for side, count in zip((4, 5), cells, strict=True)),
                       indexing="ij")  # fmt: skip
    coarse = draw.uniform(0.05, 0.95, (4, 5, 1))
    return interpolate(coarse, *grid)[..., 0].astype(np.float32)


def is_clear(mask: np.ndarray, box: Box, image_size: Size, threshold: float) -> bool:
    """Say whether no pixel's value is so near the threshold, and none so near the box's edge, that rounding decides."""
    values = resized(mask, box, image_size)
    edges = np.array(box) % 1
    return bool((np.abs(edges - 0.5) > MARGIN).all() and np.nanmin(np.abs(values - threshold)) > MARGIN)
