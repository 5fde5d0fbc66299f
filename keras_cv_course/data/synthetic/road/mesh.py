"""Solids of flat faces, and the light on them."""

from dataclasses import dataclass, field

import numpy as np

from keras_cv_course.data.synthetic.road.camera import NEAR, Camera, Shape, clip_near, to_world
from keras_cv_course.data.synthetic.road.light import Light

# How a face takes the light: lamps shine when they are switched on, signals always.
MATTE, PAINT, GLASS, LAMP, SIGNAL = range(5)
_SHINY = np.array([False, True, True, False, False])
_MIRRORING = np.array([0.0, 0.07, 0.22, 0.0, 0.0])  # share of the surroundings that a face mirrors, seen straight on


@dataclass
class Mesh:
    """Flat faces of a solid in paint order, in its own coordinates: x to its right, y up, z forward.

    A face is seen when it looks away from the middle of its part towards the camera. So parts are convex, and a part
    that may hide another comes later.
    """

    _polygons: list[np.ndarray] = field(default_factory=list)  # each (faces, corners, 3), as of one call of `add`
    _colours: list[np.ndarray] = field(default_factory=list)
    _finishes: list[int] = field(default_factory=list)
    _middles: list[np.ndarray] = field(default_factory=list)

    def add(self, polygons: np.ndarray, colour: np.ndarray, finish: int, middle: np.ndarray) -> None:
        """Add faces (n, corners, 3), or one (corners, 3), of a part about `middle` (3,)."""
        self._polygons.append(polygons if polygons.ndim == 3 else polygons[None])
        self._colours.append(colour)
        self._finishes.append(finish)
        self._middles.append(middle)

    def add_both(self, polygons: np.ndarray, colour: np.ndarray, finish: int, middle: np.ndarray) -> None:
        """Add faces of the right side and their mirror images on the left."""
        self.add(polygons, colour, finish, middle)
        self.add(polygons * [-1, 1, 1], colour, finish, middle * [-1, 1, 1])

    def add_box(self, low: np.ndarray, high: np.ndarray, colour: np.ndarray, finish: int) -> None:
        """Add a box between two corners (3,)."""
        x0, y0, z0, x1, y1, z1 = *low, *high
        faces = [
            [(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)] for x in (x0, x1)
        ] + [
            [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)] for y in (y0, y1)
        ] + [
            [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)] for z in (z0, z1)
        ]  # fmt: skip
        self.add(np.array(faces), colour, finish, (np.asarray(low) + high) / 2)

    def shapes(self, camera: Camera, light: Light, position: np.ndarray, heading: float) -> list[Shape]:
        """Project the faces that the camera sees, with their light.

        Args:
            camera: where from.
            light: which light.
            position: world point (3,) of the solid's origin.
            heading: direction of its z axis, radians from the world's z axis towards x.
        """
        faces = [len(polygons) for polygons in self._polygons]
        counts = np.repeat([polygons.shape[1] for polygons in self._polygons], faces)
        starts = np.concatenate([[0], np.cumsum(counts)])
        corners = self.world_points(position, heading)
        middles = np.repeat(to_world(np.array(self._middles), position, heading), faces, axis=0)
        first = corners[starts[:-1]]
        one, other = corners[starts[:-1] + counts // 3] - first, corners[starts[:-1] + 2 * counts // 3] - first
        normals = one[:, [1, 2, 0]] * other[:, [2, 0, 1]] - one[:, [2, 0, 1]] * other[:, [1, 2, 0]]
        normals *= np.sign(np.sum(normals * (first - middles), axis=1, keepdims=True))
        normals /= np.maximum(np.sqrt(np.sum(normals**2, axis=1, keepdims=True)), 1e-9)
        to_camera = camera.position - first
        distance = np.sqrt(np.sum(to_camera**2, axis=1))
        facing = np.sum(normals * to_camera, axis=1) / np.maximum(distance, 1e-9)
        seen = np.flatnonzero(facing > 0)
        colours = self._lit(seen, faces, normals[seen], (to_camera / distance[:, None])[seen], facing[seen], light)
        colours = np.clip(light.through_air(colours, distance[seen]), 0, 255).astype(int).tolist()

        viewed = camera.view(corners)
        if viewed[:, 2].min() >= NEAR:
            flat = camera.pixels(viewed).ravel().tolist()
            bounds = zip((2 * starts[seen]).tolist(), (2 * starts[seen + 1]).tolist(), colours, strict=True)
            return [Shape(flat[begin:end], (r, g, b)) for begin, end, (r, g, b) in bounds]
        cut = [camera.pixels(clip_near(viewed[starts[i] : starts[i + 1]])).ravel().tolist() for i in seen]
        return [Shape(outline, (r, g, b)) for outline, (r, g, b) in zip(cut, colours, strict=True) if outline]

    def world_points(self, position: np.ndarray, heading: float) -> np.ndarray:
        """All corners (n, 3) in world coordinates."""
        return to_world(self._corners(), position, heading)

    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest coordinates (3,) of the corners."""
        corners = self._corners()
        return corners.min(axis=0), corners.max(axis=0)

    def _corners(self) -> np.ndarray:
        return np.concatenate([polygons.reshape(-1, 3) for polygons in self._polygons])

    def _lit(
        self, seen: np.ndarray, faces: list[int], normals: np.ndarray, to_camera: np.ndarray, facing: np.ndarray,
        light: Light,
    ) -> np.ndarray:  # fmt: skip
        """Colours (n, 3) of the seen faces."""
        part = np.repeat(np.arange(len(faces)), faces)[seen]
        colours, finishes = np.array(self._colours, float)[part], np.array(self._finishes)[part]
        sunny = np.maximum(normals @ light.to_sun, 0)[:, None] * light.sun
        lit = colours * (light.ambient * (0.78 + 0.22 * normals[:, 1:2]) + sunny)
        # Paint and glass mirror the sky above and the road below, the more the flatter they are seen.
        mirrored = 2 * facing[:, None] * normals - to_camera
        shiny = _SHINY[finishes]
        share = _MIRRORING[finishes] + shiny * 0.55 * (1 - np.clip(facing, 0, 1)) ** 3
        below = 0.3 * light.sky_horizon
        above = np.clip(6 * mirrored[:, 1:2] + 0.5, 0, 1)
        lit += share[:, None] * (below + above * (light.sky(mirrored[:, 1]) - below) - lit)
        shine = np.maximum(mirrored @ light.to_sun, 0) ** 30 * shiny
        lit += 170 * shine[:, None] * light.sun
        shining = (finishes == SIGNAL) | ((finishes == LAMP) & light.lamps_on)
        return np.where(shining[:, None], np.maximum(colours, lit), lit)
