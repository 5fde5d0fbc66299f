"""Sets of points on faces and bodies: their order, their groups, and their mirror images.

Points are x, y in pixels, x before y, float32 (..., n, 2). As for boxes, a picture reaches from 0 to its width and
height, so the middle of the left upper pixel is (0.5, 0.5), and mirroring turns x into width - x. Sides are those of
the picture: the left eye is the one at the left of a picture of a face that looks at the camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError
from keras_cv_course.files import write_text_atomically


@dataclass(frozen=True)
class PointScheme:
    """The order of a set of points.

    Attributes:
        name: for messages.
        groups: the points of each part, in the order in which a line is drawn through them.
        mirror: the permutation of a horizontal flip: point i of a mirrored picture is point `mirror[i]` of the picture.
        outer_corners: numbers of the eyes' outer corners; None where they are not among the points.
    """

    name: str
    groups: dict[str, tuple[int, ...]]
    mirror: tuple[int, ...]
    outer_corners: tuple[int, int] | None = None

    @property
    def count(self) -> int:
        """The number of points."""
        return len(self.mirror)


def _span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


FACE_68 = PointScheme(
    "68 face points",
    groups={
        "jaw": _span(0, 16),
        "left brow": _span(17, 21),
        "right brow": _span(22, 26),
        "nose": _span(27, 35),
        "left eye": _span(36, 41),
        "right eye": _span(42, 47),
        "mouth": _span(48, 67),
    },
    mirror=(
        *range(16, -1, -1),
        *range(26, 16, -1),
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ),
    outer_corners=(36, 45),
)
"""The points of iBUG's 300-W, as most sets of faces have them.

Source: Sagonas, Tzimiropoulos, Zafeiriou and Pantic, "300 Faces in-the-Wild Challenge", ICCV workshops 2013.
"""

FACE_COMPONENTS: dict[str, tuple[int, ...]] = {
    "eyes": _span(36, 47),
    "nose": _span(27, 35),
    "mouth": _span(48, 67),
    "jaw": _span(0, 16),
}
"""The four parts of a face of which Yu et al. make heatmaps; the brows belong to none.

Source: Yu, Fernando, Ghanem, Porikli and Hartley, "Face Super-resolution Guided by Facial Component Heatmaps", ECCV
2018.
"""

EYE_CORNERS_IN_68 = (36, 39, 42, 45)
EYE_CORNERS = PointScheme(
    "4 eye corners", groups={"left eye": (0, 1), "right eye": (2, 3)}, mirror=(3, 2, 1, 0), outer_corners=(0, 3)
)
"""Outer and inner corner of the left eye, inner and outer corner of the right one."""

_BODY_MIDDLE = ("crown", "nose", "chin", "neck", "chest", "pelvis")
_BODY_PAIRS = (
    *("eye", "ear", "shoulder", "elbow", "wrist", "knuckles", "fingertips"),
    *("waist", "hip", "knee", "ankle", "heel", "toes"),
)
BODY_POINT_NAMES = (*_BODY_MIDDLE, *(f"{side} {part}" for part in _BODY_PAIRS for side in ("left", "right")))


def _body(*names: str) -> tuple[int, ...]:
    return tuple(BODY_POINT_NAMES.index(name) for name in names)


def _both_sides(name: str) -> str:
    side, _, part = name.partition(" ")
    return {"left": f"right {part}", "right": f"left {part}"}.get(side, name)


def _limb(side: str, *parts: str) -> tuple[int, ...]:
    return _body(*(f"{side} {part}" for part in parts))


BODY_32 = PointScheme(
    "32 body points",
    groups={
        "head": _body("left ear", "left eye", "nose", "right eye", "right ear"),
        "trunk": _body("crown", "chin", "neck", "chest", "pelvis"),
        "shoulders": _body("left shoulder", "neck", "right shoulder"),
        "left side": _limb("left", "shoulder", "waist", "hip"),
        "right side": _limb("right", "shoulder", "waist", "hip"),
        "hips": _body("left hip", "pelvis", "right hip"),
        "left arm": _limb("left", "shoulder", "elbow", "wrist", "knuckles", "fingertips"),
        "right arm": _limb("right", "shoulder", "elbow", "wrist", "knuckles", "fingertips"),
        "left leg": _limb("left", "hip", "knee", "ankle", "heel", "toes"),
        "right leg": _limb("right", "hip", "knee", "ankle", "heel", "toes"),
    },
    mirror=_body(*(_both_sides(name) for name in BODY_POINT_NAMES)),
)
"""A skeleton of this package's own, in the order of `BODY_POINT_NAMES`: 6 points along the middle, and 13 pairs."""


def flip_points(points: np.ndarray, width: float, mirror: Sequence[int]) -> np.ndarray:
    """Give the points of a picture that is mirrored left to right.

    Args:
        points: (..., n, 2), x and y in pixels.
        width: of the picture, pixels.
        mirror: the permutation of n numbers that puts left and right in their places, as of a :class:`PointScheme`.

    Returns:
        (..., n, 2), of the same dtype.

    Raises:
        DataContentError: the points are not as described, or `mirror` is of another number of points.
    """
    if points.ndim < 2 or points.shape[-2:] != (len(mirror), 2):
        raise DataContentError(
            f"Expected points of shape (..., {len(mirror)}, 2), as many as the permutation has. "
            f"Received: shape {points.shape}. Take the scheme of these points."
        )
    flipped = points[..., list(mirror), :].copy()
    flipped[..., 0] = width - flipped[..., 0]
    return flipped


def read_pts(path: str | Path) -> np.ndarray:
    """Read the points of one face from a `.pts` file, as 300-W and other sets have them beside each picture.

    Such files count pixels from 1, so that the middle of the left upper pixel is (1, 1); it becomes (0.5, 0.5).

    Returns:
        float32 (n, 2), x and y in pixels.

    Raises:
        DataNotFoundError: there is no such file.
        DataFileError: it is no such file, or the number of points is not the one that it names.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"Expected a file of points. Received: {path}, where there is none. Check the path.")
    header, _, rest = path.read_text(encoding="utf-8", errors="replace").partition("{")
    fields = dict(line.split(":", 1) for line in header.splitlines() if ":" in line)
    try:
        count = int(fields["n_points"])
        points = np.array([line.split() for line in rest.partition("}")[0].strip().splitlines()], np.float32)
    except (KeyError, ValueError):
        raise DataFileError(
            f"Expected lines `version: 1`, `n_points: 68`, and two numbers a line between braces. Received: {path}, "
            "which is not of this form. Is it a file of points?"
        ) from None
    if "}" not in rest or points.shape != (count, 2) or not np.isfinite(points).all():
        raise DataFileError(
            f"Expected {count} points of two finite numbers between braces, as n_points says. Received: {path} with "
            f"numbers of shape {points.shape}. The file may be cut off: fetch it again."
        )
    return points - np.float32(0.5)


def write_pts(path: str | Path, points: np.ndarray) -> None:
    """Write points (n, 2), n >= 1, x and y in pixels, as a `.pts` file, which :func:`read_pts` reads.

    Raises:
        DataContentError: the points are not of that shape, there is none, or one is not finite.
    """
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0 or not np.isfinite(points).all():
        raise DataContentError(f"Expected finite points of shape (n, 2), n >= 1. Received: shape {points.shape}.")
    lines = [f"{x:.4f} {y:.4f}" for x, y in (points + 0.5).tolist()]
    write_text_atomically(path, "\n".join(["version: 1", f"n_points: {len(points)}", "{", *lines, "}", ""]))
