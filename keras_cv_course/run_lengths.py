"""Masks as COCO's run lengths: small enough to keep thousands, and what ``pycocotools`` and JSON take."""

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from keras_cv_course.errors import DataContentError


class Rle(TypedDict):
    """A mask as runs of pixels, column after column, as ``pycocotools.mask`` compresses them.

    ``size`` is [height, width]; ``counts`` are ASCII bytes.
    """

    size: list[int]
    counts: bytes


def encode_masks(masks: np.ndarray) -> tuple[Rle, ...]:
    """Give the run lengths of masks bool (n, height, width).

    Raises:
        DataContentError: another dtype or number of axes.
    """
    from pycocotools import mask as coco_mask

    if masks.dtype != np.bool_ or masks.ndim != 3:
        raise DataContentError(
            f"Expected masks bool (n, height, width). Received: {masks.dtype} of shape {masks.shape}."
        )
    return tuple(coco_mask.encode(np.asfortranarray(mask, np.uint8)) for mask in masks)


def decode_masks(masks: Sequence[Rle], image_size: tuple[int, int]) -> np.ndarray:
    """Give masks bool (n, height, width) of run lengths, all of one picture.

    Raises:
        DataContentError: run lengths of another size than `image_size`, (height, width).
    """
    from pycocotools import mask as coco_mask

    check_size(masks, image_size)
    decoded = np.zeros((len(masks), *image_size), bool)
    for number, mask in enumerate(masks):
        decoded[number] = coco_mask.decode(mask)
    return decoded


def check_size(masks: Sequence[Rle], image_size: tuple[int, int]) -> None:
    """Raise DataContentError unless all masks are of a picture of `image_size`, (height, width)."""
    wrong = [mask["size"] for mask in masks if tuple(mask["size"]) != tuple(image_size)]
    if wrong:
        raise DataContentError(
            f"Expected masks of a picture of (height, width) {tuple(image_size)}. Received: one of {tuple(wrong[0])}."
        )


def to_json(mask: Rle) -> dict[str, Any]:
    """Give run lengths as JSON types, as COCO's files have them."""
    return {"size": [int(side) for side in mask["size"]], "counts": mask["counts"].decode("ascii")}
