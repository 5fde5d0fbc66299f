"""Public checks of the car detection assignment, and the references in NumPy that they compare with.

Inputs are drawn until every mistake that a check names gives something else than the right answer, and until no number
lies so close to a threshold that float32 could decide otherwise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from keras_cv_course.grading import Subject, Tensor, check_of, compare

Boxes = dict[str, np.ndarray]  # scores (n,), boxes (n, 4), classes (n,)
MARGIN = 1e-3


# References


def filter_boxes(boxes: np.ndarray, confidence: np.ndarray, probabilities: np.ndarray, threshold: float) -> Boxes:
    """Keep what scores at least `threshold`: boxes (..., 4), confidence (..., 1), probabilities (..., classes)."""
    scores = (confidence * probabilities).max(axis=-1)
    kept = scores >= np.float32(threshold)
    classes = (confidence * probabilities).argmax(axis=-1)
    return {"scores": scores[kept], "boxes": boxes[kept], "classes": classes[kept]}


def box_iou(first: Any, second: Any) -> float:
    """Divide intersection by union; a pair of coordinates for each of two opposite corners, in either order of axes."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    shared = sides.prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def overlaps(boxes: np.ndarray) -> np.ndarray:
    """Give the IoU (n, n) of all pairs of boxes (n, 4), opposite corners in any order, as TensorFlow takes them."""
    boxes = np.sort(boxes.astype(np.float64).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    low, high = np.maximum(boxes[:, None, :2], boxes[:, :2]), np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    with np.errstate(all="ignore"):  # a mistake may make boxes without area
        return np.asarray(shared / (areas[:, None] + areas - shared))


def suppress(found: Boxes, max_boxes: int, iou_threshold: float, *, per_class: bool = True) -> Boxes:
    """Keep the best boxes, by falling score, and of those of a class that overlap only the best."""
    rivals = overlaps(found["boxes"]) > iou_threshold
    if per_class:
        rivals &= found["classes"][:, None] == found["classes"]
    kept: list[int] = []
    for index in np.argsort(-found["scores"], kind="stable"):
        if not rivals[index, kept].any():
            kept.append(index)
    return {name: values[kept[:max_boxes]] for name, values in found.items()}


def corners(box_xy: np.ndarray, box_wh: np.ndarray) -> np.ndarray:
    """Turn centres and sizes into (y1, x1, y2, x2)."""
    return np.concatenate([(box_xy - box_wh / 2)[..., ::-1], (box_xy + box_wh / 2)[..., ::-1]], axis=-1)


@dataclass(frozen=True)
class Picture:
    """What `yolo_eval` gets for one picture."""

    box_xy: np.ndarray
    box_wh: np.ndarray
    confidence: np.ndarray
    probabilities: np.ndarray
    image_shape: tuple[float, float]
    max_boxes: int = 10
    score_threshold: float = 0.6
    iou_threshold: float = 0.5

    @property
    def outputs(self) -> tuple[np.ndarray, ...]:
        """The network's outputs, in the order of `yolo_head`."""
        return self.box_xy, self.box_wh, self.confidence, self.probabilities

    @property
    def scale(self) -> np.ndarray:
        """What turns (y1, x1, y2, x2) into pixels."""
        return np.array([*self.image_shape, *self.image_shape], np.float32)

    def filtered(self) -> Boxes:
        """Relative boxes that are likely enough."""
        boxes = corners(self.box_xy, self.box_wh)
        return filter_boxes(boxes, self.confidence, self.probabilities, self.score_threshold)

    def evaluate(self, *, per_class: bool = True) -> Boxes:
        """The right answer."""
        found = self.filtered()
        scaled = {**found, "boxes": found["boxes"] * self.scale}
        return suppress(scaled, self.max_boxes, self.iou_threshold, per_class=per_class)


# Inputs


def telling(candidates: Iterator[tuple[Any, Any, dict[str, Any]]]) -> tuple[Any, Any, dict[str, Any]]:
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


def overlaps_are_clear(found: Boxes, threshold: float) -> bool:
    """Say whether no two boxes overlap by almost exactly a threshold."""
    return is_clear(overlaps(found["boxes"]), threshold)


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


# yolo_filter_boxes


def ask_filter(subject: Subject, boxes: Any, confidence: Any, probabilities: Any, **threshold: float) -> Any:
    """Call the submission with tensors."""
    return subject.call("yolo_filter_boxes", Tensor(boxes), Tensor(confidence), Tensor(probabilities), **threshold)


def filter_cases(
    draw: np.random.Generator, shape: tuple[int, ...], classes: int, threshold: float
) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Give inputs, the right answer, and what typical mistakes make of them."""
    while True:
        confidence, probabilities, boxes = draw_grid(draw, shape, classes)
        right = filter_boxes(boxes, confidence, probabilities, threshold)
        products = confidence * probabilities
        scores, best = products.max(axis=-1), products.argmax(axis=-1)
        if not is_clear(scores, threshold) or len(right["scores"]) < 4:
            continue

        def masked(
            mask: np.ndarray, scores: np.ndarray = scores, best: np.ndarray = best, boxes: np.ndarray = boxes
        ) -> Boxes:
            return {"scores": scores[mask], "boxes": boxes[mask], "classes": best[mask]}

        mistakes = {
            "The classes are those of all boxes: the mask must be applied to the classes too.": {
                **right,
                "classes": best,
            },
            "The scores are those of all boxes: the mask must be applied to the scores too.": {
                **right,
                "scores": scores,
            },
            "The boxes are all boxes: the mask must be applied to the boxes too.": {**right, "boxes": boxes},
            "The boxes below the threshold were kept, and the others dropped.": masked(scores < threshold),
            "A box's score is its confidence times its class probabilities: the confidence is left out.": filter_boxes(
                boxes, np.ones_like(confidence), probabilities, threshold
            ),
            "The threshold is for the best class's score, not for the confidence alone.": masked(
                confidence[..., 0] >= threshold
            ),
            "The threshold that is given is not used: 0.6 is always taken.": filter_boxes(
                boxes, confidence, probabilities, 0.6
            ),
        }
        if shape[-1] == classes:  # only then does this mistake give anything
            mistakes["The best class is sought along the wrong axis: it is the last one (axis=-1)."] = masked(
                products.max(axis=-2) >= threshold, products.max(axis=-2), products.argmax(axis=-2)
            )
        yield (boxes, confidence, probabilities), right, mistakes


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
    compare.close(ask_filter(subject, *inputs, threshold=threshold), right, "yolo_filter_boxes", mistakes=mistakes)


@check_of(
    "yolo_filter_boxes",
    title="A score of exactly the threshold",
    hint="The mask is true where the score is at least the threshold.",
)
def filter_keeps_the_threshold(subject: Subject, draw: np.random.Generator) -> None:
    """Use powers of two, which float32 multiplies exactly."""
    confidence = draw.choice([0.25, 0.5, 1.0], (4, 4, 2, 1)).astype(np.float32)
    probabilities = np.stack([draw.choice([0.5, 0.75], (4, 4, 2))] * 3, axis=-1).astype(np.float32) * [0.25, 1, 0.5]
    probabilities = probabilities.astype(np.float32)
    confidence[0, 0, 0], probabilities[0, 0, 0, 1] = 1.0, 0.5  # one of exactly 0.5 at least
    _, _, boxes = draw_grid(draw, (4, 4, 2), 3)
    right = filter_boxes(boxes, confidence, probabilities, 0.5)
    without = filter_boxes(boxes, confidence, probabilities, np.nextafter(0.5, 1, dtype=np.float32))
    mistakes = {"A box whose score equals the threshold must stay: compare with >=, not with >.": without}
    received = ask_filter(subject, boxes, confidence, probabilities, threshold=0.5)
    compare.close(received, right, "yolo_filter_boxes", mistakes=mistakes)


@check_of("yolo_filter_boxes", title="TensorFlow tensors come back")
def filter_gives_tensors(subject: Subject, draw: np.random.Generator) -> None:
    """Look at kinds alone: the values are checked elsewhere."""
    confidence, probabilities, boxes = draw_grid(draw, (2, 3, 2), 4)
    received = ask_filter(subject, boxes, confidence, probabilities, threshold=0.1)
    compare.are_tensors(received, 3, "yolo_filter_boxes")


# iou


def ask_iou(subject: Subject, first: np.ndarray, second: np.ndarray, mistakes: dict[str, float]) -> None:
    """Call the submission with tuples, as the course does, and compare."""
    a, b = tuple(map(float, first)), tuple(map(float, second))
    received = subject.call("iou", a, b)
    name = f"iou({_told(a)}, {_told(b)})"
    compare.close(received, box_iou(first, second), name, mistakes=mistakes)


def _told(box: tuple[float, ...]) -> str:
    return f"({', '.join(f'{side:g}' for side in box)})"


def iou_mistakes(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Tell what typical mistakes give for two boxes that overlap."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = (high - low).prod()
    areas = [(box[2:] - box[:2]).prod() for box in (first, second)]
    hull = (np.maximum(first[2:], second[2:]) - np.minimum(first[:2], second[:2])).prod()

    def with_pixel(box: np.ndarray) -> float:
        return float((box[2:] - box[:2] + 1).prod())

    shared_pixels = float((high - low + 1).prod())
    crossed = np.array([0, 2, 1, 3])
    with np.errstate(all="ignore"):
        return {
            "The union counts the intersection twice: subtract it once from the sum of the two areas.": shared
            / sum(areas),
            "That is the intersection: divide it by the union.": shared,
            "The union is missing: the intersection is divided by the first box's area.": shared / areas[0],
            "The union is missing: the intersection is divided by the second box's area.": shared / areas[1],
            "The corners of the intersection are those of the hull: the left top takes the larger of two coordinates, "
            "the right bottom the smaller.": hull / (sum(areas) - hull),
            "A box from x1 to x2 is x2 - x1 wide, without 1 more.": shared_pixels
            / (with_pixel(first) + with_pixel(second) - shared_pixels),
            "A box is (x1, y1, x2, y2): the second number is y1, not x2.": box_iou(first[crossed], second[crossed]),
            "The sides of the boxes are mixed up: width is x2 - x1 and height is y2 - y1.": shared
            / (_mixed(first) + _mixed(second) - shared),
        }


def _mixed(box: np.ndarray) -> float:
    return float((box[3] - box[0]) * (box[2] - box[1]))


def draw_overlapping(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw two boxes (x1, y1, x2, y2) of which each has a part of its own, in whole numbers."""
    low = draw.integers(0, 8, 2)
    size = draw.integers(4, 10, 2)
    shift = draw.integers(1, size)
    first = np.concatenate([low, low + size])
    second = np.concatenate([low + shift, low + shift + draw.integers(4, 10, 2) + size - np.minimum(size, 4)])
    return first.astype(np.float64), second.astype(np.float64)


@check_of(
    "iou",
    title="Boxes that overlap",
    hint="union = area of box1 + area of box2 - intersection.",
)
def iou_of_overlapping(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for some pairs in which each mistake shows."""
    for _ in range(4):
        while True:
            first, second = draw_overlapping(draw)
            right, mistakes = box_iou(first, second), iou_mistakes(first, second)
            values = [right, *mistakes.values()]
            if np.isfinite(values).all() and np.diff(np.sort(values)).min() > 0.005:  # each can be told from the others
                break
        ask_iou(subject, first, second, mistakes)


@check_of(
    "iou",
    title="Boxes that do not overlap",
    points=2,
    hint="Width and height of an intersection are never negative: max(..., 0).",
)
def iou_of_apart(subject: Subject, draw: np.random.Generator) -> None:
    """Move a box away in x, in y and in both, where two negative sides make a positive area."""
    for away in ([1, 0], [0, 1], [1, 1], [-1, 1]):
        first, second = draw_overlapping(draw)
        second += 40 * np.tile(away, 2)
        sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
        areas = float(sum((box[2:] - box[:2]).prod() for box in (first, second)))
        signed, unsigned = float(sides.prod()), float(np.abs(sides).prod())
        mistakes = {
            "Boxes that do not overlap have an intersection of 0: its width and height must not be negative.": signed
            / (areas - signed),
            "Boxes that do not overlap have an intersection of 0: a negative width or height must not become a "
            "positive one.": unsigned / (areas - unsigned),
        }
        ask_iou(subject, first, second, mistakes)


@check_of("iou", title="Boxes that only touch")
def iou_of_touching(subject: Subject, draw: np.random.Generator) -> None:
    """Put a box beside another, and at its corner."""
    for along in ([1, 0], [0, 1], [1, 1]):
        first, second = draw_overlapping(draw)
        second += np.tile((first[2:] - second[:2]) * along, 2)
        ask_iou(subject, first, second, {})


# yolo_non_max_suppression


def ask_suppression(subject: Subject, found: Boxes, **limits: float) -> Any:
    """Call the submission with tensors."""
    arguments = [Tensor(found[name]) for name in ("scores", "boxes", "classes")]
    return subject.call("yolo_non_max_suppression", *arguments, **limits)


def suppression_mistakes(found: Boxes, max_boxes: int, iou_threshold: float) -> dict[str, Boxes]:
    """Tell what typical mistakes give; some of them only where there is more than one class, or too many boxes."""
    right = suppress(found, max_boxes, iou_threshold)
    everything = len(found["scores"])
    numbers = list(dict.fromkeys(found["classes"].tolist()))  # in the order in which they come

    def of_each_class(most: int) -> Boxes:
        masks = [found["classes"] == number for number in numbers]
        parts = [
            suppress({name: values[mask] for name, values in found.items()}, most, iou_threshold) for mask in masks
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in found}

    joined = of_each_class(max_boxes)

    def by_score(boxes: Boxes) -> Boxes:
        order = np.argsort(-boxes["scores"], kind="stable")
        return {name: values[order] for name, values in boxes.items()}

    def first(boxes: Boxes, most: int) -> Boxes:
        return {name: values[:most] for name, values in boxes.items()}

    return {
        "Boxes of another class were suppressed: suppress within each class, then join the classes.": suppress(
            found, max_boxes, iou_threshold, per_class=False
        ),
        "max_boxes is not used: at most so many boxes may stay.": suppress(found, everything, iou_threshold),
        "max_boxes is for all classes together: after joining them keep only the best max_boxes.": by_score(joined),
        "The boxes are not in the order of their scores: sort by falling score after joining the classes, then keep "
        "the first max_boxes.": first(joined, max_boxes),
        "The classes are joined one after another: sort by falling score, and keep the first max_boxes.": joined,
        "iou_threshold is not used: 0.5 is always taken.": suppress(found, max_boxes, 0.5),
        "Nothing was suppressed: a box goes if it overlaps a better one by more than iou_threshold.": suppress(
            found, max_boxes, 1.0
        ),
        "The scores are those of all boxes: gather the chosen ones.": {**right, "scores": found["scores"]},
        "The boxes are all boxes: gather the chosen ones.": {**right, "boxes": found["boxes"]},
        "The classes are those of all boxes: gather the chosen ones.": {**right, "classes": found["classes"]},
    }


def suppression_cases(
    draw: np.random.Generator, classes: int, max_boxes: int, iou_threshold: float
) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Give boxes, those that stay, and what mistakes make of them; without the mistakes that cannot show."""
    while True:
        found = draw_rivals(draw, 4, 4, classes, size=100.0)
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
    found, right, mistakes = telling(suppression_cases(draw, 2, 4, 0.35))
    received = ask_suppression(subject, found, max_boxes=4, iou_threshold=0.35)
    compare.close(received, right, "yolo_non_max_suppression", mistakes=mistakes)


# yolo_eval


def ask_eval(subject: Subject, picture: Picture, mistakes: dict[str, Boxes], *settings: str) -> None:
    """Call the submission with tensors and the settings that are named, and compare."""
    keywords = {name: getattr(picture, name) for name in settings}
    try:
        received = subject.call("yolo_eval", tuple(map(Tensor, picture.outputs)), picture.image_shape, **keywords)
        compare.close(received, picture.evaluate(), "yolo_eval", mistakes=mistakes, atol=0.01)  # of pixels
    except compare.Wrong as wrong:
        raise type(wrong)(f"{wrong}{_cause(subject, picture)}") from None


def _cause(subject: Subject, picture: Picture) -> str:
    """Say which of the submission's own functions, which `yolo_eval` calls, is wrong already."""
    boxes = corners(picture.box_xy, picture.box_wh)
    found = picture.filtered()

    def filtered() -> None:
        threshold = picture.score_threshold
        received = ask_filter(subject, boxes, picture.confidence, picture.probabilities, threshold=threshold)
        compare.close(received, found, "yolo_filter_boxes")

    def suppressed() -> None:
        limits = {"max_boxes": picture.max_boxes, "iou_threshold": picture.iou_threshold}
        right = suppress(found, picture.max_boxes, picture.iou_threshold)
        compare.close(ask_suppression(subject, found, **limits), right, "yolo_non_max_suppression")

    steps: dict[str, Callable[[], None]] = {"yolo_filter_boxes": filtered, "yolo_non_max_suppression": suppressed}
    for name, step in steps.items():
        try:
            step()
        except compare.Wrong:
            return f"\nThe cause may be {name}, which does not give the right result for this picture either."
    return ""


def eval_mistakes(picture: Picture) -> dict[str, Boxes]:
    """Tell what typical mistakes give."""

    def scaled_by(scale: Any) -> Boxes:
        found = picture.filtered()
        boxes = suppress(found, picture.max_boxes, picture.iou_threshold)
        return {**boxes, "boxes": boxes["boxes"] * np.asarray(scale, np.float32)}

    def from_boxes(boxes: np.ndarray) -> Boxes:
        found = filter_boxes(boxes, picture.confidence, picture.probabilities, picture.score_threshold)
        return suppress({**found, "boxes": found["boxes"] * picture.scale}, picture.max_boxes, picture.iou_threshold)

    height, width = picture.image_shape
    with np.errstate(all="ignore"):  # boxes that are none
        return {
            "The boxes are relative to the picture: scale_boxes must turn them into its pixels.": scaled_by([1] * 4),
            "Height and width are swapped: image_shape is (height, width), and boxes are (y1, x1, y2, x2).": scaled_by(
                [width, height, width, height]
            ),
            "image_shape is not used: (720, 1280) is always taken.": scaled_by([720, 1280, 720, 1280]),
            "The boxes are (x1, y1, x2, y2) when they are scaled: use yolo_boxes_to_corners, which gives "
            "(y1, x1, y2, x2).": from_boxes(corners(picture.box_xy, picture.box_wh)[..., [1, 0, 3, 2]]),
            "The boxes are still centre and size: yolo_boxes_to_corners must turn them into corners.": from_boxes(
                np.concatenate([picture.box_xy, picture.box_wh], axis=-1)
            ),
        }


@check_of(
    "yolo_eval",
    title="The whole way for one picture",
    points=2,
    hint="yolo_boxes_to_corners, yolo_filter_boxes, scale_boxes, yolo_non_max_suppression.",
)
def eval_of_a_picture(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a picture that is wider than high, and of another size than the default."""

    def cases() -> Iterator[tuple[Any, Any, dict[str, Any]]]:
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
    """Give other values than the defaults: first of the thresholds, then of max_boxes."""
    defaults = {"max_boxes": 10, "score_threshold": 0.6, "iou_threshold": 0.5}

    def cases(changed: dict[str, float]) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
        while True:
            picture = draw_picture(draw, **{**defaults, **changed})
            mistakes = {
                f"{name} does not reach its step: {defaults[name]} is always taken.": replace(
                    picture, **{name: defaults[name]}
                ).evaluate()
                for name in changed
            }
            if "iou_threshold" in changed:
                swapped = replace(picture, score_threshold=picture.iou_threshold, iou_threshold=picture.score_threshold)
                mistakes["score_threshold and iou_threshold are swapped."] = swapped.evaluate()
            yield picture, picture.evaluate(), mistakes

    for changed in ({"score_threshold": 0.54, "iou_threshold": 0.3}, {"max_boxes": 4}):
        picture, _, mistakes = telling(cases(changed))
        ask_eval(subject, picture, mistakes, *defaults)
