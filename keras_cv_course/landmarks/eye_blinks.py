"""Blinks in a film, from the points of the eyes.

Source: Soukupova and Cech, "Real-Time Eye Blink Detection using Facial Landmarks", CVWW 2016, for the eye aspect ratio;
they learn what a blink is from its course, where this module compares it with a threshold.
"""

import numpy as np

from keras_cv_course.data.landmarks import FACE_68
from keras_cv_course.errors import DataContentError


def eye_aspect_ratio(points: np.ndarray) -> np.ndarray:
    """Divide the mean height of each eye by its width.

    Args:
        points: (..., 68, 2), in the order of :data:`~keras_cv_course.data.landmarks.FACE_68`.

    Returns:
        (..., 2), of the left and the right eye: about 0.2 to 0.5 open, near 0 closed. Neither the size of the face nor
        its roll matter.

    Raises:
        DataContentError: the points are not as described, or an eye has no width.
    """
    points = np.asarray(points, float)
    if points.ndim < 2 or points.shape[-2:] != (FACE_68.count, 2):
        raise DataContentError(f"Expected points of shape (..., 68, 2). Received: {points.shape}. Give all 68 points.")
    eyes = np.stack([points[..., list(FACE_68.groups[name]), :] for name in ("left eye", "right eye")], axis=-3)
    # Of each eye (..., 2, 6, 2): corner, two points of the upper lid, corner, two points of the lower lid, backwards.
    heights = np.linalg.norm(eyes[..., [1, 2], :] - eyes[..., [5, 4], :], axis=-1).mean(axis=-1)
    widths = np.linalg.norm(eyes[..., 0, :] - eyes[..., 3, :], axis=-1)
    if not (widths > 0).all():
        raise DataContentError("Expected eyes of some width. Received: corners that coincide. Is there a face?")
    return heights / widths


def find_blinks(ratios: np.ndarray, threshold: float | None = None, least_frames: int = 2) -> list[tuple[int, int]]:
    """Find runs of frames in which the eyes are closed.

    Args:
        ratios: (frames,), an eye aspect ratio for each frame, best the mean of both eyes.
        threshold: the ratio below which eyes count as closed; None for half of the film's median, which fits
            narrow eyes as well as wide ones, where eyes are open most of the time.
        least_frames: shorter runs are taken for errors of the points.

    Returns:
        First and last frame of each blink, in order of time.

    Raises:
        DataContentError: `ratios` is not as described.
    """
    ratios = np.asarray(ratios, float)
    if ratios.ndim != 1 or ratios.size == 0 or not np.isfinite(ratios).all():
        raise DataContentError(
            f"Expected one finite ratio for each frame, shape (frames,). Received: shape {ratios.shape}. "
            "Take the mean of both eyes."
        )
    limit = 0.5 * np.median(ratios) if threshold is None else threshold
    changes = np.flatnonzero(np.diff(np.concatenate([[False], ratios < limit, [False]]).astype(int)))
    runs = [(int(start), int(end) - 1) for start, end in changes.reshape(-1, 2)]
    return [(first, last) for first, last in runs if last - first + 1 >= least_frames]
