"""Lorries: a cab, and a box, curtain, container, tank or tipper behind it."""

from itertools import pairwise

import numpy as np

from keras_cv_course.data.synthetic.road.box_body import BoxBody
from keras_cv_course.data.synthetic.road.mesh import GLASS, LAMP, MATTE, PAINT, Mesh
from keras_cv_course.data.synthetic.road.mirrors import add_mirrors, mirror_sides
from keras_cv_course.data.synthetic.road.paints import (
    GLASS_COLOUR,
    LIVERIES,
    PLASTIC,
    PLATE,
    RED_LAMP,
    STEEL,
    WHITE_LAMP,
    pick,
)
from keras_cv_course.data.synthetic.road.wheels import add_arches, add_tyres, add_wheels

_SHEETS = np.array(
    [[238, 239, 240], [228, 230, 228], [214, 216, 220], [168, 172, 178], [44, 88, 150], [170, 44, 40], [60, 110, 76],
     [222, 160, 52], [52, 56, 64], [196, 100, 44], [120, 150, 170]], float
)  # fmt: skip


def build_lorry(rng: np.random.Generator, length: float, eye: np.ndarray, pixels_per_metre: float) -> Mesh:
    """Build a lorry about the middle of its footprint. Arguments as of :func:`~.buses.build_bus`."""
    cab_length = rng.uniform(1.7, 2.2)
    width = rng.uniform(2.25, 2.55)
    cab_height = rng.uniform(2.4, 3.0) if length < 8.5 else rng.uniform(2.9, 3.7)
    detailed = pixels_per_metre > 14
    mesh = Mesh()
    radius = rng.uniform(0.42, 0.52)
    front_axle = length / 2 - cab_length * rng.uniform(0.45, 0.65)
    rear_axle = -length / 2 + rng.uniform(1.1, 1.9)
    axles = [
        front_axle,
        rear_axle,
        *([rear_axle + 1.25] if length > 8 else []),
        *([rear_axle + 2.5] if length > 11 else []),
    ]
    add_tyres(mesh, axles, radius, width, 0.32)
    low, high = np.array([-width * 0.36, 0.5, -length / 2 + 0.1]), np.array([width * 0.36, 0.98, length / 2 - 0.4])
    mesh.add_box(low, high, PLASTIC, MATTE)
    if detailed and length > 7:  # side guards
        low, high = np.array([-width * 0.47, 0.45, rear_axle + 3.2]), np.array([width * 0.47, 0.95, front_axle - 0.9])
        mesh.add_box(low, high, STEEL * 0.6, MATTE)
    paint = pick(rng, np.concatenate([LIVERIES, _SHEETS[:3], _SHEETS[:3]]), 8)
    cab_rear = length / 2 - cab_length
    parts = [
        lambda: _load(mesh, rng, width, length, cab_rear - rng.uniform(0.15, 0.5), cab_height, detailed),
        lambda: _cab(mesh, rng, width * 0.97, cab_rear, length / 2, cab_height, paint, front_axle, radius, eye),
    ]
    for part in parts if eye[2] > cab_rear else parts[::-1]:
        part()
    add_wheels(mesh, axles, radius, width, rng if detailed else None)
    return mesh


def _cab(
    mesh: Mesh, rng: np.random.Generator, width: float, rear: float, front: float, height: float, paint: np.ndarray,
    axle: float, radius: float, eye: np.ndarray,
) -> None:  # fmt: skip
    low, high = height * 0.5, min(height * 0.86, height - 0.3)
    mirrors = width / 2 + 0.13, (low + 0.05, low + 0.6), front - 0.25, PLASTIC
    hidden_mirrors, free_mirrors = mirror_sides(eye, width, front)
    if height > 2.9 and rng.random() < 0.5 and eye[1] < height:
        foot, top = np.array([-width * 0.42, height, rear + 0.2]), np.array([width * 0.42, height + 0.35, front - 0.7])
        mesh.add_box(foot, top, paint, PAINT)
    add_mirrors(mesh, hidden_mirrors, *mirrors)
    box = BoxBody(mesh, (width, 0.45, rear), (width * 0.96, height, front))
    box.body(paint, 0.12)
    add_arches(mesh, [axle], radius, width, 0.5)
    box.end(True, 0.92, low - 0.12, high, GLASS_COLOUR, GLASS)
    box.side(rear + 0.35, front - 0.2, low, high - 0.05, GLASS_COLOUR, GLASS)
    box.end(True, rng.uniform(0.6, 0.9), 0.98, low - 0.3, paint * rng.uniform(0.3, 0.8), MATTE)
    box.end(True, 0.98, 0.47, 0.85, PLASTIC if rng.random() < 0.5 else paint * 0.85, MATTE)
    for side in (-1, 1):
        lamp = side * width / 2 * np.array([0.62, 0.92, 0.92, 0.62])
        box.end_polygon(True, lamp, np.array([0.58, 0.58, 0.8, 0.8]), WHITE_LAMP, LAMP)
    add_mirrors(mesh, free_mirrors, *mirrors)


