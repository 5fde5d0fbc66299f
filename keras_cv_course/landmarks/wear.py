"""Glasses and a crown, drawn by code on a face whose points are known.

The points place an average head before an affine camera, so that what is worn follows the face's size, roll, yaw and,
roughly, pitch.
"""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from keras_cv_course.data.landmarks import FACE_68
from keras_cv_course.data.synthetic.face.head import Head
from keras_cv_course.data.synthetic.face.points import Expression, Features, face_points
from keras_cv_course.errors import DataContentError
from keras_cv_course.landmarks.draw import check_picture

_SUPERSAMPLING = 3
# The ears' ends of the jaw, nose and eyes: what neither mouth nor brows move.
_STILL = [0, 1, 15, 16, *range(27, 48)]
_SPIKES = 14
_DARK, _GOLD, _RUBY = np.array([28, 28, 34]), np.array([246, 190, 46]), (196, 24, 60, 255)


def wear_glasses(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Put dark-rimmed glasses on a face.

    Args:
        image: uint8 (height, width, 3), RGB; stays as it is.
        points: (68, 2), x and y in pixels, in the order of :data:`~keras_cv_course.data.landmarks.FACE_68`.

    Returns:
        uint8 (height, width, 3).

    Raises:
        DataContentError: image or points are not as described, or the points lie on one line.
    """
    head = _AverageHead(image, points)
    pen = _FinePen(image, points)
    turn = np.linspace(0, 2 * np.pi, 40)
    # A super-ellipse; the frame is bent a little around the face.
    x, y = (half * np.sign(wave) * np.abs(wave) ** 0.7 for half, wave in ((2.45, np.cos(turn)), (1.85, np.sin(turn))))
    bridge = head.points[27, 2] + 1.0
    inner = []
    for side, eye in ((-1, head.points[36:42]), (1, head.points[42:48])):
        middle = eye[:, :2].mean(axis=0) + np.array([0.1 * side, 0.3])
        outline = np.stack([middle[0] + x, middle[1] + y, bridge - 0.022 * (middle[0] + x) ** 2], axis=1)
        hinge = outline[np.argmax(side * outline[:, 0])]
        if head.sees(np.array([side, 0.0, 0.15])):
            pen.line(head.pixels(np.stack([hinge, [side * 7.5, hinge[1] - 0.2, 0.5]])), 0.35 * head.unit, _DARK)
        pen.fill(head.pixels(outline), np.array([190, 215, 235]), 0.22)
        pen.line(head.pixels(outline), 0.4 * head.unit, _DARK)
        inner.append(outline[np.argmin(side * outline[:, 0])])
    over = (inner[0] + inner[1]) / 2 + np.array([0, -0.5, 0.3])
    pen.line(head.pixels(np.stack([inner[0], over, inner[1]])), 0.4 * head.unit, _DARK)
    return pen.picture()


def wear_crown(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Put a golden crown on a head; arguments, result and errors as of :func:`wear_glasses`.

    What of the crown lies beyond the picture is cut off.
    """
    head = _AverageHead(image, points)
    pen = _FinePen(image, points)
    edges = np.linspace(-np.pi, np.pi, _SPIKES + 1) + np.pi / _SPIKES
    for left, right in pairwise(edges):
        middle = (left + right) / 2
        outwards = np.array([np.sin(middle), 0, np.cos(middle)])
        if not head.sees(outwards):
            continue
        bottom, valley, tip, gem = (_on_crown(np.array(turns), height) for turns, height in (
            ([left, middle, right], 0.0), ([right, left], 2.3), ([middle], 4.8), ([middle], 1.2),
        ))  # fmt: skip
        gold = _GOLD * (0.62 + 0.38 * outwards @ np.array([-0.5, 0, 0.87]))
        pen.fill(head.pixels(np.concatenate([bottom, valley[:1], tip, valley[1:]])), gold, 1.0)
        pen.line(head.pixels(bottom), 0.35 * head.unit, 0.75 * gold)
        pen.dot(head.pixels(gem)[0], 0.45 * head.unit, _RUBY)
        pen.dot(head.pixels(tip)[0], 0.4 * head.unit, (255, 226, 130, 255))
    return pen.picture()


def _on_crown(turns: np.ndarray, height: float) -> np.ndarray:
    """Points (n, 3) of the average head, on the crown at angles (n,), `height` centimetres above its lower edge."""
    wider = 1 + 0.02 * height
    y = -6.7 - 0.9 * np.cos(turns) - height  # higher before the forehead than behind
    return np.stack([8.1 * wider * np.sin(turns), y, 0.4 + 10.2 * wider * np.cos(turns)], axis=1)


class _AverageHead:
    """An average head where the one on a picture is."""

    def __init__(self, image: np.ndarray, points: np.ndarray) -> None:
        """Find the affine camera that brings the average head's points closest to those given."""
        check_picture(image, points, FACE_68)
        self.points = face_points(Head(), Features(), Expression())
        known = np.column_stack([self.points, np.ones(len(self.points))])[_STILL]
        self._camera = np.linalg.lstsq(known, np.asarray(points, float)[_STILL], rcond=None)[0]  # (4, 2)
        self._towards = np.cross(self._camera[:3, 0], self._camera[:3, 1])
        self.unit = float(np.sqrt(np.linalg.norm(self._towards)))
        """Pixels a centimetre."""
        if not self.unit > 1e-3:
            raise DataContentError("Expected the points of a face. Received: points on one line. Is there a face?")

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Pixels (n, 2) of points (n, 3) in the head's coordinates."""
        return points @ self._camera[:3] + self._camera[3]

    def sees(self, outwards: np.ndarray) -> bool:
        """Tell whether a surface with this normal (3,) is turned to the camera."""
        return bool(outwards @ self._towards > 0)


class _FinePen:
    """Paints on an enlarged piece of a picture, around a face, which is then put back reduced: smooth edges."""

    def __init__(self, image: np.ndarray, points: np.ndarray) -> None:
        """Enlarge the piece within two faces' sizes of the points (n, 2)."""
        self._image = image.copy()
        low, high = points.min(axis=0), points.max(axis=0)
        reach = (high - low).max()
        sides = np.array(image.shape[1::-1])
        left, top = np.clip(low - reach, 0, sides - 1).astype(int)
        right, bottom = np.clip(high + reach, 1, sides).astype(int)
        self._rows, self._columns = slice(top, bottom), slice(left, right)
        self._corner = np.array([left, top])
        piece = Image.fromarray(self._image[self._rows, self._columns])
        size = (piece.width * _SUPERSAMPLING, piece.height * _SUPERSAMPLING)
        self._canvas = piece.resize(size, Image.Resampling.NEAREST)  # which the reduction undoes exactly
        self._pen = ImageDraw.Draw(self._canvas, "RGBA")

    def fill(self, outline: np.ndarray, colour: np.ndarray, opacity: float) -> None:
        """Fill a polygon (n, 2), pixels."""
        self._pen.polygon(self._fine(outline).ravel().tolist(), fill=(*_bytes(colour), int(255 * opacity)))

    def line(self, line: np.ndarray, width: float, colour: np.ndarray) -> None:
        """Draw a line (n, 2), pixels."""
        width = max(round(width * _SUPERSAMPLING), 1)
        self._pen.line(self._fine(line).ravel().tolist(), (*_bytes(colour), 255), width, joint="curve")

    def dot(self, middle: np.ndarray, radius: float, fill: tuple[int, int, int, int]) -> None:
        """Draw a dot around (2,), pixels."""
        x, y = self._fine(middle)
        radius *= _SUPERSAMPLING
        self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def picture(self) -> np.ndarray:
        """Give the whole picture."""
        self._image[self._rows, self._columns] = self._canvas.reduce(_SUPERSAMPLING)
        return self._image

    def _fine(self, points: np.ndarray) -> np.ndarray:
        return (points - self._corner) * _SUPERSAMPLING


def _bytes(colour: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = np.clip(colour, 0, 255).astype(int).tolist()
    return red, green, blue
