"""From places on a road, in metres, to pixels.

World coordinates are metres: x to the right, y up from the ground, z along the road, away from the camera.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

NEAR = 0.25  # metres before the camera; what is closer is cut off


def xyz(x: float, y: float, z: float) -> np.ndarray:
    """Give a vector (3,), metres."""
    return np.array([x, y, z], float)


class Shape(NamedTuple):
    """One filled polygon on the picture.

    Attributes:
        outline: x0, y0, x1, y1, ... in pixels of the picture; may reach beyond it.
        colour: red, green, blue, 0..255.
    """

    outline: list[float]
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: (3,) metres.
        turn: (3, 3) from world directions to x right, y up, z forward.
        focal: focal length, pixels.
        image_size: (height, width), pixels.
    """

    position: np.ndarray
    turn: np.ndarray
    focal: float
    image_size: tuple[int, int]

    @classmethod
    def looking(
        cls, position: np.ndarray, yaw: float, pitch: float, roll: float, focal: float, image_size: tuple[int, int]
    ) -> "Camera":
        """A camera turned to the right by `yaw`, then down by `pitch`, then by `roll` about its axis; radians."""
        (yaw_cos, pitch_cos, roll_cos), (yaw_sin, pitch_sin, roll_sin) = (
            f([yaw, pitch, roll]) for f in (np.cos, np.sin)
        )
        turn = np.array([[yaw_cos, 0, -yaw_sin], [0, 1, 0], [yaw_sin, 0, yaw_cos]])
        turn = np.array([[1, 0, 0], [0, pitch_cos, pitch_sin], [0, -pitch_sin, pitch_cos]]) @ turn
        turn = np.array([[roll_cos, roll_sin, 0], [-roll_sin, roll_cos, 0], [0, 0, 1]]) @ turn
        return cls(position, turn, focal, image_size)

    def enlarged(self, factor: int) -> "Camera":
        """The same view on a picture `factor` times as high and wide."""
        height, width = self.image_size
        return replace(self, focal=self.focal * factor, image_size=(height * factor, width * factor))

    def view(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) as seen from the camera: x right, y up, z forward, metres."""
        return (points - self.position) @ self.turn.T

    def pixels(self, viewed: np.ndarray) -> np.ndarray:
        """Pixel coordinates (..., 2), x before y, of viewed points (..., 3) with z >= NEAR."""
        height, width = self.image_size
        pixels = viewed[..., :2] * (self.focal / viewed[..., 2:])
        pixels *= [1, -1]
        pixels += [width / 2, height / 2]
        return pixels

    def outline(self, polygon: np.ndarray) -> list[float]:
        """Outline, as of a :class:`Shape`, of a world polygon (n, 3); empty where it lies behind the camera."""
        return self.pixels(clip_near(self.view(polygon))).ravel().tolist()

    def rays(self) -> np.ndarray:
        """World direction (height, width, 3) of each pixel's middle, 1 long along the optical axis."""
        height, width = self.image_size
        rays = np.empty((height, width, 3), np.float32)
        rays[..., 0] = (np.arange(width) + 0.5 - width / 2) / self.focal
        rays[..., 1] = (height / 2 - 0.5 - np.arange(height))[:, None] / self.focal
        rays[..., 2] = 1
        return rays @ self.turn.astype(np.float32)

    def pixels_per_metre(self, point: np.ndarray) -> float:
        """Size on the picture of one metre at a world point (3,)."""
        return self.focal / max(float(self.view(point)[2]), NEAR)


def clip_near(polygon: np.ndarray) -> np.ndarray:
    """Cut off the part of a viewed polygon (n, 3) that is nearer than NEAR; what is left may be empty."""
    inside = polygon[:, 2] >= NEAR
    if inside.all():
        return polygon
    after = np.arange(1 - len(polygon), 1)  # the next corner; after the last one, the first
    following = polygon[after]
    leaves = inside != inside[after]
    share = np.zeros(len(polygon))
    share[leaves] = (NEAR - polygon[leaves, 2]) / (following - polygon)[leaves, 2]
    cuts = polygon + share[:, None] * (following - polygon)
    return np.stack([polygon, cuts], axis=1)[np.stack([inside, leaves], axis=1)]


_ANGLES = np.linspace(0, 2 * np.pi, 28, endpoint=False)
DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])  # (2, 28), the four axes among them


def hull(points: np.ndarray, radii: np.ndarray | float = 0.0) -> np.ndarray:
    """Convex hull (28, 2) of discs about points (n, 2), seen from 28 directions: its extent along x and y is exact."""
    reach = points @ DIRECTIONS + np.broadcast_to(radii, len(points))[:, None]
    farthest = reach.argmax(axis=0)
    return points[farthest] + (np.broadcast_to(radii, len(points))[farthest] * DIRECTIONS).T


def to_world(points: np.ndarray, position: np.ndarray, heading: float) -> np.ndarray:
    """World coordinates of points (n, 3) of a solid at `position` (3,) with `heading`, radians from z towards x."""
    cosine, sine = np.cos(heading), np.sin(heading)
    return points @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]]) + position


def bytes_of(colour: np.ndarray) -> list[int]:
    """Give a colour (3,), or colours (n, 3), as integers 0..255."""
    return np.clip(colour, 0, 255).astype(int).tolist()
