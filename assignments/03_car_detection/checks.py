"""Public checks of the car detection assignment.

A box suppresses others of its own class only, as the course's lecture notes ask, and as its notebook of today and
this package's own `yolo_non_max_suppression` do. In an older notebook of the course it suppressed boxes of any class,
and the arguments had another order: both are mistakes here, and messages name them.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from keras_cv_course.grading import Subject, check_of, compare

from .asking import ask_eval, ask_filter, ask_iou, ask_suppression, see_eval_tensors, see_filter
from .inputs import (
    Case,
    draw_grid,
    draw_overlapping,
    draw_picture,
    draw_rivals,
    filter_cases,
    suppression_cases,
    telling,
    telling_pairs,
)
from .reference import filter_boxes
from .typical_mistakes import apart_mistakes, eval_mistakes, iou_mistakes

# yolo_filter_boxes


@check_of(
    "yolo_filter_boxes",
    title="Scores, boxes and classes of what is likely enough",
    points=2,
    hint="box_scores has a score for each box and class; the best class of a box is along the last axis.",
)
def filter_keeps_the_likely(subject: Subject, draw: np.random.Generator) -> None:
    """Compare on a small grid with as many anchors as classes, where a wrong axis gives numbers and not an error."""
    threshold = 0.45
    inputs, right, mistakes = telling(filter_cases(draw, (3, 4, 5), 5, threshold))
    see_filter(subject, inputs, right, mistakes, threshold=threshold)


@check_of(
    "yolo_filter_boxes",
    title="A score of exactly the threshold",
    hint="The mask is true where the score is at least the threshold.",
)
def filter_keeps_the_threshold(subject: Subject, draw: np.random.Generator) -> None:
    """Use eighths and quarters, which float32 multiplies exactly; each score between 0.25 and 0.6 is there."""
    threshold = 0.375
    confidence = draw.choice([0.25, 0.5, 0.75, 0.875, 1.0], (4, 4, 2, 1)).astype(np.float32)
    best = draw.choice([0.5, 0.75], (4, 4, 2)).astype(np.float32)
    confidence[0, :, 0, 0], best[0, :, 0] = [0.75, 0.875, 1.0, 0.75], [0.5, 0.5, 0.5, 0.75]
    probabilities = best[..., np.newaxis] * np.float32([0.25, 1, 0.5])
    _, _, boxes = draw_grid(draw, (4, 4, 2), 3)
    right = filter_boxes(boxes, confidence, probabilities, threshold)
    without = filter_boxes(boxes, confidence, probabilities, np.nextafter(threshold, 1, dtype=np.float32))
    mistakes = {"A box whose score equals the threshold must stay: compare with >=, not with >.": without}
    see_filter(subject, (boxes, confidence, probabilities), right, mistakes, threshold=threshold)


@check_of("yolo_filter_boxes", title="TensorFlow tensors come back")
def filter_gives_tensors(subject: Subject, draw: np.random.Generator) -> None:
    """Look at kinds alone: the values are checked elsewhere."""
    confidence, probabilities, boxes = draw_grid(draw, (2, 3, 2), 4)
    received = ask_filter(subject, boxes, confidence, probabilities, threshold=0.1)
    compare.are_tensors(received, 3, "yolo_filter_boxes")


# iou


@check_of(
    "iou",
    title="Boxes that overlap",
    hint="union = area of box1 + area of box2 - intersection.",
)
def iou_of_overlapping(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for some pairs in which each mistake shows."""
    ask_iou(subject, telling_pairs(draw, 4), iou_mistakes)


@check_of(
    "iou",
    title="Boxes that do not overlap",
    points=2,
    hint="Width and height of an intersection are never negative: max(..., 0).",
)
def iou_of_apart(subject: Subject, draw: np.random.Generator) -> None:
    """Move a box away in x, in y and in both, where two negative sides make a positive area."""
    pairs = []
    for away in 2 * ([1, 0], [0, 1], [1, 1], [-1, 1]):
        while True:
            first, second = draw_overlapping(draw)
            pair = (first, second + 40 * np.tile(away, 2))
            if np.isfinite(list(apart_mistakes(pair).values())).all():
                break
        pairs.append(pair)
    ask_iou(subject, pairs, apart_mistakes)


@check_of("iou", title="Boxes that only touch")
def iou_of_touching(subject: Subject, draw: np.random.Generator) -> None:
    """Put a box beside another, and at its corner."""
    pairs = []
    for along in ([1, 0], [0, 1], [1, 1]):
        first, second = draw_overlapping(draw)
        pairs.append((first, second + np.tile((first[2:] - second[:2]) * along, 2)))
    ask_iou(subject, pairs, lambda _: {})


# yolo_non_max_suppression


