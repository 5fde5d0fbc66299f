"""What is on the picture, which of it is seen, and how it is painted."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from keras_cv_course.data.synthetic.road.camera import Shape
from keras_cv_course.data.synthetic.road.shadows import Shadow

Extent = tuple[float, float, float, float]  # left, top, right, bottom; pixels

MOST_HIDDEN = 0.6
LEAST_INSIDE = 0.3


@dataclass
class Thing:
    """Something on the picture.

    Attributes:
        footprint: (4, 2), x and z of the ground's corners below it, metres.
        shapes: in paint order.
        crowns: foliage, each the number of a sprite and its box; painted after the shapes.
        shadows: on the ground.
        class_id: of an object to be found; None for scenery.
    """

    footprint: np.ndarray
    shapes: list[Shape]
    crowns: list[tuple[int, Extent]] = field(default_factory=list)
    shadows: list[Shadow] = field(default_factory=list)
    class_id: int | None = None

    @property
    def extent(self) -> Extent:
        """The box around everything, which may reach beyond the picture."""
        x = [x for shape in self.shapes for x in shape.outline[::2]] + [x for _, box in self.crowns for x in box[::2]]
        y = [y for shape in self.shapes for y in shape.outline[1::2]] + [y for _, box in self.crowns for y in box[1::2]]
        return min(x, default=0), min(y, default=0), max(x, default=0), max(y, default=0)


class Sight:
    """Which pixels things already take, asked from near to far."""

    def __init__(self, image_size: tuple[int, int], smallest: float) -> None:
        """Begin with an empty picture; an object's longer side has at least `smallest` pixels."""
        self.image_size, self.smallest = image_size, smallest
        self._taken = np.zeros(image_size, bool)
        self._mask = Image.new("1", image_size[::-1])
        self._pen = ImageDraw.Draw(self._mask)

    def is_full(self, box: Extent) -> bool:
        """Tell whether nearly all of a box is taken or outside, so that nothing behind it needs to be drawn."""
        left, top, right, bottom = (max(int(side), 0) for side in box)
        region = self._taken[top:bottom:3, left:right:3]
        return region.size == 0 or bool(region.mean() > 0.85)

    def add(self, thing: Thing) -> Extent | None:
        """Let a thing take its pixels, if it belongs on the picture.

        An object does not if it is hidden by more than `MOST_HIDDEN`, if less than `LEAST_INSIDE` of its extent lies
        within the picture, or if it is too small.

        Returns:
            The box around that part of the thing that lies within the picture, whether it is hidden or not; None where
            the thing does not belong there.
        """
        whole = thing.extent
        height, width = self.image_size
        box = max(whole[0], 0.0), max(whole[1], 0.0), min(whole[2], width), min(whole[3], height)
        sides = box[2] - box[0], box[3] - box[1]
        if min(sides) <= 0:
            return None
        is_object = thing.class_id is not None
        inside = sides[0] * sides[1] / ((whole[2] - whole[0]) * (whole[3] - whole[1]))
        if is_object and (inside < LEAST_INSIDE or max(sides) < self.smallest):
            return None
        own = self._silhouette(thing, box)
        here = self._taken[int(box[1]) :, int(box[0]) :][: own.shape[0], : own.shape[1]]
        if not own.any() or (is_object and (here & own).sum() > MOST_HIDDEN * own.sum()):
            return None
        here |= own
        if box == whole:
            return box
        # What is cut off at one side may well have been the highest part.
        columns, rows = np.flatnonzero(own.any(axis=0)) + int(box[0]), np.flatnonzero(own.any(axis=1)) + int(box[1])
        seen = float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
        return max(seen[0], box[0]), max(seen[1], box[1]), min(seen[2], box[2]), min(seen[3], box[3])

    def _silhouette(self, thing: Thing, box: Extent) -> np.ndarray:
        """Pixels of a thing, bool, from the pixel of the box's corner to that of its opposite corner."""
        left, top, right, bottom = (int(side) for side in box)
        for outline, _ in thing.shapes:
            if len(outline) >= 6:
                self._pen.polygon(outline, fill=1)
        for _, crown in thing.crowns:
            self._pen.ellipse(crown, fill=1)
        own = np.asarray(self._mask.crop((left, top, right + 1, bottom + 1)))
        self._pen.rectangle((left, top, right, bottom), fill=0)
        return own[: self.image_size[0] - top, : self.image_size[1] - left]


def paint(canvas: Image.Image, things: list[Thing], sprites: list[Image.Image]) -> None:
    """Paint things in their order on an RGB picture; `sprites` are the crowns' foliage, RGBA."""
    pen = ImageDraw.Draw(canvas)
    for thing in things:
        for outline, colour in thing.shapes:
            if len(outline) >= 6:
                pen.polygon(outline, fill=colour)
        for sprite, box in thing.crowns:
            _paste(canvas, sprites[sprite], box)


def paint_numbers(canvas: Image.Image, things: list[Thing], numbers: list[int], sprites: list[Image.Image]) -> None:
    """Paint what :func:`paint` paints with a number, 0..255, for each thing on a picture of mode L."""
    pen = ImageDraw.Draw(canvas)
    opaque = [sprite.getchannel("A").point(lambda alpha: 255 * (alpha > 127)) for sprite in sprites]
    for thing, number in zip(things, numbers, strict=True):
        for outline, _ in thing.shapes:
            if len(outline) >= 6:
                pen.polygon(outline, fill=number)
        for sprite, box in thing.crowns:
            _paste(canvas, opaque[sprite], box, number)


def _paste(canvas: Image.Image, sprite: Image.Image, box: Extent, number: int | None = None) -> None:
    """Scale a sprite to a box and lay it on the canvas; what lies outside is not computed.

    With a `number` it is that which is laid on a canvas of mode L, where the sprite, of the same mode, is not 0.
    """
    left, top = max(int(box[0]), 0), max(int(box[1]), 0)
    right, bottom = min(int(box[2]) + 1, canvas.width), min(int(box[3]) + 1, canvas.height)
    across, down = sprite.width / (box[2] - box[0]), sprite.height / (box[3] - box[1])
    x1, x2 = (min(max((x - box[0]) * across, 0), sprite.width) for x in (left, right))
    y1, y2 = (min(max((y - box[1]) * down, 0), sprite.height) for y in (top, bottom))
    if left < right and top < bottom and x1 < x2 and y1 < y2:
        scaling = Image.Resampling.BILINEAR if number is None else Image.Resampling.NEAREST
        piece = sprite.resize((right - left, bottom - top), scaling, box=(x1, y1, x2, y2))
        canvas.paste(piece if number is None else number, (left, top, right, bottom), piece)
