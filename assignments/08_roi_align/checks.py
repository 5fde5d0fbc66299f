"""Public checks of the RoIAlign assignment."""

from collections.abc import Iterator

import numpy as np

from keras_cv_course.grading import Subject, check_of

from .asking import see_aligned, see_levels, see_overlaps, see_pasted, see_values
from .inputs import (
    Answers,
    draw_between,
    draw_boxes,
    draw_map,
    draw_masks,
    draw_sides,
    draw_soft_mask,
    is_clear,
    telling,
)
from .reference import Box, Size, align, interpolate, level, mask_overlaps, paste
from .typical_mistakes import (
    align_mistakes,
    beside_mistakes,
    between_mistakes,
    beyond_mistakes,
    clipped_mistakes,
    level_mistakes,
    overlap_mistakes,
    paste_mistakes,
)

# bilinear


@check_of(
    "bilinear",
    title="Places between the cells",
    points=2,
    hint="top = floor(y), left = floor(x); the lower row has the share y - top, the right column x - left.",
)
def values_between(subject: Subject, draw: np.random.Generator) -> None:
    """Ask for places that are inside the map, also where x and y are swapped."""
    size = draw_sides(draw, 6, 11)
    feature_map = draw_map(draw, size)
    y, x = (draw_between(draw, 12, 1, min(size) - 1) for _ in range(2))
    see_values(subject, feature_map, y, x, between_mistakes(feature_map, y, x))


@check_of(
    "bilinear",
    title="Places at the edge of the map",
    hint="Move y to 0..height - 1 and x to 0..width - 1 first. Below the last row there is none: "
    "np.minimum(top + 1, height - 1).",
)
def values_beside(subject: Subject, draw: np.random.Generator) -> None:
    """Ask for places up to a cell beyond the outermost centres, at each of the four edges and at each corner."""
    height, width = size = draw_sides(draw, 6, 11)
    feature_map = draw_map(draw, size)
    away = draw.uniform(0.1, 0.9, (2, 8))
    rows, columns = draw_between(draw, 2, 1, height - 2), draw_between(draw, 2, 1, width - 2)
    y = np.concatenate([-away[0, :3], height - 1 + away[0, 3:6], rows])
    x = np.concatenate([-away[1, :1], width - 1 + away[1, 1:2], columns[:1], -away[1, 3:4],
                        width - 1 + away[1, 4:5], columns[1:], -away[1, 6:7], width - 1 + away[1, 7:]])  # fmt: skip
    see_values(subject, feature_map, y, x, beside_mistakes(feature_map, y, x))


@check_of(
    "bilinear",
    title="Places far beyond the edge",
    hint="Before y and x are moved, find those below -1 or above height or width: there the value is 0.",
)
def values_beyond(subject: Subject, draw: np.random.Generator) -> None:
    """Ask for places more than a cell beyond the outermost centres, in y, in x and in both."""
    height, width = size = draw_sides(draw, 5, 9)
    feature_map = draw_map(draw, size)
    away = draw.uniform(1.1, 4, (2, 6))
    inside = [draw_between(draw, 2, 1, side - 2) for side in size]
    y = np.concatenate([-away[0, :2], height - 1 + away[0, 2:4], inside[0]])
    x = np.concatenate([-away[1, :1], inside[1], width - 1 + away[1, 3:4], -away[1, 4:5], width - 1 + away[1, 5:]])
    mistakes = {
        "A place more than a cell beyond the outermost centres has the value 0, not that at the edge.": interpolate(
            feature_map, y, x, reach=np.inf
        )
    }
    see_values(subject, feature_map, y, x, mistakes)


# roi_align


@check_of(
    "roi_align",
    title="A box inside the picture",
    points=2,
    hint="box * spatial_scale - 0.5 is the box in cells; the points of an axis are at start + (i + 0.5) * step.",
)
def aligned_box(subject: Subject, draw: np.random.Generator) -> None:
    """Take a map, a box and an output that are not square, and three points along each axis of a bin."""
    see_told_aligned(subject, draw, 3, 40, 100)


