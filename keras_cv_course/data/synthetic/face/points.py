"""The 68 points of a head, which place everything that is painted on its face."""

from dataclasses import dataclass

import numpy as np

from keras_cv_course.data.synthetic.face.head import CHIN, MOUTH, Head
from keras_cv_course.data.synthetic.face.view import xyz

_EYE_HEIGHT = 0.2
_JAW_HEIGHTS = np.array([0.3, 2.1, 3.9, 5.7, 7.4, 8.9, 10.1, 10.95, CHIN])  # of points 0 to 8


@dataclass(frozen=True)
class Features:
    """Size and place of the features of one face, centimetres where nothing else is said; by default the average.

    Attributes:
        eye: x of the eyes' middles.
        eye_width, eye_height: half width, and height of the open eye.
        slant: by how much an eye's outer corner is higher than its inner one.
        brow: height of the brows above the average, `arch` by how much their middle is higher than their ends.
        mouth: half width of the mouth; `lips` factor of the lips' height.
        lift: by how much the corners of the mouth at rest are higher than its middle.
    """

    eye: float = 3.15
    eye_width: float = 1.42
    eye_height: float = 1.05
    slant: float = 0.08
    brow: float = 0.12
    arch: float = 0.45
    mouth: float = 2.55
    lips: float = 1.05
    lift: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Features":
        """Choose features."""
        return cls(
            eye=float(np.clip(rng.normal(3.15, 0.12), 2.85, 3.45)),
            eye_width=float(rng.uniform(1.25, 1.6)),
            eye_height=float(rng.uniform(0.85, 1.3)),
            slant=float(rng.normal(0.08, 0.12)),
            brow=float(rng.uniform(-0.25, 0.5)),
            arch=float(rng.uniform(0.15, 0.75)),
            mouth=float(rng.uniform(2.2, 2.95)),
            lips=float(rng.uniform(0.7, 1.45)),
            lift=float(rng.normal(0, 0.1)),
        )


@dataclass(frozen=True)
class Expression:
    """What a face does.

    Attributes:
        jaw_drop: opening of the mouth, centimetres.
        smile: 0 to 1; below 0 the corners of the mouth hang.
        pout: 0 to 1, the mouth narrow.
        brow_raise: centimetres; `frown`: by how much the brows' inner ends are lower and closer.
        openness: of the eyes, left and right in the picture: 0 closed, 1 open, above 1 wide open.
        gaze: x and y of the look, about -1 to 1.
    """

    jaw_drop: float = 0.0
    smile: float = 0.0
    pout: float = 0.0
    brow_raise: float = 0.0
    frown: float = 0.0
    openness: tuple[float, float] = (1.0, 1.0)
    gaze: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Expression":
        """Choose an expression: calm, or smiling, or speaking, now and then with one eye or both closed."""
        open_mouth = rng.random() < 0.4
        kind = rng.random()
        openness = np.clip(rng.normal(1, 0.12), 0.7, 1.25) * np.ones(2)
        if rng.random() < 0.12:
            openness *= rng.uniform(0, 0.6)
        elif rng.random() < 0.04:
            openness[rng.integers(2)] *= rng.uniform(0, 0.3)
        return cls(
            jaw_drop=float(rng.uniform(0.2, 2.6) ** (1.0 if rng.random() < 0.5 else 0.5)) if open_mouth else 0.0,
            smile=float(rng.uniform(0.2, 1) if kind < 0.4 else rng.uniform(-0.35, 0.1)),
            pout=float(rng.uniform(0.2, 0.9)) if 0.4 < kind < 0.5 else 0.0,
            brow_raise=float(np.clip(rng.normal(0, 0.3), -0.4, 0.9)),
            frown=float(max(rng.normal(0, 0.15), 0)),
            openness=(float(openness[0]), float(openness[1])),
            gaze=(float(np.clip(rng.normal(0, 0.4), -1, 1)), float(np.clip(rng.normal(0, 0.25), -0.6, 0.6))),
        )


def face_points(head: Head, features: Features, expression: Expression) -> np.ndarray:
    """Give the 68 points (68, 3) of a head in its own coordinates, in the order of iBUG's 300-W."""
    half, widest = head.outline(_JAW_HEIGHTS)
    side = np.stack([-half, _JAW_HEIGHTS, widest], axis=1)  # (9, 3), from the ear to the chin
    jaw = head.scale(np.concatenate([side, side[-2::-1] * [-1, 1, 1]]), expression.jaw_drop)
    brows = _both(_brow(features, expression), [4, 3, 2, 1, 0])
    eyes = [_eye(features, expression, number) for number in (0, 1)]
    eyes[1] = (eyes[1] * [-1, 1])[[3, 2, 1, 0, 5, 4]]
    flat = np.concatenate([brows, _nose(head, expression), *eyes])
    upper, lower = _mouth(features, expression)
    on_skin = head.scale(_lift(head, np.concatenate([flat, upper])), 0.0)
    # The lower lip goes down with all of the jaw, the skin beside it with a part of it.
    lips = head.scale(_lift(head, lower) + xyz(0, expression.jaw_drop, -0.3 * expression.jaw_drop), 0.0)
    mouth = np.concatenate([on_skin[31:43], lips])[_MOUTH_ORDER]
    return np.concatenate([jaw, on_skin[:31], mouth])


