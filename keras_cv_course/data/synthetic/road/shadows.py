"""The shadows that things throw on the ground."""

import numpy as np

from keras_cv_course.data.synthetic.road.camera import hull, to_world
from keras_cv_course.data.synthetic.road.light import Light

Shadow = tuple[np.ndarray, float]  # polygon on the ground (n, 3), and how dark it is, 0..1

_FAINTEST = 0.06
_TURN = np.linspace(0, 2 * np.pi, 12, endpoint=False)
_DISC = np.stack([np.cos(_TURN), 0 * _TURN, np.sin(_TURN)], axis=1)


def sun_shadow(points: np.ndarray, radius: float, light: Light, through: float = 0.0) -> list[Shadow]:
    """Shadow of a body around points (n, 3), `radius` metres thick, that lets a share of the light `through`."""
    direct = float(light.sun.mean() * max(light.to_sun[1], 0))
    dark = (1 - through) * 0.85 * direct / (direct + float(light.ambient.mean()))
    if dark < _FAINTEST:
        return []
    fallen = points - points[:, 1:2] * light.to_sun / light.to_sun[1]
    return [(np.insert(hull(fallen[:, [0, 2]], radius), 1, 0, axis=1), dark)]


def round_shadow(position: np.ndarray) -> list[Shadow]:
    """The dark ground at a person's feet."""
    return [(position + _DISC * radius, dark) for radius, dark in ((0.34, 0.2), (0.24, 0.4))]


def contact_shadow(position: np.ndarray, heading: float, size: np.ndarray) -> list[Shadow]:
    """The dark ground under a vehicle of a size (3,), which fades out around it."""
    corners = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    return [
        (to_world(corners * (size / 2 + [margin - 0.1, 0, margin]), position, heading), dark)
        for margin, dark in ((0.22, 0.2), (0.05, 0.5), (-0.25, 0.75))
    ]
