"""Pictures of three spots, and what an augmentation did to them: mirrored, and turned by which angle."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cv_course.grading import Named, Subject, compare
from keras_cv_course.grading.wire import Array

SIGMA = 2.0  # of a spot, in pixels
DISC = 18.0  # pixels around the middle of a picture; all spots lie in it, however they are turned
MOST_TURNED = 72.0  # degrees: 0.2 of a whole turn
SLACK = 3.0  # degrees, for interpolation between pixels


@dataclass(frozen=True)
class Spots:
    """A picture of a red, a green and a blue spot.

    Attributes:
        image: float32 (height, width, 3).
        dark: value where there is no spot.
        places: of the spots, complex (3,): x + iy from the middle, in pixels.
    """

    image: np.ndarray
    dark: float
    places: np.ndarray


@dataclass(frozen=True)
class Changes:
    """What an augmentation did to each of m pictures of spots.

    Attributes:
        mirrored: bool (m,), left and right exchanged.
        angles: (m,) degrees, -180..180, by which the picture, mirrored or not, was turned.
        scales: (m,) size of the spots' triangle, relative to the right one.
        shifts: (m,) pixels by which the spots are off their places after all that.
        light: (m,) sum of all values, relative to the right one.
    """

    mirrored: np.ndarray
    angles: np.ndarray
    scales: np.ndarray
    shifts: np.ndarray
    light: np.ndarray

    @property
    def is_upside_down(self) -> bool:
        """Whether pictures stand on their head, and not because they are turned by any angle."""
        size = np.abs(self.angles)
        return bool((size > 90).any() and not ((size > MOST_TURNED + SLACK) & (size < 105)).any())

    @property
    def folded(self) -> np.ndarray:
        """Degrees, -90..90, by which pictures are turned from where they stand upright or on their head."""
        return (self.angles + 90) % 180 - 90


def draw_spots(draw: np.random.Generator, height: int = 64, width: int = 64, *, white: float = 255.0) -> Spots:
    """Draw three spots on black, in 0..white; or in -1..1 where `white` is 1."""
    angles = draw.uniform(0, 2 * np.pi) + np.array([0, 1.6, 3.5])
    places = draw.permutation([11.0, 8.0, 10.0]) * np.exp(1j * draw.permutation(angles))
    grid = _grid(height, width)
    spots = np.exp(-(np.abs(grid[..., None] - places) ** 2) / (2 * SIGMA**2))
    dark = -1.0 if white == 1 else 0.0
    return Spots((dark + (white - dark) * spots).astype(np.float32), dark, places)


def augmented(subject: Subject, images: np.ndarray, *, training: bool, seed: int) -> Any:
    """Run what the submission's `data_augmenter` makes."""
    try:
        return subject.call("augment", Named("data_augmenter"), images, training, seed)
    except compare.NotCompared as wrong:
        raise compare.NotCompared(
            str(wrong).replace("augment raised", "data_augmenter, or what it makes, raised"), wrong.raised
        ) from None


def see_changes(subject: Subject, draw: np.random.Generator, spots: Spots, pictures: int = 100) -> Changes:
    """Let the augmentation of a submission change one picture many times, as while training.

    Raises:
        compare.Wrong: it does not give pictures of the same shape.
    """
    images = np.repeat(spots.image[None], pictures, axis=0)
    received = augmented(subject, images, training=True, seed=int(draw.integers(2**31)))
    if not isinstance(received, Array) or received.values.shape != images.shape:
        compare.close(received, images, "pictures while training")  # which says in what the shape is wrong
    return measure(np.asarray(received.values, np.float64), spots)


def measure(images: np.ndarray, spots: Spots) -> Changes:
    """Find out what was done to pictures of spots (m, height, width, 3)."""
    grid = _grid(*images.shape[1:3])
    values = np.where((np.abs(grid) < DISC)[..., None], images - spots.dark, 0)
    sums = values.sum(axis=(1, 2))  # (m, 3)
    found = (values * grid[..., None]).sum(axis=(1, 2)) / np.where(np.abs(sums) < 1e-6, 1, sums)
    fits = [_turn(found, places) for places in (spots.places, -spots.places.conj())]  # as they are, and mirrored
    mirrored = fits[1][1] < fits[0][1]
    turns = np.where(mirrored, fits[1][0], fits[0][0])
    right = (spots.image - spots.dark).sum()
    return Changes(
        mirrored=mirrored,
        angles=np.degrees(np.angle(turns)),
        scales=np.abs(turns),
        shifts=np.where(mirrored, fits[1][1], fits[0][1]),
        light=sums.sum(axis=1) / right,
    )


def _turn(found: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit the complex factor that turns places (3,) to those found (m, 3); give it, and the largest distance left."""
    factors = (found * places.conj()).sum(axis=1) / (np.abs(places) ** 2).sum()
    return factors, np.abs(found - factors[:, None] * places).max(axis=1)


def _grid(height: int, width: int) -> np.ndarray:
    """Give each pixel's place from the middle, complex (height, width)."""
    rows, columns = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    return columns[None] + 1j * rows[:, None]
