"""Boxes with labels on a picture, legible on 64 pixels as on 4000."""

import colorsys
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_cv_course.boxes import yxyx_to_xyxy
from keras_cv_course.detection.label_font import font_file
from keras_cv_course.detection.label_layout import place_labels
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError

Colour = tuple[int, int, int]

_SMALLEST_FONT = 9  # pixels; smaller letters cannot be read
_MOST_COVERED = 0.10  # share of the picture that labels may cover before their letters shrink
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def get_colors_for_classes(num_classes: int) -> list[Colour]:
    """Give each class its own colour: hues all round the wheel, in an order that is always the same.

    The colours are the course's.

    Args:
        num_classes: 0 or more.

    Returns:
        One (red, green, blue) for each class, each 0..255.
    """
    wheel = [colorsys.hsv_to_rgb(number / num_classes, 1, 1) for number in range(num_classes)]
    colours = [(int(red * 255), int(green * 255), int(blue * 255)) for red, green, blue in wheel]
    random.Random(10101).shuffle(colours)
    return colours


def draw_boxes(
    image: Image.Image, boxes: Any, box_classes: Any, class_names: Sequence[str], scores: Any = None
) -> np.ndarray:
    """Draw boxes on a picture, with the arguments of the course's function.

    Args:
        image: the picture, which is changed.
        boxes: (n, 4), each (y1, x1, y2, x2) in pixels, an array or a tensor.
        box_classes: integers (n,), places in `class_names`.
        class_names: the names of all classes.
        scores: (n,) from 0 to 1, shown after the names; or None.

    Returns:
        The picture with the boxes, uint8 (height, width, 3).

    Raises:
        DataContentError: as :class:`~keras_cv_course.detections.Detections` does.
    """
    corners = np.asarray(boxes, np.float32)
    corners = yxyx_to_xyxy(corners if corners.size else corners.reshape(0, 4))
    shown = np.ones(len(corners), np.float32) if scores is None else np.asarray(scores, np.float32)
    size = (image.height, image.width)
    detections = Detections(corners, shown, np.asarray(box_classes, np.int64), tuple(class_names), size)
    palette = get_colors_for_classes(len(class_names))
    drawn = _draw(image.convert("RGB"), detections, palette, with_scores=scores is not None)
    image.paste(Image.fromarray(drawn))
    return drawn


def draw_detections(image: np.ndarray | Image.Image, detections: Detections) -> np.ndarray:
    """Draw what was found on a picture: boxes in their classes' colours, labels with name and score.

    Lines and letters grow with the picture. Lines lie outside the boxes, so that small objects stay visible, and each
    label stands where it hides least (:func:`~keras_cv_course.detection.label_layout.place_labels`). Where there is no
    room, letters shrink, then scores are left out, then the labels of the lowest scores. Boxes are cut off at the
    picture's edges; one that lies outside is not drawn.

    Args:
        image: uint8 (height, width, 3), RGB, or a picture of Pillow; left as it is.
        detections: of this picture.

    Returns:
        A new picture, uint8 (height, width, 3).

    Raises:
        DataContentError: `image` is not as described, or not of the size that the detections are of.
    """
    if isinstance(image, Image.Image):
        canvas = image.convert("RGB")
    elif isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        canvas = Image.fromarray(image)
    else:
        received = f"{getattr(image, 'dtype', type(image).__name__)} of shape {np.shape(image)}"
        raise DataContentError(
            f"Expected a uint8 image of shape (height, width, 3), or one of Pillow. Received: {received}."
        )
    if (canvas.height, canvas.width) != tuple(detections.image_size):
        raise DataContentError(
            f"Expected the image that the detections are of, (height, width) {tuple(detections.image_size)}. Received: "
            f"{(canvas.height, canvas.width)}. Resize the image, or detect on this one."
        )
    return _draw(canvas.copy(), detections, get_colors_for_classes(len(detections.class_names)), with_scores=True)


def draw_labels(
    image: Image.Image, boxes_xyxy: np.ndarray, labels: Sequence[str], colours: Sequence[Colour]
) -> np.ndarray:
    """Draw boxes that each have a label and a colour of their own, as :func:`draw_detections` does.

    Args:
        image: the picture, left as it is.
        boxes_xyxy: (n, 4), pixels of the picture; the first is in front, and the last to keep its label.
        labels: n texts.
        colours: n of them.

    Returns:
        A new picture, uint8 (height, width, 3).

    Raises:
        DataContentError: as :class:`~keras_cv_course.detections.Detections` does.
    """
    n, size = len(boxes_xyxy), (image.height, image.width)
    boxes = boxes_xyxy.astype(np.float32)
    return _draw(
        image.convert("RGB"),
        Detections(boxes, np.ones(n, np.float32), np.arange(n), tuple(labels), size),
        colours,
        with_scores=False,
    )


