"""Pedestrians: a walking skeleton, clothed in rounded limbs."""

import numpy as np

from keras_cv_course.data.synthetic.road.camera import xyz
from keras_cv_course.data.synthetic.road.limbs import Limbs
from keras_cv_course.data.synthetic.road.paints import pick

SKIN = np.array([[236, 196, 170], [222, 176, 146], [196, 146, 112], [150, 104, 76], [104, 70, 50]], float)
_HAIR = np.array([[40, 30, 26], [24, 22, 22], [92, 64, 42], [176, 140, 84], [150, 150, 150], [116, 60, 36]], float)
CLOTHES = np.array(
    [
        [34, 36, 42], [60, 66, 78], [46, 62, 104], [96, 104, 112], [222, 222, 218], [176, 42, 44], [226, 184, 62],
        [64, 110, 80], [120, 76, 52], [196, 178, 148], [226, 120, 60], [92, 60, 110], [84, 150, 180], [210, 120, 140],
    ],
    float,
)  # fmt: skip
TROUSERS = np.array(
    [[38, 40, 48], [48, 60, 92], [70, 84, 118], [90, 90, 92], [150, 136, 108], [28, 28, 30], [110, 90, 72]], float
)
SHOES = np.array([[34.0, 32, 32], [224, 224, 222], [96, 66, 46]])


class Pedestrian(Limbs):
    """A person who walks or stands."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Choose age, build, clothes and the moment of a step."""
        super().__init__()
        is_child = rng.random() < 0.15
        self.height = rng.uniform(1.05, 1.4) if is_child else rng.uniform(1.55, 1.92)
        self.girth = self.height * rng.uniform(0.9, 1.15) * (1.05 if is_child else 1)
        self.hip, self.shoulder = 0.50 * self.height, 0.80 * self.height
        skin, coat = pick(rng, SKIN, 6), pick(rng, CLOTHES, 10)
        trousers, shoes = pick(rng, TROUSERS, 8), pick(rng, SHOES, 6)
        has_long_coat, has_skirt = rng.choice([[True, False], [False, True], [False, False]], p=[0.25, 0.11, 0.64])
        sleeves = coat if rng.random() < 0.75 else skin

        stride = rng.uniform(0.35, 1.0) * np.radians(27) if rng.random() < 0.8 else np.radians(3)
        step = rng.choice([-1, 1]) * rng.uniform(0.4, 1) * stride
        for side in (-1, 1):
            self._leg(side, side * step, skin if has_skirt else trousers, shoes)
            self._arm(side, -0.9 * side * step, sleeves, skin, rng.uniform(0.1, 0.9))
        self._torso(coat)
        if has_long_coat or has_skirt:
            self._hem(coat if has_long_coat else pick(rng, CLOTHES, 10), rng.uniform(0.12, 0.24) * self.height)
        if rng.random() < 0.3:  # a rucksack
            bag = pick(rng, CLOTHES, 10)
            self.add([(-0.06, self.shoulder - 0.08, -0.16), (0.06, self.hip + 0.12, -0.17)], [0.1, 0.1], bag)
        self._head(0.066 * (1.62 if is_child else self.height), skin, pick(rng, _HAIR, 6), 0.8 * coat, rng)

    def _torso(self, coat: np.ndarray) -> None:
        broad, waist, thick = 0.092 * self.girth, 0.062 * self.girth, 0.053 * self.girth
        chest, belly = self.shoulder - 0.02, self.hip + 0.03
        joints = [(-broad, chest, 0.0), (broad, chest, 0.0), (-waist, belly, 0.0), (waist, belly, 0.0)]
        self.add(joints, [thick] * 4, coat)

    def _hem(self, cloth: np.ndarray, drop: float) -> None:
        """The lower part of a long coat, or a skirt."""
        waist, top, hem = 0.062 * self.girth, self.hip + 0.06, self.hip - drop
        joints = [(-waist, top, 0.0), (waist, top, 0.0), (-1.5 * waist, hem, 0.0), (1.5 * waist, hem, 0.0)]
        self.add(joints, [0.054 * self.girth] * 2 + [0.03 * self.girth] * 2, cloth)

    def _head(self, size: float, skin: np.ndarray, hair: np.ndarray, cap: np.ndarray, rng: np.random.Generator) -> None:
        neck = self.shoulder + 0.035 * self.height
        self.add([(0, neck, 0), (0, neck + 0.025 * self.height, 0.01)], [0.03 * self.girth] * 2, skin)
        y = self.height - size * 1.15
        self.add([(0, y + 0.02, 0.015), (0, y - 0.045, 0.03)], [size * 0.98, size * 0.78], skin)
        on_head = rng.random()
        if on_head < 0.8:
            end = y - 0.14 if rng.random() < 0.35 else y + 0.01  # long or short
            self.add([(0, y + 0.045, -0.02), (0, end, -0.055)], [size, size * 0.85], hair)
        elif on_head < 0.95:
            self.add([(0, y + 0.05, 0), (0, y + 0.07, -0.01)], [size * 1.08, size * 0.95], cap)

    def _leg(self, side: int, swing: float, cloth: np.ndarray, shoe: np.ndarray) -> None:
        hip, girth = self.hip, self.girth
        x, thigh, shin = side * 0.052 * girth, 0.47 * hip, 0.47 * hip
        bend = max(0.0, -swing) * 0.9 + 0.05  # the leg behind is bent
        knee = np.array([x, hip - thigh * np.cos(swing), thigh * np.sin(swing)])
        ankle = knee + xyz(0, -shin * np.cos(swing - bend), shin * np.sin(swing - bend))
        lift = max(0.05 - ankle[1], 0)
        ankle[1] += lift
        self.add([(x, hip, 0), tuple(knee)], [0.052 * girth, 0.038 * girth], cloth)
        self.add([tuple(knee), tuple(ankle)], [0.038 * girth, 0.027 * girth], cloth)
        toe = ankle + xyz(0.015 * side, -0.025, 0.15 * girth / 1.7)
        self.add([tuple(ankle + xyz(0, -0.015, -0.02)), tuple(toe)], [0.035, 0.026], shoe)

    def _arm(self, side: int, swing: float, sleeve: np.ndarray, skin: np.ndarray, bend: float) -> None:
        shoulder, girth = self.shoulder, self.girth
        top = np.array([side * 0.118 * girth, shoulder - 0.03, 0])
        elbow = top + np.array([side * 0.02, -0.165 * np.cos(swing), 0.165 * np.sin(swing)]) * girth
        forearm = swing + bend
        wrist = elbow + np.array([-side * 0.01, -0.145 * np.cos(forearm), 0.145 * np.sin(forearm)]) * girth
        self.add([tuple(top), tuple(elbow)], [0.034 * girth, 0.027 * girth], sleeve)
        self.add([tuple(elbow), tuple(wrist)], [0.026 * girth, 0.021 * girth], sleeve)
        self.add([tuple(wrist), tuple(wrist + xyz(0, -0.05, 0.01))], [0.022 * girth, 0.019 * girth], skin)
