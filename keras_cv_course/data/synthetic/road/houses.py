"""Houses along the road, and the skyline behind them."""

import numpy as np

from keras_cv_course.data.synthetic.road.camera import Camera, Shape, bytes_of
from keras_cv_course.data.synthetic.road.layout import Road
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.mesh import GLASS, LAMP, MATTE, Mesh
from keras_cv_course.data.synthetic.road.order import square
from keras_cv_course.data.synthetic.road.paints import pick
from keras_cv_course.data.synthetic.road.things import Thing

_WALLS = np.array(
    [[198, 178, 152], [176, 120, 96], [150, 92, 74], [214, 206, 192], [168, 170, 172], [226, 222, 214], [196, 160, 112],
     [132, 138, 146], [188, 196, 200], [110, 104, 100]], float
)  # fmt: skip
_ROOFS = np.array([[120, 66, 52], [88, 84, 84], [70, 74, 82], [140, 96, 70]], float)
_WINDOW = np.array([52.0, 62, 74])
_LAMPLIGHT = np.array([246.0, 206, 130])
_FLOOR = 3.2  # metres


def skyline(camera: Camera, light: Light, urban: bool, rng: np.random.Generator) -> list[Thing]:
    """Hills and woods, or roofs, all around; two rows, the farther first."""
    things = []
    angles = np.linspace(-np.pi, np.pi, 721)
    around = np.stack([np.sin(angles), np.zeros(721), np.cos(angles)], axis=1)
    for distance, tall in ((420.0, rng.uniform(10, 60)), (190.0, rng.uniform(6, 22))):
        profile = np.zeros(721)
        for octave in range(1, 6):
            for phase in rng.uniform(0, 2 * np.pi, 3):
                profile += np.sin(angles * rng.integers(2, 9) * 2**octave + phase) / 1.8**octave
        if urban:  # flat roofs
            profile = np.repeat(profile[::8], 8)[:721]
        height = tall * np.clip(0.55 + 0.25 * profile, 0.12, 1.4)
        base = np.array([120.0, 122, 128]) if urban else np.array([88.0, 112, 84])
        colour = base * rng.uniform(0.8, 1.15) * (light.ambient * 0.7 + light.sun * 0.3)
        red, green, blue = bytes_of(light.through_air(colour, np.array(distance * 0.8)))

        ring = around * distance + camera.position * [1, 0, 1]
        seen = camera.view(ring)[:, 2] > 0.25 * distance
        first = int(np.argmax(seen & ~np.roll(seen, 1)))
        order = np.roll(np.arange(721), -first)[: int(seen.sum())]  # from left to right
        top = ring[order] + height[order, None] * [0, 1, 0]
        outline = camera.outline(np.concatenate([ring[order], top[::-1]]))
        things.append(Thing(square(camera.position, distance), [Shape(outline, (red, green, blue))]))
    return things


def houses(road: Road, camera: Camera, light: Light, rng: np.random.Generator) -> list[Thing]:
    """Rows of houses on both sides, the farthest first."""
    things: list[tuple[float, Thing]] = []
    dense = rng.uniform(0.6, 1.0) if road.urban else rng.choice([0.0, rng.uniform(0.2, 0.7)])
    tall = rng.uniform(8, 22) if road.urban else rng.uniform(4.5, 7.5)
    for side, kerb in zip((-1, 1), road.edges, strict=True):
        along = -30.0 + rng.uniform(0, 10)
        while along < 125:
            front, deep = rng.uniform(8, 20), rng.uniform(8, 14)
            middle = along + front / 2
            along += front + (rng.uniform(0, 3) if road.urban else rng.uniform(4, 16))
            if rng.random() > dense or road.crosses(middle, front / 2 + 4):
                continue
            beyond = road.side + (rng.uniform(0.2, 2) if road.urban else rng.uniform(4, 12)) + deep / 2
            position = road.point(kerb + side * beyond, middle)
            depth = float(camera.view(position)[2])
            if depth > -front:
                house = _House(rng, (deep, tall * rng.uniform(0.7, 1.4), front), -side, road.urban)
                mesh = house.build(depth, light.lamps_on)
                shapes = mesh.shapes(camera, light, position, road.heading(middle))
                distance = float(np.linalg.norm((position - camera.position)[[0, 2]]))
                things.append((distance, Thing(square(position, front / 2), shapes)))
    return [thing for _, thing in sorted(things, key=lambda pair: -pair[0])]


