"""The ground in its own colours, before light falls on it: land, pavements, asphalt, wear and markings."""

from collections.abc import Callable

import numpy as np
from PIL import ImageDraw

from keras_cv_course.data.synthetic.road.camera import NEAR, Camera, clip_near, xyz
from keras_cv_course.data.synthetic.road.layout import BEHIND, END, Road

_WHITE = np.array([232.0, 232, 226])
_YELLOW = np.array([226.0, 178, 58])

Fill = Callable[[np.ndarray, np.ndarray], None]  # ground polygons (n, 3) or (m, n, 3), and their colour


def paint_ground(pen: ImageDraw.ImageDraw, road: Road, camera: Camera, wet: float, rng: np.random.Generator) -> None:
    """Paint everything below the horizon.

    Args:
        pen: of an RGB picture of the camera's size.
        road: what lies on the ground.
        camera: where from.
        wet: 0..1; wet asphalt is darker.
        rng: decides colours, wear and markings.
    """

    def fill(polygons: np.ndarray, colour: np.ndarray) -> None:
        _fill(pen, camera, polygons, tuple(np.clip(colour, 0, 255).astype(int).tolist()))

    asphalt = rng.uniform(84, 158) * (1 - 0.3 * wet) * rng.uniform(0.97, 1.03, 3)
    paving = rng.uniform(140, 190) * np.array([1.0, rng.uniform(0.95, 0.99), rng.uniform(0.88, 0.98)])
    grass = np.array([rng.uniform(78, 130), rng.uniform(112, 142), rng.uniform(48, 70)])
    if rng.random() < 0.15:  # dry
        grass = np.array([150.0, 132, 96]) * rng.uniform(0.85, 1.1)
    _paint_land(fill, road, paving, grass, rng)
    _paint_sides(fill, road, asphalt, paving, grass)
    _paint_asphalt(fill, road, asphalt, paving)
    _paint_wear(fill, road, asphalt, rng)
    _paint_markings(fill, road, asphalt, rng)


def paint_carriageway(pen: ImageDraw.ImageDraw, road: Road, camera: Camera) -> None:
    """Paint what :func:`paint_ground` paints with asphalt, from kerb to kerb, with 1 on a picture of mode L."""
    if road.junction is not None:
        _fill(pen, camera, _crossing(road), 1)
    _fill(pen, camera, road.strip(*road.edges), 1)


def _fill(pen: ImageDraw.ImageDraw, camera: Camera, polygons: np.ndarray, colour: tuple[int, ...] | int) -> None:
    viewed = camera.view(polygons if polygons.ndim == 3 else polygons[None])
    nearest, farthest = viewed[..., 2].min(axis=1), viewed[..., 2].max(axis=1)
    whole = nearest >= NEAR
    for outline in camera.pixels(viewed[whole]).reshape(-1, 2 * viewed.shape[1]).tolist():
        pen.polygon(outline, fill=colour)
    for polygon in viewed[~whole & (farthest > NEAR)]:
        pen.polygon(camera.pixels(clip_near(polygon)).ravel().tolist(), fill=colour)


def _crossing(road: Road, beyond: float = 0.0) -> np.ndarray:
    """Give the road that crosses, `beyond` metres wider on both sides."""
    assert road.junction is not None
    low = road.junction - road.cross_width / 2 - beyond
    across = np.array([[-200, 0, 0], [200, 0, 0], [200, 0, 1], [-200, 0, 1]])
    return across * [1, 1, road.cross_width + 2 * beyond] + [0, 0, low]


def _paint_land(fill: Fill, road: Road, paving: np.ndarray, grass: np.ndarray, rng: np.random.Generator) -> None:
    everywhere = np.array([[-900, 0, -300], [900, 0, -300], [900, 0, 900], [-900, 0, 900]], float)
    if road.urban:
        fill(everywhere, paving * rng.uniform(0.8, 1.0))
        return
    fill(everywhere, grass)
    for _ in range(8):
        middle = road.point(rng.uniform(-40, 40), rng.uniform(0, 60))
        turn, radius = np.linspace(0, 2 * np.pi, 14, endpoint=False), rng.uniform(2, 8) * rng.uniform(0.6, 1.1, 14)
        patch = np.stack([radius * np.cos(turn), 0 * turn, 0.6 * radius * np.sin(turn)], axis=1)
        fill(middle + patch, grass * rng.uniform(0.86, 1.1))


def _paint_sides(fill: Fill, road: Road, asphalt: np.ndarray, paving: np.ndarray, grass: np.ndarray) -> None:
    for side, kerb in zip((-1, 1), road.edges, strict=True):
        near, far = kerb + side * road.verge, kerb + side * road.side
        if road.verge:
            fill(road.strip(kerb, near), grass)
        if road.pavement:
            fill(road.strip(near, far), paving)
            joints = np.arange(-12, 45, 1.6)
            fill(road.patches(near, far, joints, joints + 0.05), paving * 0.88)
        fill(road.strip(kerb, kerb + side * 0.18), paving * 1.06 if road.pavement else asphalt * 1.05)


