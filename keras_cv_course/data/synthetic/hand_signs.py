"""Drawn stand-in for the SIGNS data set: a hand before a wall that shows 0 to 5 raised fingers.

A hand (:mod:`.hand_body`) is turned and placed before a camera, rendered and lit (:mod:`.relief`), and set
before a wall on which its shadow falls. No photograph is involved.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from keras_cv_course.data.synthetic.hand_body import (
    Hand,
    arm_cones,
    crease_cones,
    digit_cones,
    palm_cones,
    pose_hand,
    sleeve_cones,
)
from keras_cv_course.data.synthetic.relief import NOTHING, Cone, blur, blur_height, draw_relief, shade_relief
from keras_cv_course.errors import DataContentError

CLASSES = 6

_SMALLEST = 16
_SUPERSAMPLING = 2
_CAMERA_DISTANCE = 60.0  # centimetres
_PIVOT = np.array([0.0, 7.5, 1.5])  # in hand coordinates: what the camera looks at

# From very light to very dark: the back of the hand, RGB 0..1. The palm is paler, most of all on a dark hand.
_SKIN = np.array(
    [
        [0.90, 0.72, 0.64],
        [0.83, 0.62, 0.51],
        [0.75, 0.54, 0.42],
        [0.64, 0.44, 0.32],
        [0.48, 0.32, 0.23],
        [0.33, 0.21, 0.15],
    ]
)
_PALM_SKIN = np.array([0.86, 0.63, 0.52])


def draw_hand_signs(
    count: int, seed: int, size: int = 64, progress: Callable[[int], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a shuffled, balanced set of hand signs.

    Picture i and its label depend on `seed` and i only, so a shorter set is the beginning of a longer one.

    Args:
        count: number of pictures, at least 1.
        seed: 0 or more; another seed gives other pictures.
        size: width and height of a picture, pixels, at least 16.
        progress: called after each picture with the number of pictures drawn so far.

    Returns:
        Images, uint8 (count, size, size, 3), RGB, and labels, int64 (count,), in 0..5. The classes differ by
        one picture at most.

    Raises:
        DataContentError: `count` or `size` is too small.
    """
    if count < 1:
        raise DataContentError(f"Expected count >= 1. Received: count={count}. Ask for at least one picture.")
    _check_size(size)
    images = np.empty((count, size, size, 3), np.uint8)
    labels = np.empty(count, np.int64)
    for index in range(count):
        # Every six pictures in a row hold each sign once, in an order of their own.
        order = np.random.default_rng([seed, index // CLASSES, 1]).permutation(CLASSES)
        labels[index] = order[index % CLASSES]
        images[index] = draw_hand_sign(int(labels[index]), np.random.default_rng([seed, index]), size)
        if progress is not None:
            progress(index + 1)
    return images, labels


def draw_hand_sign(sign: int, rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """Draw one hand that shows `sign` raised fingers.

    Zero is the sign of a circle: the fingers curl until they meet the thumb.

    Args:
        sign: raised fingers, 0..5.
        rng: decides everything else: hand, skin, pose, camera, light, wall and noise.
        size: width and height of the picture, pixels, at least 16.

    Returns:
        The picture, uint8 (size, size, 3), RGB.

    Raises:
        DataContentError: `sign` is not in 0..5, or `size` is too small.
    """
    if sign not in range(CLASSES):
        raise DataContentError(f"Expected a sign from 0 to 5. Received: sign={sign}. Give the number of fingers.")
    _check_size(size)
    camera = _Camera.random(sign, rng, size * _SUPERSAMPLING)
    height, skin = _draw_hand(pose_hand(sign, rng), camera, rng)
    light = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.9, -0.2), rng.uniform(0.7, 1.1)])
    light /= np.linalg.norm(light)
    brightness = shade_relief(height, light, rng.uniform(0.3, 0.5), 1.2 * camera.scale)
    # Light that has passed through skin is red, so skin in the shade keeps more red than it keeps blue.
    hand = skin * brightness[..., None] ** np.array([0.9, 1.1, 1.2])
    covered = height > NOTHING / 2
    wall = _draw_wall(covered, light, camera, rng)
    return _photograph(np.where(covered[..., None], hand, wall), rng)


