"""Cars: one body of two lofts, shaped by a few numbers into saloon, hatchback, estate, SUV, van or pickup."""

from dataclasses import dataclass

import numpy as np

from keras_cv_course.data.synthetic.road.mesh import GLASS, LAMP, MATTE, PAINT, Mesh
from keras_cv_course.data.synthetic.road.mirrors import add_mirrors, mirror_sides
from keras_cv_course.data.synthetic.road.paints import (
    AMBER_LAMP,
    BRAKE_LAMP,
    GLASS_COLOUR,
    PLASTIC,
    PLATE,
    RED_LAMP,
    WHITE_LAMP,
)
from keras_cv_course.data.synthetic.road.wheels import add_arches, add_tyres, add_wheels

# Paint and how often it is seen.
_PAINTS = np.array(
    [
        [238, 239, 240], [222, 224, 226], [176, 181, 186], [122, 127, 133], [70, 74, 80], [36, 38, 42], [24, 25, 28],
        [40, 66, 118], [58, 104, 168], [150, 32, 36], [190, 48, 40], [46, 78, 66], [196, 184, 160], [120, 92, 70],
        [226, 168, 44], [214, 104, 40], [108, 156, 176],
    ],
    float,
)  # fmt: skip
_PAINT_SHARES = np.array([15, 8, 13, 11, 9, 10, 8, 7, 6, 6, 4, 3, 4, 2, 2, 2, 2]) / 112


@dataclass(frozen=True)
class _Body:
    """Metres, and places along the length from 0, the rear, to 1, the front.

    Attributes:
        size: (length, width, height).
        top: (place, height) of the upper edge of the lower body: boot, belt line, bonnet, nose.
        cabin: places where rear window, roof, roof's end and windscreen meet the body and the roof.
        wheel: radius.
        side_windows: places, within the cabin's side from 0 to 1, where each window begins and ends.
    """

    size: tuple[float, float, float]
    top: tuple[tuple[float, float], ...]
    cabin: tuple[float, float, float, float]
    wheel: float
    side_windows: tuple[tuple[float, float], ...] = ((0.05, 0.27), (0.29, 0.57), (0.60, 0.95))


_LOW_NOSE = ((0.74, 0.97), (0.82, 0.94), (0.93, 0.86), (0.985, 0.78), (1.0, 0.68))
_HIGH_NOSE = ((0.74, 1.08), (0.80, 1.06), (0.92, 0.98), (0.98, 0.88), (1.0, 0.76))
_BODIES = {
    "saloon": _Body(
        (4.65, 1.82, 1.45),
        ((0.0, 0.82), (0.015, 0.94), (0.05, 0.99), (0.16, 1.0), (0.32, 0.97), (0.60, 0.94), *_LOW_NOSE),
        (0.09, 0.25, 0.52, 0.745),
        0.32,
    ),
    "hatchback": _Body(
        (3.95, 1.74, 1.49),
        ((0.0, 0.86), (0.01, 0.95), (0.06, 0.98), (0.30, 0.97), (0.60, 0.95), *_LOW_NOSE),
        (0.012, 0.10, 0.52, 0.77),
        0.31,
        ((0.07, 0.40), (0.44, 0.95)),
    ),
    "estate": _Body(
        (4.7, 1.83, 1.49),
        ((0.0, 0.86), (0.01, 0.96), (0.06, 0.99), (0.30, 0.98), (0.60, 0.95), *_LOW_NOSE),
        (0.012, 0.085, 0.55, 0.745),
        0.32,
        ((0.05, 0.26), (0.29, 0.58), (0.61, 0.95)),
    ),
    "suv": _Body(
        (4.6, 1.9, 1.72),
        ((0.0, 0.98), (0.01, 1.08), (0.05, 1.12), (0.30, 1.12), (0.60, 1.09), *_HIGH_NOSE),
        (0.012, 0.06, 0.54, 0.725),
        0.37,
        ((0.04, 0.25), (0.28, 0.57), (0.60, 0.95)),
    ),
    "van": _Body(
        (4.7, 1.9, 1.82),
        ((0.0, 0.98), (0.01, 1.06), (0.05, 1.08), (0.60, 1.04), (0.80, 1.02), (0.90, 0.95), (0.98, 0.82), (1.0, 0.68)),
        (0.012, 0.045, 0.57, 0.86),
        0.34,
        ((0.03, 0.28), (0.31, 0.58), (0.61, 0.93)),
    ),
    "pickup": _Body(
        (5.4, 1.95, 1.86),
        ((0.0, 1.06), (0.01, 1.12), (0.05, 1.13), (0.60, 1.14), *_HIGH_NOSE),
        (0.385, 0.41, 0.585, 0.715),
        0.39,
        ((0.05, 0.42), (0.46, 0.93)),
    ),
}  # fmt: skip
_BODY_SHARES = {"saloon": 0.24, "hatchback": 0.22, "estate": 0.12, "suv": 0.24, "van": 0.09, "pickup": 0.09}

