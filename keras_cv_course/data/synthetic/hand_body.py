"""The body of a hand: a skeleton posed for a sign, and the flesh around it as round cones, in centimetres.

The wrist is the origin, y runs along the middle finger, z out of the palm, and x towards the thumb, which
makes it a right hand. Fingers are numbered from index (0) to little (3), joints from the wrist outwards.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from keras_cv_course.data.synthetic.relief import Cone

# A grown-up's hand, from index to little finger.
_CARPALS = np.array([[1.6, 1.2, 0.2], [0.5, 1.0, 0.0], [-0.6, 1.0, 0.0], [-1.7, 1.2, 0.2]])
_KNUCKLES = np.array([[2.9, 8.9, 0.2], [0.9, 9.3, 0.0], [-1.2, 8.8, 0.0], [-3.1, 7.8, 0.3]])
_PHALANGES = np.array([[4.2, 2.6, 2.1], [4.7, 2.9, 2.2], [4.3, 2.8, 2.2], [3.4, 2.1, 1.9]])
_FINGER_RADII = np.array([0.98, 1.00, 0.96, 0.84])
_FINGER_SPREAD = np.array([-11.0, -2.0, 8.0, 20.0])  # degrees off the y axis in a hand at ease
_THUMB_ROOT = np.array([1.9, 1.8, 0.7])
_THUMB_BONES = (4.3, 3.5, 2.9)
_LITTLE_BALL = np.array([[-2.0, 2.0, 0.7], [-2.9, 5.6, 0.6]])
_PALM_LINES = (
    ((2.7, 6.9), (1.5, 5.6), (0.8, 3.8), (0.7, 2.0)),
    ((2.8, 6.9), (0.5, 6.1), (-2.0, 4.6)),
    ((-3.6, 6.3), (-1.4, 7.0), (0.2, 7.6), (1.2, 8.9)),
)

# The fingers that are up in each sign; the thumb makes up the rest.
_RAISED: tuple[set[int], ...] = (set(), {0}, {0, 1}, {0, 1}, {0, 1, 2, 3}, {0, 1, 2, 3})


@dataclass(frozen=True)
class Hand:
    """A posed skeleton, in centimetres, and how much flesh it carries."""

    fingers: np.ndarray  # (4, 4, 3) joints from knuckle to tip
    palmar: np.ndarray  # (4, 3, 3) unit vectors out of the palm's side of each phalanx
    thumb: np.ndarray  # (4, 3) joints from root to tip
    thickness: float  # 1 for the average hand


def pose_hand(sign: int, rng: np.random.Generator) -> Hand:
    """Pose a hand that raises `sign` digits, 0..5; for 0 the index finger meets the thumb in a circle."""
    fingers, palmar = _pose_fingers(sign, rng)
    return Hand(fingers, palmar, _pose_thumb(sign, fingers, rng), rng.uniform(0.92, 1.16))


def _pose_fingers(sign: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Joints (4, 4, 3) of the fingers, and the unit vectors (4, 3, 3) out of their palm side."""
    raised = _RAISED[sign]
    if sign == 3 and rng.random() < 0.15:  # without the thumb
        raised = {0, 1, 2}
    spread = rng.uniform(0.6, 1.7)
    length = rng.uniform(0.92, 1.08)
    out = np.array([0, 0, 1])
    joints = np.empty((4, 4, 3))
    palmar = np.empty((4, 3, 3))
    for finger in range(4):
        if sign == 0:
            bends, aside = rng.normal([56, 72, 48], 4), 0.4
        elif finger in raised:
            bends, aside = rng.uniform(0, [16, 18, 12]), spread
        else:
            bends, aside = rng.normal([82, 100, 55], [5, 5, 8]), 0.3
        angle = np.radians(_FINGER_SPREAD[finger] * aside + rng.normal(0, 2))
        straight = np.array([-np.sin(angle), np.cos(angle), 0])
        bend = np.radians(np.cumsum(bends))[:, None]  # (3, 1)
        bones = (np.cos(bend) * straight + np.sin(bend) * out) * (length * _PHALANGES[finger])[:, None]
        joints[finger] = _KNUCKLES[finger] + np.vstack([np.zeros(3), np.cumsum(bones, axis=0)])
        palmar[finger] = np.cos(bend) * out - np.sin(bend) * straight
    return joints, palmar