# Points 48 to 67 within the upper lip (outer edge 48..54, inner edge 60..64) and the lower (55..59, 65..67).
_MOUTH_ORDER = [*range(7), *range(12, 17), *range(7, 12), *range(17, 20)]


def _lift(head: Head, flat: np.ndarray) -> np.ndarray:
    """Put points (n, 2) seen from in front onto the skin, (n, 3)."""
    return np.column_stack([flat, head.front(flat[:, 0], flat[:, 1])])


def _both(left: np.ndarray, order: list[int]) -> np.ndarray:
    """Points (n, 2) at the left of the picture, and their mirror image in `order`."""
    return np.concatenate([left, left[order] * [-1, 1]])


def _brow(features: Features, expression: Expression) -> np.ndarray:
    x = -features.eye + np.array([-2.35, -1.35, -0.25, 0.8, 1.75]) + expression.frown * np.array([0, 0, 0.1, 0.3, 0.5])
    y = -1.75 - features.brow - features.arch * np.array([-0.45, 0.65, 1, 0.6, 0.1])
    y -= expression.brow_raise * np.array([0.7, 1, 1, 0.9, 0.8])
    return np.stack([x, y + expression.frown * np.array([-0.2, 0, 0.2, 0.7, 1])], axis=1)


def _eye(features: Features, expression: Expression, number: int) -> np.ndarray:
    """Points 36 to 41: outer corner, upper lid, inner corner, lower lid, of the eye at the left of the picture."""
    openness = expression.openness[number]
    wide, high = features.eye_width, features.eye_height * openness
    squint = 0.15 * max(expression.smile, 0) * min(openness, 1)
    x = -features.eye + wide * np.array([-1, -0.38, 0.36, 1, 0.36, -0.38])
    tilt = np.array([-0.5, -0.25, 0.2, 0.5, 0.2, -0.25]) * features.slant
    lids = np.array([0, -0.62 * high, -0.62 * high, 0, 0.38 * high - squint, 0.38 * high - squint])
    closing = max(1 - openness, 0) * 0.3 * np.array([0, 1, 1, 0, 1, 1])  # closed lids meet below the middle
    return np.stack([x, _EYE_HEIGHT + tilt + lids + closing], axis=1)


def _nose(head: Head, expression: Expression) -> np.ndarray:
    """Points 27 to 35: down the ridge, then along the nostrils from left to right."""
    drop = head.nose_drop
    ridge = np.array([[0, -0.2], [0, 1.2 + 0.3 * drop], [0, 2.6 + 0.7 * drop], [0, 4.0 + drop]])
    wide = 1 + 0.1 * max(expression.smile, 0)
    x = np.array([-1.55, -0.8, 0, 0.8, 1.55]) * head.nose_width * wide
    below = np.stack([x, np.array([4.75, 5.0, 5.2, 5.0, 4.75]) + drop], axis=1)
    return np.concatenate([ridge, below])


def _mouth(features: Features, expression: Expression) -> tuple[np.ndarray, np.ndarray]:
    """Points of the upper lip, 48 to 54 and 60 to 64, and of the lower, 55 to 59 and 65 to 67, jaw closed."""
    smile, drop = expression.smile, expression.jaw_drop
    half = features.mouth * (1 + 0.22 * max(smile, 0) - 0.38 * expression.pout) * (1 - 0.07 * drop)
    lift = features.lift + 0.55 * smile - 0.42 * drop  # an opening jaw takes the corners along
    height = features.lips * (1 - 0.3 * max(smile, 0) + 0.25 * expression.pout)
    corner = MOUTH - lift

    def line(x: list[float], above: list[float], bend: float) -> np.ndarray:
        """Points at parts `x` of the half width, `above` times the lips' height over the line between the lips."""
        place = np.array(x)
        middle = corner + (MOUTH - bend - corner) * (1 - place**2)
        return np.stack([half * place, middle - height * np.array(above)], axis=1)

    bend = 0.12 * drop  # the upper lip goes up a little
    upper = line([-1, -0.6, -0.2, 0, 0.2, 0.6, 1], [0, 0.42, 0.72, 0.6, 0.72, 0.42, 0], bend)
    upper_inner = line([-0.86, -0.3, 0, 0.3, 0.86], [0, 0, 0, 0, 0], bend)
    lower = line([0.66, 0.32, 0, -0.32, -0.66], [-0.6, -0.95, -1.02, -0.95, -0.6], 0.0)
    lower_inner = line([0.3, 0, -0.3], [0, 0, 0], 0.0)
    # What is near the corners follows the jaw less.
    lower[:, 1] -= drop * 0.42 * np.array([1, 0.25, 0, 0.25, 1])
    lower_inner[:, 1] -= drop * 0.06 * np.array([1, 0, 1])
    return np.concatenate([upper, upper_inner]), np.concatenate([lower, lower_inner])
