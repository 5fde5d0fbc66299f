"""Solids of rounded parts about joints, and the light on them: people, and what has no flat faces."""

from collections.abc import Sequence

import numpy as np

from keras_cv_course.data.synthetic.road.camera import NEAR, Camera, Shape, hull, to_world
from keras_cv_course.data.synthetic.road.light import Light


class Limbs:
    """Rounded parts in their own coordinates: x to the right, y up, z forward, metres."""

    def __init__(self) -> None:
        """Begin with none."""
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # joints (n, 3), radii (n,), colour (3,)

    def add(self, joints: Sequence[tuple[float, float, float]], radii: list[float], colour: np.ndarray) -> None:
        """Add a part that closely holds balls about joints (n, 3), of radii (n,)."""
        self.parts.append((np.array(joints, float), np.array(radii), colour))

    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest coordinates (3,) of the joints."""
        joints = np.concatenate([joints for joints, _, _ in self.parts])
        return joints.min(axis=0), joints.max(axis=0)

    def world_points(self, position: np.ndarray, heading: float) -> np.ndarray:
        """All joints (n, 3) in world coordinates."""
        return to_world(np.concatenate([joints for joints, _, _ in self.parts]), position, heading)

    def shapes(self, camera: Camera, light: Light, position: np.ndarray, heading: float) -> list[Shape]:
        """Project the parts, those behind first, each with a darker edge and a lighter middle."""
        counts = [len(joints) for joints, _, _ in self.parts]
        viewed = camera.view(self.world_points(position, heading))
        if viewed[:, 2].min() < NEAR:
            return []
        pixels = camera.pixels(viewed)
        scale = camera.focal / viewed[:, 2]
        ends = np.cumsum(counts)
        depths = [viewed[end - count : end, 2].mean() for end, count in zip(ends, counts, strict=True)]
        side = camera.turn @ light.to_sun
        towards_light = np.array([np.clip(2 * side[0], -1, 1), -0.7])
        shaded = light.ambient * 0.8 + light.sun * 0.1
        lit = light.ambient * 0.95 + light.sun * 0.65
        shapes = []
        for index in np.argsort(depths)[::-1]:
            _, radii, colour = self.parts[index]
            part = slice(ends[index] - counts[index], ends[index])
            pixel_radii = radii * scale[part]
            distance = np.array(depths[index])
            for strength, radius, shift in ((shaded, 1.0, 0.0), (lit, 0.68, 0.3)):
                if pixel_radii.max() < 1 and shift:
                    continue
                outline = hull(pixels[part] + shift * pixel_radii[:, None] * towards_light, radius * pixel_radii)
                shown = np.clip(light.through_air(colour * strength, distance), 0, 255).astype(int)
                shapes.append(Shape(outline.ravel().tolist(), tuple(shown.tolist())))
        return shapes
