"""Buses, with one deck or two."""

import numpy as np

from keras_cv_course.data.synthetic.road.box_body import BoxBody
from keras_cv_course.data.synthetic.road.mesh import GLASS, LAMP, MATTE, PAINT, Mesh
from keras_cv_course.data.synthetic.road.mirrors import add_mirrors, mirror_sides
from keras_cv_course.data.synthetic.road.paints import (
    AMBER_LAMP,
    GLASS_COLOUR,
    LIVERIES,
    PLASTIC,
    PLATE,
    RED_LAMP,
    WHITE_LAMP,
    pick,
)
from keras_cv_course.data.synthetic.road.wheels import add_arches, add_tyres, add_wheels


def build_bus(rng: np.random.Generator, length: float, eye: np.ndarray, pixels_per_metre: float) -> Mesh:
    """Build a bus, one in six with an upper deck, about the middle of its footprint. Its doors are on its right.

    Args:
        rng: decides everything else.
        length: metres.
        eye: the camera (3,) in the bus's coordinates.
        pixels_per_metre: on the picture; details that would be smaller than a pixel are left out.
    """
    width = rng.uniform(2.45, 2.6)
    double = rng.random() < 1 / 6
    height = rng.uniform(4.1, 4.4) if double else rng.uniform(2.85, 3.25)
    livery = pick(rng, LIVERIES, 8)
    second = pick(rng, LIVERIES, 8) if rng.random() < 0.6 else livery
    detailed = pixels_per_metre > 14
    mesh = Mesh()
    box = BoxBody(mesh, (width, 0.32, -length / 2), (width, height, length / 2))
    axles = [-length * rng.uniform(0.22, 0.28), length * rng.uniform(0.26, 0.32)]
    radius = 0.5
    mirrors = width / 2 + 0.13, (1.75, 2.15), length / 2 - 0.1, PLASTIC
    hidden_mirrors, free_mirrors = mirror_sides(eye, width, length / 2)
    add_tyres(mesh, axles, radius, width, 0.3)
    if eye[1] < height:  # painted before the body, which hides its foot from an eye below the roof
        mesh.add_box(np.array([-0.7, height, -1.5]), np.array([0.7, height + 0.18, 1.2]), 0.9 * livery, PAINT)
    add_mirrors(mesh, hidden_mirrors, *mirrors)
    box.body(livery, 0.16)
    box.side(-length / 2, length / 2, 0.32, rng.uniform(0.5, 0.95), second, PAINT)
    if rng.random() < 0.4:  # a slanting field of the second colour at the rear
        slant = -length / 2 + np.array([0.0, rng.uniform(1, 3), rng.uniform(2.5, 5), 0.0])
        box.side_polygon(slant, np.array([0.4, 0.4, height - 0.2, height - 0.2]), second, PAINT)
    add_arches(mesh, axles, radius, width, 0.32)

    decks = [(1.15, 2.25), (2.75, 3.75)] if double else [(1.15, height - rng.uniform(0.5, 0.75))]
    pane = rng.uniform(1.1, 1.7)
    for low, high in decks:
        box.side(-length / 2 + 0.35, length / 2 - 0.25, low, high, GLASS_COLOUR * 0.75, GLASS)
        if detailed:
            for z in np.arange(-length / 2 + 0.45, length / 2 - 0.3 - pane, pane):
                box.side(z, z + pane - 0.1, low + 0.05, high - 0.05, GLASS_COLOUR * 1.15, GLASS)
        box.end(True, 0.93, low - 0.1 * (low < 2), high + 0.08, GLASS_COLOUR, GLASS)
        box.end(False, 0.82, low + 0.15, high, GLASS_COLOUR, GLASS)
    for door in (length / 2 - 1.5, length * rng.uniform(-0.05, 0.05)):
        box.one_side(door, door + 1.2, 0.36, 2.4, PLASTIC, MATTE)
        if detailed:
            for leaf in (door + 0.06, door + 0.64):
                box.one_side(leaf, leaf + 0.5, 0.46, 2.3, GLASS_COLOUR * 1.3, GLASS)
    _display(box, height, rng, detailed)
    _front_and_rear_lamps(box, 0.62, 0.85)
    if detailed:
        box.end(False, 0.6, 0.5, 0.95, 0.6 * livery, MATTE)
        box.end(True, 0.22, 0.48, 0.62, PLATE, MATTE)
    add_mirrors(mesh, free_mirrors, *mirrors)
    add_wheels(mesh, axles, radius, width, rng if detailed else None)
    return mesh


def _display(box: BoxBody, height: float, rng: np.random.Generator, detailed: bool) -> None:
    """Where the bus goes, in amber on black."""
    low = height - 0.42
    box.end(True, 0.8, low, height - 0.1, np.array([18.0, 18, 20]), MATTE)
    if detailed:
        x = -0.32
        while x < 0.3:
            wide = rng.uniform(0.02, 0.06)
            letters = box.width * np.array([x, x + wide, x + wide, x])
            box.end_polygon(True, letters, np.array([low + 0.08, low + 0.08, low + 0.24, low + 0.24]), AMBER_LAMP, LAMP)
            x += wide + 0.02


def _front_and_rear_lamps(box: BoxBody, low: float, high: float) -> None:
    for front, colour in ((True, WHITE_LAMP), (False, RED_LAMP)):
        for side in (-1, 1):
            x = side * box.width * np.array([0.32, 0.45, 0.45, 0.32])
            box.end_polygon(front, x, np.array([low, low, high, high]), colour, LAMP)
