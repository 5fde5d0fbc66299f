"""Where a road's lanes, kerbs and pavements run, and where another road crosses it."""

from dataclasses import dataclass

import numpy as np

BEHIND, END = -45.0, 170.0  # metres along the road; beyond, there is nothing to see

Number = float | np.ndarray


@dataclass(frozen=True)
class Road:
    """A road along z with traffic on the right; metres.

    Attributes:
        lanes: lanes (away from the camera, towards it).
        lane_width: of each.
        parking: width of the parking strip on each side, or 0.
        verge: between kerb and pavement, may be 0.
        pavement: width of each pavement, may be 0.
        bend: curvature, 1 / radius; positive to the right.
        junction: where a second road crosses, or None.
        cross_width: width of that road.
        urban: paved all over; otherwise grass.
    """

    lanes: tuple[int, int]
    lane_width: float
    parking: float
    verge: float
    pavement: float
    bend: float
    junction: float | None
    cross_width: float
    urban: bool

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Road":
        """Choose a road."""
        lanes = int(rng.choice([1, 2, 3], p=[0.5, 0.38, 0.12]))
        urban = rng.random() < 0.55
        junction = rng.uniform(16, 45) if rng.random() < 0.5 else None
        bend = 0.0 if junction or rng.random() < 0.4 else rng.uniform(-1, 1) / 220
        return cls(
            (lanes, max(1, lanes - int(rng.random() < 0.2))),
            rng.uniform(3.0, 3.6),
            2.3 if rng.random() < (0.6 if urban else 0.3) else 0.0,
            0.0 if urban and rng.random() < 0.7 else rng.uniform(0.8, 2.5),
            rng.uniform(1.8, 4.0) if urban or rng.random() < 0.7 else 0.0,
            bend,
            junction,
            rng.uniform(7, 13),
            urban,
        )

    @property
    def edges(self) -> tuple[float, float]:
        """Left and right kerb, metres from the line between the two directions."""
        return (
            -self.lanes[1] * self.lane_width - self.parking,
            self.lanes[0] * self.lane_width + self.parking,
        )

    @property
    def side(self) -> float:
        """Metres from the kerb to the land beyond the pavement."""
        return self.verge + self.pavement

    def point(self, across: float | np.ndarray, along: float | np.ndarray) -> np.ndarray:
        """World points (..., 3) on the ground, `across` metres right of the middle line."""
        across, along = np.broadcast_arrays(np.asarray(across, float), np.asarray(along, float))
        return np.stack([across + self.bend * along**2 / 2, np.zeros_like(along), along], axis=-1)

    def heading(self, along: float) -> float:
        """Direction of the road, radians from z towards x."""
        return float(np.arctan(self.bend * along))

    def crosses(self, along: float, margin: float = 0.0) -> bool:
        """Whether this place lies within the crossing road, widened by `margin` metres."""
        return self.junction is not None and abs(along - self.junction) < self.cross_width / 2 + margin

    def patches(self, left: Number, right: Number, begin: Number, end: Number) -> np.ndarray:
        """Corners (n, 4, 3) of short pieces of ground; each argument a number or an array (n,)."""
        left, right, begin, end = np.broadcast_arrays(left, right, begin, end)
        across, along = np.stack([left, right, right, left], axis=-1), np.stack([begin, begin, end, end], axis=-1)
        return self.point(across, along).reshape(-1, 4, 3)

    def strip(self, left: float, right: float, begin: float = BEHIND, end: float = END) -> np.ndarray:
        """Outline (n, 3) of the ground between two distances from the middle line."""
        along = np.array([begin, end]) if self.bend == 0 else np.linspace(begin, end, 3 + int((end - begin) / 6))
        return np.concatenate([self.point(left, along), self.point(right, along)[::-1]])
