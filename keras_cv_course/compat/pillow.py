"""Names and habits of Pillow before version 10."""

import functools
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from keras_cv_course.compat.patches import Patches, Shim

RESAMPLING = {"ANTIALIAS": Image.Resampling.LANCZOS, "LINEAR": Image.Resampling.BILINEAR}
RESAMPLING |= {"CUBIC": Image.Resampling.BICUBIC}


def textsize(
    self: ImageDraw.ImageDraw, text: str, font: Any = None, spacing: float = 4, *args: Any, **kwargs: Any
) -> tuple[int, int]:
    """Give (width, height) of a text in pixels; the height begins where the text is drawn, above its letters."""
    left, _, right, bottom = self.textbbox((0, 0), text, font, None, spacing, *args, **kwargs)
    return int(right - left), int(bottom)


def getsize(self: Any, text: str, *args: Any, **kwargs: Any) -> tuple[int, int]:
    """Give (width, height) of a line in pixels, as :func:`textsize` does."""
    left, _, right, bottom = self.getbbox(text, *args, **kwargs)
    return int(right - left), int(bottom)


def add_text_sizes(patches: Patches) -> None:
    """Give back the measures of texts."""
    patches.add(ImageDraw.ImageDraw, "textsize", textsize)
    patches.add(ImageDraw.ImageDraw, "multiline_textsize", textsize)
    for font in (ImageFont.FreeTypeFont, ImageFont.ImageFont, ImageFont.TransposedFont):
        patches.add(font, "getsize", getsize)


def add_resampling_names(patches: Patches) -> None:
    """Give back the former names of filters."""
    for name, value in RESAMPLING.items():
        patches.add(Image, name, value)


def sort_corners(patches: Patches) -> None:
    """Draw rectangles whose second corner lies before the first, as of thick frames around narrow boxes."""
    for name in ("rectangle", "ellipse"):
        patches.set(ImageDraw.ImageDraw, name, _sorting(getattr(ImageDraw.ImageDraw, name)))


def _sorting(original: Any) -> Any:
    @functools.wraps(original)
    def draw(self: Any, xy: Any, *args: Any, **kwargs: Any) -> None:
        points = list(xy)
        (x0, y0), (x1, y1) = points if len(points) == 2 else (points[:2], points[2:])
        original(self, (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), *args, **kwargs)

    return draw


SHIMS = (
    Shim("ImageDraw.textsize(text, font), font.getsize(text)", "removed from Pillow 10", add_text_sizes),
    Shim("Image.ANTIALIAS, Image.LINEAR, Image.CUBIC", "removed from Pillow 10", add_resampling_names),
    Shim("draw.rectangle([9, 9, 5, 5])", "Pillow 9.5 and later refuse x1 < x0 and y1 < y0", sort_corners),
)
