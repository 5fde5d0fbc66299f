"""Masks as files write them, to run lengths: polygons, COCO's run lengths, and pixels."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from keras_cv_course.run_lengths import Rle, encode_masks


def read_segment(written: Any, size: tuple[int, int]) -> Rle:
    """Give the run lengths of a mask on a picture of `size`, (height, width).

    Args:
        written: polygons as lists x0, y0, x1, y1, ... in pixels, which together make the object; COCO's run lengths,
            compressed or not; or bool (height, width).
        size: of the picture.

    Raises:
        ValueError: something else, with its reason.

    Source: https://cocodataset.org/#format-data
    """
    if isinstance(written, np.ndarray):
        if written.shape != size:
            raise ValueError(f"a mask of (height, width) {written.shape} on a picture of {size}")
        return encode_masks(written[None])[0]
    if isinstance(written, dict):
        return _from_runs(written, size)
    if isinstance(written, list):
        return _from_polygons(written, size)
    raise ValueError(f"a mask as {type(written).__name__}")


def _from_polygons(polygons: list[Any], size: tuple[int, int]) -> Rle:
    height, width = size
    # Some tools leave lines and points behind; three corners make a polygon.
    some = [polygon for polygon in polygons if not isinstance(polygon, list) or len(polygon) >= 6]
    if not some:
        raise ValueError("no polygon with three corners")
    for polygon in some:
        if not isinstance(polygon, list) or len(polygon) % 2:
            raise ValueError("a polygon that is no list of pairs of numbers")
        corners = np.array(polygon, np.float64).reshape(-1, 2)
        # What is so far away is a mistake, and would take pycocotools' memory.
        if not (np.abs(corners - [width / 2, height / 2]) <= [1.5 * width + 1, 1.5 * height + 1]).all():
            raise ValueError("a polygon with a corner far outside the picture")
    pieces = coco_mask.frPyObjects([[float(number) for number in polygon] for polygon in some], height, width)
    merged: Rle = coco_mask.merge(pieces)
    return merged


def _from_runs(written: dict[str, Any], size: tuple[int, int]) -> Rle:
    if written.get("size") != [*size]:
        raise ValueError(f"run lengths of (height, width) {written.get('size')} on a picture of {size}")
    counts = written.get("counts")
    if isinstance(counts, str):
        counts = _decompress(counts)
    if not isinstance(counts, list):
        raise ValueError(f"run lengths as {type(counts).__name__}")
    if not all(isinstance(count, int) and count >= 0 for count in counts) or sum(counts) != size[0] * size[1]:
        raise ValueError("run lengths that are not the picture's pixels")
    # To pixels and back, so that equal masks have equal run lengths.
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return encode_masks(values.reshape(size, order="F")[None])[0]


def _decompress(text: str) -> list[int]:
    """Give the runs in COCO's compressed form, which pycocotools reads beyond its end if it is broken.

    A run is one or more characters from ``0`` on, each five bits, the lowest first, and a sixth that says that another
    follows; negative numbers have the last fifth bit set. From the fourth on it is the difference to the last but one.

    Source: pycocotools, common/maskApi.c, rleToString.
    """
    runs: list[int] = []
    number = shift = 0
    for character in text:
        value = ord(character) - 48
        if not 0 <= value < 64:
            raise ValueError("run lengths with characters that are none of theirs")
        number |= (value & 31) << shift
        shift += 5
        if value & 32:
            continue
        if value & 16:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    if shift:
        raise ValueError("run lengths without their end")
    return runs
