"""Drawn figures with 32 known points, for models of a body's pose.

A skeleton is posed in parts of the body's height, turned before a camera that is far away, and clothed in rounded
limbs. No photograph is involved.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from keras_cv_course.data.landmarks import BODY_POINT_NAMES
from keras_cv_course.data.synthetic.face.backdrop import draw_backdrop
from keras_cv_course.data.synthetic.face.view import rotation, xyz
from keras_cv_course.data.synthetic.road.camera import bytes_of, hull
from keras_cv_course.errors import DataContentError

_SMALLEST = 16
_SUPERSAMPLING = 2
_SKIN = np.array([[236, 196, 170], [222, 176, 146], [196, 146, 112], [150, 104, 76], [104, 70, 50]], float)
_HAIR = np.array([[34, 28, 26], [92, 64, 42], [176, 140, 84], [150, 150, 150]], float)

# Limbs of either side: their points, radii at these in parts of the body's height, and what they wear.
_LIMBS: tuple[tuple[tuple[str, ...], tuple[float, ...], str], ...] = (
    (("shoulder", "elbow"), (0.030, 0.024), "sleeve"),
    (("elbow", "wrist"), (0.024, 0.017), "skin"),
    (("wrist", "knuckles", "fingertips"), (0.016, 0.020, 0.008), "skin"),
    (("hip", "knee"), (0.047, 0.034), "trousers"),
    (("knee", "ankle"), (0.034, 0.023), "trousers"),
    (("heel", "ankle", "toes"), (0.016, 0.022, 0.013), "shoes"),
)
_TRUNK = ("left shoulder", "right shoulder", "left waist", "right waist", "left hip", "right hip")
_TRUNK_RADII = (0.032, 0.032, 0.030, 0.030, 0.042, 0.042)


@dataclass(frozen=True, eq=False)
class DrawnBody:
    """A picture and the points of the figure on it.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        points: float32 (32, 2), x and y in pixels, in the order of
            :data:`~keras_cv_course.data.landmarks.BODY_32`, all within the picture, also those that are hidden. The
            middle of the left upper pixel is (0.5, 0.5).
    """

    image: np.ndarray
    points: np.ndarray


def draw_bodies(count: int, seed: int, image_size: tuple[int, int] = (128, 128)) -> Iterator[DrawnBody]:
    """Draw figures one after the other, each standing, walking or waving before a blurred backdrop.

    Figure i depends on `seed`, i and `image_size` only.

    Args:
        count: number of pictures, at least 1.
        seed: 0 or more; another seed gives other figures.
        image_size: (height, width), each at least 16.

    Raises:
        DataContentError: `count` or `image_size` is too small.
    """
    if count < 1:
        raise DataContentError(f"Expected count >= 1. Received: count={count}. Ask for at least one figure.")
    if min(image_size) < _SMALLEST:
        raise DataContentError(
            f"Expected image_size (height, width), each >= {_SMALLEST} pixels. Received: {image_size}. "
            "Ask for a larger picture."
        )
    return (_draw_body(np.random.default_rng([seed, index]), image_size) for index in range(count))


def pose_body(rng: np.random.Generator) -> np.ndarray:
    """Choose a pose.

    Returns:
        (32, 3), the points in parts of the body's height, the pelvis at the origin: x to the right of the picture when
        the figure looks at the camera, y down, z towards the camera.
    """
    spine = rotation(0, rng.normal(0, 0.06), rng.normal(0, 0.07))
    head = spine @ rotation(*rng.normal(0, [0.3, 0.12, 0.1]))
    place = {"pelvis": np.zeros(3), "chest": spine @ xyz(0, -0.2, 0.02), "neck": spine @ xyz(0, -0.3, 0)}
    neck = place["neck"]
    place |= {"chin": neck + head @ xyz(0, -0.045, 0.045), "nose": neck + head @ xyz(0, -0.088, 0.066)}
    place |= {"crown": neck + head @ xyz(0, -0.18, 0.0)}
    broad, walk = rng.uniform(0.9, 1.15), rng.normal(0, 0.3)
    for name, side in (("left", -1), ("right", 1)):
        joints = {
            "eye": head @ xyz(0.019 * side, -0.108, 0.052) + neck,
            "ear": head @ xyz(0.046 * side, -0.1, 0) + neck,
        }
        joints["shoulder"] = neck + spine @ xyz(0.1 * broad * side, 0.012, 0)
        joints["waist"] = spine @ xyz(0.066 * broad * side, -0.1, 0)
        joints["hip"] = xyz(0.052 * broad * side, 0.0, 0)
        joints |= _pose_arm(side, joints["shoulder"], rng) | _pose_leg(side, joints["hip"], -side * walk, rng)
        place |= {f"{name} {joint}": point for joint, point in joints.items()}
    return np.stack([place[name] for name in BODY_POINT_NAMES])


def _pose_arm(side: int, shoulder: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Place elbow, wrist, knuckles and fingertips; the arm hangs, or is now and then raised."""
    aside = rng.uniform(0.5, 2.7) if rng.random() < 0.35 else rng.uniform(0.08, 0.5)
    bend = rng.uniform(0, 1.9)
    # An arm that hangs down is turned outwards about z, and swung forwards about x.
    upper = rotation(0, rng.normal(0, 0.3), -side * aside)
    lower = upper @ rotation(0, -bend, -side * rng.uniform(0, 0.5))
    hand = lower @ rotation(0, rng.normal(0, 0.2), rng.normal(0, 0.2))
    elbow = shoulder + upper @ xyz(0, 0.165, 0)
    wrist = elbow + lower @ xyz(0, 0.14, 0)
    knuckles = wrist + hand @ xyz(0, 0.045, 0)
    return {"elbow": elbow, "wrist": wrist, "knuckles": knuckles, "fingertips": knuckles + hand @ xyz(0, 0.05, 0)}