def _check_size(size: int) -> None:
    if size < _SMALLEST:
        raise DataContentError(f"Expected size >= {_SMALLEST} pixels. Received: size={size}. Ask for a larger picture.")


@dataclass(frozen=True)
class _Camera:
    """Where the hand is seen from, and where it lands in the picture."""

    turn: np.ndarray  # (3, 3) from hand coordinates to x right, y up, z towards the camera
    scale: float  # pixels per centimetre
    centre: np.ndarray  # (2,) pixel on which the pivot falls
    mirrored: bool
    side: int  # width and height of the picture, pixels
    lean: float  # radians that the hand leans over in the picture

    @classmethod
    def random(cls, sign: int, rng: np.random.Generator, side: int) -> "_Camera":
        """Choose a view from which the raised fingers can be counted."""
        if sign == 0:  # from the thumb's side, where the circle shows
            yaw = np.radians(rng.uniform(-100, -42))
        else:
            yaw = np.radians(np.clip(rng.normal(0, 16), -32, 32)) + (np.pi if rng.random() < 0.12 else 0)
        pitch = np.radians(np.clip(rng.normal(0, 10), -22, 22))
        lean = np.radians(np.clip(rng.normal(0, 22), -40, 40))
        turn = _rotation(2, lean) @ _rotation(0, pitch) @ _rotation(1, yaw)
        scale = side / (rng.uniform(17, 26) if sign == 0 else rng.uniform(19, 30))
        centre = side * rng.uniform([0.33, 0.47], [0.67, 0.68])
        return cls(turn, scale, centre, bool(rng.random() < 0.5), side, lean)

    def place(self, cones: list[Cone]) -> list[Cone]:
        """Turn cones from hand coordinates, centimetres, to the picture, pixels."""
        ends = np.array([(cone.start, cone.end) for cone in cones])  # (cones, 2, 3)
        ends = (ends - _PIVOT) @ self.turn.T
        if self.mirrored:
            ends[..., 0] *= -1
        pixels = self.scale / (1 - ends[..., 2] / _CAMERA_DISTANCE)  # per centimetre, more in front
        ends *= np.array([1, -1, 1]) * pixels[..., None]
        ends[..., :2] += self.centre
        radii = pixels * [(cone.start_radius, cone.end_radius) for cone in cones]
        return [
            Cone(start, end, float(wide), float(narrow), cone.colour)
            for (start, end), (wide, narrow), cone in zip(ends, radii, cones, strict=True)
        ]


