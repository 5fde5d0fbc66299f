"""Bodies like boxes, and what lies on their sides and ends."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from keras_cv_course.data.synthetic.road.mesh import PAINT, Mesh


class BoxBody:
    """A box standing across the z axis; (width, y, z) of its lower rear and of its upper front."""

    def __init__(self, mesh: Mesh, low: Sequence[float], high: Sequence[float]) -> None:
        self.mesh = mesh
        self.width, self.bottom, self.rear = low
        self.top_width, self.height, self.front = high
        self.middle = np.array([0, (self.bottom + self.height) / 2, (self.rear + self.front) / 2])

    def body(self, paint: np.ndarray, rounding: float) -> None:
        """Paint all faces, with the roof's long edges and the upright edges rounded."""
        half, r = self.width / 2, rounding
        rear_half = np.array([[half - r, self.rear], [half - 0.3 * r, self.rear + 0.3 * r], [half, self.rear + r]])
        front_half = rear_half[::-1] * [1, -1] + [0, self.rear + self.front]
        plan = np.concatenate([rear_half, front_half])  # (6, 2): x and z of the right side from above
        levels = [(self.bottom, 0.0), (self.height - r, 0.0), (self.height - 0.3 * r, 0.3 * r), (self.height, r)]
        rings = []
        for y, inward in levels:
            narrow = 1 + (self.top_width / self.width - 1) * (y - self.bottom) / (self.height - self.bottom)
            x = np.maximum(plan[:, 0] - inward, 0) * narrow
            z = np.clip(plan[:, 1], self.rear + inward, self.front - inward)
            right = np.column_stack([x, np.full(6, y), z])
            rings.append(np.concatenate([right, (right * [-1, 1, 1])[::-1]]))
        for lower, upper in pairwise(rings):
            around = np.stack([lower, np.roll(lower, -1, 0), np.roll(upper, -1, 0), upper], axis=1)
            self.mesh.add(around, paint, PAINT, self.middle)
        self.mesh.add(rings[-1], paint, PAINT, self.middle)

    def side(self, rear: float, front: float, low: float, high: float, colour: np.ndarray, finish: int) -> None:
        """Add a rectangle to both sides."""
        self.side_polygon(np.array([rear, front, front, rear]), np.array([low, low, high, high]), colour, finish)

    def side_polygon(self, z: np.ndarray, y: np.ndarray, colour: np.ndarray, finish: int) -> None:
        """Add a polygon with corners (y, z) to both sides."""
        self.mesh.add_both(np.column_stack([self._half(y) + 0.006, y, z]), colour, finish, self.middle)

    def one_side(self, rear: float, front: float, low: float, high: float, colour: np.ndarray, finish: int) -> None:
        """Add a rectangle to the right side only."""
        y = np.array([low, low, high, high])
        corners = np.column_stack([self._half(y) + 0.01, y, [rear, front, front, rear]])
        self.mesh.add(corners, colour, finish, self.middle)

    def end(self, front: bool, share: float, low: float, high: float, colour: np.ndarray, finish: int) -> None:
        """Add a rectangle over `share` of the width to the middle of the front or the rear."""
        half = share * self.width / 2
        self.end_polygon(front, np.array([-half, half, half, -half]), np.array([low, low, high, high]), colour, finish)

    def end_polygon(self, front: bool, x: np.ndarray, y: np.ndarray, colour: np.ndarray, finish: int) -> None:
        """Add a polygon with corners (x, y) to the front or the rear."""
        z = self.front + 0.008 if front else self.rear - 0.008
        self.mesh.add(np.column_stack([x, y, np.full(len(x), z)]), colour, finish, self.middle)

    def _half(self, y: np.ndarray) -> np.ndarray:
        share = (y - self.bottom) / (self.height - self.bottom)
        return self.width / 2 * (1 + (self.top_width / self.width - 1) * share)