# Sections of the lower body, and how wide it is there.
_PLACES = np.array([0, 0.012, 0.04, 0.10, 0.2, 0.35, 0.5, 0.62, 0.72, 0.8, 0.88, 0.94, 0.975, 0.992, 1.0])
_PLAN = ([0, 0.012, 0.04, 0.12, 0.5, 0.86, 0.94, 0.975, 1], [0.88, 0.93, 0.965, 0.99, 1, 0.985, 0.95, 0.91, 0.80])
_UNDERSIDE = ([0, 0.08, 0.15, 0.85, 0.93, 1], [0.34, 0.25, 0.21, 0.21, 0.23, 0.26])
# Across a section: how far up, and how wide.
_LEVELS = np.array([0, 0.08, 0.30, 0.55, 0.80, 0.94, 1.0])
_BULGE = np.array([0.90, 0.965, 1.0, 0.995, 0.965, 0.925, 0.84])


def build_car(rng: np.random.Generator, eye: np.ndarray, pixels_per_metre: float) -> Mesh:
    """Build a car about the middle of its footprint.

    Args:
        rng: decides body, size, paint and details.
        eye: the camera (3,) in the car's coordinates.
        pixels_per_metre: on the picture; details that would be smaller than a pixel are left out.
    """
    body = _BODIES[str(rng.choice(list(_BODY_SHARES), p=list(_BODY_SHARES.values())))]
    paint = _PAINTS[rng.choice(len(_PAINTS), p=_PAINT_SHARES)] + rng.normal(0, 5, 3)
    car = _Car(body, np.array(body.size) * rng.uniform(0.96, 1.05, 3), np.clip(paint, 14, 245), rng)
    return car.build(eye, pixels_per_metre > 22)