@check_of(
    "roi_align",
    title="A box that is smaller than a cell",
    hint="Nothing is rounded, and no size is made larger: all points may lie between the same four cells.",
)
def aligned_small_box(subject: Subject, draw: np.random.Generator) -> None:
    """Take a box of less than 16 pixels on a map with a stride of 16."""
    see_told_aligned(subject, draw, 3, 6, 14)


def see_told_aligned(subject: Subject, draw: np.random.Generator, sampling: int, least: float, most: float) -> None:
    """Compare for a box in which each mistake shows."""
    size, output_size = draw_sides(draw, 9, 14), draw_sides(draw, 2, 6)
    feature_map = draw_map(draw, size)
    least_side = 16 * min(size)

    def answers(box: Box) -> Answers:
        inputs = (feature_map, box, output_size, 1 / 16, sampling)
        return align(*inputs), align_mistakes(*inputs)

    # Taken for cells, its corner is beyond the map: without spatial_scale all is 0.
    boxes = (box for box in draw_boxes(draw, (least_side, least_side), least, most) if min(box[:2]) > max(size) + 2)
    box, (_, mistakes) = telling(boxes, answers)
    see_aligned(subject, feature_map, box, output_size, 1 / 16, sampling, mistakes)


@check_of(
    "roi_align",
    title="A box that reaches beyond the picture",
    hint="The box is not clipped: bilinear gives the value at the edge beside the map, and 0 far from it.",
)
def aligned_beyond(subject: Subject, draw: np.random.Generator) -> None:
    """Let a box reach several cells beyond all four edges."""
    height, width = size = draw_sides(draw, 6, 9)
    feature_map = draw_map(draw, size, 2)
    x1, y1 = -draw.uniform(25, 40, 2)
    x2, y2 = np.array([width, height]) * 8 + draw.uniform(25, 40, 2)
    inputs = (feature_map, (float(x1), float(y1), float(x2), float(y2)), (4, 5), 1 / 8, 3)
    see_aligned(subject, *inputs, beyond_mistakes(*inputs))


# mask_iou


@check_of(
    "mask_iou",
    title="Masks that overlap",
    points=2,
    hint="intersection = pixels of both, union = area + area - intersection; for each pair of masks.",
)
def iou_of_masks(subject: Subject, draw: np.random.Generator) -> None:
    """Take masks with holes, whose boxes overlap more than they do."""
    size = draw_sides(draw, 14, 24)

    def candidates() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            yield draw_masks(draw, 2, size), draw_masks(draw, 3, size)

    def answers(masks: tuple[np.ndarray, np.ndarray]) -> Answers:
        return mask_overlaps(*masks), overlap_mistakes(*masks)

    (first, second), (_, mistakes) = telling(candidates(), answers)
    see_overlaps(subject, first, second, mistakes)


@check_of(
    "mask_iou",
    title="Masks without a pixel",
    hint="Divide by the union where it is more than 0, for instance by np.maximum(union, 1).",
)
def iou_of_empty_masks(subject: Subject, draw: np.random.Generator) -> None:
    """Compare an empty mask with another one, and with one that has pixels."""
    size = draw_sides(draw, 8, 14)
    first, second = draw_masks(draw, 2, size), draw_masks(draw, 3, size)
    first[1], second[2] = False, False
    right = mask_overlaps(first, second)
    ones = right.copy()
    ones[1, 2] = 1
    mistakes = {"Two masks without a pixel have none in common: give 0, not 1.": ones}
    see_overlaps(subject, first, second, mistakes)


# paste_mask


@check_of(
    "paste_mask",
    title="A box inside the picture",
    points=2,
    hint="The centre of pixel x is at x + 0.5; in the mask it is at (x + 0.5 - x1) / (x2 - x1) * mask width - 0.5.",
)
def pasted_inside(subject: Subject, draw: np.random.Generator) -> None:
    """Take a mask, a box and a picture that are not square, and a threshold of its own."""
    cells = draw_sides(draw, 5, 8)
    size = draw_sides(draw, 44, 60)
    threshold = float(draw.choice([0.4, 0.6]))
    least_side = min(size)
    boxes = draw_boxes(draw, (least_side, least_side), 26, 38)

    def candidates() -> Iterator[tuple[np.ndarray, Box, Size, float]]:
        for box in boxes:
            mask = draw_soft_mask(draw, cells)
            if is_clear(mask, box, size, threshold):
                yield mask, box, size, threshold

    def answers(inputs: tuple[np.ndarray, Box, Size, float]) -> Answers:
        return paste(*inputs), paste_mistakes(*inputs)

    inputs, (_, mistakes) = telling(candidates(), answers)
    see_pasted(subject, *inputs, mistakes)


