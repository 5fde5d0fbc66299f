"""Hidden checks of the car detection assignment: fresh inputs of other shapes, and cases that are easily forgotten."""

from collections.abc import Iterator

import numpy as np

from keras_cv_course.grading import Subject, check_of, compare

from .asking import ask_eval, ask_iou, ask_suppression, see_filter
from .inputs import Case, draw_grid, draw_picture, draw_rivals, is_clear, overlaps_are_clear, telling
from .reference import filter_boxes, suppress
from .typical_mistakes import eval_mistakes


@check_of("yolo_filter_boxes", title="A grid of another size, and the threshold by default")
def filter_another_grid(subject: Subject, draw: np.random.Generator) -> None:
    """Let the number of classes be that of no other axis."""
    while True:
        confidence, probabilities, boxes = draw_grid(draw, (5, 3, 4), int(draw.integers(7, 20)))
        right = filter_boxes(boxes, confidence, probabilities, 0.6)
        if is_clear((confidence * probabilities).max(axis=-1), 0.6) and len(right["scores"]) > 3:
            break
    see_filter(subject, (boxes, confidence, probabilities), right, {})


@check_of("yolo_filter_boxes", title="Nothing is likely enough")
def filter_nothing(subject: Subject, draw: np.random.Generator) -> None:
    """Expect empty results of the right shapes."""
    confidence, probabilities, boxes = draw_grid(draw, (3, 3, 2), 6)
    right = filter_boxes(boxes, confidence, probabilities, 1.5)
    see_filter(subject, (boxes, confidence, probabilities), right, {}, threshold=1.5)


@check_of("iou", title="Boxes in boxes, and boxes of any place and size")
def iou_of_any(subject: Subject, draw: np.random.Generator) -> None:
    """Draw fractions, negative coordinates, a box inside another, and the same box twice."""
    pairs = []
    for scale in (0.1, 1.0, 300.0):
        low, size = draw.uniform(-scale, 0, (2, 2)), draw.uniform(0.5, 1, (2, 2)) * scale
        first, second = np.concatenate([low, low + size], axis=-1)
        inner = first + np.array([1, 1, -1, -1]) * (first[2:] - first[:2]).min() * draw.uniform(0.1, 0.4)
        pairs += [(first, second), (first, inner), (inner, first), (first, first)]
    ask_iou(subject, pairs, lambda _: {}, rtol=1e-3)  # a small number may be added to the union


@check_of("yolo_non_max_suppression", title="Many boxes, and the limits by default")
def suppression_of_many(subject: Subject, draw: np.random.Generator) -> None:
    """Let more than ten boxes of four classes be left over."""
    while True:
        found = draw_rivals(draw, 8, 6, 4, size=float(draw.integers(1, 600)))
        right = suppress(found, 10, 0.5)
        others = [suppress(found, len(found["scores"]), 0.5), suppress(found, 10, 0.5, per_class=False)]
        differ = all(list(other["scores"]) != list(right["scores"]) for other in others)
        if overlaps_are_clear(found, 0.5) and differ:
            break
    compare.close(ask_suppression(subject, found), right, "yolo_non_max_suppression")


@check_of("yolo_non_max_suppression", title="One box")
def suppression_of_one(subject: Subject, draw: np.random.Generator) -> None:
    """Expect it back, with its class."""
    found = draw_rivals(draw, 1, 1, 80, size=1.0)
    compare.close(ask_suppression(subject, found), found, "yolo_non_max_suppression")


@check_of("yolo_eval", title="A batch of one picture")
def eval_of_a_batch(subject: Subject, draw: np.random.Generator) -> None:
    """Give the outputs with the axis of the batch that the network's have."""

    def cases() -> Iterator[Case]:
        while True:
            picture = draw_picture(draw, (1,), max_boxes=5, score_threshold=0.5, iou_threshold=0.4)
            mistakes = eval_mistakes(picture)
            yield picture, picture.evaluate(), {**mistakes, "one class": picture.evaluate(per_class=False)}

    picture, _, mistakes = telling(cases())
    ask_eval(subject, picture, mistakes, "max_boxes", "score_threshold", "iou_threshold")
