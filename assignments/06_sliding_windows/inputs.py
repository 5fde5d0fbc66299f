"""Inputs that are drawn until every mistake shows: until each that a check names gives something of its own."""

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import TypeVar

import numpy as np

from .reference import Found, Network, Size, overlaps

Inputs = TypeVar("Inputs")
Answers = tuple[np.ndarray, dict[str, np.ndarray]]  # the right one, and what each mistake gives
MARGIN = 1e-3


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


def draw_sizes(draw: np.random.Generator, *, exact: bool) -> Iterator[tuple[Size, Size, int]]:
    """Draw sizes of a picture and a window, neither of them square, and a stride.

    With `exact` the last windows end at the picture's edges, else no window does.
    """
    while True:
        window = (int(draw.integers(3, 8)), int(draw.integers(3, 8)))
        stride = int(draw.integers(2, 5))
        steps = draw.permutation(np.arange(3, 8))[:2]
        over = (0, 0) if exact else draw.integers(1, stride, 2)
        height, width = (int(side + stride * step + more) for side, step, more in zip(window, steps, over, strict=True))
        if window[0] != window[1] and height != width and stride not in window:
            yield (height, width), window, stride


def draw_image(draw: np.random.Generator, size: Size, channels: int = 3) -> np.ndarray:
    """Draw pixels of 0..1."""
    return draw.uniform(0, 1, (*size, channels)).astype(np.float32)


def draw_network(
    draw: np.random.Generator,
    window: Size,
    channels: int,
    filters: int,
    kernel: int,
    pool: int,
    units: tuple[int, ...],
    classes: int,
) -> Network:
    """Draw weights with which no layer is all zero, and no class all there is."""
    height, width = ((side - kernel + 1) // pool for side in window)
    sizes = [height * width * filters, *units, classes]
    shapes = [(kernel, kernel, channels, filters), *pairwise(sizes)]
    weights = []
    for shape in shapes:
        inputs = float(np.prod(shape[:-1]))
        weights += [draw.normal(0, np.sqrt(2 / inputs), shape), draw.uniform(0.2, 0.6, shape[-1])]
        weights[-1] *= draw.choice([-1, 1], shape[-1])
    return Network(window, pool, tuple(weight.astype(np.float32) for weight in weights))


def draw_found(draw: np.random.Generator, classes: int, thresholds: tuple[float, float]) -> Iterator[Found]:
    """Draw boxes that crowd around some places, with scores that all differ, none of them near a threshold."""
    while True:
        count = 24
        middles = np.repeat(draw.uniform(20, 80, (4, 2)), 6, axis=0) + draw.normal(0, 3, (count, 2))
        half = draw.uniform(6, 11, (count, 2))
        boxes = np.concatenate([middles - half, middles + half], axis=-1).round(1)
        scores = (draw.permutation(count) + draw.uniform(0.2, 0.8, count)) / count * 0.7 + 0.3
        labels = draw.integers(0, classes, count)
        # Almost the same box twice: so nothing suppressed means that nothing is, whatever the threshold.
        best, second, *_ = np.argsort(-scores)
        boxes[second], labels[second] = boxes[best] + 0.1, labels[best]
        off = [np.abs(overlaps(boxes) - value).min() for value in (*thresholds, 0.5)]
        off += [np.abs(scores - value).min() for value in (*thresholds, 0.6)]
        if min(off) > MARGIN:
            yield Found(scores, boxes, labels)
