"""How far found points lie from the true ones, in parts of a distance that measures the face.

Sources: the inter-ocular distance and the cumulative curve as in Sagonas et al., "300 Faces in-the-Wild Challenge:
database and results", 2016; the bounding box as in Bulat and Tzimiropoulos, "How far are we from solving the 2D and 3D
face alignment problem?", ICCV 2017.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from keras_cv_course.data.landmarks import FACE_68, PointScheme
from keras_cv_course.errors import DataContentError

Normaliser = Literal["inter-ocular", "inter-pupil", "box", "diagonal"]


@dataclass(frozen=True)
class LandmarkMetrics:
    """Figures of a set of pictures.

    Attributes:
        error: normalised mean error, the mean over all pictures.
        failure_rate: share of the pictures with an error above `threshold`, 0 to 1.
        auc: area under the curve of the share of pictures with an error up to e, for e from 0 to `threshold`, as a
            share of the largest one possible, 0 to 1.
        normaliser: by what errors are divided.
        threshold: the error from which a picture counts as failed.
        pictures: their number.
    """

    error: float
    failure_rate: float
    auc: float
    normaliser: Normaliser
    threshold: float
    pictures: int


def measure_landmarks(
    truth: np.ndarray,
    predicted: np.ndarray,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    scheme: PointScheme = FACE_68,
) -> LandmarkMetrics:
    """Measure points found on pictures; see :func:`normalised_errors` for the arguments and errors."""
    errors = normalised_errors(truth, predicted, normaliser, scheme)
    return LandmarkMetrics(
        float(errors.mean()),
        failure_rate(errors, threshold),
        error_auc(errors, threshold),
        normaliser,
        threshold,
        len(errors),
    )


def normalised_errors(
    truth: np.ndarray,
    predicted: np.ndarray,
    normaliser: Normaliser = "inter-ocular",
    scheme: PointScheme = FACE_68,
) -> np.ndarray:
    """Divide the mean distance between found and true points of each picture by a distance of the true ones.

    Args:
        truth: (m, n, 2), x and y in pixels, m >= 1.
        predicted: the same shape.
        normaliser: see :func:`normalising_distances`.
        scheme: the order of the points.

    Returns:
        float64 (m,).

    Raises:
        DataContentError: an array is not as described, or the normaliser is unknown, not to be had from these points,
            or 0 on a picture.
    """
    distances = normalising_distances(truth, normaliser, scheme)
    if np.shape(predicted) != np.shape(truth):
        raise DataContentError(
            f"Expected found points of the shape of the true ones, {np.shape(truth)}. Received: {np.shape(predicted)}. "
            "Compare the points of the same pictures."
        )
    if not np.isfinite(predicted).all():
        raise DataContentError("Expected finite coordinates. Received: found points with NaN or infinity.")
    apart = np.linalg.norm(np.asarray(predicted, float) - np.asarray(truth, float), axis=-1)  # (m, n)
    return apart.mean(axis=1) / distances


def normalising_distances(truth: np.ndarray, normaliser: Normaliser, scheme: PointScheme = FACE_68) -> np.ndarray:
    """Give the distance by which the errors of each picture are divided.

    Args:
        truth: (m, n, 2), x and y in pixels, m >= 1.
        normaliser: "inter-ocular", between the outer corners of the eyes; "inter-pupil", between the means of each
            eye's points; "box", the square root of width times height of the box around all points; "diagonal", that of
            this box.
        scheme: the order of the points.

    Returns:
        float64 (m,), pixels, above 0.

    Raises:
        DataContentError: as of :func:`normalised_errors`.
    """
    points = np.asarray(truth, float)
    if points.ndim != 3 or len(points) == 0 or points.shape[1:] != (scheme.count, 2) or not np.isfinite(points).all():
        raise DataContentError(
            f"Expected finite true points of shape (pictures, {scheme.count}, 2) of at least one picture, in the order "
            f"of {scheme.name}. Received: shape {points.shape}. Leave pictures without a face out."
        )
    if normaliser not in get_args(Normaliser):
        raise DataContentError(
            f"Expected a normaliser of {', '.join(get_args(Normaliser))}. Received: {normaliser!r}. Name one of them."
        )
    if normaliser in ("inter-ocular", "inter-pupil"):
        if scheme.outer_corners is None:
            raise DataContentError(
                f"Expected points with the corners of the eyes. Received: {scheme.name}, for {normaliser!r}. "
                "Normalise by 'box' or 'diagonal'."
            )
        left, right = (
            (points[:, number] for number in scheme.outer_corners)
            if normaliser == "inter-ocular"
            else (points[:, list(scheme.groups[f"{side} eye"])].mean(axis=1) for side in ("left", "right"))
        )
        distances = np.linalg.norm(right - left, axis=-1)
    else:
        width, height = np.ptp(points, axis=1).T  # (m,) each
        distances = np.sqrt(width * height) if normaliser == "box" else np.hypot(width, height)
    if (distances <= 0).any():
        raise DataContentError(
            f"Expected faces of some size. Received: picture {int(np.argmin(distances))} with {normaliser} distance 0. "
            "Leave pictures without a face out."
        )
    return distances


def failure_rate(errors: np.ndarray, threshold: float = 0.08) -> float:
    """Share of the errors (m,), m >= 1, that are above a threshold, 0 to 1."""
    _check_errors(errors, threshold)
    return float(np.mean(errors > threshold))


def error_auc(errors: np.ndarray, threshold: float = 0.08) -> float:
    """Area under the cumulative curve of errors (m,), m >= 1, up to a threshold, divided by the threshold, 0 to 1.

    The curve, the share of errors of at most e, is a step for each error, so that the area is exact: an error e adds
    what lies between e and the threshold.
    """
    _check_errors(errors, threshold)
    return float(np.mean(np.clip(1 - np.asarray(errors, float) / threshold, 0, 1)))


def _check_errors(errors: np.ndarray, threshold: float) -> None:
    if np.ndim(errors) != 1 or np.size(errors) == 0 or np.isnan(errors).any() or not threshold > 0:
        raise DataContentError(
            f"Expected errors of at least one picture, shape (pictures,), none NaN, and a threshold above 0. "
            f"Received: shape {np.shape(errors)}, threshold {threshold}."
        )
