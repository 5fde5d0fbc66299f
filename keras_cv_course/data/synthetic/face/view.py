"""From a head's coordinates to pixels, and the light on it."""

from dataclasses import dataclass

import numpy as np

_PIVOT = np.array([0.0, 2.0, 2.0])  # in the head's coordinates: what turns on the spot


def xyz(x: float, y: float, z: float) -> np.ndarray:
    """Give a vector (3,), centimetres."""
    return np.array([x, y, z], float)


@dataclass(frozen=True)
class View:
    """How a head is turned, seen and lit.

    Attributes:
        turn: (3, 3), from the head's directions to x right, y down, z towards the camera.
        scale: pixels per centimetre at the pivot's distance.
        centre: (2,) pixel on which the pivot falls.
        distance: of the camera, centimetres.
        to_light: unit vector (3,), in the camera's directions.
        ambient: share of the light that comes from everywhere, 0..1.
        tint: (3,) colour of the light, about 1.
    """

    turn: np.ndarray
    scale: float
    centre: np.ndarray
    distance: float
    to_light: np.ndarray
    ambient: float
    tint: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator) -> "View":
        """Choose pose, camera and light; `scale` is 1 and `centre` 0, 0."""
        yaw, pitch, roll = np.radians(np.clip(rng.normal(0, [15, 8, 10]), [-32, -18, -28], [32, 18, 28]))
        height, aside = np.radians(rng.uniform([-15, -75], [60, 75]))
        to_light = np.array([np.cos(height) * np.sin(aside), -np.sin(height), np.cos(height) * np.cos(aside)])
        return cls(
            turn=rotation(yaw, pitch, roll),
            scale=1.0,
            centre=np.zeros(2),
            distance=float(rng.uniform(60, 160)),
            to_light=to_light,
            ambient=float(rng.uniform(0.3, 0.7)),
            tint=rng.uniform(0.75, 1.2) * np.clip(rng.normal(1, 0.05, 3), 0.85, 1.15),
        )

    def turned(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) in the camera's directions, centimetres from the pivot."""
        return (points - _PIVOT) @ self.turn.T

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2), x before y, of points (..., 3) in the head's coordinates."""
        turned = self.turned(points)
        return self.centre + turned[..., :2] * (self.scale / (1 - turned[..., 2:] / self.distance))

    def brightness(self, normals: np.ndarray) -> np.ndarray:
        """Light (...) that skin with unit normals (..., 3), in the camera's directions, sends back; about 0..1.2."""
        facing = normals @ self.to_light
        diffuse = np.clip((facing + 0.3) / 1.3, 0, None)  # skin lets light pass a little beyond the shadow's edge
        from_above = 0.88 - 0.12 * normals[..., 1]
        shine = 0.16 * np.clip(facing, 0, 1) ** 12
        return self.ambient * from_above + (1 - self.ambient) * 1.15 * diffuse + shine


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Matrix (3, 3) for column vectors: `yaw` turns the face to the right of the picture, `pitch` down, then `roll`.

    All in radians; `roll` turns clockwise in the picture.
    """
    (a, b, c), (d, e, f) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_y = np.array([[a, 0, d], [0, 1, 0], [-d, 0, a]])
    about_x = np.array([[1, 0, 0], [0, b, e], [0, -e, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y
