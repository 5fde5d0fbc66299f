"""Inputs that are drawn until every mistake shows.

That is: until each mistake that a check names gives something else than the right answer and the other mistakes.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from .reference import heatmaps

Case = tuple[Any, np.ndarray, Mapping[str, np.ndarray]]  # inputs, the right answer, and what each mistake gives


def telling(candidates: Iterator[Case], apart: float = 2e-3) -> Case:
    """Give the first inputs, answer and mistakes in which each differs from all others by more than `apart`."""
    return next(
        (inputs, expected, mistakes)
        for inputs, expected, mistakes in candidates
        if not any(
            a.shape == b.shape and np.abs(a - b).max() <= apart
            for a, b in combinations([expected, *mistakes.values()], 2)
        )
    )


def draw_size(draw: np.random.Generator, least: int, most: int) -> tuple[int, int]:
    """Draw (height, width) of which no two are alike, the width the larger."""
    height = int(draw.integers(least, (least + most) // 2))
    return height, int(draw.integers(height + 4, most + 5))


def draw_points(draw: np.random.Generator, count: int, size: tuple[int, int], edge: float = 0.0) -> np.ndarray:
    """Draw points (count, 2) as (x, y), at least `edge` away from the edge of a picture of (height, width)."""
    height, width = size
    return draw.uniform(edge, [width - edge, height - edge], (count, 2)).astype(np.float32)


def at_centres(points: np.ndarray) -> np.ndarray:
    """Move points to the centres of the pixels that they lie in."""
    return np.floor(points) + np.float32(0.5)


def draw_permutation(draw: np.random.Generator, pairs: int, alone: int) -> list[int]:
    """Draw a permutation that exchanges some pairs, and leaves some points alone, wherever they stand."""
    places = draw.permutation(2 * pairs + alone)
    permutation = np.arange(len(places))
    left, right = places[:pairs], places[pairs : 2 * pairs]
    permutation[left], permutation[right] = right, left
    return [int(place) for place in permutation]


def draw_batch(draw: np.random.Generator, has_face: list[int], points: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw what is true of pictures, and what a network says of them: each (m, 1 + 2 points)."""
    count = len(has_face)
    true, predicted = draw.uniform(0.1, 0.9, (2, count, 1 + 2 * points)).astype(np.float32)
    true[:, 0] = has_face
    true[true[:, 0] == 0] = 0
    predicted[:, 0] = draw.uniform(0.2, 0.8, count)
    return true, predicted


def draw_faces(draw: np.random.Generator, count: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the points (count, points, 2) of faces of different sizes, and what a network might make of them."""
    sizes = draw.permutation(np.linspace(20, 90, count + 2)[1:-1])[:, np.newaxis, np.newaxis]
    true = draw.uniform(40, 60, (count, 1, 2)) + sizes * draw.uniform(-1, 1, (count, points, 2))
    off = draw.normal(0, 1, true.shape) * draw.uniform(1, 5, (count, 1, 1))
    return (true + off).astype(np.float32), true.astype(np.float32)


def draw_maps(draw: np.random.Generator, points: np.ndarray, size: tuple[int, int], spread: float) -> np.ndarray:
    """Draw maps (height, width, n) with a peak below 1 at each point, as of a network that is not quite sure."""
    return heatmaps(points, size, spread) * draw.uniform(0.3, 0.9, len(points)).astype(np.float32)


def draw_eyes(
    draw: np.random.Generator, shape: tuple[int, ...] = (), most_tilted: float = 0.0, least_open: float = 0.1
) -> np.ndarray:
    """Draw eyes (..., 6, 2): p1 and p4 their corners, p2 and p3 on the upper lid, p5 and p6 on the lower one.

    Args:
        draw: the generator.
        shape: of the result, but for the last two axes.
        most_tilted: largest angle of an eye, in radians.
        least_open: smallest distance of the lids, in widths of the eye.
    """
    lids = draw.uniform(least_open, least_open + 0.3, (*shape, 4)) / 2
    x = np.array([-0.5, -0.2, 0.2, 0.5, 0.2, -0.2]) + draw.uniform(-0.05, 0.05, (*shape, 6))
    y = np.zeros((*shape, 6))
    y[..., 1:3], y[..., 4:] = -lids[..., :2], lids[..., 2:]
    angle = draw.uniform(0.5, 1, (*shape, 1)) * most_tilted * draw.choice([-1, 1], (*shape, 1))
    turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=-1)
    size, place = draw.uniform(12, 40, (*shape, 1, 1)), draw.uniform(30, 90, (*shape, 1, 2))
    return (place + size * turned).astype(np.float32)
