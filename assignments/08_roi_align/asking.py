"""Calls a submission's functions, compares, and says more of the cause where it can be found."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_cv_course.grading import Array, Subject, compare

from .inputs import draw_between, draw_map
from .reference import Box, Size, align, interpolate, level, mask_overlaps, paste

_SEED = 1  # of the map with which `bilinear` is tried after another function failed


def with_cause(wrong: compare.Wrong, cause: str) -> compare.Wrong:
    """Add a sentence to what is told."""
    if isinstance(wrong, compare.NotCompared):
        return compare.NotCompared(f"{wrong}\n{cause}", wrong.raised)
    return compare.Wrong(f"{wrong}\n{cause}")


def see_values(
    subject: Subject, feature_map: np.ndarray, y: Any, x: Any, mistakes: Mapping[str, np.ndarray] | None = None
) -> None:
    """Call `bilinear` and compare."""
    received = subject.call("bilinear", feature_map, y, x)
    right = interpolate(feature_map, np.asarray(y), np.asarray(x))
    compare.close(received, right, "bilinear", mistakes=mistakes)


def _or_blame_bilinear(subject: Subject, compared: Callable[[], None]) -> None:
    """Compare; where the result is wrong and so is `bilinear`, say so."""
    try:
        compared()
    except compare.Wrong as wrong:
        if _reads_rightly(subject):
            raise
        raise with_cause(wrong, "The cause may be bilinear, which does not give the right values either.") from None


def _reads_rightly(subject: Subject) -> bool:
    draw = np.random.default_rng(_SEED)
    places = [draw_between(draw, 60, -2, side + 1) for side in (5, 7)]
    try:
        see_values(subject, draw_map(draw, (5, 7)), *places)
    except compare.Wrong:
        return False
    return True


def see_aligned(
    subject: Subject,
    feature_map: np.ndarray,
    box: Box,
    output_size: Size,
    spatial_scale: float,
    sampling: int,
    mistakes: Mapping[str, np.ndarray] | None = None,
    *,
    named: bool = True,
) -> None:
    """Call `roi_align` and compare.

    Args:
        subject: the submission.
        feature_map: (height, width, channels).
        box: in pixels of the picture.
        output_size: (height, width).
        spatial_scale: cells for each pixel.
        sampling: points of a bin along each axis.
        mistakes: what to tell a learner -> what a function with that mistake gives.
        named: false leaves `sampling` to its default.
    """
    keywords = {"sampling": sampling} if named else {}
    right = align(feature_map, box, output_size, spatial_scale, sampling)

    def compared() -> None:
        received = subject.call("roi_align", feature_map, np.array(box), output_size, spatial_scale, **keywords)
        compare.close(received, right, "roi_align", mistakes=mistakes)

    _or_blame_bilinear(subject, compared)


def see_overlaps(
    subject: Subject, first: np.ndarray, second: np.ndarray, mistakes: Mapping[str, np.ndarray] | None = None
) -> None:
    """Call `mask_iou` and compare.

    Raises:
        compare.Wrong: it is not right; where 0 was divided by 0, the message says so.
    """
    received = subject.call("mask_iou", first, second)
    try:
        compare.close(received, mask_overlaps(first, second), "mask_iou", mistakes=mistakes)
    except compare.Wrong as wrong:
        if not (isinstance(received, Array) and received.values.dtype.kind == "f" and np.isnan(received.values).any()):
            raise
        cause = "0 is divided by 0 where neither mask has a pixel: give 0 for such a pair."
        raise compare.Wrong(f"{cause}\n{wrong}") from None


def see_pasted(
    subject: Subject,
    mask: np.ndarray,
    box: Box,
    image_size: Size,
    threshold: float | None = None,
    mistakes: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Call `paste_mask` and compare; without a threshold it is left to its default."""
    keywords = {} if threshold is None else {"threshold": threshold}

    def compared() -> None:
        received = subject.call("paste_mask", mask, np.array(box), image_size, **keywords)
        compare.close(received, paste(mask, box, image_size, **keywords), "paste_mask", mistakes=mistakes)

    _or_blame_bilinear(subject, compared)


def see_levels(
    subject: Subject, boxes: list[Box], mistakes: Mapping[str, np.ndarray] | None = None, **arguments: Any
) -> None:
    """Call `level_of_box` for several boxes and compare; a mistake is named if it explains all the answers."""
    received = tuple(subject.call("level_of_box", np.array(box), **arguments) for box in boxes)
    names = [
        f"the level of a box of {box[2] - box[0]:.6g} x {box[3] - box[1]:.6g} pixels, number {number}"
        for number, box in enumerate(boxes, 1)
    ]
    right = dict(zip(names, (level(box, **arguments) for box in boxes), strict=True))
    told = {text: dict(zip(names, values, strict=True)) for text, values in (mistakes or {}).items()}
    compare.close(received, right, "level_of_box", mistakes=told)