def _draw(canvas: Image.Image, detections: Detections, palette: Sequence[Colour], with_scores: bool) -> np.ndarray:
    """Draw on `canvas`, RGB, with a colour for each class, and give its pixels."""
    visible = _visible(detections)
    visible = visible[np.argsort(-visible.scores, kind="stable")]
    names = [" ".join(visible.class_names[number].split()) for number in visible.class_ids]  # on one line
    texts = [f"{name} {score:.2f}" for name, score in zip(names, visible.scores, strict=True)] if with_scores else names
    colours = [palette[number] for number in visible.class_ids]

    size = (canvas.height, canvas.width)
    unit = (canvas.height + canvas.width) / 2
    line = max(1, round(0.003 * unit))
    edge = line // 3
    frames = _frames(visible.boxes, line + edge, size)
    font, texts, sizes = _fit_texts(texts, names, unit, size)
    labels = place_labels(frames, sizes, size)

    pen = ImageDraw.Draw(canvas, "RGBA")
    back_to_front = range(len(visible))[::-1]
    for index in back_to_front:
        _draw_frame(pen, frames[index].tolist(), line, edge, colours[index])
    for index, label in labels.items():
        _draw_label(pen, label.tolist(), texts[index], font, colours[index])
    return np.array(canvas)


def _visible(detections: Detections) -> Detections:
    height, width = detections.image_size
    x1, y1, x2, y2 = detections.boxes.T
    return detections[(x1 < width) & (y1 < height) & (x2 > 0) & (y2 > 0)]


def _frames(boxes: np.ndarray, width: int, image_size: tuple[int, int]) -> np.ndarray:
    """Outer edges, integers (n, 4) xyxy within the picture, of frames of a width that lie around the boxes."""
    limits = np.array(image_size)[::-1]
    boxes = np.clip(boxes, -1, np.tile(limits, 2) + 1)  # a float may be too large for an integer
    low, high = np.floor(boxes[:, :2]).astype(int), np.ceil(boxes[:, 2:]).astype(int)
    high = np.maximum(high, low + 1)  # a box without area frames one pixel
    return np.concatenate([np.clip(low - width, 0, limits), np.clip(high + width, 0, limits)], axis=1)


def _fit_texts(
    texts: list[str], names: list[str], unit: float, image_size: tuple[int, int]
) -> tuple[ImageFont.FreeTypeFont, list[str], np.ndarray]:
    """Choose the font, leave out what there is no room for, and give label sizes (n, 2), (height, width), too."""

    def covered(texts: list[str]) -> float:
        return 1.4 * font.getlength("".join(texts)) * font.size / (image_size[0] * image_size[1])

    letters = max(_SMALLEST_FONT, round(0.017 * unit))
    font = _font(texts, letters)
    if covered(texts) > _MOST_COVERED:
        smaller = max(0.6, (_MOST_COVERED / covered(texts)) ** 0.5)
        font = _font(texts, max(_SMALLEST_FONT, round(smaller * letters)))
    if covered(texts) > 2 * _MOST_COVERED:
        texts = names
    padding = _padding(font)
    texts = [_shorten(text, name, image_size[1] - 2 * padding, font) for text, name in zip(texts, names, strict=True)]
    height = sum(font.getmetrics())
    sizes = [(height, round(font.getlength(text)) + 2 * padding) for text in texts]
    return font, texts, np.array(sizes, int).reshape(-1, 2)


def _font(texts: list[str], letters: int) -> ImageFont.FreeTypeFont:
    # Bold letters of less than a dozen pixels run into each other.
    return ImageFont.truetype(font_file("".join(texts), bold=letters >= 12), letters)


def _shorten(text: str, name: str, room: float, font: ImageFont.FreeTypeFont) -> str:
    """Leave out the score, then letters, until a text fits."""
    if font.getlength(text) <= room:
        return text
    shorter = [name, *(name[:end] + _ELLIPSIS for end in range(len(name) - 1, 0, -1))]
    return next((candidate for candidate in shorter if font.getlength(candidate) <= room), "")


def _padding(font: ImageFont.FreeTypeFont) -> int:
    return max(1, round(0.22 * font.size))


def _draw_frame(pen: ImageDraw.ImageDraw, frame: list[int], line: int, edge: int, colour: Colour) -> None:
    left, top, right, bottom = frame
    pen.rectangle([left, top, right - 1, bottom - 1], outline=colour, width=line)
    if edge and min(right - left, bottom - top) > 2 * line:
        # A faint dark edge parts the line from an object of its colour.
        inner = [left + line, top + line, right - line - 1, bottom - line - 1]
        pen.rectangle(inner, outline=(0, 0, 0, 90), width=edge)


def _draw_label(
    pen: ImageDraw.ImageDraw, label: list[int], text: str, font: ImageFont.FreeTypeFont, colour: Colour
) -> None:
    left, top, right, bottom = label
    pen.rectangle([left, top, right - 1, bottom - 1], fill=colour)
    capital = -font.getbbox("H", anchor="ls")[1]
    baseline = (top + bottom + capital) // 2  # capitals stand in the middle
    pen.text(((left + right) / 2, baseline), text, fill=_text_colour(colour), font=font, anchor="ms")


def _text_colour(background: Colour) -> Colour:
    """Black or white, whichever has the greater contrast, as WCAG 2 defines it."""
    shares = [value / 255 for value in background]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in shares)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    on_black, on_white = (luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05)
    return (0, 0, 0) if on_black >= on_white else (255, 255, 255)