@check_of(
    "yolo_non_max_suppression",
    title="Boxes of one class: of those that overlap the best stays",
    hint="tf.image.non_max_suppression takes boxes, scores, how many to keep and iou_threshold, and gives indices.",
)
def suppression_of_one_class(subject: Subject, draw: np.random.Generator) -> None:
    """Keep more boxes than there are places."""
    found, right, mistakes = telling(suppression_cases(draw, 1, 15, 0.3))
    received = ask_suppression(subject, found, max_boxes=15, iou_threshold=0.3)
    compare.close(received, right, "yolo_non_max_suppression", mistakes=mistakes)


@check_of(
    "yolo_non_max_suppression",
    title="Boxes of several classes",
    points=2,
    hint="A person in front of a car must not make the car disappear: each class by itself.",
)
def suppression_of_classes(subject: Subject, draw: np.random.Generator) -> None:
    """Let boxes of three classes crowd around the same places."""
    found, right, mistakes = telling(suppression_cases(draw, 3, 15, 0.35))
    received = ask_suppression(subject, found, max_boxes=15, iou_threshold=0.35)
    compare.close(received, right, "yolo_non_max_suppression", mistakes=mistakes)


@check_of(
    "yolo_non_max_suppression",
    title="At most max_boxes, and the best of them",
    hint="Join the classes, sort by falling score, keep the first max_boxes.",
)
def suppression_of_too_many(subject: Subject, draw: np.random.Generator) -> None:
    """Let more boxes be left over than may stay."""
    found, right, mistakes = telling(suppression_cases(draw, 2, 5, 0.35))
    received = ask_suppression(subject, found, max_boxes=5, iou_threshold=0.35)
    compare.close(received, right, "yolo_non_max_suppression", mistakes=mistakes)


@check_of("yolo_non_max_suppression", title="TensorFlow tensors come back")
def suppression_gives_tensors(subject: Subject, draw: np.random.Generator) -> None:
    """Look at kinds alone: the values are checked elsewhere."""
    received = ask_suppression(subject, draw_rivals(draw, 2, 3, 2, size=100.0))
    compare.are_tensors(received, 3, "yolo_non_max_suppression")


# yolo_eval


@check_of(
    "yolo_eval",
    title="The whole way for one picture",
    points=2,
    hint="yolo_boxes_to_corners, yolo_filter_boxes, scale_boxes, yolo_non_max_suppression.",
)
def eval_of_a_picture(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a picture that is wider than high, and of another size than the default."""

    def cases() -> Iterator[Case]:
        while True:
            picture = draw_picture(draw)
            yield picture, picture.evaluate(), eval_mistakes(picture)

    picture, _, mistakes = telling(cases())
    ask_eval(subject, picture, mistakes)


@check_of(
    "yolo_eval",
    title="The arguments reach the steps that need them",
    hint="score_threshold belongs to yolo_filter_boxes; max_boxes and iou_threshold to yolo_non_max_suppression.",
)
def eval_passes_its_arguments(subject: Subject, draw: np.random.Generator) -> None:
    """Give other values than the defaults: first of the thresholds, where no more boxes stay than without max_boxes."""
    defaults = {"max_boxes": 10, "score_threshold": 0.6, "iou_threshold": 0.5}
    score, iou = 0.7, 0.35
    of_thresholds = {
        "score_threshold does not reach its step: 0.6 is always taken.": {"score_threshold": 0.6},
        "iou_threshold does not reach its step: 0.5 is always taken.": {"iou_threshold": 0.5},
        "score_threshold and iou_threshold are swapped.": {"score_threshold": iou, "iou_threshold": score},
        "yolo_filter_boxes gets iou_threshold: it needs score_threshold.": {"score_threshold": iou},
        "yolo_non_max_suppression gets score_threshold: it needs iou_threshold.": {"iou_threshold": score},
        "No box is left out for its score: yolo_filter_boxes drops those below score_threshold.": {
            "score_threshold": 0
        },
        "None of the arguments reaches its step: the defaults are always taken.": defaults,
    }
    of_most = {"max_boxes does not reach its step: 10 is always taken.": {"max_boxes": 10}}

    def cases(given: dict[str, float], mistakes: dict[str, dict[str, float]]) -> Iterator[Case]:
        while True:
            picture = draw_picture(draw, **given)
            right = picture.evaluate()
            if len(right["scores"]) <= defaults["max_boxes"]:
                yield picture, right, {text: replace(picture, **wrong).evaluate() for text, wrong in mistakes.items()}

    for given, mistakes in (
        ({"max_boxes": 40, "score_threshold": score, "iou_threshold": iou}, of_thresholds),
        ({**defaults, "max_boxes": 4}, of_most),
    ):
        picture, _, results = telling(cases(given, mistakes))
        ask_eval(subject, picture, results, *defaults)


@check_of("yolo_eval", title="TensorFlow tensors come back")
def eval_gives_tensors(subject: Subject, draw: np.random.Generator) -> None:
    """Look at kinds alone: the values are checked elsewhere."""
    see_eval_tensors(subject, draw_picture(draw))
