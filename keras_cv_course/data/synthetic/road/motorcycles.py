"""Motorcycles with their riders: wheels, frame and a seated skeleton, of rounded parts."""

import numpy as np

from keras_cv_course.data.synthetic.road.camera import xyz
from keras_cv_course.data.synthetic.road.limbs import Limbs
from keras_cv_course.data.synthetic.road.paints import AMBER_LAMP, LIVERIES, PLASTIC, RED_LAMP, STEEL, WHITE_LAMP, pick
from keras_cv_course.data.synthetic.road.people import CLOTHES, SHOES, SKIN, TROUSERS

_RUBBER = np.array([28.0, 28, 30])
_HELMETS = np.array(
    [[226, 228, 230], [30, 32, 36], [196, 40, 42], [226, 170, 40], [48, 96, 168], [120, 124, 130]], float
)
_TURN = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_RING = np.stack([np.zeros(14), np.sin(_TURN), np.cos(_TURN)], axis=1)  # (14, 3)

Point = tuple[float, float, float]


class Motorcycle(Limbs):
    """A motorcycle or scooter and who rides it, about the middle of its wheels."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Choose kind, size, paint, and the rider's build, clothes and posture."""
        super().__init__()
        is_scooter = rng.random() < 0.3
        self.wheel = rng.uniform(0.22, 0.25) if is_scooter else rng.uniform(0.29, 0.33)
        self.reach = (0.62 if is_scooter else 0.70) * rng.uniform(0.95, 1.05)  # from the middle to an axle
        self.seat = rng.uniform(0.72, 0.8)
        self.bar = np.array([rng.uniform(0.31, 0.38), rng.uniform(0.95, 1.06), self.reach - 0.22])
        paint = pick(rng, LIVERIES, 10) if rng.random() < 0.7 else np.full(3, rng.uniform(24, 70))
        self._wheels()
        (self._scooter if is_scooter else self._frame)(paint, rng)
        self._front(paint, rng)
        self._tail(paint, rng)
        self._rider(is_scooter, rng)

    def _wheels(self) -> None:
        for axle in (-self.reach, self.reach):
            middle = np.array([0.0, self.wheel, axle])
            for share, thick, colour in ((1.0, 0.055, _RUBBER), (0.62, 0.058, 0.5 * STEEL), (0.16, 0.062, STEEL)):
                ring = _RING * (self.wheel * share - 0.03) + middle
                self.add([tuple(joint) for joint in ring], [thick] * len(ring), colour)

    def _frame(self, paint: np.ndarray, rng: np.random.Generator) -> None:
        seat, reach = self.seat, self.reach
        engine = STEEL * rng.uniform(0.35, 0.8)
        self.add([(0, 0.38, 0.12), (0, 0.36, -0.18), (0, 0.58, 0.05)], [0.15, 0.14, 0.12], engine)
        self.add([(0, 0.34, -0.1), (0, self.wheel, -reach)], [0.06, 0.05], 0.6 * engine)
        self.add([(0, seat + 0.06, 0.32), (0, seat + 0.04, 0.02)], [rng.uniform(0.14, 0.17), 0.11], paint)
        if rng.random() < 0.5:  # a fairing
            self.add([(0, 0.88, reach - 0.22), (0, 0.52, reach - 0.36), (0, 0.42, 0.16)], [0.15, 0.16, 0.1], paint)
        for side in (-1, 1):
            self.add([(side * 0.15, 0.3, 0), (side * 0.17, 0.36, -reach - 0.05)], [0.045, 0.06], STEEL)

    def _scooter(self, paint: np.ndarray, rng: np.random.Generator) -> None:
        reach = self.reach
        self.add([(0, 0.6, -0.1), (0, 0.58, -reach), (0, 0.4, -0.3)], [0.15, 0.17, 0.17], paint)
        self.add(
            [(-0.14, 0.26, 0.3), (0.14, 0.26, 0.3), (-0.14, 0.26, -0.15), (0.14, 0.26, -0.15)], [0.05] * 4, PLASTIC
        )
        shield = [(-0.17, 0.32, reach - 0.26), (0.17, 0.32, reach - 0.26), (0, 0.86, reach - 0.3)]
        self.add(shield, [0.06, 0.06, 0.12], paint * rng.uniform(0.85, 1.1))

    def _front(self, paint: np.ndarray, rng: np.random.Generator) -> None:
        reach, (x, y, z) = self.reach, self.bar
        for side in (-0.09, 0.09):
            self.add([(side, self.wheel, reach), (side, y - 0.06, z + 0.05)], [0.03, 0.035], 0.7 * STEEL)
        guard = [(0, 2 * self.wheel + 0.02, reach + 0.08), (0, 2 * self.wheel + 0.02, reach - 0.12)]
        self.add(guard, [0.06, 0.06], paint)
        self.add([(-x, y, z - 0.05), (0, y - 0.04, z + 0.05), (x, y, z - 0.05)], [0.025, 0.03, 0.025], PLASTIC)
        self.add([(0, y - 0.12, z + 0.14)], [rng.uniform(0.085, 0.11)], PLASTIC)
        self.add([(0, y - 0.12, z + 0.2)], [0.075], WHITE_LAMP)
        for side in (-1, 1):
            self.add([(side * (x - 0.04), y + 0.14, z)], [0.055], PLASTIC)  # a mirror
            self.add([(side * 0.18, y - 0.14, z + 0.12)], [0.035], AMBER_LAMP)
        if rng.random() < 0.4:  # a windscreen
            self.add(
                [(-0.1, y + 0.02, z + 0.16), (0.1, y + 0.02, z + 0.16), (0, y + 0.2, z + 0.1)], [0.05] * 3, 1.2 * STEEL
            )

    def _tail(self, paint: np.ndarray, rng: np.random.Generator) -> None:
        seat, reach = self.seat, self.reach
        self.add([(0, seat, 0.0), (0, seat + 0.03, -0.32), (0, seat + 0.07, -0.58)], [0.11, 0.12, 0.08], PLASTIC)
        self.add([(0, seat - 0.02, -0.4), (0, seat + 0.02, -reach + 0.02)], [0.1, 0.07], paint)
        self.add([(0, seat - 0.02, -reach - 0.04)], [0.06], RED_LAMP)
        self.add([(-0.08, 0.55, -reach - 0.16), (0.08, 0.55, -reach - 0.16)], [0.05] * 2, 1.4 * STEEL)
        if rng.random() < 0.25:
            self.add([(-0.12, seat + 0.25, -0.6), (0.12, seat + 0.25, -0.6)], [0.17, 0.17], PLASTIC)  # a top case

    def _rider(self, upright: bool, rng: np.random.Generator) -> None:
        size = rng.uniform(0.93, 1.07)
        coat, trousers, shoes = pick(rng, CLOTHES, 10), pick(rng, TROUSERS, 8), pick(rng, SHOES, 6)
        lean = rng.uniform(0.0, 0.16) if upright else rng.uniform(0.12, 0.42)
        hip = np.array([0, self.seat + 0.13, -0.2])
        chest = hip + 0.5 * size * np.array([0, np.cos(lean), np.sin(lean)])
        wide, broad = [0.1, 0, 0], [0.17 * size, 0, 0]
        self.add(
            [_at(chest - broad), _at(chest + broad), _at(hip - wide), _at(hip + wide)], [0.1, 0.1, 0.12, 0.12], coat
        )
        knee = np.array([0.2, self.seat - 0.02, 0.22 if upright else 0.26])
        foot = np.array([0.17, 0.3, 0.28 if upright else -0.02])
        grip = self.bar - [0.03, 0, 0.06]
        for side in ([-1, 1, 1], [1, 1, 1]):
            shoulder = (chest + broad) * side
            elbow = (shoulder + grip * side) / 2 + np.array([0.07, -0.09, -0.03]) * side
            self.add([_at((hip + wide) * side), _at(knee * side)], [0.1, 0.08], trousers)
            self.add([_at(knee * side), _at(foot * side)], [0.075, 0.055], trousers)
            self.add([_at(foot * side + [0, -0.03, -0.05]), _at(foot * side + [0, -0.05, 0.14])], [0.055, 0.045], shoes)
            self.add([_at(shoulder), _at(elbow)], [0.075, 0.055], coat)
            self.add([_at(elbow), _at(grip * side)], [0.055, 0.045], coat)
        head = chest + np.array([0, 0.27 * size, 0.05])
        self.add([_at(chest + xyz(0, 0.08, 0.01)), _at(head - [0, 0.1, 0])], [0.07, 0.07], coat)
        self._head(head, rng)
        if rng.random() < 0.25:  # a rucksack
            back = hip + 0.7 * (chest - hip) - [0, 0, 0.17]
            self.add([_at(back - [0, 0.14, 0]), _at(back + xyz(0, 0.12, 0))], [0.13, 0.12], pick(rng, CLOTHES, 10))

    def _head(self, head: np.ndarray, rng: np.random.Generator) -> None:
        self.add([_at(head), _at(head - [0, 0.05, -0.02])], [0.145, 0.125], pick(rng, _HELMETS, 8))
        visor = pick(rng, SKIN, 6) if rng.random() < 0.3 else PLASTIC
        self.add([_at(head + xyz(-0.06, -0.01, 0.1)), _at(head + xyz(0.06, -0.01, 0.1))], [0.065, 0.065], visor)


def _at(joint: np.ndarray) -> Point:
    x, y, z = joint.tolist()
    return x, y, z
