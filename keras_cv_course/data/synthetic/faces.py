"""Drawn faces with known points, for a first run of a landmark model.

A head is modelled in centimetres, posed, seen by a camera, lit and painted, all in :mod:`.face`. Its 68 points are
known exactly, also those that the pose hides. No photograph is involved.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from keras_cv_course.data.synthetic.face.backdrop import draw_backdrop, paint_balls
from keras_cv_course.data.synthetic.face.body import ear_is_near, paint_ear, paint_neck, skin_mesh
from keras_cv_course.data.synthetic.face.canvas import Canvas
from keras_cv_course.data.synthetic.face.features import paint_features
from keras_cv_course.data.synthetic.face.glasses import paint_glasses
from keras_cv_course.data.synthetic.face.hair import hair_mesh
from keras_cv_course.data.synthetic.face.person import Person
from keras_cv_course.data.synthetic.face.points import Expression, face_points
from keras_cv_course.data.synthetic.face.view import View, rotation
from keras_cv_course.errors import DataContentError

_SMALLEST = 16
_SUPERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class DrawnFace:
    """A picture and the points of the face on it.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        points: float32 (68, 2), x and y in pixels, in the order of iBUG's 300-W, all within the picture; zeros where
            there is no face. The middle of the left upper pixel is (0.5, 0.5).
        has_face: whether there is a face.
    """

    image: np.ndarray
    points: np.ndarray
    has_face: bool


@dataclass(frozen=True, eq=False)
class DrawnBlinks:
    """Pictures of one face that blinks.

    Attributes:
        images: uint8 (frames, height, width, 3), RGB, 30 a second.
        points: float32 (frames, 68, 2), as of :class:`DrawnFace`.
        blinks: first and last frame of each blink in which the eyes are less than half open.
    """

    images: np.ndarray
    points: np.ndarray
    blinks: list[tuple[int, int]]


def draw_faces(
    count: int, seed: int, image_size: tuple[int, int] = (128, 128), without_face: float = 0.1
) -> Iterator[DrawnFace]:
    """Draw faces one after the other.

    Face i depends on `seed`, i, `image_size` and `without_face` only, so a shorter series is the beginning of a longer
    one.

    Args:
        count: number of pictures, at least 1.
        seed: 0 or more; another seed gives other faces.
        image_size: (height, width), each at least 16.
        without_face: share of the pictures that show no face but a wall, balls or the back of a head, 0 to 1.

    Raises:
        DataContentError: `count`, `image_size` or `without_face` is out of range.
    """
    if count < 1:
        raise DataContentError(f"Expected count >= 1. Received: count={count}. Ask for at least one face.")
    if not 0 <= without_face <= 1:
        raise DataContentError(f"Expected without_face from 0 to 1. Received: {without_face}. Give a share.")
    _check_size(image_size)

    def draw(rng: np.random.Generator) -> DrawnFace:
        return draw_no_face(rng, image_size) if rng.random() < without_face else draw_face(rng, image_size)

    return (draw(np.random.default_rng([seed, index])) for index in range(count))


def draw_face(rng: np.random.Generator, image_size: tuple[int, int] = (128, 128)) -> DrawnFace:
    """Draw one face.

    Args:
        rng: decides everything: person, expression, pose, light, what is behind, and the camera's noise.
        image_size: (height, width), each at least 16.

    Raises:
        DataContentError: `image_size` is too small.
    """
    _check_size(image_size)
    person, expression = Person.random(rng), Expression.random(rng)
    points = face_points(person.head, person.features, expression)
    view = _place(View.random(rng), points, _fine(image_size), rng)
    image = draw_backdrop(_fine(image_size), rng)
    paint_head(person, expression, points, Canvas(image, view), rng)
    return DrawnFace(_photograph(image, _Lens.random(rng), rng), _final_pixels(view, points), True)


def draw_no_face(rng: np.random.Generator, image_size: tuple[int, int] = (128, 128)) -> DrawnFace:
    """Draw a picture without a face: a wall, or balls before it, or the back of a head; see :func:`draw_face`."""
    _check_size(image_size)
    image = draw_backdrop(_fine(image_size), rng)
    kind = rng.choice(["wall", "balls", "head"])
    if kind == "balls":
        paint_balls(image, rng)
    elif kind == "head":
        person = Person.random(rng)
        points = face_points(person.head, person.features, Expression())
        view = _place(View.random(rng), points, _fine(image_size), rng)
        about = rotation(np.pi + rng.uniform(-0.7, 0.7), 0.0, 0.0)
        paint_head(person, Expression(), points, Canvas(image, replace(view, turn=view.turn @ about)), rng)
    return DrawnFace(_photograph(image, _Lens.random(rng), rng), np.zeros((68, 2), np.float32), False)


def draw_blinks(frames: int, seed: int, image_size: tuple[int, int] = (128, 128)) -> DrawnBlinks:
    """Draw a face that looks about a little and blinks now and then, as a film of 30 pictures a second.

    A blink takes 4 to 10 frames, and two are at least 10 frames apart.

    Args:
        frames: number of pictures, at least 1.
        seed: 0 or more; another seed gives another face.
        image_size: (height, width), each at least 16.

    Raises:
        DataContentError: `frames` or `image_size` is too small.
    """
    if frames < 1:
        raise DataContentError(f"Expected frames >= 1. Received: frames={frames}. Ask for at least one picture.")
    _check_size(image_size)
    rng = np.random.default_rng([seed, 0])
    person, still = Person.random(rng), replace(Expression.random(rng), openness=(1.0, 1.0))
    openness = blink_course(frames, rng)
    view = _place(View.random(rng), face_points(person.head, person.features, still), _fine(image_size), rng)
    background = draw_backdrop(_fine(image_size), rng)
    nod = np.cumsum(rng.normal(0, 0.006, (frames, 3)), axis=0)
    images, points = np.empty((frames, *image_size, 3), np.uint8), np.empty((frames, 68, 2), np.float32)
    lens = _Lens.random(rng)
    for frame in range(frames):
        expression = replace(still, openness=(openness[frame], openness[frame]))
        shape = face_points(person.head, person.features, expression)
        moved = replace(view, turn=view.turn @ rotation(*np.clip(nod[frame], -0.12, 0.12)))
        image = background.copy()
        # The same strands of hair in each picture.
        paint_head(person, expression, shape, Canvas(image, moved), np.random.default_rng([seed, 1]))
        images[frame], points[frame] = _photograph(image, lens, rng), _final_pixels(moved, shape)
    closed = np.flatnonzero(np.diff(np.concatenate([[False], openness < 0.5, [False]]).astype(int)))
    return DrawnBlinks(images, points, [(int(a), int(b) - 1) for a, b in closed.reshape(-1, 2)])


def blink_course(frames: int, rng: np.random.Generator) -> np.ndarray:
    """How far eyes are open, 1 open to 0 closed, (frames,), while they blink now and then."""
    openness = np.clip(1 + rng.normal(0, 0.03, frames), 0.9, 1.1)
    start = int(rng.integers(5, 25))
    while start < frames:
        closing, closed, opening = rng.integers(1, 4), rng.integers(1, 4), rng.integers(2, 4)
        parts = np.linspace(1, 0, closing + 1)[1:-1], np.zeros(closed), np.linspace(0, 1, opening + 1)[1:-1]
        # Lids are faster at first; no frame shows eyes that are just half open.
        course = np.concatenate(parts)[: frames - start] ** 1.4
        openness[start : start + len(course)] = course
        start += len(course) + int(rng.integers(10, 50))
    return openness


def _check_size(image_size: tuple[int, int]) -> None:
    if min(image_size) < _SMALLEST:
        raise DataContentError(
            f"Expected image_size (height, width), each >= {_SMALLEST} pixels. Received: {image_size}. "
            "Ask for a larger picture."
        )


def _fine(image_size: tuple[int, int]) -> tuple[int, int]:
    return image_size[0] * _SUPERSAMPLING, image_size[1] * _SUPERSAMPLING


def _final_pixels(view: View, points: np.ndarray) -> np.ndarray:
    return (view.pixels(points) / _SUPERSAMPLING).astype(np.float32)


def _place(view: View, points: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> View:
    """Move a view so that all points (68, 3) lie within a picture of `size` (height, width)."""
    pixels = replace(view, scale=1.0, centre=np.zeros(2)).pixels(points)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    sides = np.array(size[::-1])
    scale = float(rng.uniform(0.45, 0.78) * (sides / (high - low)).min())
    room = 0.94 * sides - scale * (high - low)
    corner = 0.03 * sides + room * np.clip(rng.normal(0.5, 0.18, 2), 0, 1)
    return replace(view, scale=scale, centre=corner - scale * low)


def paint_head(
    person: Person, expression: Expression, points: np.ndarray, canvas: Canvas, rng: np.random.Generator
) -> None:
    """Paint a head with the face points (68, 3), from far to near; `rng` decides on the strands of its hair."""
    looks_here = canvas.view.turn[2, 2] > 0
    near = [side for side in (-1, 1) if ear_is_near(side, canvas)]
    if looks_here:  # else the neck stands before the chin
        paint_neck(person, canvas, lean=0.4)
    for side in {-1, 1} - set(near):
        paint_ear(side, person, canvas)
    hair = None if person.hair.is_bald else hair_mesh(person, canvas, rng)
    if hair is not None:
        hair.paint(canvas, ~hair.seen, 0.45)
    skin_mesh(person, expression, canvas).paint(canvas)
    canvas.soften(points, 0.15)  # no edges between the skin's patches
    for side in near:
        paint_ear(side, person, canvas)
    if looks_here:
        paint_features(points, person, expression, canvas)
    else:
        paint_neck(person, canvas, lean=0.4)
    if hair is not None:
        hair.paint(canvas)
    if looks_here and person.glasses is not None:
        paint_glasses(person.glasses, points, canvas)


class _Lens(NamedTuple):
    """What a camera does to a picture: blur in pixels, and the standard deviation of its noise, of 255."""

    softness: float
    noise: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "_Lens":
        return cls(float(rng.uniform(0, 0.45)), float(rng.uniform(0.5, 5)))


def _photograph(image: Image.Image, lens: _Lens, rng: np.random.Generator) -> np.ndarray:
    """A painted picture in its final size, uint8 (height, width, 3), with the softness and noise of a camera."""
    pixels = np.asarray(image.reduce(_SUPERSAMPLING).filter(ImageFilter.BoxBlur(lens.softness)), np.float32)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(lens.noise)
    return np.clip(pixels + noise + 0.5, 0, 255).astype(np.uint8)