class _Car:
    def __init__(self, body: _Body, size: np.ndarray, paint: np.ndarray, rng: np.random.Generator) -> None:
        self.body, self.paint, self.rng = body, paint, rng
        self.length, self.width, self.height = size
        self.stretch = self.height / body.size[2]
        self.mesh = Mesh()
        self.middle = np.array([0, 0.55, 0])
        self.sill = PLASTIC if rng.random() < 0.5 else 0.72 * paint
        self.braking = bool(rng.random() < 0.25)

    def build(self, eye: np.ndarray, detailed: bool) -> Mesh:
        axles = ((np.array([0.19, 0.805]) - 0.5) * self.length).tolist()
        add_tyres(self.mesh, axles, self.body.wheel, self.width)
        self._lower_body()
        add_arches(self.mesh, axles, self.body.wheel, self.width, 0.22)
        if detailed:
            self._doors()
        self._lamps_and_plates(detailed)
        place = self.body.cabin[3] - 0.045
        z, foot = (place - 0.5) * self.length, float(self._upper_edge(np.array(place)))
        mirrors = self.width / 2 + 0.1, (foot - 0.02, foot + 0.12), z, self.paint
        hidden_mirrors, free_mirrors = mirror_sides(eye, self.width, z) if detailed else ([], [])
        add_mirrors(self.mesh, hidden_mirrors, *mirrors)
        self._cabin()
        add_mirrors(self.mesh, free_mirrors, *mirrors)
        add_wheels(self.mesh, axles, self.body.wheel, self.width, self.rng if detailed else None)
        return self.mesh

    def _upper_edge(self, place: np.ndarray) -> np.ndarray:
        places, heights = np.array(self.body.top).T
        return np.interp(place, places, heights) * self.stretch

    def _surface(self, place: np.ndarray | float, level: np.ndarray | float, out: float = 0.0) -> np.ndarray:
        """Points (..., 3) of the right side, `level` of the way up from sill to belt, `out` metres outside it."""
        place, level = np.broadcast_arrays(np.asarray(place, float), np.asarray(level, float))
        low, high = np.interp(place, *_UNDERSIDE), self._upper_edge(place)
        x = self.width / 2 * np.interp(place, *_PLAN) * np.interp(level, _LEVELS, _BULGE) + out
        return np.stack([x, low + level * (high - low), (place - 0.5) * (self.length + 2 * out)], axis=-1)

    def _quad(self, places: tuple[float, float], levels: tuple[float, float]) -> np.ndarray:
        """A quadrilateral (4, 3) on the right side."""
        (rear, front), (low, high) = places, levels
        return self._surface(np.array([rear, front, front, rear]), np.array([low, low, high, high]), 0.012)

    def _lower_body(self) -> None:
        grid = self._surface(_PLACES[:, None], _LEVELS)  # (places, levels, 3)
        for band in range(len(_LEVELS) - 1):
            colour, finish = (self.sill, MATTE) if band == 0 else (self.paint, PAINT)
            self.mesh.add_both(_strip(grid[:, band], grid[:, band + 1]), colour, finish, self.middle)
        edge = grid[:, -1]
        ridge = edge * [0, 1, 1] + [0, 0.035, 0]
        self.mesh.add_both(_strip(edge, ridge), self.paint, PAINT, self.middle * [0, 0, 1] + [0, -0.5, 0])
        for end in (0, -1):
            cap = np.concatenate([grid[end], (grid[end] * [-1, 1, 1])[::-1]])
            self.mesh.add(cap, self.paint * (0.96 if end else 0.94), PAINT, self.middle)

    def _patch(self, low: float, high: float, inner: float, outer: float, front: bool) -> np.ndarray:
        """A quadrilateral (4, 3) on the right half of the front or rear, from level to level and middle to side."""
        place = 1.0 if front else 0.0
        edge = self._surface(place, np.array([low, high]), 0.012)
        return np.stack(
            [edge[0] * [inner, 1, 1], edge[0] * [outer, 1, 1], edge[1] * [outer, 1, 1], edge[1] * [inner, 1, 1]]
        )

    def _lamps_and_plates(self, detailed: bool) -> None:
        rng, mesh, middle = self.rng, self.mesh, self.middle
        # Front: bumper, grille, lamps that reach round the corner.
        grille = PLASTIC * rng.uniform(0.7, 1.2)
        high = rng.uniform(0.52, 0.62)
        for low, top, outer in ((0.02, 0.24, 0.92), (high, rng.uniform(0.84, 0.93), rng.uniform(0.4, 0.62))):
            patch = self._patch(low, top, 0, outer, True)
            mesh.add(np.concatenate([patch[1:3], patch[1:3][::-1] * [-1, 1, 1]]), grille, MATTE, middle)
        lamp = rng.uniform(0.60, 0.68), rng.uniform(0.85, 0.95)
        inner = rng.uniform(0.52, 0.7)
        mesh.add_both(self._patch(*lamp, inner, 1.0, True), WHITE_LAMP, LAMP, middle)
        round_corner = self._quad((0.955, 1.0), lamp)
        mesh.add_both(round_corner, WHITE_LAMP, LAMP, middle)
        # Rear: window sill, lamps, plate, bumper.
        red = BRAKE_LAMP if self.braking else RED_LAMP
        tail = rng.uniform(0.50, 0.62), rng.uniform(0.84, 0.97)
        mesh.add_both(self._patch(*tail, rng.uniform(0.5, 0.8), 1.0, False), red, LAMP, middle)
        mesh.add_both(self._quad((0.0, 0.05), tail), red, LAMP, middle)
        bumper = self._patch(0.0, 0.22, 0, 0.98, False)
        mesh.add(np.concatenate([bumper[1:3], bumper[1:3][::-1] * [-1, 1, 1]]), PLASTIC, MATTE, middle)
        plate = PLATE if rng.random() < 0.7 else np.array([232.0, 196, 70])
        for front, low in ((True, 0.30), (False, rng.uniform(0.30, 0.62))):
            half = 0.26 / (self.width / 2 * 0.86)
            patch = self._patch(low, low + 0.17, 0, half, front)
            mesh.add(np.concatenate([patch[1:3], patch[1:3][::-1] * [-1, 1, 1]]), plate, MATTE, middle)
        if detailed:
            mesh.add_both(self._patch(0.27, 0.34, 0.62, 0.9, False), RED_LAMP, LAMP, middle)
            mesh.add_both(
                self._patch(lamp[0] + 0.05, lamp[1] - 0.05, inner + 0.08, 0.8, True), GLASS_COLOUR * 2.2, GLASS, middle
            )
            mesh.add_both(self._quad((0.93, 0.953), (lamp[0], lamp[0] + 0.1)), AMBER_LAMP, MATTE, middle)

    def _doors(self) -> None:
        dark = 0.45 * self.paint
        rear, _, _, front = self.body.cabin
        gaps = [front - 0.03, (rear + front) / 2 + 0.05, max(rear, 0.12) + 0.14]
        thin = 0.012 / self.length
        for gap in gaps:
            line = np.array([[gap - thin, 0.1], [gap + thin, 0.1], [gap + thin, 0.97], [gap - thin, 0.97]])
            self.mesh.add_both(self._surface(line[:, 0], line[:, 1], 0.006), dark, MATTE, self.middle)
        for gap in gaps[:2]:
            end = gap - 0.2 if gap == gaps[0] else gap - 0.19
            self.mesh.add_both(self._quad((end, end + 0.04), (0.80, 0.84)), dark + 20, MATTE, self.middle)

    def _cabin(self) -> None:
        mesh, paint = self.mesh, self.paint
        z = (np.array(self.body.cabin) - 0.5) * self.length
        foot = self._upper_edge(np.array(self.body.cabin)) * [1, 0, 0, 1] + [0.0, 0, 0, 0]
        base, roof = self.width / 2 * 0.90, self.width / 2 * 0.70
        top = self.height - 0.05
        middle = np.array([0, foot[0] * 0.9, (z[1] + z[2]) / 2])
        corners = np.array(  # right side, from rear window's foot over the roof to the windscreen's
            [[base * 0.95, foot[0], z[0]], [roof, top - 0.02, z[1]], [roof, top, z[2]], [base, foot[3], z[3]]]
        )
        side = np.array([corners[0], corners[1], corners[2], corners[3]])
        mesh.add_both(side, paint, PAINT, middle)
        for begin, end in self.body.side_windows:
            mesh.add_both(_on_side(side, begin, end, 0.10, 0.90), GLASS_COLOUR, GLASS, middle)
        # Roof, rounded towards its sides, lower at its ends.
        lengthwise = np.linspace(0, 1, 4)
        rail = np.array(
            [corners[1] + t * (corners[2] - corners[1]) + [0, 0.03 * np.sin(np.pi * t), 0] for t in lengthwise]
        )
        for (inner, rise), (outer, fall) in zip(((0.9, 0.03), (0.0, 0.05)), ((1.0, 0.0), (0.9, 0.03)), strict=True):
            mesh.add_both(
                _strip(rail * [outer, 1, 1] + [0, fall, 0], rail * [inner, 1, 1] + [0, rise, 0]), paint, PAINT, middle
            )
        for foot_corner, roof_corner, bulge in ((corners[3], corners[2], 0.10), (corners[0], corners[1], -0.06)):
            self._screen(foot_corner, roof_corner, bulge, middle)

    def _screen(self, foot: np.ndarray, roof: np.ndarray, bulge: float, middle: np.ndarray) -> None:
        """Windscreen or rear window between its lower and upper right corners, bent outwards in the middle."""
        across = np.array([-1.0, -0.6, 0, 0.6, 1.0])[:, None]
        bend = bulge * (1 - across**2) * [0, 0, 1]
        sides = np.concatenate([across, np.ones((5, 2))], axis=1)
        low, high = foot * sides + bend, roof * sides + bend + 0.05 * (1 - across**2) * [0, 1, 0]
        self.mesh.add(_strip(low, high), self.paint, PAINT, middle)
        inner_low, inner_high = low + 0.08 * (high - low), high + 0.06 * (low - high)
        shrink = np.array([0.93, 1, 1])
        self.mesh.add(_strip(inner_low * shrink, inner_high * shrink), GLASS_COLOUR, GLASS, middle)


def _strip(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Quadrilaterals (n - 1, 4, 3) between two lines (n, 3)."""
    return np.stack([low[:-1], low[1:], high[1:], high[:-1]], axis=1)


def _on_side(side: np.ndarray, begin: float, end: float, low: float, high: float) -> np.ndarray:
    """Part of a four-cornered side (rear foot, rear roof, front roof, front foot), a little outside it."""

    def at(along: float, up: float) -> np.ndarray:
        bottom = side[0] + along * (side[3] - side[0])
        top = side[1] + along * (side[2] - side[1])
        return bottom + up * (top - bottom) + [0.004, 0, 0]

    return np.array([at(begin, low), at(end, low), at(end, high), at(begin, high)])
