"""JPEG pixels as the Darknet program sees them, to the last bit.

The JPEG standard leaves rounding open. Darknet decodes with stb_image, Pillow with libjpeg-turbo, and their pixels
differ by a level here and there (Darknet's dog.jpg: 7 % of the numbers, by up to 3 of 255). That is nothing to look at,
but it moves a network's raw output by 1e-2, and boxes with it. Who compares with the C program, number by number, reads
with this; everybody else with :func:`~keras_cv_course.data.image_files.read_image`, which knows every kind of picture
and is some ten times faster.

Source of the arithmetic: stb_image.h by Sean Barrett (public domain): the inverse DCT in integers of 12 bits, the
triangle filters for the chroma, the conversion of colours in fixed point.
"""

from pathlib import Path

import numpy as np

from keras_cv_course.data.jpeg_blocks import read_blocks
from keras_cv_course.errors import ImageFileError


def read_jpeg_as_darknet(path: str | Path) -> np.ndarray:
    """Read a JPEG with the pixels that Darknet's own reader gives.

    As there, the EXIF orientation is not applied.

    Args:
        path: a sequential JPEG (not a progressive one) of 8 bits, grey or YCbCr.

    Returns:
        uint8 (height, width, 3), in the order red, green, blue.

    Raises:
        ImageFileError: the file is missing, unreadable, damaged, too large, or of another kind.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImageFileError(
            f"{path}: expected a readable picture file, received: {error.strerror}. Check the path and its permissions."
        ) from error
    try:
        return _decode(content)
    except (ValueError, LookupError, OverflowError) as error:  # what a damaged file leads to
        raise ImageFileError(
            f"{path}: expected a whole sequential JPEG of 8 bits, grey or YCbCr, received one with a problem "
            f"({error}). read_image gives nearly the pixels that Darknet sees."
        ) from error


def _decode(content: bytes) -> np.ndarray:
    height, width, planes = read_blocks(content)
    colours = []
    for blocks, up, across in planes:
        pixels = _inverse_dct(blocks)  # (rows, columns, 8, 8)
        colour = pixels.transpose(0, 2, 1, 3).reshape(8 * blocks.shape[0], 8 * blocks.shape[1])
        colour = colour[: -(-height // up), : -(-width // across)]  # without what fills the last blocks
        colours.append(_enlarge(colour, up, across)[:height, :width])
    return _to_rgb(colours)


def _inverse_dct(coefficients: np.ndarray) -> np.ndarray:
    """Turn int32 (rows, columns, 64) into pixels 0..255, int32 (rows, columns, 8, 8)."""
    blocks = coefficients.reshape(*coefficients.shape[:2], 8, 8)
    columns = np.stack(_inverse_dct_8([blocks[..., n, :] for n in range(8)], 1 << 9, 10), axis=-2)
    # 128 makes the middle grey, which is 0 up to here.
    rows = np.stack(_inverse_dct_8([columns[..., n] for n in range(8)], (1 << 16) + (128 << 17), 17), axis=-1)
    return rows.clip(0, 255)


def _fixed(x: float) -> int:
    return int(x * 4096 + 0.5)  # cuts negative ones towards zero, as C does


def _inverse_dct_8(s: list[np.ndarray], rounding: int, shift: int) -> list[np.ndarray]:
    """Transform eight coefficients into eight values, as Loeffler, Ligtenberg and Moschytz, 1989, in fixed point."""
    p = (s[2] + s[6]) * _fixed(0.5411961)
    even2 = p + s[6] * _fixed(-1.847759065)
    even3 = p + s[2] * _fixed(0.765366865)
    even0, even1 = (s[0] + s[4]) * 4096, (s[0] - s[4]) * 4096
    even = [even0 + even3, even1 + even2, even1 - even2, even0 - even3]

    p = (s[7] + s[3] + s[5] + s[1]) * _fixed(1.175875602)
    p1 = p + (s[7] + s[1]) * _fixed(-0.899976223)
    p2 = p + (s[5] + s[3]) * _fixed(-2.562915447)
    p3 = (s[7] + s[3]) * _fixed(-1.961570560)
    p4 = (s[5] + s[1]) * _fixed(-0.390180644)
    odd = [
        s[1] * _fixed(1.501321110) + p1 + p4,
        s[3] * _fixed(3.072711026) + p2 + p3,
        s[5] * _fixed(2.053119869) + p2 + p4,
        s[7] * _fixed(0.298631336) + p1 + p3,
    ]
    first = [(e + rounding + o) >> shift for e, o in zip(even, odd, strict=True)]
    last = [(e + rounding - o) >> shift for e, o in zip(even, odd, strict=True)]
    return first + last[::-1]


def _enlarge(plane: np.ndarray, up: int, across: int) -> np.ndarray:
    """Enlarge a plane int32 (height, width) by whole factors.

    Factors of 2 weigh the nearer pixel 3 and the farther 1; other factors repeat pixels.
    """
    if max(up, across) > 2:
        return plane.repeat(up, axis=0).repeat(across, axis=1)
    if up == 2:
        above = np.concatenate([plane[:1], plane[:-1]])
        below = np.concatenate([plane[1:], plane[-1:]])
        plane = np.stack([3 * plane + above, 3 * plane + below], axis=1).reshape(-1, plane.shape[1])  # 4 times too much
        if across == 1:
            return (plane + 2) >> 2
    if across == 1:
        return plane

    inner = np.stack([3 * plane[:, :-1] + plane[:, 1:], 3 * plane[:, 1:] + plane[:, :-1]], axis=2)
    inner = inner.reshape(len(plane), -1)
    if up == 1 and plane.shape[1] > 1:
        inner[:, -1] = 3 * plane[:, -2] + plane[:, -1]  # stb_image weighs these two the other way round
    enlarged = np.concatenate([4 * plane[:, :1], inner, 4 * plane[:, -1:]], axis=1)  # 4 or 16 times too much
    return (enlarged + 2) >> 2 if up == 1 else (enlarged + 8) >> 4


def _to_rgb(planes: list[np.ndarray]) -> np.ndarray:
    """Turn Y alone, or Y, Cb and Cr, each int32 (height, width), into uint8 (height, width, 3)."""
    if len(planes) == 1:
        return np.repeat(planes[0][..., None], 3, axis=2).astype(np.uint8)
    luma = (planes[0] << 20) + (1 << 19)
    blue, red = planes[1] - 128, planes[2] - 128
    green_of_blue = (blue * -(_fixed(0.34414) << 8)) & ~0xFFFF  # the program's vector code keeps 16 bits less
    colours = [
        luma + red * (_fixed(1.402) << 8),
        luma - red * (_fixed(0.71414) << 8) + green_of_blue,
        luma + blue * (_fixed(1.772) << 8),
    ]
    return (np.stack(colours, axis=-1) >> 20).clip(0, 255).astype(np.uint8)
