"""What a model of points reaches on drawn pictures: figures and pages, for training and for the demonstration."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cv_course.data.synthetic.landmark_set import LandmarkImages
from keras_cv_course.landmarks.draw import draw_points
from keras_cv_course.metrics.landmarks import LandmarkMetrics, Normaliser, measure_landmarks, normalised_errors
from keras_cv_course.models.landmark_finder import LandmarkFinder
from keras_cv_course.report.landmarks_page import PointedPicture, write_landmarks_page

LEAST_PROBABILITY = 0.5  # from which on a model says that there is a face
_SHOWN = 12
_ENLARGED = 3


@dataclass(frozen=True, eq=False)
class LandmarksResult:
    """Points found on pictures whose points are known.

    Attributes:
        data: the pictures.
        probabilities: float32 (m,), that there is something.
        points: float32 (m, n, 2), found.
        metrics: on those pictures where there is.
    """

    data: LandmarkImages
    probabilities: np.ndarray
    points: np.ndarray
    metrics: LandmarkMetrics

    @property
    def presence(self) -> float:
        """Share of the pictures on which it is said rightly whether there is something, 0 to 1."""
        return float(((self.probabilities >= LEAST_PROBABILITY) == self.data.is_there).mean())

    def to_json(self) -> dict[str, Any]:
        """Give the figures as JSON types."""
        return {**asdict(self.metrics), "presence_accuracy": self.presence, "all_pictures": len(self.data.images)}

    def best_and_worst(self) -> dict[str, list[PointedPicture]]:
        """Draw the first pictures, and those with the largest errors."""
        there = np.flatnonzero(self.data.is_there)
        normaliser, scheme = self.metrics.normaliser, self.data.scheme
        errors = normalised_errors(self.data.points[there], self.points[there], normaliser, scheme)
        worst = np.argsort(-errors)[:_SHOWN]
        return {
            "The first pictures": [self._draw(there[i], errors[i]) for i in range(min(_SHOWN, len(there)))],
            "The worst pictures": [self._draw(there[i], errors[i]) for i in worst],
        }

    def _draw(self, number: int, error: float) -> PointedPicture:
        large = self.data.images[number].repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
        drawn = draw_points(large, self.points[number] * _ENLARGED, self.data.scheme)
        return PointedPicture(drawn, f"error {error:.3f}, probability {self.probabilities[number]:.2f}")

    def write_page(
        self, path: Path, *, title: str, facts: Mapping[str, str], history: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        """Write the page about them."""
        write_landmarks_page(
            path,
            title=title,
            facts=facts,
            data_note=f"{len(self.data.images)} pictures drawn by this package with a seed that no training uses. The "
            "model learned from drawn pictures only: nothing here says how it does on photographs.",
            metrics=self.metrics,
            presence=self.presence,
            groups=self.best_and_worst(),
            history=history,
        )


def measure_finder(finder: LandmarkFinder, data: LandmarkImages) -> LandmarksResult:
    """Find the points on pictures of the model's size and compare them with the true ones."""
    probabilities, points = finder.predict(data.images)
    there = data.is_there
    normaliser: Normaliser = "inter-ocular" if data.scheme.outer_corners else "diagonal"
    metrics = measure_landmarks(data.points[there], points[there], normaliser, scheme=data.scheme)
    return LandmarksResult(data, probabilities, points, metrics)
