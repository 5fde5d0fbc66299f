"""Who is on the picture: the shape of a head, its colours, its hair and what it wears."""

from dataclasses import dataclass

import numpy as np

from keras_cv_course.data.synthetic.face.head import Head
from keras_cv_course.data.synthetic.face.points import Features

# From very light to very dark.
_SKIN = np.array(
    [
        [0.95, 0.79, 0.71],
        [0.91, 0.73, 0.62],
        [0.84, 0.64, 0.51],
        [0.74, 0.54, 0.41],
        [0.57, 0.39, 0.29],
        [0.40, 0.27, 0.20],
    ]
)
_HAIR = np.array([[0.09, 0.07, 0.07], [0.2, 0.13, 0.09], [0.36, 0.24, 0.15], [0.72, 0.56, 0.34], [0.5, 0.22, 0.1]])
_GREY = np.array([0.68, 0.67, 0.66])
_IRIS = np.array([[0.24, 0.15, 0.09], [0.36, 0.24, 0.12], [0.35, 0.42, 0.5], [0.36, 0.44, 0.3], [0.2, 0.28, 0.42]])
_LIPS = np.array([0.72, 0.34, 0.34])


@dataclass(frozen=True)
class Hair:
    """A haircut; all lengths in centimetres.

    Attributes:
        colour: RGB (3,), 0..1.
        hairline: height y at which the hair begins above the forehead.
        length: height y down to which it hangs beside the ears; below 3 the ears are free.
        thickness: by how much it stands out from the head.
        parting: where it is parted, -1 to 1.
        beard: 0 none, 0.3 stubble, 1 full.
        moustache: the same.
        is_bald: no hair on the head.
    """

    colour: np.ndarray
    hairline: float
    length: float
    thickness: float
    parting: float
    beard: float
    moustache: float
    is_bald: bool

    @classmethod
    def random(cls, skin_tone: float, rng: np.random.Generator) -> "Hair":
        """Choose a haircut, darker on dark skin (`skin_tone` 0 light to 1 dark)."""
        dark = rng.random() < 0.25 + 0.75 * skin_tone
        colour = _HAIR[rng.integers(2 if dark else len(_HAIR))] * rng.uniform(0.8, 1.2)
        if rng.random() < 0.15:
            colour = colour + rng.uniform(0.3, 1) * (_GREY - colour)
        is_long = rng.random() < 0.45
        grows_beard = not is_long and rng.random() < 0.45
        return cls(
            colour=colour,
            hairline=float(rng.uniform(-8.6, -5.6)),
            length=float(rng.uniform(5, 17) if is_long else rng.uniform(-1, 2.5)),
            thickness=float(rng.uniform(0.7, 1.8) if is_long else rng.uniform(0.3, 1.6)),
            parting=float(rng.uniform(-0.9, 0.9)),
            beard=float(rng.uniform(0.2, 1)) if grows_beard else 0.0,
            moustache=float(rng.uniform(0.2, 1)) if grows_beard and rng.random() < 0.8 else 0.0,
            is_bald=bool(not is_long and rng.random() < 0.15),
        )


@dataclass(frozen=True)
class Glasses:
    """What stands before the eyes; lengths in centimetres.

    Attributes:
        width, height: half axes of a glass.
        roundness: exponent of the super-ellipse that a glass is: 2 round, 5 nearly a rectangle.
        rim: width of the frame.
        colour: of the frame, RGB (3,), 0..1.
        tint: of the glass, RGB (3,), and `darkness` its opacity, 0 clear.
    """

    width: float
    height: float
    roundness: float
    rim: float
    colour: np.ndarray
    tint: np.ndarray
    darkness: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Glasses":
        """Choose glasses, now and then dark ones through which the eyes are only just seen."""
        is_dark = rng.random() < 0.15
        colours = np.array(
            [[0.08, 0.08, 0.09], [0.3, 0.18, 0.1], [0.6, 0.55, 0.45], [0.5, 0.1, 0.12], [0.15, 0.2, 0.4]]
        )
        return cls(
            width=float(rng.uniform(2.2, 2.75)),
            height=float(rng.uniform(1.5, 2.3)),
            roundness=float(rng.uniform(2, 5)),
            rim=float(rng.uniform(0.12, 0.42)),
            colour=colours[rng.integers(len(colours))] * rng.uniform(0.7, 1.2),
            tint=np.array([0.1, 0.09, 0.08]) if is_dark else np.array([0.85, 0.92, 1.0]),
            darkness=float(rng.uniform(0.45, 0.75) if is_dark else rng.uniform(0.02, 0.12)),
        )


@dataclass(frozen=True)
class Person:
    """One face, whatever it does.

    Attributes:
        head, features: its shape.
        skin, iris, lips: RGB (3,), 0..1.
        blush: how much redder the cheeks are, 0..1.
        brow_width: of the brows, centimetres.
        lashes: width of the line of the upper lid, centimetres.
        age: 0 to 1, how deep the folds are.
        hair: the haircut.
        glasses: None without.
        cloth: colour of the clothes, RGB (3,), 0..1.
    """

    head: Head
    features: Features
    skin: np.ndarray
    iris: np.ndarray
    lips: np.ndarray
    blush: float
    brow_width: float
    lashes: float
    age: float
    hair: Hair
    glasses: Glasses | None
    cloth: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Person":
        """Choose a person."""
        tone = rng.beta(1.4, 1.8)
        skin = np.array([np.interp(tone * (len(_SKIN) - 1), range(len(_SKIN)), channel) for channel in _SKIN.T])
        hair = Hair.random(tone, rng)
        painted = rng.random() < 0.3
        natural = skin * np.array([0.9, 0.68, 0.68])
        lips = natural + (rng.uniform(0.3, 0.9) if painted else rng.uniform(0, 0.3)) * (_LIPS - natural)
        return cls(
            head=Head.random(rng),
            features=Features.random(rng),
            skin=skin * rng.uniform(0.96, 1.04, 3),
            iris=_IRIS[rng.integers(2 if tone > 0.55 else len(_IRIS))] * rng.uniform(0.8, 1.2),
            lips=lips,
            blush=float(rng.uniform(0, 0.6)),
            brow_width=float(rng.uniform(0.28, 0.75)),
            lashes=float(rng.uniform(0.1, 0.3)),
            age=float(rng.beta(1.2, 2)),
            hair=hair,
            glasses=Glasses.random(rng) if rng.random() < 0.25 else None,
            cloth=rng.uniform(0.05, 0.95) * rng.uniform(0.55, 1, 3),
        )
