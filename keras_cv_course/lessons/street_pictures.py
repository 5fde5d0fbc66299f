"""Flat little drawings of a street with one road user, or none: quickly made, for a lesson that trains from scratch.

Shapes of one colour on a street seen from the pavement. (Those of
:mod:`keras_cv_course.data.synthetic.lone_scenes`, modelled in space, take 43 ms each in place of 4, and more of them
are needed: the lesson's network, trained on 700 of them, is right on 0.32 of others; on 1000 of these, on 0.74.)
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

CLASS_NAMES = ("pedestrian", "car", "motorcycle")
MASK_NAMES = ("ground", "road", *CLASS_NAMES)  # what is marked where pictures have masks
PICTURE_SIZE = (120, 160)  # (height, width) in pixels

_SUPERSAMPLING = 3
_EMPTY = 0.25  # share of the pictures without an object
_HEIGHTS = ((64, 108), (32, 62), (46, 88))  # least and largest, in pixels, of each class
_SHAPES = ((0.44, 0.56), (2.0, 2.4), (1.1, 1.25))  # width by height
_GLASS, _TYRE, _DARK = (60, 75, 90), (32, 32, 36), (50, 50, 56)
_ELSE, _GROUND, _ROAD, _OBJECT = range(4)

_Colour = tuple[int, int, int]


class _Canvas:
    """A picture, and beside it a sheet with the number of what is drawn where.

    Attributes:
        number: with which the next shapes are drawn on the sheet: `_ELSE`, `_GROUND`, `_ROAD` or `_OBJECT`.
    """

    def __init__(self, sky: _Colour) -> None:
        size = (PICTURE_SIZE[1] * _SUPERSAMPLING, PICTURE_SIZE[0] * _SUPERSAMPLING)
        self.number = _ELSE
        self._picture, self._sheet = Image.new("RGB", size, sky), Image.new("L", size, _ELSE)
        self._drawing, self._numbering = ImageDraw.Draw(self._picture), ImageDraw.Draw(self._sheet)

    def polygon(self, corners: list[tuple[float, float]], colour: _Colour) -> None:
        """Fill a polygon."""
        self._drawing.polygon(corners, fill=colour)
        self._numbering.polygon(corners, fill=self.number)

    def ellipse(self, sides: Sequence[float], colour: _Colour) -> None:
        """Fill an ellipse that touches the sides of a rectangle."""
        self._drawing.ellipse(sides, fill=colour)
        self._numbering.ellipse(sides, fill=self.number)

    def rectangle(self, sides: Sequence[float], colour: _Colour) -> None:
        """Fill a rectangle."""
        self._drawing.rectangle(sides, fill=colour)
        self._numbering.rectangle(sides, fill=self.number)

    def photograph(self, rng: np.random.Generator) -> np.ndarray:
        """Give the picture, uint8 (120, 160, 3), in some light and with noise."""
        light = np.asarray(self._picture.reduce(_SUPERSAMPLING)) * rng.uniform(0.8, 1.15)
        noisy = light + rng.normal(0, rng.uniform(2, 8), light.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)

    def mask(self, *numbers: int) -> np.ndarray:
        """Say which pixels, bool (120, 160), show for the larger part what was drawn with one of these numbers."""
        shows = Image.fromarray(np.isin(np.asarray(self._sheet), numbers).astype(np.uint8) * 255)
        return np.asarray(shows.reduce(_SUPERSAMPLING)) > 127


class _Brush:
    """Draws into a box as into a square from 0 to 1, x to the right and y down."""

    def __init__(self, canvas: _Canvas, box: np.ndarray, mirrored: bool) -> None:
        self._canvas, self._box, self._mirrored = canvas, box * _SUPERSAMPLING, mirrored

    def _place(self, points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
        x1, y1, x2, y2 = self._box
        turned = [(1 - x if self._mirrored else x, y) for x, y in points]
        return [(x1 + x * (x2 - x1), y1 + y * (y2 - y1)) for x, y in turned]

    def polygon(self, colour: _Colour, *points: tuple[float, float]) -> None:
        """Fill a polygon."""
        self._canvas.polygon(self._place(points), colour)

    def ellipse(self, colour: _Colour, x1: float, y1: float, x2: float, y2: float) -> None:
        """Fill an ellipse that touches the sides of a rectangle."""
        (left, top), (right, bottom) = self._place(((x1, y1), (x2, y2)))
        self._canvas.ellipse((min(left, right), top, max(left, right), bottom), colour)

    def wheel(self, x: float, radius: float, colour: _Colour) -> None:
        """Put a round wheel on the ground, of a radius in widths of the box."""
        width, height = self._box[2:] - self._box[:2]
        high = radius * width / height
        self.ellipse(_TYRE, x - radius, 1 - 2 * high, x + radius, 1)
        self.ellipse(colour, x - radius / 2, 1 - 1.5 * high, x + radius / 2, 1 - high / 2)


def draw_street_picture(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None, int | None]:
    """Draw one picture.

    Args:
        rng: decides everything.

    Returns:
        image: uint8 (120, 160, 3), RGB.
        box: float32 (4,), x1, y1, x2, y2 in pixels, which the object fills to all four sides; None without an object.
        class_id: its place in `CLASS_NAMES`; None without an object.
    """
    canvas, horizon = _begin_street(rng)
    box, class_id = _draw_object(canvas, horizon, rng)
    return canvas.photograph(rng), box, class_id


def draw_street_masks(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the same picture, and mark what is on it, each thing as if nothing stood on it.

    Args:
        rng: decides everything.

    Returns:
        image: uint8 (120, 160, 3), RGB.
        masks: bool (2 or 3, 120, 160): the ground, the road on it, and the object, if there is one.
        class_ids: int64 (2 or 3,), places in `MASK_NAMES`.
    """
    canvas, horizon = _begin_street(rng)
    masks = [canvas.mask(_GROUND, _ROAD), canvas.mask(_ROAD)]
    _, class_id = _draw_object(canvas, horizon, rng)
    seen = [] if class_id is None else [canvas.mask(_OBJECT)]
    class_ids = [0, 1] if class_id is None else [0, 1, 2 + class_id]
    return canvas.photograph(rng), np.array(masks + seen), np.array(class_ids, np.int64)