def _pose_leg(side: int, hip: np.ndarray, step: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Place knee, ankle, heel and toes of a leg that is `step` radians forwards."""
    thigh = rotation(0, -step, -side * rng.uniform(0, 0.2))
    shin = thigh @ rotation(0, max(-step, 0) * 0.9 + rng.uniform(0, 0.15), 0)
    foot = rotation(side * rng.uniform(0, 0.5), 0, 0)
    knee = hip + thigh @ xyz(0, 0.245, 0)
    ankle = knee + shin @ xyz(0, 0.235, 0)
    return {
        "knee": knee,
        "ankle": ankle,
        "heel": ankle + foot @ xyz(0, 0.032, -0.025),
        "toes": ankle + foot @ xyz(0, 0.038, 0.1),
    }


def _draw_body(rng: np.random.Generator, image_size: tuple[int, int]) -> DrawnBody:
    height, width = (side * _SUPERSAMPLING for side in image_size)
    turn = rotation(*np.clip(rng.normal(0, [0.5, 0.08, 0.05]), -0.9, 0.9))
    turned = pose_body(rng) @ turn.T
    low, high = turned[:, :2].min(axis=0), turned[:, :2].max(axis=0)
    sides = np.array([width, height])
    scale = rng.uniform(0.6, 0.85) * (sides / (high - low)).min()
    corner = 0.05 * sides + (0.9 * sides - scale * (high - low)) * rng.uniform(0.2, 0.8, 2)
    pixels = corner + scale * (turned[:, :2] - low)
    image = draw_backdrop((height, width), rng)
    _paint(image, pixels, turned[:, 2], scale, rng)
    noise = rng.standard_normal((*image_size, 3), np.float32) * np.float32(rng.uniform(0.5, 5))
    small = np.asarray(image.reduce(_SUPERSAMPLING), np.float32) + noise + 0.5
    return DrawnBody(np.clip(small, 0, 255).astype(np.uint8), (pixels / _SUPERSAMPLING).astype(np.float32))


def _paint(image: Image.Image, pixels: np.ndarray, depth: np.ndarray, scale: float, rng: np.random.Generator) -> None:
    """Paint a figure with points (32, 2), pixels, and (32,), towards the camera, from far to near."""
    pen = ImageDraw.Draw(image)
    skin, coat, trousers = _SKIN[rng.integers(len(_SKIN))], rng.uniform(20, 235, 3), rng.uniform(20, 190, 3)
    wear = {"skin": skin, "trousers": trousers, "shoes": rng.uniform(20, 230, 3), "sleeve": coat}
    lamp = np.array([rng.uniform(-0.4, 0.4), -0.35])

    def number(names: tuple[str, ...]) -> list[int]:
        return [BODY_POINT_NAMES.index(name) for name in names]

    parts = [(number(_TRUNK), np.array(_TRUNK_RADII), coat), (number(("neck", "chin")), np.full(2, 0.026), skin)]
    for points, radii, worn in _LIMBS:
        for side in ("left", "right"):
            parts.append((number(tuple(f"{side} {point}" for point in points)), np.array(radii), wear[worn]))
    for numbers, widths, colour in sorted(parts, key=lambda part: depth[part[0]].mean()):
        for strength, share in ((0.72, 1.0), (1.0, 0.66)):  # in the shade, and in the light
            middles = pixels[numbers] + (1 - share) * scale * widths[:, None] * lamp
            pen.polygon(hull(middles, share * scale * widths).ravel().tolist(), fill=tuple(bytes_of(strength * colour)))
    _paint_head(pen, dict(zip(BODY_POINT_NAMES, pixels, strict=True)), scale, skin, _HAIR[rng.integers(len(_HAIR))])


def _paint_head(
    pen: ImageDraw.ImageDraw, place: dict[str, np.ndarray], scale: float, skin: np.ndarray, hair: np.ndarray
) -> None:
    middle = (place["left ear"] + place["right ear"]) / 2
    skull = (middle + place["crown"]) / 2
    face = 0.6 * place["nose"] + 0.4 * middle

    def fill(middles: list[np.ndarray], radii: list[float], colour: np.ndarray) -> None:
        outline = hull(np.array(middles), scale * np.array(radii))
        pen.polygon(outline.ravel().tolist(), fill=tuple(bytes_of(colour)))

    for ear in ("left ear", "right ear"):
        fill([place[ear]], [0.012], 0.85 * skin)
    fill([skull, middle], [0.05, 0.052], hair)
    fill([face, 0.25 * face + 0.75 * place["chin"]], [0.043, 0.026], skin)
    for eye in ("left eye", "right eye"):
        fill([place[eye]], [0.0075], np.array([30, 22, 20]))
    fill([place["nose"]], [0.0085], 0.8 * skin)