def _draw_hand(hand: Hand, camera: _Camera, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Height (side, side), in pixels, and skin colour (side, side, 3) of a hand and its arm."""
    tone = rng.beta(1.8, 1.8) * (len(_SKIN) - 1)
    back = np.array([np.interp(tone, range(len(_SKIN)), channel) for channel in _SKIN.T])
    skin = back + 0.35 * (_PALM_SKIN - back) if camera.turn[2, 2] > 0 else back

    def draw(cones: list[Cone], smoothing: float) -> tuple[np.ndarray, np.ndarray]:
        return draw_relief(camera.place(cones), camera.side, smoothing * camera.scale)

    palm, palm_colour = draw(palm_cones(hand, skin) + _arm(hand, camera, (skin + back) / 2, rng), 0.4)
    # Flesh lies evenly over the bones of the palm.
    palm = np.where(palm > NOTHING / 2, blur_height(palm, 0.45 * camera.scale), NOTHING)
    digits, digit_colour = draw(digit_cones(hand, skin), 0.2)
    rounding = 0.15 * camera.scale
    height = rounding * np.logaddexp(palm / rounding, digits / rounding)
    digit_share = np.exp((digits - height) / rounding)[..., None]
    colour = palm_colour + digit_share * (digit_colour - palm_colour)
    creases, _ = draw(crease_cones(hand), 0.1)
    creased = blur((creases > height - 0.5 * camera.scale).astype(float), 0.16 * camera.scale)[..., None]
    return height, colour * (1 - rng.uniform(0.15, 0.45) * creased * np.array([0.7, 1, 1.1]))


def _arm(hand: Hand, camera: _Camera, skin: np.ndarray, rng: np.random.Generator) -> list[Cone]:
    """An arm that leaves the picture below, whichever way the hand leans, now and then in a sleeve."""
    aside = rng.uniform(-0.1, 0.75) * camera.lean + rng.normal(0, 0.12)
    way = camera.turn.T @ np.array([np.sin(aside), -np.cos(aside), rng.uniform(-0.3, 0.1)])
    cones = arm_cones(hand, way, skin)
    if rng.random() < 0.15:
        cloth = rng.uniform(0.1, 0.9) * rng.uniform(0.7, 1, 3)
        cones += sleeve_cones(hand, way, rng.uniform(5, 9), cloth)
    return cones


def _draw_wall(covered: np.ndarray, light: np.ndarray, camera: _Camera, rng: np.random.Generator) -> np.ndarray:
    """A plain wall (side, side, 3), mostly light grey, uneven in its light, with the hand's shadow on it."""
    side = camera.side
    paint = rng.uniform(0.86, 0.92) * np.array([1, rng.normal(0.975, 0.004), rng.normal(0.93, 0.012)])
    if rng.random() < 0.06:
        paint *= rng.uniform(0.72, 1, 3)
    x = np.linspace(-1, 1, side)
    y = x[:, None]
    slope = rng.normal(0, 0.025, 2) - [0, 0.09]
    glow = 1 + slope[0] * x + slope[1] * y - rng.uniform(0, 0.08) * (x**2 + y**2)
    if rng.random() < 0.12:  # the soft edge of something else, out of focus
        angle = rng.uniform(0, 2 * np.pi)
        beyond = np.cos(angle) * x + np.sin(angle) * y - rng.uniform(0.7, 1.1)
        glow *= 1 - rng.uniform(0.1, 0.5) / (1 + np.exp(-beyond / rng.uniform(0.02, 0.1)))
    wall = paint * glow[..., None]
    distance = rng.uniform(2, 9) * camera.scale
    shift = np.round(-distance * light[:2] / light[2]).astype(int)
    shadow = _shift(blur(covered.astype(float), 0.35 * distance), *shift)
    return wall * (1 - rng.uniform(0.25, 0.65) * shadow[..., None] * np.array([1, 0.97, 0.92]))


def _shift(picture: np.ndarray, right: int, down: int) -> np.ndarray:
    """Move a picture (side, side); what comes in repeats its edge."""
    position = np.arange(picture.shape[0])
    last = picture.shape[0] - 1
    return picture[np.clip(position - down, 0, last)[:, None], np.clip(position - right, 0, last)]


def _photograph(scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A scene (side, side, 3) as a uint8 picture, with a camera's softness, tint and noise."""
    tint = rng.uniform(0.98, 1.02) * rng.normal(1, 0.004, 3)
    picture = Image.fromarray(_to_bytes(scene * tint))
    picture = picture.filter(ImageFilter.GaussianBlur(_SUPERSAMPLING * rng.uniform(0.3, 0.5)))
    small = np.asarray(picture.reduce(_SUPERSAMPLING), float) / 255
    return _to_bytes(small + rng.normal(0, rng.uniform(0.002, 0.008), small.shape))


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(255 * picture), 0, 255).astype(np.uint8)


def _rotation(axis: int, angle: float) -> np.ndarray:
    """Matrix (3, 3) that turns column vectors about an axis, 0 to 2, by `angle` radians."""
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[[first, second], [first, second]] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix
