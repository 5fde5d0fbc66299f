"""Eyes, brows, nose and mouth, painted around the 68 points."""

import numpy as np

from keras_cv_course.data.synthetic.face.canvas import Canvas
from keras_cv_course.data.synthetic.face.curves import smooth
from keras_cv_course.data.synthetic.face.person import Person
from keras_cv_course.data.synthetic.face.points import Expression
from keras_cv_course.data.synthetic.face.view import xyz

_DARK = np.array([0.12, 0.06, 0.05])
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 18)), np.sin(np.linspace(0, 2 * np.pi, 18))], axis=1)


def paint_features(points: np.ndarray, person: Person, expression: Expression, canvas: Canvas) -> None:
    """Paint what the 68 points (68, 3) outline, in the head's coordinates."""
    towards = canvas.view.brightness(canvas.view.turn @ np.array([0, 0.1, 0.995]))
    light = towards * canvas.view.tint
    _paint_folds(points, person, expression, canvas)
    _paint_nose(points, person, light, canvas)
    _paint_mouth(points, person, expression, light, canvas)
    for number in (0, 1):
        _paint_eye(points[36 + 6 * number : 42 + 6 * number], number, person, expression, light, canvas)
        _paint_brow(points[17 + 5 * number : 22 + 5 * number], number, person, light, canvas)


def _paint_eye(
    eye: np.ndarray, number: int, person: Person, expression: Expression, light: np.ndarray, canvas: Canvas
) -> None:
    """Paint the eye of 6 points (6, 3): a corner, two of the upper lid, a corner, two of the lower."""
    upper, lower = smooth(eye[:4], closed=False), smooth(eye[[0, 5, 4, 3]], closed=False)
    openness = expression.openness[number]
    middle = eye.mean(axis=0)
    crease = upper + xyz(0, -0.28 - 0.12 * openness, 0.0)
    canvas.fill(np.concatenate([upper, crease[::-1]]), person.skin * light * 0.8, 0.45)
    canvas.stroke(crease, 0.07, person.skin * light * 0.45, 0.6)
    if openness > 0.06:
        canvas.fill(np.concatenate([upper, lower[::-1]]), np.array([0.93, 0.9, 0.88]) * light)
        right, down = expression.gaze
        looked = middle + xyz(0.42 * right, 0.3 * down - 0.08, 0)
        for radius, colour in ((0.68, person.iris * 0.5), (0.6, person.iris), (0.28, _DARK * 0.3)):
            canvas.fill(_within(looked, radius, upper, lower), colour * light)
        canvas.fill(np.concatenate([upper, (upper + xyz(0, 0.2 * openness, 0))[::-1]]), _DARK, 0.4)
        glint = _within(looked + xyz(0.2 * np.sign(canvas.view.to_light[0]), -0.2, 0), 0.13, upper, lower)
        canvas.fill(glint, np.ones(3), 0.9)
    canvas.stroke(lower, 0.06, person.skin * light * 0.5, 0.7)
    canvas.stroke(upper, person.lashes, _DARK, 0.92)


def _within(centre: np.ndarray, radius: float, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Outline (n, 3) of the part of a disc that lies between two lids (m, 3), both in order of x or against it."""
    disc = centre[:2] + radius * _CIRCLE
    (up, low) = (lid if lid[0, 0] < lid[-1, 0] else lid[::-1] for lid in (upper, lower))
    x = np.clip(disc[:, 0], up[0, 0], up[-1, 0])
    top, bottom = (np.interp(x, lid[:, 0], lid[:, 1]) for lid in (up, low))
    z = (np.interp(x, up[:, 0], up[:, 2]) + np.interp(x, low[:, 0], low[:, 2])) / 2
    return np.stack([x, np.clip(disc[:, 1], np.minimum(top, bottom), bottom), z], axis=1)


def _paint_brow(brow: np.ndarray, number: int, person: Person, light: np.ndarray, canvas: Canvas) -> None:
    curve = smooth(brow, closed=False, pieces=4)
    widths = np.interp(np.linspace(0, 1, len(curve)), [0, 0.35, 0.8, 1], [0.25, 0.85, 1, 0.75])
    half = np.zeros_like(curve)
    half[:, 1] = person.brow_width / 2 * (widths if number == 0 else widths[::-1])
    colour = (0.7 * person.hair.colour + 0.06) * light
    canvas.fill(np.concatenate([curve - half, (curve + half)[::-1]]), colour, 0.75)
    canvas.fill(np.concatenate([curve - 0.6 * half, (curve + 0.6 * half)[::-1]]), 0.8 * colour, 0.6)


def _paint_nose(points: np.ndarray, person: Person, light: np.ndarray, canvas: Canvas) -> None:
    shade = person.skin * light * 0.42
    away = canvas.view.turn @ np.array([1.0, 0, 0])  # its depth tells which side of the nose is turned away
    below = smooth(points[31:36], closed=False, pieces=3)
    canvas.fill(np.concatenate([below, (below + xyz(0, 0.4, -0.4))[::-1]]), shade, 0.3)
    for side, wing, hole in ((-1, points[31], points[32]), (1, points[35], points[34])):
        if side * away[2] > -0.45:
            middle = 0.3 * wing + 0.7 * hole + xyz(0, -0.12, 0.1)
            disc = middle + np.column_stack([_CIRCLE * [0.42, 0.2], np.zeros(len(_CIRCLE))])
            canvas.fill(disc, _DARK * light * 1.3, 0.75)
            arc = wing + np.array([[0.12, -0.95, 0.1], [0.32, -0.6, 0], [0.3, -0.1, -0.1], [0.0, 0.12, 0]]) * [
                side,
                1,
                1,
            ]
            canvas.stroke(smooth(arc, closed=False, pieces=3), 0.1, shade, 0.5)


def _paint_folds(points: np.ndarray, person: Person, expression: Expression, canvas: Canvas) -> None:
    """Paint the folds from the nose to the corners of the mouth."""
    depth = 0.15 + 0.45 * person.age * max(expression.smile, 0.2) + 0.3 * max(expression.smile, 0)
    for side, wing, corner in ((-1, points[31], points[48]), (1, points[35], points[54])):
        middle = (wing + corner) / 2 + xyz(side * 0.75, -0.1, 0)
        line = np.stack([wing + xyz(side * 0.45, -0.2, -0.2), middle, corner + xyz(side * 0.55, -0.1, -0.1)])
        canvas.stroke(smooth(line, closed=False, pieces=4), 0.12, person.skin * 0.45, 0.6 * depth)


def _paint_mouth(points: np.ndarray, person: Person, expression: Expression, light: np.ndarray, canvas: Canvas) -> None:
    upper, upper_inner = (smooth(points[part], closed=False, pieces=4) for part in (slice(48, 55), slice(60, 65)))
    lower = smooth(points[[54, 55, 56, 57, 58, 59, 48]], closed=False, pieces=4)
    lower_inner = smooth(points[[64, 65, 66, 67, 60]], closed=False, pieces=4)
    gap = points[66, 1] - points[62, 1]
    if gap > 0.1:
        canvas.fill(np.concatenate([upper_inner, lower_inner]), np.array([0.22, 0.07, 0.07]) * light)
        hanging = min(0.55 * gap, 0.75) * np.sin(np.linspace(0, np.pi, len(upper_inner))) ** 0.5
        teeth = upper_inner[::-1] + np.stack([0 * hanging, hanging, 0 * hanging], axis=1)
        canvas.fill(np.concatenate([upper_inner, teeth]), np.array([0.9, 0.87, 0.82]) * light)
        if gap > 1.2:
            tongue = points[66] + np.column_stack([_CIRCLE * [0.9, 0.4], 0 * _CIRCLE[:, 0]]) + xyz(0, -0.25, 0)
            canvas.fill(tongue, np.array([0.68, 0.3, 0.3]) * light, 0.8)
    colour = person.lips * light
    canvas.fill(np.concatenate([upper, upper_inner[::-1]]), 0.84 * colour, 0.9)
    canvas.fill(np.concatenate([lower, lower_inner[::-1]]), colour, 0.9)
    middle = (points[57] + points[66]) / 2
    canvas.fill(middle + np.column_stack([_CIRCLE * [0.8, 0.16], 0 * _CIRCLE[:, 0]]), np.ones(3), 0.14)
    canvas.stroke(upper_inner, 0.09, 0.4 * colour, 0.8)
    lip_shadow = smooth(points[[55, 56, 57, 58, 59]], closed=False, pieces=3) + xyz(0, 0.22, 0)
    canvas.stroke(lip_shadow, 0.25, person.skin * light * 0.5, 0.3)
