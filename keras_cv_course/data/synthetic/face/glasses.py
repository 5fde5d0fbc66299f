"""Glasses on a face."""

import numpy as np

from keras_cv_course.data.synthetic.face.canvas import Canvas
from keras_cv_course.data.synthetic.face.person import Glasses
from keras_cv_course.data.synthetic.face.view import xyz

_TURN = np.linspace(0, 2 * np.pi, 33)


def paint_glasses(glasses: Glasses, points: np.ndarray, canvas: Canvas) -> None:
    """Paint glasses before the eyes of a face with points (68, 3), in the head's coordinates."""
    tint = canvas.view.tint
    outlines = []
    for side, eye in ((-1, points[36:42]), (1, points[42:48])):
        middle = np.array([eye[[0, 3], 0].mean() + 0.12 * side, points[[36, 39, 42, 45], 1].mean() + 0.25, 0])
        cosine, sine = np.cos(_TURN), np.sin(_TURN)
        power = 2 / glasses.roundness
        x = glasses.width * np.sign(cosine) * np.abs(cosine) ** power
        y = glasses.height * np.sign(sine) * np.abs(sine) ** power
        # The frame is bent a little around the face.
        z = points[27, 2] + 1.0 - 0.022 * (middle[0] + x) ** 2
        outlines.append(np.stack([middle[0] + x, middle[1] + y, z], axis=1))
    for side, outline in zip((-1, 1), outlines, strict=True):
        hinge = outline[16 if side < 0 else 0]
        temple = np.stack([hinge + xyz(0, -0.5, 0), [side * 7.9, hinge[1] - 0.7, 0.0]])
        if side * (canvas.view.turn @ np.array([1.0, 0, 0]))[2] > -0.12:  # else the face hides it
            canvas.stroke(temple, max(glasses.rim, 0.2), glasses.colour * tint)
        canvas.fill(outline, glasses.tint * tint, glasses.darkness)
        streak = outline.mean(axis=0) + 0.55 * (outline[18:24] - outline.mean(axis=0))
        canvas.stroke(streak, 0.12, np.ones(3), 0.25)
        canvas.stroke(outline, glasses.rim, glasses.colour * tint)
    bridge = np.stack([outlines[0][0], (outlines[0][0] + outlines[1][16]) / 2 + xyz(0, -0.35, 0.2), outlines[1][16]])
    canvas.stroke(bridge + xyz(0, -0.4, 0), max(glasses.rim, 0.15), glasses.colour * tint)