def _paint_asphalt(fill: Fill, road: Road, asphalt: np.ndarray, paving: np.ndarray) -> None:
    left, right = road.edges
    if road.junction is not None:
        if road.pavement:
            fill(_crossing(road, beyond=3), paving)
        fill(_crossing(road), asphalt)
    fill(road.strip(left, right), asphalt)
    for side, kerb in zip((-1, 1), road.edges, strict=True):
        fill(road.strip(kerb, kerb - side * 0.35), asphalt * 0.88)
    for lane in range(-road.lanes[1], road.lanes[0]):  # wheels polish two tracks into every lane
        for track in (0.28, 0.72):
            middle = (lane + track) * road.lane_width
            fill(road.strip(middle - 0.25, middle + 0.25), asphalt * 0.955)


def _paint_wear(fill: Fill, road: Road, asphalt: np.ndarray, rng: np.random.Generator) -> None:
    left, right = road.edges
    for _ in range(int(rng.integers(0, 7))):  # repairs
        across, along = rng.uniform(left, right), rng.uniform(2, 40)
        repair = road.strip(across, min(across + rng.uniform(0.6, 3), right), along, along + rng.uniform(1, 9))
        fill(repair, asphalt * rng.uniform(0.8, 1.1))
    for _ in range(int(rng.integers(0, 5))):  # cracks, filled with tar
        wander = rng.uniform(left, right) + np.cumsum(rng.normal(0, 0.12, 9))
        line = road.point(wander, rng.uniform(3, 25) + np.arange(9) * rng.uniform(0.3, 0.9))
        fill(np.concatenate([line, line[::-1] + xyz(0.05, 0, 0)]), asphalt * 0.6)
    for _ in range(int(rng.integers(0, 4))):  # manhole covers
        turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        disc = np.stack([0.35 * np.cos(turn), 0 * turn, 0.35 * np.sin(turn)], axis=1)
        fill(road.point(rng.uniform(left, right), rng.uniform(4, 30)) + disc, asphalt * 0.62)


def _paint_markings(fill: Fill, road: Road, asphalt: np.ndarray, rng: np.random.Generator) -> None:
    wear = rng.uniform(0.55, 1.0)
    white, yellow = asphalt + wear * (_WHITE - asphalt), asphalt + wear * (_YELLOW - asphalt)
    left, right = road.edges
    left_lane, right_lane = left + road.parking, right - road.parking
    stretches = [(BEHIND, END)]
    if road.junction is not None:
        stop = road.junction - road.cross_width / 2 - 1.0
        beyond = road.junction + road.cross_width / 2 + 1.0
        crossing = rng.choice(["zebra", "lines", "none"], p=[0.42, 0.28, 0.3])
        gap = 0.8 if crossing == "none" else 4.5
        stretches = [(BEHIND, stop - gap), (beyond + gap, END)]
        for at, inward in ((stop, -1), (beyond, 1)):
            begin = at + inward * gap
            lanes = (0.0, right_lane) if inward < 0 else (left_lane, 0.0)
            fill(road.strip(*lanes, begin, begin + 0.45), white)
            if crossing == "zebra":
                bars = np.arange(left + 0.4, right - 0.5, 1.1)
                fill(road.patches(bars, bars + 0.55, at + inward * 0.5, at + inward * 3.4), white)
            elif crossing == "lines":
                lines = at + inward * np.array([0.5, 3.2])
                fill(road.patches(left + 0.3, right - 0.3, lines, lines + 0.25), white)
    centre = rng.choice(["double", "dashed", "single", "none"], p=[0.4, 0.35, 0.2, 0.05])
    middle_colour = yellow if rng.random() < 0.45 else white
    for begin, end in stretches:
        if centre == "double":
            for x in (-0.18, 0.08):
                fill(road.strip(x, x + 0.11, begin, end), middle_colour)
        elif centre == "single":
            fill(road.strip(-0.06, 0.06, begin, end), middle_colour)
        elif centre == "dashed":
            _dashes(fill, road, 0.0, begin, end, middle_colour)
        for lane in range(-road.lanes[1] + 1, road.lanes[0]):
            if lane:
                _dashes(fill, road, lane * road.lane_width, begin, end, white)
        for x in (left_lane + 0.1, right_lane - 0.2):
            if road.parking or wear > 0.75:
                fill(road.strip(x, x + 0.11, begin, end), white)
    if rng.random() < 0.35:
        along = rng.uniform(8, 20) if road.junction is None else stretches[0][1] - 9
        for lane in range(road.lanes[0]):
            _arrow(fill, road, (lane + 0.5) * road.lane_width, along, white)


def _dashes(fill: Fill, road: Road, across: float, begin: float, end: float, colour: np.ndarray) -> None:
    starts = np.arange(begin, min(end, 110), 9.0)
    fill(road.patches(across - 0.06, across + 0.06, starts, np.minimum(starts + 3.5, end)), colour)


def _arrow(fill: Fill, road: Road, across: float, along: float, colour: np.ndarray) -> None:
    x = np.array([-0.08, 0.08, 0.08, 0.35, 0.0, -0.35, -0.08])
    z = np.array([0.0, 0.0, 2.6, 2.6, 4.4, 2.6, 2.6])
    fill(road.point(across + x, along + z), colour)