def _load(
    mesh: Mesh, rng: np.random.Generator, width: float, length: float, front: float, cab_height: float, detailed: bool
) -> None:
    rear = -length / 2
    kind = rng.choice(["box", "curtain", "tank", "tipper", "container"], p=[0.42, 0.2, 0.12, 0.14, 0.12])
    sheet = pick(rng, _SHEETS, 8)
    if kind == "tank":
        _tank(mesh, width, rear, front, 1.0, min(cab_height + 0.3, 3.4), sheet)
        mesh.add_box(np.array([-width / 2, 0.95, rear]), np.array([width / 2, 1.15, front]), PLASTIC, MATTE)
        box = BoxBody(mesh, (width, 0.7, rear), (width, 1.15, front))
    elif kind == "tipper":
        box = BoxBody(mesh, (width * 0.96, 1.0, rear), (width, rng.uniform(1.7, 2.5), front))
        box.body(sheet, 0.02)
        for z in np.arange(rear + 0.4, front - 0.2, 0.8) if detailed else []:
            box.side(z, z + 0.12, 1.0, box.height, 0.8 * sheet, MATTE)
        earth = np.array([rng.uniform(90, 150), rng.uniform(80, 110), 70])
        heap = [
            [x * width * 0.46, box.height + y, z] for x, y, z in ((-1, 0, rear), (1, 0, rear), (0, 0.35, rear + 0.5))
        ]
        mesh.add(np.array(heap), earth, MATTE, np.array([0, box.height - 1, (rear + front) / 2]))
    else:
        box = BoxBody(mesh, (width, 1.0, rear), (width, max(cab_height + rng.uniform(-0.1, 0.7), 2.7), front))
        box.body(sheet, 0.03)
        box.side(rear, front, 1.0, 1.12, PLASTIC * 1.5, MATTE)
        if kind == "container" and detailed:
            for z in np.arange(rear + 0.2, front - 0.2, 0.42):
                box.side(z, z + 0.16, 1.15, box.height - 0.1, 0.86 * sheet, MATTE)
        if kind == "curtain" and detailed:
            for z in np.arange(rear + 0.3, front, 0.75):
                box.side(z, z + 0.05, 1.12, box.height - 0.1, 0.8 * sheet, MATTE)
        if kind != "container" and rng.random() < 0.7:
            _lettering(box, rng, rear, front)
        if detailed:  # rear doors
            box.end(False, 0.94, 1.1, box.height - 0.08, sheet * 0.93, MATTE)
            for x in (-0.42, -0.02, 0.38):
                edges = width * np.array([x, x + 0.04, x + 0.04, x]) / 1.0
                box.end_polygon(
                    False, edges, np.array([1.1, 1.1, box.height - 0.1, box.height - 0.1]), STEEL * 0.55, MATTE
                )
    mesh.add_box(
        np.array([-width * 0.48, 0.55, rear - 0.02]), np.array([width * 0.48, 0.75, rear + 0.1]), PLASTIC * 1.2, MATTE
    )
    for side in (-1, 1):
        lamp = side * width * np.array([0.34, 0.47, 0.47, 0.34])
        box.end_polygon(False, lamp, np.array([0.78, 0.78, 0.98, 0.98]), RED_LAMP, LAMP)
    box.end_polygon(
        False,
        width * np.array([-0.12, 0.12, 0.12, -0.12]),
        np.array([0.78, 0.78, 0.92, 0.92]),
        PLATE,
        MATTE,
    )


def _tank(mesh: Mesh, width: float, rear: float, front: float, low: float, high: float, colour: np.ndarray) -> None:
    turn = np.linspace(0, 2 * np.pi, 19)
    ring = np.stack([np.sin(turn) * width / 2, (low + high) / 2 - np.cos(turn) * (high - low) / 2], axis=1)
    lines = [np.column_stack([ring * [0.9, 1], np.full(19, z)]) for z in (rear, front)]
    middle = np.array([0, (low + high) / 2, (rear + front) / 2])
    stretches = np.linspace(rear, front, 5)
    for back, ahead in pairwise(stretches):
        a, b = np.column_stack([ring, np.full(19, back)]), np.column_stack([ring, np.full(19, ahead)])
        mesh.add(np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1), colour, PAINT, middle)
    for line in lines:
        mesh.add(line[:-1] / [0.9, 1, 1], colour * 0.9, PAINT, middle)


def _lettering(box: BoxBody, rng: np.random.Generator, rear: float, front: float) -> None:
    """Blocks of colour that look like a firm's name from afar."""
    colour = pick(rng, LIVERIES, 8)
    low = rng.uniform(1.5, box.height - 1.1)
    high = low + rng.uniform(0.3, 0.8)
    if rng.random() < 0.5:
        box.side(rear, front, low, high, colour, MATTE)
        return
    z, end = rear + (front - rear) * rng.uniform(0.1, 0.3), front - (front - rear) * rng.uniform(0.1, 0.3)
    while z < end:
        step = rng.uniform(0.25, 0.6)
        box.side(z, min(z + step, end), low, high - rng.choice([0, 0.15]), colour, MATTE)
        z += step + 0.1
