"""Masks of a box's own small grid, laid where the box lies on its picture."""

import numpy as np

from keras_cv_course.errors import DataContentError


def paste_masks(
    masks: np.ndarray, boxes_xyxy: np.ndarray, image_size: tuple[int, int], threshold: float = 0.5
) -> np.ndarray:
    """Read each small mask between its places (bilinear) at the middle of every pixel of its box.

    Args:
        masks: float32 (n, s, s), each 0..1, how likely a place belongs to the object.
        boxes_xyxy: float32 (n, 4), pixels of the picture; what lies outside is cut off.
        image_size: (height, width) of the picture.
        threshold: the least likelihood of a pixel that belongs to it.

    Returns:
        bool (n, height, width).

    Raises:
        DataContentError: not one square mask for each box.
    """
    if masks.ndim != 3 or masks.shape[1] != masks.shape[2] or boxes_xyxy.shape != (len(masks), 4):
        raise DataContentError(
            f"Expected masks (n, s, s) and boxes (n, 4). Received: {masks.shape} and {boxes_xyxy.shape}."
        )
    height, width = image_size
    pasted = np.zeros((len(masks), height, width), bool)
    for mask, (left, top, right, bottom), picture in zip(masks, boxes_xyxy.tolist(), pasted, strict=True):
        rows, y_low, y_part = _places(top, bottom, height, len(mask))
        columns, x_low, x_part = _places(left, right, width, len(mask))
        framed = np.pad(mask, 1)  # beyond its grid a mask falls to 0
        upper, lower = framed[y_low][:, x_low], framed[y_low + 1][:, x_low]
        upper = upper + (framed[y_low][:, x_low + 1] - upper) * x_part
        lower = lower + (framed[y_low + 1][:, x_low + 1] - lower) * x_part
        picture[rows, columns] = upper + (lower - upper) * y_part[:, None] >= threshold
    return pasted


def _places(low: float, high: float, length: int, size: int) -> tuple[slice, np.ndarray, np.ndarray]:
    """Give the pixels whose middle is in a span, and for each the place before it in the framed grid and the rest."""
    first, last = max(0, int(np.ceil(low - 0.5))), min(length, int(np.ceil(high - 0.5)))
    pixels = np.arange(first, max(first, last))
    position = (pixels + 0.5 - low) / max(high - low, 1e-6) * size + 0.5  # in the frame, whose middles are 0.5 later
    before = np.clip(np.floor(position), 0, size).astype(int)
    return slice(first, max(first, last)), before, (position - before).astype(np.float32)
