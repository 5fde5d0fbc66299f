"""Hidden checks of the RoIAlign assignment: other shapes, and cases that are easily forgotten."""

import numpy as np

from keras_cv_course.grading import Subject, check_of

from .asking import see_aligned, see_levels, see_overlaps, see_pasted, see_values
from .inputs import draw_between, draw_boxes, draw_map, draw_masks, draw_sides, draw_soft_mask, is_clear
from .reference import Box, Size


@check_of("bilinear", title="Exactly at the centres of cells")
def values_at_centres(subject: Subject, draw: np.random.Generator) -> None:
    """Expect the cells themselves, the last row and the last column among them."""
    height, width = size = draw_sides(draw, 3, 6)
    y, x = (places.astype(np.float64) for places in np.indices(size))
    see_values(subject, draw_map(draw, (height, width), 2), y, x)


@check_of("bilinear", title="A single place, and a map of one cell")
def value_of_one_cell(subject: Subject, draw: np.random.Generator) -> None:
    """Give numbers in place of arrays."""
    y, x = (float(place) for place in draw_between(draw, 2, 1, 4))
    see_values(subject, draw_map(draw, (6, 7), 4), y, x)
    see_values(subject, draw_map(draw, (1, 1)), *(float(place) for place in draw.uniform(-0.9, 0.9, 2)))


@check_of("roi_align", title="Places on the picture come back")
def aligned_coordinates(subject: Subject, draw: np.random.Generator) -> None:
    """Let each cell hold the place of its middle: then each bin must hold that of its own."""
    stride = int(draw.choice([4, 8]))
    rows, columns = draw_sides(draw, 14, 20)
    y, x = ((places + 0.5) * stride for places in np.indices((rows, columns)))
    for box in (next(draw_boxes(draw, (10 * stride, 10 * stride), 3 * stride, 7 * stride)) for _ in range(2)):
        moved: Box = (box[0] + stride, box[1] + stride, box[2] + stride, box[3] + stride)
        see_aligned(subject, np.stack([y, x], axis=-1), moved, (7, 7), 1 / stride, 1)


@check_of("roi_align", title="Points by default")
def aligned_by_default(subject: Subject, draw: np.random.Generator) -> None:
    """Leave `sampling` out."""
    feature_map = draw_map(draw, draw_sides(draw, 6, 9), 2)
    box = next(draw_boxes(draw, (5 * 8, 5 * 8), 15, 35))
    see_aligned(subject, feature_map, box, (3, 2), 1 / 8, 2, named=False)


@check_of("mask_iou", title="One mask, itself, and none at all")
def iou_of_one_mask(subject: Subject, draw: np.random.Generator) -> None:
    """Expect 1 for a mask and itself, and an empty result for no masks."""
    masks = draw_masks(draw, 3, draw_sides(draw, 10, 18))
    see_overlaps(subject, masks[:1], masks[:1])
    see_overlaps(subject, masks[:0], masks)


@check_of("mask_iou", title="Large masks")
def iou_of_large_masks(subject: Subject, draw: np.random.Generator) -> None:
    """Take more pixels than a byte or two can count, of which few are shared."""
    masks = np.zeros((2, 300, 400), bool)
    width = int(draw.integers(230, 260))
    masks[0, :, :width], masks[1, :, 400 - width :] = True, True
    see_overlaps(subject, masks[:1], masks[1:])


@check_of("paste_mask", title="The threshold by default, and a box outside of the picture")
def pasted_by_default(subject: Subject, draw: np.random.Generator) -> None:
    """Enlarge a mask of 7 x 7 by half-sure values; then expect no pixel."""
    size: Size = (40, 30)
    for box in draw_boxes(draw, (30, 30), 14, 28):
        mask = draw_soft_mask(draw, (7, 7))
        if is_clear(mask, box, size, 0.5):
            break
    see_pasted(subject, mask, box, size)
    see_pasted(subject, mask, (box[0] + 100, box[1], box[2] + 100, box[3]), size)


@check_of("paste_mask", title="A mask that is larger than its box")
def pasted_smaller(subject: Subject, draw: np.random.Generator) -> None:
    """Put 28 x 28 cells into some 10 x 10 pixels."""
    size: Size = (20, 26)
    for box in draw_boxes(draw, (20, 20), 7, 13):
        mask = draw_soft_mask(draw, (28, 28))
        if is_clear(mask, box, size, 0.5):
            break
    see_pasted(subject, mask, box, size, 0.5)


@check_of("level_of_box", title="A whole number, and the arguments by default")
def level_by_default(subject: Subject, draw: np.random.Generator) -> None:
    """Expect 2 for the smallest and 5 for the largest box, of a kind that can be an index."""
    boxes: list[Box] = []
    for size in (3.0, 40.0, 130.0, 300.0, 800.0, 3000.0):
        x, y = (float(place) for place in draw.uniform(0, 50, 2))
        boxes.append((x, y, x + size * float(draw.uniform(0.8, 1.2)), y + size))
    see_levels(subject, boxes)