def _pose_thumb(sign: int, fingers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Joints (4, 3) of the thumb, from its root to its tip."""
    if sign == 5 or (sign == 3 and not _is_up(fingers[2])):
        angle = np.radians(rng.uniform(32, 68))
        knuckle_way = np.array([np.cos(angle * 0.9), np.sin(angle * 0.9), 0.25])
        tip = _THUMB_ROOT + 11 * np.array([np.cos(angle), np.sin(angle), 0.1])
        bulge = np.array([0.4, -0.3, 0.3])
    elif sign == 0:
        knuckle_way = np.array([0.3, 0.2, 0.75])
        tip = fingers[0, 3] + np.array([-0.1, 0.2, 0.1])
        bulge = np.array([0.3, -1, 0.8])
    else:
        knuckle_way = np.array([0.24, 0.68, 0.6])
        folded = [finger for finger in fingers if not _is_up(finger)][:2]
        if folded:  # the thumb holds their middle bones
            tip = np.mean(folded, axis=0)[1:3].mean(0) + np.array([0.2, -0.6, 1.1])
        else:  # it lies across the palm
            tip = np.array([-1.5, 7.0, 1.8])
        tip = tip + rng.normal(0, 0.3, 3)
        bulge = np.array([0.35, 0.2, 1.0])
    knuckle = _THUMB_ROOT + _THUMB_BONES[0] * _unit(knuckle_way + rng.normal(0, 0.04, 3))
    return np.stack([_THUMB_ROOT, knuckle, *_two_bones(knuckle, tip, *_THUMB_BONES[1:], bulge)])


def _is_up(finger: np.ndarray) -> bool:
    """Whether a finger's tip is farther from the wrist than its first joint."""
    return bool(finger[3, 1] > finger[1, 1])


def _two_bones(
    start: np.ndarray, target: np.ndarray, first: float, second: float, bulge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Joint and end of two bones that reach from `start` for `target`, their joint pushed towards `bulge`."""
    way = _unit(target - start)
    reach = np.clip(np.linalg.norm(target - start), 0.5 * (first + second), 0.99 * (first + second))
    along = (first**2 - second**2 + reach**2) / (2 * reach)
    out = _unit(bulge - (bulge @ way) * way)
    return start + along * way + np.sqrt(max(first**2 - along**2, 0)) * out, start + reach * way


def palm_cones(hand: Hand, skin: np.ndarray) -> list[Cone]:
    """The palm in `skin` (3,): a bone to each knuckle, the two balls, and the webs between the digits."""
    full = np.array([0, 0, 0.2])  # the palm is fuller than the back of the hand
    between_carpals = (_CARPALS[1:] + _CARPALS[:-1]) / 2
    between_knuckles = (_KNUCKLES[1:] + _KNUCKLES[:-1]) / 2 - np.array([0, 0.3, 0])
    bones = [*zip(_CARPALS, _KNUCKLES, strict=True), *zip(between_carpals, between_knuckles, strict=True)]
    parts = [(carpal + full, knuckle + full / 2, 1.3, 1.05) for carpal, knuckle in bones]
    parts += [(one, other, 0.8, 0.8) for one, other in pairwise(_KNUCKLES + np.array([0, 0.4, 0]))]
    for one, other in pairwise(hand.fingers):
        if _is_up(one) == _is_up(other):  # a web reaches a third up their first bones
            web = [finger[0] + 0.36 * (finger[1] - finger[0]) for finger in (one, other)]
            parts.append((*web, 0.55, 0.55))
    root, knuckle = hand.thumb[:2]
    for share, edge in ((0.5, 5.6), (0.95, 7.2)):  # the web between thumb and palm
        parts.append((root + share * (knuckle - root), np.array([2.4, edge, 0.2]), 0.8, 0.8))
    redder = skin * np.array([1.0, 0.95, 0.95])
    balls = [(root, knuckle, 1.65, 1.1), (*_LITTLE_BALL, 1.4, 1.1)]
    return _cones(parts, hand, skin) + _cones(balls, hand, redder)


def digit_cones(hand: Hand, skin: np.ndarray) -> list[Cone]:
    """The fingers, with their nails, and the thumb, in `skin` (3,) that is redder at the tips."""
    bones, tips, nails = [], [], []
    for joints, palmar, radius in zip(hand.fingers, hand.palmar, _FINGER_RADII, strict=True):
        bones += [(*joints[:2], radius, 0.93 * radius), (*joints[1:3], 0.93 * radius, 0.87 * radius)]
        way = _unit(joints[3] - joints[2])
        # The last joint is the skin of the tip, so the last sphere's centre stays its radius behind.
        tips.append((joints[2], joints[3] - 0.72 * radius * way, 0.87 * radius, 0.72 * radius))
        nail = (joints[2] + 1.2 * way, joints[3] - 0.5 * radius * way) - 0.32 * radius * palmar[2]
        nails.append((*nail, 0.52 * radius, 0.48 * radius))
    _, knuckle, joint, tip = hand.thumb
    bones.append((knuckle, joint, 1.12, 1.02))
    tips.append((joint, tip - 0.82 * _unit(tip - joint), 1.02, 0.82))
    redder = skin * np.array([1.02, 0.95, 0.95])
    paler = 0.6 * skin + 0.4 * np.array([0.98, 0.82, 0.80])
    return _cones(bones, hand, skin) + _cones(tips, hand, redder) + _cones(nails, hand, paler)


def crease_cones(hand: Hand) -> list[Cone]:
    """Threads in the skin, black: across the fingers' joints, on both sides, and along the palm."""
    threads = []
    for joints, out, radius in zip(hand.fingers, hand.palmar, _FINGER_RADII * hand.thickness, strict=True):
        across = 0.7 * radius * _unit(np.cross(joints[1] - joints[0], out[0]))
        web = joints[0] + 0.45 * (joints[1] - joints[0])
        for joint, normal in ((web, out[0]), (joints[1], out[0] + out[1]), (joints[2], out[1] + out[2])):
            for face in (0.8, -0.8):
                middle = joint + face * radius * _unit(normal)
                threads.append((middle - across, middle + across, 0.11, 0.11))
    for line in _PALM_LINES:
        points = np.array([(*point, 1.3 * hand.thickness) for point in line])
        threads += [(start, end, 0.09, 0.09) for start, end in pairwise(points)]
    return [Cone(*thread, np.zeros(3)) for thread in threads]


def arm_cones(hand: Hand, way: np.ndarray, skin: np.ndarray) -> list[Cone]:
    """Wrist and 30 cm of forearm, in `skin` (3,), along the unit vector `way` (3,)."""
    sides = np.array([[-0.95, 0, 0], [0, 0, 0], [0.95, 0, 0]])
    return _cones([(side, 2 * side + 30 * way, 1.75, 3.2) for side in sides], hand, skin)


def sleeve_cones(hand: Hand, way: np.ndarray, cuff: float, cloth: np.ndarray) -> list[Cone]:
    """A sleeve of the colour `cloth` (3,) around the forearm, from `cuff` centimetres behind the wrist."""
    return _cones([(cuff * way, 30 * way, 4.0, 5.0)], hand, cloth)


def _cones(parts: list[tuple[np.ndarray, np.ndarray, float, float]], hand: Hand, colour: np.ndarray) -> list[Cone]:
    """Cones from start, end and both radii in an average hand."""
    return [
        Cone(start, end, wide * hand.thickness, narrow * hand.thickness, colour) for start, end, wide, narrow in parts
    ]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
