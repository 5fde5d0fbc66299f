"""Inputs that are drawn until every mistake shows.

That is: until each mistake that a check names gives something else than the right answer and the other mistakes, and
until no number lies so close to a threshold that float32 could decide otherwise.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from .reference import Boxes, Pair, Picture, box_iou, filter_boxes, overlaps, suppress
from .typical_mistakes import filter_mistakes, iou_mistakes, suppression_mistakes

Case = tuple[Any, Any, dict[str, Any]]  # inputs, the right answer, and what each mistake gives
MARGIN = 1e-3
APART = 0.005  # least difference of IoUs that are told from each other


def telling(candidates: Iterator[Case]) -> Case:
    """Give the first inputs, expected answer and mistakes in which each can be told from all others."""
    return next(
        (inputs, expected, mistakes)
        for inputs, expected, mistakes in candidates
        if not any(is_same(*pair) for pair in combinations([expected, *mistakes.values()], 2))
    )


def is_same(first: Boxes, second: Boxes) -> bool:
    """Say whether two answers could be taken for one another."""
    pairs = [(first[name], second[name]) for name in first]
    return all(a.shape == b.shape and np.allclose(a, b, rtol=0.01) for a, b in pairs)


def is_clear(values: np.ndarray, threshold: float) -> bool:
    """Say whether no value lies so close to a threshold that rounding decides."""
    return bool((np.abs(values - threshold) > MARGIN).all())


def overlaps_are_clear(found: Boxes, threshold: float) -> bool:
    """Say whether no two boxes overlap by almost exactly a threshold."""
    return is_clear(overlaps(found["boxes"]), threshold)


def draw_grid(
    draw: np.random.Generator, shape: tuple[int, ...], classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw confidence (..., 1), class probabilities (..., classes) and boxes (..., 4), of which a part scores high."""
    confidence = draw.uniform(0.2, 1, (*shape, 1)).astype(np.float32)
    logits = draw.normal(0, 3, (*shape, classes))
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities = (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)
    low, size = draw.uniform(0, 0.7, (*shape, 2)), draw.uniform(0.1, 0.3, (*shape, 2))
    return confidence, probabilities, np.concatenate([low, low + size], axis=-1).astype(np.float32)


def filter_cases(draw: np.random.Generator, shape: tuple[int, ...], classes: int, threshold: float) -> Iterator[Case]:
    """Give inputs, the right answer, and what typical mistakes make of them."""
    while True:
        confidence, probabilities, boxes = draw_grid(draw, shape, classes)
        right = filter_boxes(boxes, confidence, probabilities, threshold)
        scores = (confidence * probabilities).max(axis=-1)
        if is_clear(scores, threshold) and len(right["scores"]) >= 4:
            mistakes = filter_mistakes(boxes, confidence, probabilities, threshold)
            yield (boxes, confidence, probabilities), right, mistakes


def draw_overlapping(draw: np.random.Generator) -> Pair:
    """Draw two boxes (x1, y1, x2, y2) of which each has a part of its own, in whole numbers."""
    low = draw.integers(0, 8, 2)
    size = draw.integers(4, 10, 2)
    shift = draw.integers(1, size)
    first = np.concatenate([low, low + size])
    second = np.concatenate([low + shift, low + shift + draw.integers(4, 10, 2) + size - np.minimum(size, 4)])
    return first.astype(np.float64), second.astype(np.float64)


def telling_pairs(draw: np.random.Generator, count: int) -> list[Pair]:
    """Draw pairs of boxes that overlap, in either order, until all mistakes can be told from each other.

    In each pair a mistake gives something else than the right answer and than 0 and 1, which say nothing of its cause.
    """
    while True:
        pairs: list[Pair] = []
        while len(pairs) < count:
            first, second = draw_overlapping(draw)
            pair = (first, second) if len(pairs) % 2 else (second, first)
            values = np.array([*iou_mistakes(pair).values()])
            plain = np.array([[0.0], [1.0], [box_iou(*pair)]])
            if np.isfinite(values).all() and np.abs(values - plain).min() > APART:
                pairs.append(pair)
        answers = np.array([[*iou_mistakes(pair).values()] for pair in pairs])  # (pairs, mistakes)
        if all(np.abs(answers[:, a] - answers[:, b]).max() > APART for a, b in combinations(range(len(answers.T)), 2)):
            return pairs


