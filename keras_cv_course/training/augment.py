"""Random changes to training pictures that leave their class alone, for whole batches inside `tf.data`.

Every draw is stateless: the same seed gives the same picture, whatever ran before. That is what lets a resumed
training go on exactly as if it had never stopped.
"""

import math
from dataclasses import dataclass

import tensorflow as tf

from keras_cv_course.errors import RunError


@dataclass(frozen=True)
class Augmentation:
    """How far each random change may go. All draws are uniform; 0 switches a change off.

    Attributes:
        flip: mirror half of the pictures left to right (for hand signs: a mirrored hand shows the same sign).
        rotation: degrees to either side.
        zoom: largest factor minus one, both in and out: 0.2 draws from 1/1.2 to 1.2, evenly in the logarithm.
        shift: share of the picture's height and width, in each direction.
        brightness: added to values 0..1, to either side.
        contrast: largest factor minus one about mid grey, both ways.
        colour: largest factor minus one for each channel by itself, both ways: a change of the light's colour.
    """

    flip: bool = True
    rotation: float = 20.0
    zoom: float = 0.2
    shift: float = 0.1
    brightness: float = 0.1
    contrast: float = 0.28
    colour: float = 0.06

    def __post_init__(self) -> None:
        """Refuse negative ranges."""
        for field in ("rotation", "zoom", "shift", "brightness", "contrast", "colour"):
            if getattr(self, field) < 0:
                raise RunError(
                    f"Augmentation.{field} must not be negative. Received: {getattr(self, field)}. "
                    f"Use 0 to switch it off."
                )


def augment_batch(images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Apply one random geometric and one random colour change to each image of a batch.

    Args:
        images: float32 (batch, height, width, channels), values 0..1.
        augmentation: the ranges.
        seed: int (2,); equal seeds give equal results.

    Returns:
        float32 (batch, height, width, channels), values 0..1. Places that come from outside a picture repeat
        its edge.
    """
    geometry_seed, colour_seed = tf.unstack(tf.random.split(seed, 2))
    images = warp(images, random_transforms(tf.shape(images), augmentation, geometry_seed))
    return random_light(images, augmentation, colour_seed)


def warp(images: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Show images (batch, height, width, channels) through transforms (batch, 8) of :func:`random_transforms`."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )


def random_transforms(shape: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Draw a flip, rotation, zoom and shift for each picture, as rows (a0 a1 a2 b0 b1 b2 c0 c1).

    The row maps an output pixel (x, y) to the input pixel (a0 x + a1 y + a2, b0 x + b1 y + b2), both counted from 0.
    `shape` is that of the pictures, (batch, height, width, channels).
    """
    batch, height, width = shape[0], tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    draws = tf.random.stateless_uniform((5, batch), seed, -1.0, 1.0)
    mirror = tf.where((draws[0] < 0) & augmentation.flip, -1.0, 1.0)
    angle = draws[1] * math.radians(augmentation.rotation)
    scale = tf.exp(draws[2] * math.log1p(augmentation.zoom))
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    a0, a1, b0, b1 = mirror * cosine, -sine, mirror * sine, cosine
    # Turn about the middle, then shift.
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    a2 = middle_x - a0 * middle_x - a1 * middle_y + draws[3] * augmentation.shift * width
    b2 = middle_y - b0 * middle_x - b1 * middle_y + draws[4] * augmentation.shift * height
    zero = tf.zeros_like(a0)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)  # (batch, 8)


def random_light(images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Draw contrast, brightness and colour for each of images (batch, height, width, channels), values 0..1."""
    batch, channels = tf.shape(images)[0], tf.shape(images)[3]
    light_seed, colour_seed = tf.unstack(tf.random.split(seed, 2))
    draws = tf.random.stateless_uniform((2, batch, 1, 1, 1), light_seed, -1.0, 1.0)
    contrast = tf.exp(draws[0] * math.log1p(augmentation.contrast))
    brightness = draws[1] * augmentation.brightness
    colour = tf.random.stateless_uniform((batch, 1, 1, channels), colour_seed, -1.0, 1.0)
    colour = tf.exp(colour * math.log1p(augmentation.colour))
    return tf.clip_by_value(((images - 0.5) * contrast + 0.5 + brightness) * colour, 0.0, 1.0)
