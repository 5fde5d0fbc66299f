"""Skin, ears, neck and shoulders."""

import numpy as np

from keras_cv_course.data.synthetic.face.canvas import Canvas, Skin
from keras_cv_course.data.synthetic.face.curves import ramp, smooth
from keras_cv_course.data.synthetic.face.head import MOUTH
from keras_cv_course.data.synthetic.face.person import Person
from keras_cv_course.data.synthetic.face.points import Expression

_ROWS = np.concatenate(
    [np.linspace(-11.45, -2.5, 10), np.linspace(-1.9, 6.0, 17), np.linspace(6.5, 11.28, 11)]
)  # heights of the mesh
_ANGLES = np.radians(np.concatenate([np.linspace(-180, -58, 13), np.linspace(-50, 50, 23), np.linspace(58, 180, 13)]))
_EAR = np.array(
    [
        [0.9, -1.2],
        [0.4, -2.4],
        [-0.8, -2.9],
        [-1.9, -2.3],
        [-2.2, -0.9],
        [-1.7, 0.6],
        [-1.0, 2.2],
        [-0.2, 3.0],
        [0.6, 2.4],
    ]
)  # z and y, from the front over the top


def skin_mesh(person: Person, expression: Expression, canvas: Canvas) -> Skin:
    """Give the head's surface, its colours as the light shows them."""
    flat = person.head.around(_ANGLES[None], _ROWS[:, None])
    skin = Skin(person.head.scale(flat, expression.jaw_drop), canvas.view)
    middles = (flat[1:, 1:] + flat[:-1, :-1]) / 2
    light = canvas.view.brightness(skin.normals)[..., None] ** np.array([0.92, 1.06, 1.12])
    skin.colours = _albedo(person, middles) * light * canvas.view.tint
    return skin


def _albedo(person: Person, points: np.ndarray) -> np.ndarray:
    """Colour (..., 3) of the skin at points (..., 3) of the closed-mouthed head, beard and blush included."""
    x, y = np.abs(points[..., 0]), points[..., 1]
    cheek = np.exp(-(((x - 4.3) / 1.8) ** 2) - ((y - 3.4) / 1.6) ** 2)
    nose = np.exp(-((x / 1.4) ** 2) - ((y - 4.3) / 1.2) ** 2)
    red = person.blush * (cheek + 0.6 * nose)[..., None]
    socket = np.exp(-(((x - 3.1) / 1.5) ** 2) - ((y - 0.7) / 1.0) ** 2)[..., None]
    colour = person.skin * (1 - red * np.array([0.0, 0.16, 0.14])) * (1 - (0.08 + 0.12 * person.age) * socket)
    hair = person.hair
    lips = np.exp(-((x / 2.9) ** 4) - ((y - MOUTH - 0.2) / 1.0) ** 4)
    jaw = ramp(y + 0.42 * (x - 3), 5.4, 8.2) * (1 - lips)
    beside = ramp(x, 5.3, 6.9) * ramp(y, 0.0, 3.5)  # sideburns
    lip = np.exp(-((x / 2.6) ** 4) - ((y - 5.95) / 0.65) ** 4)
    share = np.maximum(hair.beard * np.maximum(jaw, beside), hair.moustache * lip)[..., None]
    return colour + 0.9 * share * (hair.colour - colour)


def paint_ear(side: int, person: Person, canvas: Canvas) -> None:
    """Paint the ear at the left (-1) or the right (1) of the picture."""
    half, _ = person.head.outline(np.array(1.0))
    z, y = smooth(_EAR, closed=True, pieces=3).T
    x = side * (half + 0.45 - 0.45 * (z - 0.4))
    outline = person.head.scale(np.stack([x, y + 0.8, z - 0.9], axis=1), 0.0)
    normal = canvas.view.turn @ np.array([side * 0.8, 0, 0.6])
    light = 0.92 * canvas.view.brightness(normal) * canvas.view.tint
    colour = person.skin * light * np.array([1.0, 0.9, 0.88])
    canvas.fill(outline, colour)
    middle = outline.mean(axis=0)
    canvas.fill(middle + 0.6 * (outline - middle) + [side * 0.05, 0, 0.1], 0.72 * colour, 0.6)


def ear_is_near(side: int, canvas: Canvas) -> bool:
    """Tell whether an ear stands before the head, seen from the camera."""
    return bool((canvas.view.turn @ np.array([side, 0.0, 0.0]))[2] > 0.05)


def paint_neck(person: Person, canvas: Canvas, lean: float) -> None:
    """Paint neck and shoulders, which follow the head's roll by the part `lean`, 0..1."""
    view = canvas.view
    top = view.pixels(np.array([0.0, 6.0, -2.0]))
    down = view.turn[:2, 1] * lean + np.array([0, 1 - lean])
    down = down / np.linalg.norm(down)
    across = np.array([-down[1], down[0]]) * -view.scale
    down = down * view.scale
    neck = top + 11.5 * down
    strips = 20
    edges = np.linspace(-1, 1, strips + 1)
    half = 4.9 * person.head.width
    light = view.brightness(
        np.stack([(edges[1:] + edges[:-1]) / 2, np.zeros(strips), np.sqrt(1 - edges[1:] ** 2 * 0.99)], 1)
    )
    for depth, strength in ((0.0, 0.62), (6.5, 0.85)):  # the chin's shadow, and what lies below it
        start, end = top + depth * down, top + 15 * down
        for number in range(strips):
            left, right = half * edges[number] * across, half * edges[number + 1] * across
            colour = person.skin * strength * light[number] * view.tint
            canvas.fill(np.array([start + left, start + right, end + right * 1.1, end + left * 1.1]), colour)
    shoulder = np.array([[-26, 16], [-24, 6], [-17, 2.6], [-8, 0.4], [-4.5, -1.0], [-2.5, 1.6], [0, 2.6]])
    outline = np.concatenate([shoulder, shoulder[-2::-1] * [-1, 1]])
    curve = smooth(outline, closed=False, pieces=3)
    body = neck + curve[:, :1] * across + curve[:, 1:] * down
    below = np.array([body[-1] + 40 * down, body[0] + 40 * down])
    cloth = person.cloth * (view.ambient + (1 - view.ambient) * 0.8) * view.tint
    canvas.fill(np.concatenate([body, below]), cloth)
    fold = neck + (curve[6:-6, :1] * across) + (curve[6:-6, 1:] + 0.9) * down
    canvas.stroke(fold, 0.35, 0.7 * cloth, 0.8)
