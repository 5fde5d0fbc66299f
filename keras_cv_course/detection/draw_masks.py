"""Class maps and masks on a picture: semi-transparent colours, a legend, and what a mask holds, cut out."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_cv_course.detection.draw import Colour, get_colors_for_classes
from keras_cv_course.detection.label_font import font_file
from keras_cv_course.errors import DataContentError

STRENGTH = 0.5  # share of the colour

_INK, _PAPER = (40, 44, 50), (255, 255, 255)
_SMALLEST_LETTERS, _LETTERS = 9, 1 / 36  # pixels, and of the picture's width


def draw_class_map(
    image: np.ndarray, class_map: np.ndarray, colours: Sequence[Colour], strength: float = STRENGTH
) -> np.ndarray:
    """Lay the colour of each pixel's class over a picture.

    Args:
        image: uint8 (h, w, 3), RGB.
        class_map: uint8 (h, w); where there is no colour for a number, as for `IGNORED`, the picture stays as it is.
        colours: (red, green, blue) of each class.
        strength: 0 for the picture alone, 1 for the colours alone.

    Returns:
        uint8 (h, w, 3).

    Raises:
        DataContentError: a map of another size.
    """
    if class_map.shape != image.shape[:2]:
        raise DataContentError(
            f"Expected a class map {image.shape[:2]}, the picture's size. Received: {class_map.shape}."
        )
    painted = class_map < len(colours)
    paint = np.asarray(colours, np.float32)[np.where(painted, class_map, 0)]  # (h, w, 3)
    share = np.where(painted, np.float32(strength), 0)[..., None]
    return np.rint(image + share * (paint - image)).astype(np.uint8)


def draw_masks(
    image: np.ndarray, masks: np.ndarray, colours: Sequence[Colour], strength: float = STRENGTH
) -> np.ndarray:
    """Lay a colour over what each mask holds, the later over the earlier, with an edge around it.

    Args:
        image: uint8 (h, w, 3), RGB.
        masks: bool (n, h, w).
        colours: (red, green, blue) of each mask.
        strength: 0 for the edges alone, 1 for the colours alone.

    Returns:
        uint8 (h, w, 3).

    Raises:
        DataContentError: masks of another size, or not a colour for each.
    """
    if masks.shape != (len(colours), *image.shape[:2]):
        raise DataContentError(
            f"Expected masks {(len(colours), *image.shape[:2])}, one of the picture's size for each colour. Received: "
            f"{masks.shape}."
        )
    drawn = image.astype(np.float32)
    for mask, colour in zip(masks, colours, strict=True):
        drawn[mask] += np.float32(strength) * (np.asarray(colour, np.float32) - drawn[mask])
        drawn[_edge(mask)] = colour
    return np.rint(drawn).astype(np.uint8)


def add_legend(image: np.ndarray, names: Sequence[str], colours: Sequence[Colour]) -> np.ndarray:
    """Put a strip below a picture that says what its colours mean, in as many lines as it takes.

    Args:
        image: uint8 (h, w, 3), RGB.
        names: what each colour means; one that is too long for the picture is cut off at its edge.
        colours: (red, green, blue) of each.

    Returns:
        uint8 (h + strip, w, 3); the picture itself without names.
    """
    if not names:
        return image
    height, width = image.shape[:2]
    letters = max(_SMALLEST_LETTERS, round(_LETTERS * width))
    font = ImageFont.truetype(font_file("".join(names), bold=False), letters)
    swatch, line = letters, round(1.7 * letters)
    places, x, y = [], swatch // 2, line // 4
    for name in names:
        needed = round(1.5 * swatch + font.getlength(name))
        if x + needed > width and x > swatch // 2:
            x, y = swatch // 2, y + line
        places.append((x, y))
        x += needed + swatch
    sheet = Image.new("RGB", (width, height + y + line), _PAPER)
    sheet.paste(Image.fromarray(image))
    pen = ImageDraw.Draw(sheet)
    for name, colour, (x, y) in zip(names, colours, places, strict=True):
        top = height + y + (line - swatch) // 2
        pen.rectangle([x, top, x + swatch - 1, top + swatch - 1], fill=colour)
        pen.text((x + round(1.5 * swatch), top + swatch / 2), name, fill=_INK, font=font, anchor="lm")
    return np.asarray(sheet)


def cut_out(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give what a mask holds, on nothing.

    Args:
        image: uint8 (h, w, 3), RGB.
        mask: bool (h, w), not empty.

    Returns:
        uint8 (height, width, 4), RGBA, the mask's extent; fully transparent outside the mask.

    Raises:
        DataContentError: a mask of another size, or an empty one.
    """
    if mask.shape != image.shape[:2] or not mask.any():
        raise DataContentError(
            f"Expected a mask {image.shape[:2]}, the picture's size, that holds a pixel. Received: {mask.shape} with "
            f"{mask.sum()}."
        )
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.dstack([image[part] * mask[part][..., None], mask[part].astype(np.uint8) * np.uint8(255)])


def class_colours(class_names: Sequence[str], background: str | None = None) -> tuple[Colour, ...]:
    """Give each class a colour; black to one of the name `background`, which stands behind the others."""
    hues = get_colors_for_classes(len(class_names))
    return tuple((0, 0, 0) if name == background else hue for name, hue in zip(class_names, hues, strict=True))


def _edge(mask: np.ndarray) -> np.ndarray:
    """Give the pixels of a mask beside which, or beyond the picture's edge, there is none of it."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner
