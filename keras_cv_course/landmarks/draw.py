"""Points drawn on pictures."""

import numpy as np
from PIL import Image, ImageDraw

from keras_cv_course.data.landmarks import FACE_68, PointScheme
from keras_cv_course.errors import DataContentError

_COLOURS = (
    "#ffd166",
    "#06d6a0",
    "#4cc9f0",
    "#f72585",
    "#f77f00",
    "#b5e48c",
    "#c77dff",
    "#ffffff",
    "#90e0ef",
    "#ff8fa3",
)
_SUPERSAMPLING = 3


def draw_points(image: np.ndarray, points: np.ndarray, scheme: PointScheme = FACE_68) -> np.ndarray:
    """Draw points, and a line through those of each group, each group in a colour of its own.

    Args:
        image: uint8 (height, width, 3), RGB; stays as it is.
        points: (n, 2), x and y in pixels, in the order of `scheme`.
        scheme: order and groups of the points.

    Returns:
        uint8 (height, width, 3).

    Raises:
        DataContentError: image or points are not as described.
    """
    check_picture(image, points, scheme)
    canvas = Image.fromarray(image).resize((image.shape[1] * _SUPERSAMPLING, image.shape[0] * _SUPERSAMPLING))
    pen = ImageDraw.Draw(canvas)
    fine = points * _SUPERSAMPLING
    unit = max(_SUPERSAMPLING * min(image.shape[:2]) / 256, 1.0)
    for number, group in enumerate(scheme.groups.values()):
        colour = _COLOURS[number % len(_COLOURS)]
        pen.line(fine[list(group)].ravel().tolist(), fill=colour, width=max(round(unit), 1))
        for x, y in fine[list(group)].tolist():
            pen.ellipse((x - 1.5 * unit, y - 1.5 * unit, x + 1.5 * unit, y + 1.5 * unit), fill=colour)
    return np.asarray(canvas.reduce(_SUPERSAMPLING))


def check_picture(image: np.ndarray, points: np.ndarray, scheme: PointScheme) -> None:
    """Refuse what is not a picture (height, width, 3) of bytes with the points of a scheme on it."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataContentError(
            f"Expected a picture as uint8 (height, width, 3). Received: {image.dtype} {image.shape}. Read it as RGB."
        )
    if np.shape(points) != (scheme.count, 2) or not np.isfinite(points).all():
        raise DataContentError(
            f"Expected finite points of shape ({scheme.count}, 2), {scheme.name}. Received: shape {np.shape(points)}."
        )
