"""The graded functions once more, in NumPy: what the checks compare with.

Each is written in another way than in the lesson. Points are measured from the left upper corner of the picture: the
centre of its first pixel is at (0.5, 0.5).
"""

import numpy as np

Places = tuple[np.ndarray, np.ndarray]  # rows (n,) and columns (n,) of pixels

CLIPPED = 1e-7  # least distance of a probability from 0 and 1 in a logarithm


def encode(points: np.ndarray | None, image_size: tuple[int, int], count: int) -> np.ndarray:
    """Give 1, x1 / width, y1 / height, x2 / width, ... for points (count, 2); zeros where there is no face."""
    numbers = np.zeros(1 + 2 * count, np.float32)
    if points is not None:
        numbers[0], numbers[1::2], numbers[2::2] = 1, points[:, 0] / image_size[1], points[:, 1] / image_size[0]
    return numbers


def logistic(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Give the logistic loss (m,) of probabilities (m,)."""
    kept = np.clip(predicted.astype(np.float64), CLIPPED, 1 - CLIPPED)
    return -np.log(np.where(true > 0.5, kept, 1 - kept))


def loss(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Give the loss (m,) of each picture: the squares of its points count where it shows a face."""
    squares = ((predicted - true)[:, 1:].astype(np.float64) ** 2).sum(axis=1)
    return (logistic(true[:, 0], predicted[:, 0]) + np.where(true[:, 0] > 0.5, squares, 0)).astype(np.float32)


def flip(points: np.ndarray, width: int, permutation: list[int]) -> np.ndarray:
    """Mirror points (..., n, 2) of a picture left to right, and exchange the names of left and right."""
    named = np.take(points, permutation, axis=-2)
    return np.stack([width - named[..., 0], named[..., 1]], axis=-1)


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give the distances (...) of points (..., 2)."""
    return np.hypot(first[..., 0] - second[..., 0], first[..., 1] - second[..., 1])


def mean_error(predicted: np.ndarray, true: np.ndarray, left: int, right: int) -> float:
    """Give the mean over faces of the mean distance of points (m, n, 2), in distances of two of the true points."""
    return float(np.mean(distances(predicted, true) / distances(true[:, left], true[:, right])[:, np.newaxis]))


def heatmaps(points: np.ndarray, size: tuple[int, int], spread: float) -> np.ndarray:
    """Give a Gaussian (height, width, n) around each of the points (n, 2): a product of one down and one across."""
    across = np.exp(-0.5 * ((np.arange(size[1])[:, np.newaxis] + 0.5 - points[:, 0]) / spread) ** 2)  # (width, n)
    down = np.exp(-0.5 * ((np.arange(size[0])[:, np.newaxis] + 0.5 - points[:, 1]) / spread) ** 2)  # (height, n)
    return np.einsum("yn,xn->yxn", down, across).astype(np.float32)


def highest(maps: np.ndarray) -> Places:
    """Give the pixel of the largest value of each map of (height, width, n)."""
    places = maps.reshape(-1, maps.shape[-1]).argmax(axis=0)
    return places // maps.shape[1], places % maps.shape[1]


def refined(before: float, top: float, after: float) -> float:
    """Give how far the vertex of a parabola through three values lies from the middle one."""
    curvature = before - 2 * top + after
    return 0.5 * (before - after) / curvature if curvature else 0.0


def decode(maps: np.ndarray, places: Places | None = None) -> np.ndarray:
    """Give the points (n, 2) at which Gaussians (height, width, n) have their centres.

    Args:
        maps: values of at least 0.
        places: from which pixels the centres are sought; those of the largest values if not given.
    """
    places = highest(maps) if places is None else places
    return centres(places) + shifts(np.log(np.maximum(maps.astype(np.float64), 1e-12)), places)


def centres(places: Places) -> np.ndarray:
    """Give the centres (n, 2) of pixels, as (x, y)."""
    return np.stack(places[::-1], axis=-1).astype(np.float32) + np.float32(0.5)


def shifts(values: np.ndarray, places: Places) -> np.ndarray:
    """Give how far (n, 2) the vertices of (height, width, n) lie from the centres of pixels; 0 across an edge."""
    result = np.zeros((len(places[0]), 2), np.float32)
    for number, (y, x) in enumerate(zip(*places, strict=True)):
        for axis, (line, place) in enumerate(((values[y, :, number], x), (values[:, x, number], y))):
            if 0 < place < len(line) - 1:
                result[number, axis] = refined(*line[place - 1 : place + 2])
    return result


def aspect_ratio(eye: np.ndarray) -> np.ndarray:
    """Give how far eyes (..., 6, 2) are open: the mean of two heights by the width."""
    heights = distances(eye[..., [1, 2], :], eye[..., [5, 4], :])
    return np.asarray(heights.mean(axis=-1) / distances(eye[..., 0, :], eye[..., 3, :]), np.float32)
