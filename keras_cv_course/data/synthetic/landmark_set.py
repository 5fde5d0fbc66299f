"""Drawn pictures with points as arrays, to train on: faces, the corners of their eyes, and bodies."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras_cv_course.data.landmarks import BODY_32, EYE_CORNERS, EYE_CORNERS_IN_68, FACE_68, PointScheme
from keras_cv_course.data.synthetic.bodies import draw_bodies
from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.errors import DataContentError

LANDMARK_SCHEMES: dict[str, PointScheme] = {"face": FACE_68, "eye-corners": EYE_CORNERS, "body": BODY_32}


@dataclass(frozen=True, eq=False)
class LandmarkImages:
    """Equally large pictures with points.

    Attributes:
        images: uint8 (m, height, width, 3), RGB.
        points: float32 (m, n, 2), x and y in pixels, in the order of `scheme`; where there is nothing, any finite ones.
        is_there: bool (m,): whether the picture shows a face, or what else the points are of.
        scheme: the order of the points.

    Raises:
        DataContentError: points that are not finite or not those of the scheme, or arrays of other numbers of rows.
    """

    images: np.ndarray
    points: np.ndarray
    is_there: np.ndarray
    scheme: PointScheme

    def __post_init__(self) -> None:
        """Check what would otherwise come to light in the middle of a training, or never."""
        rows = len(self.images)
        if self.points.shape != (rows, self.scheme.count, 2) or self.is_there.shape != (rows,):
            raise DataContentError(
                f"Expected {self.scheme.name} and a truth value for each of {rows} pictures. Received: shapes "
                f"{self.points.shape} and {self.is_there.shape}."
            )
        if not np.isfinite(self.points).all():
            raise DataContentError("Expected finite points. Received: points with NaN or infinity.")

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the pictures."""
        height, width = self.images.shape[1:3]
        return height, width


def draw_landmark_images(
    kind: str,
    count: int,
    seed: int,
    image_size: tuple[int, int] = (128, 128),
    progress: Callable[[int], None] = lambda done: None,
) -> LandmarkImages:
    """Draw pictures with the points of a kind; of faces a tenth shows none.

    Args:
        kind: one of `LANDMARK_SCHEMES`.
        count: number of pictures, at least 1.
        seed: 0 or more; another seed gives other pictures.
        image_size: (height, width), each at least 16.
        progress: called with the number of pictures drawn so far.

    Raises:
        DataContentError: an unknown kind, or a number that is too small.
    """
    if kind not in LANDMARK_SCHEMES:
        raise DataContentError(f"Expected points of {', '.join(LANDMARK_SCHEMES)}. Received: {kind!r}.")
    images, points, is_there = [], [], []
    for drawn in (draw_bodies if kind == "body" else draw_faces)(count, seed, image_size):
        images.append(drawn.image)
        points.append(drawn.points[list(EYE_CORNERS_IN_68)] if kind == "eye-corners" else drawn.points)
        is_there.append(getattr(drawn, "has_face", True))  # every picture of bodies shows one
        progress(len(images))
    return LandmarkImages(np.stack(images), np.stack(points), np.array(is_there), LANDMARK_SCHEMES[kind])