class _House:
    """A house about the middle of its ground, its street side towards x * street."""

    def __init__(self, rng: np.random.Generator, size: tuple[float, float, float], street: int, urban: bool) -> None:
        self.rng, self.street, self.urban = rng, street, urban
        self.floors = max(1, round(size[1] / _FLOOR))
        self.x, self.height, self.z = size[0] / 2, self.floors * _FLOOR + 0.6, size[2] / 2
        self.middle = np.array([0, self.height / 2, 0])
        self.wall = np.clip(pick(rng, _WALLS, 6) * rng.uniform(0.85, 1.08), 30, 240)
        self.glass = _WINDOW * rng.uniform(0.8, 1.3)
        self.mesh = Mesh()

    def build(self, distance: float, lamps_on: bool) -> Mesh:
        """Give it walls and roof and, where they could be seen, windows."""
        self.mesh.add_box(np.array([-self.x, 0, -self.z]), np.array([self.x, self.height, self.z]), self.wall, MATTE)
        if self.urban:
            low, high = np.array([-self.x, self.height, -self.z]), np.array([self.x, self.height, self.z])
            self.mesh.add_box(low - 0.12, high + np.array([0.12, 0.3, 0.12]), self.wall * 0.8, MATTE)
        else:
            self._gable_roof()
        if distance < 110:
            has_shops = self.urban and self.rng.random() < 0.55
            self._windows(1 if has_shops else 0, framed=distance < 40, lamps_on=lamps_on)
            if has_shops:
                self._shops()
        return self.mesh

    def _gable_roof(self) -> None:
        x, z, eaves = self.x, self.z, self.height - 0.1
        ridge, roof = self.height + self.rng.uniform(1.5, 3), pick(self.rng, _ROOFS, 6)
        for side in (-1, 1):
            corners = [(side * (x + 0.4), eaves, -z - 0.4), (0, ridge, -z - 0.4), (0, ridge, z + 0.4)]
            self.mesh.add(np.array([*corners, (side * (x + 0.4), eaves, z + 0.4)]), roof, MATTE, self.middle)
        for end in (-z - 0.01, z + 0.01):
            gable = np.array([[-x, eaves, end], [x, eaves, end], [0, ridge, end]])
            self.mesh.add(gable, self.wall * 0.95, MATTE, self.middle)

    def _windows(self, first_floor: int, framed: bool, lamps_on: bool) -> None:
        rng = self.rng
        wide, high = rng.uniform(0.9, 2.2), rng.uniform(1.3, 1.9)
        step = wide + rng.uniform(0.6, 1.8)
        frame = np.clip(self.wall * rng.choice([0.7, 1.25]), 0, 250)
        for low in np.arange(first_floor, self.floors) * _FLOOR + 0.9:
            for along in np.arange(-self.z + 0.8, self.z - wide - 0.5, step):
                if framed:
                    self._on_front(along - 0.1, along + wide + 0.1, low - 0.1, low + high + 0.1, 0.01, frame, MATTE)
                lit = lamps_on and rng.random() < 0.3
                colour, finish = (_LAMPLIGHT * rng.uniform(0.7, 1), LAMP) if lit else (self.glass, GLASS)
                self._on_front(along, along + wide, low, low + high, 0.02, colour, finish)
            for across in np.arange(-self.x + 1.0, self.x - wide - 0.8, 2 * step):
                for end in (-self.z - 0.02, self.z + 0.02):
                    pane = [(across, low), (across + wide, low), (across + wide, low + high), (across, low + high)]
                    self.mesh.add(np.array([(*corner, end) for corner in pane]), self.glass, GLASS, self.middle)

    def _shops(self) -> None:
        board = self.rng.uniform(40, 220, 3)
        for begin in np.arange(-self.z + 0.4, self.z - 3, 4.5):
            end = min(begin + 4.1, self.z - 0.3)
            self._on_front(begin, end, 0.4, 2.6, 0.02, self.glass, GLASS)
            self._on_front(begin, end, 2.7, 3.3, 0.03, board, MATTE)

    def _on_front(
        self, begin: float, end: float, low: float, high: float, out: float, colour: np.ndarray, finish: int
    ) -> None:
        """Add a rectangle to the street side, `out` metres before the wall."""
        x = self.street * (self.x + out)
        corners = np.array([(x, low, begin), (x, low, end), (x, high, end), (x, high, begin)])
        self.mesh.add(corners, colour, finish, self.middle)
