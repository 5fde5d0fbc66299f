"""Which of two things on the ground hides the other."""

import numpy as np

from keras_cv_course.data.synthetic.road.camera import Camera


def square(position: np.ndarray, half: float = 0.1) -> np.ndarray:
    """Footprint (4, 2) of something small at a world point (3,): x and z of its corners."""
    return position[[0, 2]] + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def near_to_far(footprints: np.ndarray, camera: Camera) -> list[int]:
    """Order things such that whatever may hide another comes before it.

    Of two footprints that do not meet, a line along an edge of one has them on its two sides; the thing on the camera's
    side of that line can hide the other, and not the other way round. Depth alone does not tell: a post beside a long
    bus may be farther than the bus's middle and still stand before it.

    Args:
        footprints: (n, 4, 2), x and z of the corners of convex quadrilaterals.
        camera: where from.

    Returns:
        The n numbers of the footprints, in order; what the lines leave open is ordered by depth.
    """
    before = _before(footprints, camera.position[[0, 2]])
    before &= ~before.T
    middles = footprints.mean(axis=1)
    depths = camera.view(np.insert(middles, 1, 0, axis=1))[:, 2]
    waiting = np.argsort(depths, kind="stable")
    order: list[int] = []
    while len(waiting):
        blocked = before[np.ix_(waiting, waiting)].any(axis=0)
        place = int(blocked.argmin())  # the nearest that nothing is before; in a circle, simply the nearest
        order.append(int(waiting[place]))
        waiting = np.delete(waiting, place)
    return order


def _before(footprints: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Tell (n, n) whether the first lies on the camera's side of a line that parts it from the second."""
    ends = np.roll(footprints, -1, axis=1)
    along = ends - footprints
    normals = np.stack([along[..., 1], -along[..., 0]], axis=-1)  # (n, 4, 2), turned outwards below
    middles = footprints.mean(axis=1, keepdims=True)
    inwards = np.sum(normals * (middles - footprints), axis=-1, keepdims=True) > 0
    normals = np.where(inwards, -normals, normals)
    offsets = np.sum(normals * footprints, axis=-1)  # (n, 4)
    eye_outside = normals @ eye > offsets  # (n, 4)
    # (n, n, 4): whether all of the first lies outside an edge of the second
    heights = np.einsum("jek,ick->ijec", normals, footprints)
    outside = (heights > offsets[None, :, :, None]).all(axis=-1)
    return (outside & eye_outside[None]).any(axis=-1) | (outside & ~eye_outside[None]).any(axis=-1).T
