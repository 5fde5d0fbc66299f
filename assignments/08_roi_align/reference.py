"""The graded functions once more, written another way: what the checks compare with.

Interpolation is a product with a matrix here: a row of it has what each cell counts at one place.
"""

import numpy as np

Size = tuple[int, int]  # (height, width)
Box = tuple[float, float, float, float]  # (x1, y1, x2, y2) in pixels of the picture


def shares(places: np.ndarray, length: int, reach: float = 1.0) -> np.ndarray:
    """Tell what each cell of an axis counts at some places: (...) give (..., length).

    Args:
        places: in cells; 0 is the centre of the first one.
        length: number of cells.
        reach: cells beyond the outermost centres from which on nothing counts.
    """
    places = np.asarray(places, np.float64)[..., np.newaxis]
    is_near = (places >= -reach) & (places <= length - 1 + reach)
    return np.asarray(is_near * np.maximum(1 - np.abs(np.clip(places, 0, length - 1) - np.arange(length)), 0))


def interpolate(feature_map: np.ndarray, y: np.ndarray, x: np.ndarray, reach: float = 1.0) -> np.ndarray:
    """Give the values (..., channels) at places (...)."""
    rows, columns = shares(y, feature_map.shape[0], reach), shares(x, feature_map.shape[1], reach)
    return np.einsum("...h,...w,hwc->...c", rows, columns, feature_map)


def points(low: float, high: float, bins: int, sampling: int) -> np.ndarray:
    """Spread points evenly over the bins of one axis: (bins, sampling)."""
    borders = np.linspace(low, high, bins + 1)[:, np.newaxis]
    return borders[:-1] + (borders[1:] - borders[:-1]) * (2 * np.arange(sampling) + 1) / (2 * sampling)


def mean_of(feature_map: np.ndarray, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
    """Give the mean over the points of each bin: (rows, sampling) and (columns, sampling) give (rows, columns, c)."""
    rows, columns = (shares(places, feature_map.shape[axis]).mean(axis=1) for axis, places in enumerate((ys, xs)))
    return np.einsum("ih,jw,hwc->ijc", rows, columns, feature_map)


def align(feature_map: np.ndarray, box: Box, output_size: Size, spatial_scale: float, sampling: int) -> np.ndarray:
    """Cut a box out of a map: (rows, columns, channels)."""
    x1, y1, x2, y2 = (float(side) * spatial_scale - 0.5 for side in box)
    return mean_of(feature_map, points(y1, y2, output_size[0], sampling), points(x1, x2, output_size[1], sampling))


def mask_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give the IoU (n, m) of masks (n, height, width) and (m, height, width); 0 where neither has a pixel."""
    either = (first[:, np.newaxis] | second).sum(axis=(2, 3))
    both = (first[:, np.newaxis] & second).sum(axis=(2, 3))
    return np.asarray(both / np.maximum(either, 1))


def mask_places(start: float, end: float, pixels: int, cells: int) -> np.ndarray:
    """Give the places of the centres of pixels in a mask that reaches from `start` to `end`, in cells."""
    return (np.arange(pixels) + 0.5 - start) * (cells / (end - start)) - 0.5


def resized(mask: np.ndarray, box: Box, image_size: Size) -> np.ndarray:
    """Give the mask's values at all pixels (height, width); NaN outside of the box."""
    x1, y1, x2, y2 = box
    rows, columns = mask_places(y1, y2, image_size[0], len(mask)), mask_places(x1, x2, image_size[1], mask.shape[1])
    values = shares(rows, len(mask)) @ mask @ shares(columns, mask.shape[1]).T
    values[(rows < -0.5) | (rows > len(mask) - 0.5)] = np.nan
    values[:, (columns < -0.5) | (columns > mask.shape[1] - 0.5)] = np.nan
    return np.asarray(values)


def paste(mask: np.ndarray, box: Box, image_size: Size, threshold: float = 0.5) -> np.ndarray:
    """Give the pixels of a mask: bool (height, width)."""
    return np.asarray(np.nan_to_num(resized(mask, box, image_size), nan=-1.0) >= threshold)


def level(box: Box, levels: Size = (2, 5), canonical_level: int = 4, canonical_size: float = 224.0) -> np.ndarray:
    """Give the level of a box, a whole number."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return np.clip(canonical_level + np.floor(np.log2(area / canonical_size**2) / 2).astype(int), *levels)