def _begin_street(rng: np.random.Generator) -> tuple[_Canvas, float]:
    """Draw a street without an object; give also the row of its horizon."""
    canvas = _Canvas(_grey(rng, 150, 225, 18))
    horizon = float(rng.uniform(0.34, 0.5)) * PICTURE_SIZE[0]
    _draw_street(canvas, horizon, rng)
    return canvas, horizon


def _draw_object(canvas: _Canvas, horizon: float, rng: np.random.Generator) -> tuple[np.ndarray | None, int | None]:
    """Draw an object or none; give its box and class."""
    if rng.random() < _EMPTY:
        return None, None
    class_id = int(rng.integers(len(CLASS_NAMES)))
    box = _place_object(class_id, horizon, rng)
    canvas.number = _OBJECT
    _DRAW[class_id](_Brush(canvas, box, bool(rng.random() < 0.5)), rng)
    return box, class_id


def _place_object(class_id: int, horizon: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a box within the picture: what is nearer is larger and stands lower."""
    height, width = PICTURE_SIZE
    least, largest = _HEIGHTS[class_id]
    nearness = rng.random()
    high = least + nearness * (largest - least)
    wide = min(high * rng.uniform(*_SHAPES[class_id]), width - 4)
    ground = horizon + 10 + (height - 14 - horizon) * np.clip(nearness + rng.normal(0, 0.15), 0, 1)
    bottom = max(ground, high + 2)
    left = rng.uniform(1, width - wide - 1)
    return np.array([left, bottom - high, left + wide, bottom], np.float32)


def _draw_street(canvas: _Canvas, horizon: float, rng: np.random.Generator) -> None:
    """Houses and trees up to the horizon, a meadow or a pavement, the road and a lamp post."""
    height, width = PICTURE_SIZE

    def rectangle(x1: float, y1: float, x2: float, y2: float, colour: _Colour) -> None:
        canvas.rectangle([side * _SUPERSAMPLING for side in (x1, y1, x2, y2)], colour)

    left = -10.0
    while left < width:
        wide, high = rng.uniform(16, 44), rng.uniform(10, 38)
        rectangle(left, horizon - high, left + wide, horizon, _grey(rng, 110, 210, 30))
        for x in np.arange(left + 3, left + wide - 5, 7):
            for y in np.arange(horizon - high + 4, horizon - 6, 9):
                rectangle(x, y, x + 3, y + 4, _grey(rng, 50, 110, 10))
        left += wide + rng.choice([0, 0, 12])
    canvas.number = _GROUND
    rectangle(0, horizon, width, height, _green(rng) if rng.random() < 0.5 else _grey(rng, 130, 185, 8))
    canvas.number = _ELSE
    for _ in range(rng.integers(0, 4)):
        x, size, colour = rng.uniform(0, width), rng.uniform(9, 22), _green(rng)
        rectangle(x - 1, horizon - size, x + 1, horizon + 3, (84, 66, 50))
        crown = (x - size / 2, horizon - 1.8 * size, x + size / 2, horizon - 0.6 * size)
        canvas.ellipse([side * _SUPERSAMPLING for side in crown], colour)
    canvas.number = _ROAD
    top = horizon + rng.uniform(4, 14)
    rectangle(0, top, width, height - rng.uniform(0, 12), _grey(rng, 80, 130, 5))
    for x in np.arange(rng.uniform(-20, 10), width, 34):
        middle = (top + height) / 2
        rectangle(x, middle, x + 16, middle + 2, (215, 215, 210))
    canvas.number = _ELSE
    if rng.random() < 0.4:
        x = rng.uniform(5, width - 5)
        rectangle(x, horizon - rng.uniform(25, 38), x + 2, horizon + 8, _DARK)


def _draw_pedestrian(brush: _Brush, rng: np.random.Generator) -> None:
    skin, coat, trousers = _skin(rng), _paint(rng), _grey(rng, 30, 110, 25)
    stride = rng.uniform(0.18, 0.5)
    brush.polygon(trousers, (0.3, 0.5), (0.52, 0.5), (0.5 - stride + 0.18, 1), (0.5 - stride, 1))
    brush.polygon(trousers, (0.48, 0.5), (0.7, 0.5), (0.5 + stride, 1), (0.5 + stride - 0.18, 1))
    brush.polygon(coat, (0.26, 0.17), (0.74, 0.17), (1, 0.52), (0.84, 0.55), (0.72, 0.36))
    brush.polygon(coat, (0.26, 0.17), (0.74, 0.17), (0.28, 0.36), (0.16, 0.55), (0, 0.52))
    brush.polygon(coat, (0.24, 0.17), (0.76, 0.17), (0.72, 0.56), (0.28, 0.56))
    brush.ellipse(skin, 0.3, 0, 0.7, 0.165)
    brush.ellipse(_grey(rng, 30, 130, 30), 0.3, 0, 0.7, 0.08)


def _draw_car(brush: _Brush, rng: np.random.Generator) -> None:
    paint = _paint(rng)
    front, back = rng.uniform(0.22, 0.36), rng.uniform(0.78, 0.97)
    brush.polygon(paint, (front - 0.16, 0.45), (front, 0), (back - 0.08, 0), (back, 0.45))
    brush.polygon(_GLASS, (front - 0.1, 0.42), (front + 0.01, 0.08), (0.54, 0.08), (0.54, 0.42))
    brush.polygon(_GLASS, (0.58, 0.42), (0.58, 0.08), (back - 0.1, 0.08), (back - 0.04, 0.42))
    brush.polygon(paint, (0, 0.55), (0.04, 0.45), (0.97, 0.4), (1, 0.55), (1, 0.84), (0, 0.84))
    brush.polygon((235, 225, 170), (0, 0.52), (0.05, 0.52), (0.05, 0.62), (0, 0.62))
    for x in (0.2, 0.79):
        brush.wheel(x, 0.085, (165, 165, 170))


def _draw_motorcycle(brush: _Brush, rng: np.random.Generator) -> None:
    paint, clothes, helmet = _paint(rng), _grey(rng, 30, 100, 20), _paint(rng)
    for x in (0.19, 0.81):
        brush.wheel(x, 0.19, (120, 120, 126))
    brush.polygon(_DARK, (0.16, 0.8), (0.3, 0.42), (0.36, 0.42), (0.24, 0.82))
    brush.polygon(_DARK, (0.4, 0.62), (0.62, 0.6), (0.84, 0.8), (0.4, 0.86))
    brush.polygon(paint, (0.28, 0.48), (0.54, 0.46), (0.6, 0.64), (0.36, 0.7))
    brush.polygon(paint, (0.58, 0.52), (0.94, 0.5), (0.9, 0.6), (0.6, 0.64))
    brush.polygon(clothes, (0.42, 0.18), (0.6, 0.2), (0.76, 0.52), (0.54, 0.56))
    brush.polygon(clothes, (0.44, 0.22), (0.52, 0.28), (0.32, 0.46), (0.27, 0.42))
    brush.polygon(clothes, (0.56, 0.5), (0.74, 0.5), (0.5, 0.62), (0.52, 0.82), (0.42, 0.82), (0.4, 0.6))
    brush.ellipse(helmet, 0.36, 0, 0.6, 0.21)
    brush.polygon(_GLASS, (0.36, 0.09), (0.46, 0.07), (0.46, 0.14), (0.37, 0.15))


_DRAW: tuple[Callable[[_Brush, np.random.Generator], None], ...] = (_draw_pedestrian, _draw_car, _draw_motorcycle)


def _grey(rng: np.random.Generator, low: int, high: int, tint: int) -> _Colour:
    """Draw a grey with a little colour."""
    r, g, b = np.clip(rng.integers(low, high) + rng.integers(-tint, tint + 1, 3), 0, 255)
    return int(r), int(g), int(b)


def _green(rng: np.random.Generator) -> _Colour:
    return int(rng.integers(60, 115)), int(rng.integers(105, 155)), int(rng.integers(50, 90))


def _skin(rng: np.random.Generator) -> _Colour:
    share = rng.uniform(0.45, 1)
    return int(236 * share), int(196 * share), int(168 * share)


def _paint(rng: np.random.Generator) -> _Colour:
    """Draw a strong colour, or white or black."""
    colours = (
        (190, 40, 40),
        (40, 80, 170),
        (230, 190, 60),
        (235, 235, 235),
        (45, 45, 50),
        (60, 130, 80),
        (225, 120, 40),
    )
    r, g, b = np.clip(np.array(colours[rng.integers(len(colours))]) + rng.integers(-18, 19, 3), 0, 255)
    return int(r), int(g), int(b)
