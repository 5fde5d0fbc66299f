"""Numbers in files: as few digits as give back the same float32 boxes."""

from collections.abc import Callable

import numpy as np

_MOST_DECIMALS = 14  # of parts of a picture, with more a float64 is no longer rounded exactly


def shortest_numbers(values: np.ndarray, to_xyxy: Callable[[np.ndarray], np.ndarray]) -> list[list[str]]:
    """Write numbers with as few decimals as give back the same boxes.

    So 0.512345 comes out of a file as it came in, although it was pixels in float32 meanwhile.

    Args:
        values: float64 (n, 4), as a format has them.
        to_xyxy: turns such numbers into float64 (n, 4), xyxy in pixels, as the format's reader does.

    Returns:
        n times 4 numbers. Read as float64 they give the same float32 boxes. Only a side less than a ten-thousandth of a
        pixel away from 0, and not 0, may come back a little moved.
    """
    wanted = to_xyxy(values).astype(np.float32)
    shortest = values.copy()
    done = np.zeros(len(values), bool)
    for decimals in range(_MOST_DECIMALS + 1):
        rounded = np.round(values, decimals)
        found = ~done & (to_xyxy(rounded).astype(np.float32) == wanted).all(axis=1)
        shortest[found] = rounded[found]
        done |= found
    return [[number_text(value) for value in row] for row in shortest.tolist()]


def number_text(value: float) -> str:
    """Write a float64 so that it can be read again, a whole number without a point."""
    return str(int(value)) if value == int(value) else repr(value)
