"""Wing mirrors, and when they are painted."""

import numpy as np

from keras_cv_course.data.synthetic.road.mesh import MATTE, Mesh


def mirror_sides(eye: np.ndarray, width: float, z: float) -> tuple[list[int], list[int]]:
    """Tell which mirrors are painted before the body, which may hide them, and which after it.

    Args:
        eye: the camera (3,) in the vehicle's coordinates.
        width: of the body.
        z: where the mirrors are.

    Returns:
        Sides, 1 for the right and -1 for the left, of the earlier and of the later ones.
    """
    near = 1 if eye[0] > 0 else -1
    is_free = eye[2] > z or abs(eye[0]) > width / 2  # the line of sight to the nearer one
    return ([-near], [near]) if is_free else ([-1, 1], [])


def add_mirrors(
    mesh: Mesh, sides: list[int], x: float, heights: tuple[float, float], z: float, paint: np.ndarray
) -> None:
    """Add the mirrors of some sides: their middle `x` metres out, between two heights, from z on."""
    for side in sides:
        low, high = np.array([side * x - 0.1, heights[0], z]), np.array([side * x + 0.1, heights[1], z + 0.12])
        mesh.add_box(low, high, paint, MATTE)
