"""Drawn pictures of simple shapes with exact masks, for a first run of segmentation."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from keras_cv_course.errors import DataContentError

CLASS_NAMES = ("circle", "square", "triangle", "star")

_CIRCLE, _SQUARE, _TRIANGLE, _STAR = range(len(CLASS_NAMES))
_MOST = 6  # shapes on a picture
_MOST_HIDDEN = 0.6
_LEAST_PIXELS = 12
_RADII = (0.08, 0.25)  # of the circle around a shape, as parts of the picture's shorter side
_LEAST_CONTRAST = 70.0  # between a shape's colour and those of the background, distance in RGB 0..255
_SUPERSAMPLING = 4
_SMALLEST_PICTURE = 32


@dataclass(frozen=True, eq=False)
class ShapeScene:
    """A picture and the shapes on it.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        boxes: float32 (n, 4), x1, y1, x2, y2 in pixels; n is 1 to 6. Each closely holds its mask.
        class_ids: int64 (n,), places in `CLASS_NAMES`.
        masks: bool (n, height, width), the pixels more than half of which show the shape; a pixel shows one shape at
            most.
    """

    image: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    masks: np.ndarray


def draw_shape_scenes(count: int, seed: int, image_size: tuple[int, int] = (128, 128)) -> Iterator[ShapeScene]:
    """Draw scenes one after the other.

    Scene i depends on `seed`, i and `image_size` only, so a shorter series is the beginning of a longer one.

    Args:
        count: number of scenes, at least 1.
        seed: 0 or more; another seed gives other scenes.
        image_size: (height, width), each at least 32.

    Raises:
        DataContentError: `count` or `image_size` is too small.
    """
    if count < 1:
        raise DataContentError(f"Expected count >= 1. Received: count={count}. Ask for at least one scene.")
    _check_size(image_size)
    return (draw_shape_scene(np.random.default_rng([seed, index]), image_size) for index in range(count))


def draw_shape_scene(rng: np.random.Generator, image_size: tuple[int, int] = (128, 128)) -> ShapeScene:
    """Draw one scene of one to six shapes of any colour, size and turn, the nearer ones over those behind.

    A shape that the others would hide by more than 60 %, or of which fewer than 12 pixels would be seen, is left out.

    Args:
        rng: decides everything: background, shapes, and the noise.
        image_size: (height, width), each at least 32.

    Raises:
        DataContentError: `image_size` is too small.
    """
    _check_size(image_size)
    background = _background(rng, image_size)
    free = np.ones(image_size, np.float32)  # the share of each pixel that no shape takes yet
    picture = np.zeros((*image_size, 3), np.float32)
    masks, class_ids = [], []
    for _ in range(int(rng.integers(1, _MOST + 1))):  # from near to far
        class_id = int(rng.integers(len(CLASS_NAMES)))
        cover = _cover(class_id, rng, image_size)
        colour = _colour(rng, background)
        seen = np.minimum(cover, free)
        mask = seen > 0.5  # so of two shapes one at most has a pixel
        if mask.sum() < max((1 - _MOST_HIDDEN) * cover.sum(), _LEAST_PIXELS):
            continue
        light = _light(rng, image_size)
        picture += seen[..., None] * np.clip(colour * light[..., None], 0, 255)
        free -= seen
        masks.append(mask)
        class_ids.append(class_id)
    if not masks:  # the first shape lay over the picture's edge
        return draw_shape_scene(rng, image_size)
    picture += free[..., None] * background
    picture += rng.normal(0, rng.uniform(1, 6), picture.shape)
    image = np.clip(picture, 0, 255).round().astype(np.uint8)
    boxes = np.array([_box(mask) for mask in masks], np.float32)
    return ShapeScene(image, boxes, np.array(class_ids, np.int64), np.array(masks))


def _check_size(image_size: tuple[int, int]) -> None:
    if min(image_size) < _SMALLEST_PICTURE:
        raise DataContentError(
            f"Expected image_size (height, width), each >= {_SMALLEST_PICTURE} pixels. Received: {image_size}. "
            "Ask for a larger picture."
        )


def _background(rng: np.random.Generator, image_size: tuple[int, int]) -> np.ndarray:
    """Draw a run from one colour to a similar one, with soft spots and fine grain; float32 (height, width, 3)."""
    height, width = image_size
    first = rng.uniform(20, 235, 3)
    second = np.clip(first + rng.normal(0, 25, 3), 10, 245)
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.linspace(-0.5, 0.5, height)[:, None], np.linspace(-0.5, 0.5, width)
    along = np.clip(0.5 + np.cos(turn) * x + np.sin(turn) * y, 0, 1)[..., None]
    spots = rng.uniform(-1, 1, (6, 6)).astype(np.float32)
    texture = np.asarray(Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC)) * rng.uniform(0, 22)
    grain = rng.normal(0, rng.uniform(0, 8), image_size)
    picture = first + along * (second - first) + (texture + grain)[..., None]
    return np.clip(picture, 0, 255).astype(np.float32)


def _cover(class_id: int, rng: np.random.Generator, image_size: tuple[int, int]) -> np.ndarray:
    """Draw a shape, and give the share of each pixel that it takes; float32 (height, width), 0..1."""
    height, width = image_size
    radius = rng.uniform(*_RADII) * min(image_size)
    centre = np.array([rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height])
    corners = centre + radius * _outline(class_id, rng.uniform(0, 2 * np.pi))
    canvas = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    # Pillow's coordinates are those of the pixels' middles.
    ImageDraw.Draw(canvas).polygon((corners * _SUPERSAMPLING - 0.5).ravel().tolist(), fill=255)
    return np.asarray(canvas.reduce(_SUPERSAMPLING), np.float32) / 255


def _outline(class_id: int, turn: float) -> np.ndarray:
    """Give corners (n, 2) of a shape within the circle of radius 1, turned by `turn` radians."""
    corners = {_CIRCLE: 48, _SQUARE: 4, _TRIANGLE: 3, _STAR: 10}[class_id]
    angles = turn + 2 * np.pi * np.arange(corners) / corners
    radii = np.where(np.arange(corners) % 2, 0.42, 1.0) if class_id == _STAR else np.ones(corners)
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _colour(rng: np.random.Generator, background: np.ndarray) -> np.ndarray:
    """Choose a colour (3,) that stands out from the background's mean."""
    mean = background.mean(axis=(0, 1))
    while np.linalg.norm((colour := rng.uniform(15, 240, 3)) - mean) < _LEAST_CONTRAST:
        pass
    return colour


def _light(rng: np.random.Generator, image_size: tuple[int, int]) -> np.ndarray:
    """Give factors (height, width) near 1 that rise in one direction, and grain."""
    height, width = image_size
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    slope = rng.normal(0, 0.1, 2)
    return 1 + slope[0] * x + slope[1] * y + rng.normal(0, rng.uniform(0, 0.04), image_size)


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Give the corners around the pixels of a mask (height, width)."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
