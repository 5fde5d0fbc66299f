"""The picture functions that ``scipy.misc`` had before SciPy 1.2, on Pillow."""

from typing import Any

import numpy as np
from PIL import Image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "cubic": Image.Resampling.BICUBIC,
}


def bytescale(data: Any, cmin: float | None = None, cmax: float | None = None) -> np.ndarray:
    """Stretch numbers to 0..255, as uint8; uint8 stays as it is.

    Args:
        data: of any shape.
        cmin: what becomes 0; None for the smallest number.
        cmax: what becomes 255; None for the largest number.
    """
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    low = float(data.min()) if cmin is None else cmin
    high = float(data.max()) if cmax is None else cmax
    stretched = (data.astype(np.float64) - low) * (255.0 / ((high - low) or 1.0))
    return (stretched.clip(0, 255) + 0.5).astype(np.uint8)


def toimage(arr: Any, *, cmin: float | None = None, cmax: float | None = None) -> Image.Image:
    """Make a picture of an array, (H, W), (H, W, 3) or (H, W, 4)."""
    return Image.fromarray(bytescale(arr, cmin, cmax))


def imread(name: Any, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Read a picture.

    Args:
        name: a path or an open binary file.
        flatten: whether to give grey levels, (H, W) float32.
        mode: of Pillow, such as ``"RGB"``; None for the file's own.

    Returns:
        (H, W) or (H, W, C), uint8 unless `flatten`.
    """
    with Image.open(name) as image:
        if flatten:
            return np.array(image.convert("F"))
        return np.array(image.convert(mode) if mode else image)


def imsave(name: Any, arr: Any) -> None:
    """Write an array as a picture; numbers other than uint8 are stretched to 0..255."""
    toimage(arr).save(name)


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> np.ndarray:
    """Resize a picture.

    Args:
        arr: (H, W) or (H, W, C); numbers other than uint8 are stretched to 0..255.
        size: an int for percents, a float for a factor, or (height, width).
        interp: ``nearest``, ``lanczos``, ``bilinear``, ``bicubic`` or ``cubic``.
        mode: of Pillow, to which the picture is converted first.

    Returns:
        uint8, with as many channels as the picture.
    """
    image = toimage(arr)
    if mode:
        image = image.convert(mode)
    if isinstance(size, (int, np.integer)):
        size = size / 100.0
    if isinstance(size, (float, np.floating)):
        width, height = (int(length * size) for length in image.size)
    else:
        height, width = size[:2]
    return np.array(image.resize((int(width), int(height)), FILTERS[interp]))
