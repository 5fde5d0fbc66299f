"""A picture on which parts of a head are painted, in the head's coordinates."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from keras_cv_course.data.synthetic.face.view import View


class Canvas:
    """An RGB picture, `view` of the head on it, and a pen that also paints half transparently."""

    def __init__(self, image: Image.Image, view: View) -> None:
        """Paint on `image`, in place."""
        self.image, self.view = image, view
        self.pen = ImageDraw.Draw(image, "RGBA")

    def fill(self, outline: np.ndarray, colour: np.ndarray, opacity: float = 1.0) -> None:
        """Fill the polygon with corners (n, 3) in the head's coordinates, or (n, 2) in pixels, with RGB 0..1."""
        self.pen.polygon(self._pixels(outline), fill=_bytes(colour, opacity))

    def stroke(self, line: np.ndarray, width: float, colour: np.ndarray, opacity: float = 1.0) -> None:
        """Draw a line through points (n, 3), or (n, 2) in pixels, `width` centimetres wide."""
        self.pen.line(
            self._pixels(line), _bytes(colour, opacity), max(round(width * self.view.scale), 1), joint="curve"
        )

    def soften(self, points: np.ndarray, width: float) -> None:
        """Blur the part of the picture that holds points (n, 3) by `width` centimetres."""
        pixels = self.view.pixels(points)
        left, top = np.maximum(pixels.min(axis=0), 0).astype(int).tolist()
        right, bottom = np.minimum(pixels.max(axis=0) + 1, self.image.size).astype(int).tolist()
        part = self.image.crop((left, top, right, bottom))
        self.image.paste(part.filter(ImageFilter.BoxBlur(width * self.view.scale)), (left, top))

    def patches(self, corners: np.ndarray, colours: np.ndarray) -> None:
        """Fill quadrilaterals (n, 8), x and y of four corners in pixels, each with its RGB 0..1 of (n, 3)."""
        outlines = corners.tolist()
        fills = np.clip(255 * colours, 0, 255).astype(int).tolist()
        for outline, (red, green, blue) in zip(outlines, fills, strict=True):
            self.pen.polygon(outline, fill=(red, green, blue))

    def _pixels(self, points: np.ndarray) -> list[float]:
        pixels = self.view.pixels(points) if points.shape[1] == 3 else points
        return pixels.ravel().tolist()


class Skin:
    """A surface of coloured quadrilaterals between points (rows, columns, 3) in the head's coordinates.

    Rows run down and columns to the right, as seen from outside. All attributes have an entry for each quadrilateral,
    (rows - 1, columns - 1, ...).

    Attributes:
        normals: (..., 3), unit vectors outwards in the camera's directions.
        seen: whether the outer side is turned towards the camera.
        colours: RGB (..., 3), to be set.
    """

    def __init__(self, points: np.ndarray, view: View) -> None:
        """Turn and project the points."""
        turned = view.turned(points)
        pixels = view.pixels(points)
        self._corners = np.concatenate([pixels[:-1, :-1], pixels[:-1, 1:], pixels[1:, 1:], pixels[1:, :-1]], axis=2)
        falling, rising = turned[1:, 1:] - turned[:-1, :-1], turned[1:, :-1] - turned[:-1, 1:]
        normals = np.cross(falling, rising)
        self.normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
        middles = (turned[1:, 1:] + turned[:-1, :-1]) / 2
        self._depths = middles[..., 2]
        self.seen = ((np.array([0, 0, view.distance]) - middles) * self.normals).sum(axis=-1) > 0
        self.colours = np.ones_like(self.normals)

    def paint(self, canvas: Canvas, chosen: np.ndarray | None = None, strength: float = 1.0) -> None:
        """Paint the `chosen` quadrilaterals, those that are seen by default, from far to near."""
        chosen = self.seen if chosen is None else chosen
        order = np.argsort(self._depths[chosen])
        canvas.patches(self._corners[chosen][order], strength * self.colours[chosen][order])


def _bytes(colour: np.ndarray, opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = np.clip(255 * np.asarray(colour, float), 0, 255).astype(int).tolist()
    return red, green, blue, int(255 * opacity)
