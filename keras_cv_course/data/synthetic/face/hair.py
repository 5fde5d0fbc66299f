"""Hair around a head."""

import numpy as np

from keras_cv_course.data.synthetic.face.canvas import Canvas, Skin
from keras_cv_course.data.synthetic.face.curves import interpolate
from keras_cv_course.data.synthetic.face.person import Hair, Person

_TOP = -11.45
_COLUMNS = np.radians(np.linspace(-180, 180, 49))
_ROWS = np.linspace(0, 1, 13)


def hair_mesh(person: Person, canvas: Canvas, rng: np.random.Generator) -> Skin:
    """Give the hair's surface, its colours as the light shows them; `rng` decides on the strands."""
    hair = person.hair
    ends = _ends(hair)  # (columns,)
    share = _ROWS[:, None] ** 0.8
    y = _TOP + share * (ends - _TOP)
    # Below the ears the hair hangs where the head is widest, and a little farther out.
    points = person.head.around(np.broadcast_to(_COLUMNS, y.shape), np.minimum(y, 0.5))
    down = np.clip(y - 0.5, 0, None)
    out = 1 + (hair.thickness + 0.07 * down) * np.minimum(4 * (1 - share) + 0.35, 1) / 8
    points = points * np.stack([out, np.ones_like(out), out], axis=-1)
    points[..., 1] = y - hair.thickness * np.clip(1 - (y - _TOP) / 6, 0, 1)
    skin = Skin(person.head.scale(points, 0.0), canvas.view)
    strands = rng.normal(1, 0.11, (1, len(_COLUMNS) - 1)) * rng.normal(1, 0.04, (len(_ROWS) - 1, len(_COLUMNS) - 1))
    shine = 1 + 0.5 * np.exp(-(((share[1:] - 0.45) / 0.16) ** 2))
    light = canvas.view.brightness(skin.normals) * strands * shine
    skin.colours = hair.colour * light[..., None] * canvas.view.tint
    return skin


def _ends(hair: Hair) -> np.ndarray:
    """Height y (columns,) at which the hair ends, around the head."""
    turn = np.degrees(np.abs(_COLUMNS - np.radians(20) * hair.parting * np.cos(_COLUMNS)))
    temple, side = hair.hairline + 1.6, max(hair.length, -1.0)
    behind = max(hair.length, 5.0)
    places = np.array([0, 35, 58, 74, 88, 112, 130, 200], float)
    heights = np.array([hair.hairline, hair.hairline + 0.5, temple, -1.5, side, side, behind, behind])
    return interpolate(turn, places, np.maximum(heights, hair.hairline))