@check_of(
    "paste_mask",
    title="A box that reaches beyond the picture",
    hint="Do not clip the box: compute the mask's value for the pixels that there are.",
)
def pasted_beyond(subject: Subject, draw: np.random.Generator) -> None:
    """Let a box reach beyond two edges, the first or the last of both axes."""
    height, width = size = draw_sides(draw, 24, 36)

    def candidates() -> Iterator[tuple[np.ndarray, Box, Size, float]]:
        while True:
            wide, high = draw.uniform(0.6, 0.9, 2) * (width, height)
            x, y = -draw.uniform(0.2, 0.4, 2) * (wide, high)
            if draw.random() < 0.5:
                x, y = width - wide - x, height - high - y
            box = (float(x), float(y), float(x + wide), float(y + high))
            mask = draw_soft_mask(draw, (6, 6))
            if is_clear(mask, box, size, 0.5):
                yield mask, box, size, 0.5

    def answers(inputs: tuple[np.ndarray, Box, Size, float]) -> Answers:
        return paste(*inputs), clipped_mistakes(*inputs)

    inputs, (_, mistakes) = telling(candidates(), answers)
    see_pasted(subject, *inputs, mistakes)


# level_of_box


@check_of(
    "level_of_box",
    title="Boxes of all sizes",
    points=2,
    hint="floor(canonical_level + log2(sqrt(width * height) / canonical_size)), then kept within levels.",
)
def levels_of_boxes(subject: Subject, draw: np.random.Generator) -> None:
    """Take other levels and sizes than those by default."""
    see_told_levels(subject, draw, (3, 7), 5, float(draw.integers(64, 78)))


def see_told_levels(
    subject: Subject, draw: np.random.Generator, levels: Size, canonical_level: int, canonical_size: float
) -> None:
    """Compare for boxes in which each mistake shows."""

    def candidates() -> Iterator[list[Box]]:
        while True:
            roots = canonical_size * 2 ** (np.arange(-9, 9) // 2 + draw.uniform(0.1, 0.9, 18))
            wide = np.sqrt(draw.uniform(1.5, 4, 18)) ** draw.choice([-1, 1], 18)
            corners = draw.uniform(5, 300, (18, 2))
            sizes = np.stack([roots * wide, roots / wide], axis=1)
            yield [(x, y, x + width, y + height) for (x, y), (width, height) in
                   zip(corners.tolist(), sizes.tolist(), strict=True)]  # fmt: skip

    def answers(boxes: list[Box]) -> Answers:
        right = np.array([level(box, levels, canonical_level, canonical_size) for box in boxes])
        return right, level_mistakes(boxes, levels, canonical_level, canonical_size)

    boxes, (_, mistakes) = telling(candidates(), answers)
    see_levels(
        subject,
        boxes,
        mistakes,
        levels=levels,
        canonical_level=canonical_level,
        canonical_size=canonical_size,
    )


@check_of(
    "level_of_box",
    title="Boxes of exactly the size at which a level begins",
    hint="log2 of 1 is 0: a box of canonical_size belongs to canonical_level itself.",
)
def levels_at_their_beginning(subject: Subject, draw: np.random.Generator) -> None:
    """Take boxes whose sides are powers of two times the canonical size, which have exact roots and logarithms."""
    boxes: list[Box] = []
    for power in (-1, 0, 1, 0, -1, 1):
        wide, x, y = int(draw.integers(-1, 2)), *(float(place) for place in draw.integers(0, 40, 2))
        boxes.append((x, y, x + 224 * 2.0 ** (power + wide), y + 224 * 2.0 ** (power - wide)))
    right = np.array([level(box) for box in boxes])
    mistakes = {"A level begins at its size: a box of exactly canonical_size belongs to canonical_level.": right - 1}
    see_levels(subject, boxes, mistakes)
