"""Wheels of cars, buses and lorries, in the three steps in which they are painted."""

import numpy as np

from keras_cv_course.data.synthetic.road.mesh import MATTE, PAINT, Mesh

_RUBBER = np.array([30.0, 30, 32])
_ARCH = np.array([20.0, 20, 22])
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_RING = np.stack([np.zeros(20), np.sin(_TURN), np.cos(_TURN)], axis=1)  # (20, 3)


def add_tyres(mesh: Mesh, axles: list[float], radius: float, width: float, tread: float = 0.2) -> None:
    """Add the tyres' treads, which show below the body; to be painted before it."""
    for axle in axles:
        outer = _RING * radius + [width / 2 - 0.01, radius, axle]
        inner = outer - [tread, 0, 0]
        treads = np.stack([outer, np.roll(outer, -1, 0), np.roll(inner, -1, 0), inner], axis=1)
        middle = np.array([width / 2 - tread / 2, radius, axle])
        mesh.add_both(treads, _RUBBER * 0.8, MATTE, middle)
        mesh.add_both(inner, _RUBBER * 0.6, MATTE, middle)


def add_arches(mesh: Mesh, axles: list[float], radius: float, width: float, sill: float) -> None:
    """Add the dark openings in which wheels turn, from the sill's height upwards; to be painted on the body."""
    for axle in axles:
        arch = _RING * radius * 1.16 + [width / 2 + 0.004, radius, axle]
        arch[:, 1] = np.maximum(arch[:, 1], sill)
        mesh.add_both(arch, _ARCH, MATTE, np.array([0, radius, axle]))


def add_wheels(
    mesh: Mesh, axles: list[float], radius: float, width: float, rng: np.random.Generator | None = None
) -> None:
    """Add the wheels' outer sides; to be painted last. With `rng` they have spokes."""
    count = int(rng.integers(5, 9)) if rng else 0
    metal = np.full(3, rng.uniform(120, 200)) if rng else np.full(3, 120.0)
    for axle in axles:
        centre = np.array([width / 2 + 0.008, radius, axle])
        middle = centre - [0.3, 0, 0]
        mesh.add_both(_RING * radius + centre, _RUBBER, MATTE, middle)
        mesh.add_both(_RING * radius * 0.66 + centre, metal * (0.35 if count else 1), PAINT, middle)
        for spoke in 2 * np.pi * (np.arange(count) + 0.2) / max(count, 1):
            along = np.array([0, np.sin(spoke), np.cos(spoke)]) * radius * 0.64
            across = np.array([0, np.cos(spoke), -np.sin(spoke)]) * radius * 0.1
            mesh.add_both(
                np.array([across * 0.8, along + across, along - across, -across * 0.8]) + centre, metal, PAINT, middle
            )
        if count:
            mesh.add_both(_RING * radius * 0.2 + centre, metal * 0.9, PAINT, middle)