def draw_rivals(draw: np.random.Generator, places: int, around: int, classes: int, size: float) -> Boxes:
    """Draw boxes (y1, x1, y2, x2) that crowd around some places, with scores that all differ, in any order."""
    count = places * around
    centres = np.repeat(draw.uniform(0.2, 0.8, (places, 2)), around, axis=0) + draw.normal(0, 0.02, (count, 2))
    half = draw.uniform(0.05, 0.12, (count, 2))
    scores = (draw.permutation(count) + draw.uniform(0.2, 0.8, count)) / count * 0.4 + 0.6
    boxes = np.concatenate([centres - half, centres + half], axis=-1) * size
    return {
        "scores": scores.astype(np.float32),
        "boxes": boxes.astype(np.float32),
        "classes": draw.integers(0, classes, count),
    }


def suppression_cases(draw: np.random.Generator, classes: int, max_boxes: int, iou_threshold: float) -> Iterator[Case]:
    """Give boxes, those that stay, and what mistakes make of them; without the mistakes that cannot show."""
    while True:
        found = draw_rivals(draw, 4, 4, classes, size=100.0)
        # Almost the same box twice: so nothing suppressed means that nothing is, whatever the threshold.
        found["boxes"][1], found["classes"][1] = found["boxes"][0] + 0.1, found["classes"][0]
        if not overlaps_are_clear(found, iou_threshold) or not overlaps_are_clear(found, 0.5):
            continue
        right = suppress(found, max_boxes, iou_threshold)
        mistakes = suppression_mistakes(found, max_boxes, iou_threshold)
        if classes == 1:  # where joining classes is no question
            mistakes = {text: value for text, value in mistakes.items() if "class" not in text or "all boxes" in text}
        few = len(right["scores"]) == max_boxes  # so few may stay that a wrong threshold need not show
        mistakes = {
            text: value for text, value in mistakes.items() if ("iou_threshold" if few else "max_boxes") not in text
        }
        yield found, right, mistakes


def draw_picture(draw: np.random.Generator, leading: tuple[int, ...] = (), **settings: Any) -> Picture:
    """Draw outputs for a picture in which 14 boxes count, 4 more if the threshold were lower, and many overlap."""
    shape = (*leading, 4, 5, 3)
    threshold = settings.get("score_threshold", 0.6)
    levels = np.concatenate(
        [np.linspace(threshold + 0.01, 0.95, 14), np.linspace(threshold - 0.1, threshold - 0.01, 4)]
    )
    scores = np.concatenate([levels, draw.uniform(0.3, threshold - 0.2, 42)])
    scores = draw.permutation(scores + draw.uniform(0, 0.004, 60)).reshape(*shape, 1)
    confidence = scores + (1 - scores) * draw.uniform(0.2, 0.8, scores.shape)
    best = scores / confidence  # at least 0.3, more than a third of the rest
    is_best = draw.integers(0, 4, scores.shape) == np.arange(4)
    while True:
        centres = draw.uniform(0.25, 0.75, (4, 2))[draw.integers(0, 4, shape)]
        picture = Picture(
            box_xy=(centres + draw.normal(0, 0.02, centres.shape)).astype(np.float32),
            box_wh=draw.uniform(0.2, 0.45, centres.shape).astype(np.float32),
            confidence=confidence.astype(np.float32),
            probabilities=np.where(is_best, best, (1 - best) / 3).astype(np.float32),
            image_shape=(float(draw.integers(300, 500)), float(draw.integers(700, 900))),
            **settings,
        )
        if overlaps_are_clear(picture.filtered(), picture.iou_threshold):
            return picture
