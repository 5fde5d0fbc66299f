"""A head's surface, in its own coordinates.

Coordinates are centimetres of an average head: the origin lies between the ears at the height of the eyes, x runs to
the right of the picture when the face looks at the camera, y down, z out of the face.
"""

from dataclasses import dataclass

import numpy as np

from keras_cv_course.data.synthetic.face.curves import interpolate, ramp

MOUTH = 7.1  # height of the closed lips' line
CHIN = 11.3

# From the crown to below the chin: half width, where the widest part lies, and the reach before and behind it.
_HEIGHTS = np.array([-11.5, -11, -9.5, -7.5, -5, -2.5, 0, 2, 4, 6, 8, 9.5, 10.6, 11.1, CHIN])
_HALF_WIDTH = np.array([0, 2.8, 5.3, 6.8, 7.5, 7.55, 7.35, 7.15, 6.85, 6.3, 5.35, 4.2, 2.9, 1.7, 0])
_WIDEST = np.array([-1, -1, -1, -1, -1, -0.9, -0.6, -0.2, 0.5, 1.6, 3.2, 4.6, 5.9, 6.6, 7.0])
_BEFORE = np.array([0.0, 4.6, 7.4, 9.2, 10.2, 10.5, 9.9, 9.4, 8.7, 7.6, 5.7, 4.2, 2.7, 1.6, 0])
_BEHIND = np.array([0.0, 4.6, 7.2, 8.6, 9.4, 9.4, 9.0, 8.0, 7.0, 6.0, 5.0, 4.4, 3.4, 2.2, 0])
_FLATNESS = 2.25  # exponent of the super-ellipse that a cut through the head is

# The nose along its ridge: height, how far it stands out, how wide it is.
_NOSE_HEIGHTS = np.array([-1.6, -0.4, 1.0, 2.6, 3.9, 4.4, 4.9, 5.3, 5.9])
_NOSE_OUT = np.array([0.0, 0.55, 1.15, 1.9, 2.55, 2.4, 1.5, 0.5, 0.0])
_NOSE_WIDTH = np.array([0.8, 0.75, 0.8, 0.95, 1.2, 1.3, 1.3, 1.2, 1.0])


@dataclass(frozen=True)
class Head:
    """How this head differs from the average one; 1, or 0 for shifts, is average.

    Attributes:
        width, length: factors of the whole head's, the latter below the eyes only.
        jaw: factor of the lower jaw's width.
        nose_out, nose_width: factors of the nose.
        nose_drop: centimetres by which the nose is longer.
        cheeks, brows: factors of these bumps.
    """

    width: float = 1.0
    length: float = 1.0
    jaw: float = 1.0
    nose_out: float = 1.0
    nose_width: float = 1.0
    nose_drop: float = 0.0
    cheeks: float = 1.0
    brows: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Head":
        """Choose a head."""
        return cls(
            width=float(np.clip(rng.normal(1, 0.05), 0.88, 1.12)),
            length=float(np.clip(rng.normal(1, 0.05), 0.88, 1.12)),
            jaw=float(np.clip(rng.normal(1, 0.07), 0.84, 1.16)),
            nose_out=float(rng.uniform(0.75, 1.3)),
            nose_width=float(rng.uniform(0.85, 1.3)),
            nose_drop=float(np.clip(rng.normal(0, 0.3), -0.6, 0.7)),
            cheeks=float(rng.uniform(0.4, 1.6)),
            brows=float(rng.uniform(0.2, 1.6)),
        )

    def outline(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half width and z of the widest part of the head at heights y (...), both (...)."""
        jaw = 1 + (self.jaw - 1) * ramp(y, 2, 7.5) * (1 - ramp(y, 10, 11.3))
        return np.maximum(interpolate(y, _HEIGHTS, _HALF_WIDTH), 0) * jaw, interpolate(y, _HEIGHTS, _WIDEST)

    def front(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Depth z (...) of the face at (x, y), both (...), which must lie within the outline."""
        half, widest = self.outline(y)
        aside = np.clip(np.abs(x) / np.maximum(half, 1e-6), 0, 1)
        return (
            widest + interpolate(y, _HEIGHTS, _BEFORE) * (1 - aside**_FLATNESS) ** (1 / _FLATNESS) + self.relief(x, y)
        )

    def around(self, angle: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Points (..., 3) at angles (...), 0 in front and radians towards the right, and heights y (...)."""
        half, widest = self.outline(y)
        sine, cosine = np.sin(angle), np.cos(angle)
        x = half * np.sign(sine) * np.abs(sine) ** (2 / _FLATNESS)
        out = np.sign(cosine) * np.abs(cosine) ** (2 / _FLATNESS)
        reach = np.where(cosine > 0, interpolate(y, _HEIGHTS, _BEFORE), interpolate(y, _HEIGHTS, _BEHIND))
        z = widest + reach * out + np.where(cosine > 0.2, self.relief(x, y), 0)
        return np.stack([x, np.broadcast_to(y, x.shape), z], axis=-1)

    def relief(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """What nose, eyes, brows, cheeks, lips and chin add to the depth at (x, y), (...)."""
        nose_y = y - self.nose_drop * ramp(y, 0, 4)
        width = interpolate(nose_y, _NOSE_HEIGHTS, _NOSE_WIDTH) * self.nose_width
        added = self.nose_out * interpolate(nose_y, _NOSE_HEIGHTS, _NOSE_OUT) * np.exp(-((x / width) ** 2))
        for middle_x, middle_y, wide, high, height in self._bumps():
            aside, down = (np.abs(x) - middle_x) / wide, (y - middle_y) / high
            added = added + height * np.exp(-(aside**2) - down**2)
        return added

    def _bumps(self) -> tuple[tuple[float, float, float, float, float], ...]:
        """Bumps and hollows: x, y, half widths along both, and height; those with x > 0 are there on both sides."""
        return (
            (3.2, 0.1, 1.5, 1.0, -0.95),  # eye socket
            (3.15, 0.2, 0.95, 0.75, 0.45),  # eyeball
            (2.8, -2.2, 2.2, 0.7, 0.4 * self.brows),
            (4.3, 3.3, 1.8, 1.7, 0.5 * self.cheeks),
            (1.5 * self.nose_width, 4.5 + self.nose_drop, 0.55, 0.5, 0.75 * self.nose_out),  # side of the nose
            (0.0, 6.6, 2.4, 1.3, 0.55),  # jaws behind the lips
            (0.0, 8.9, 1.8, 0.5, -0.35),  # below the lower lip
            (0.0, 10.2, 1.5, 0.9, 0.5),  # chin
            (0.0, 5.9, 0.45, 0.4, -0.2),  # groove above the upper lip
        )

    def scale(self, points: np.ndarray, drop: float) -> np.ndarray:
        """Open the jaw of points (..., 3) by `drop` centimetres, and give them this head's width and length."""
        x, y, z = np.moveaxis(points, -1, 0)
        lower = ramp(y, MOUTH - 0.3, MOUTH + 2.5)
        y = y + drop * lower
        return np.stack([x * self.width, np.where(y > 0, y * self.length, y), z - 0.3 * drop * lower], axis=-1)
