"""Smooth curves through few points."""

import numpy as np


def interpolate(at: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Cubic Hermite interpolation; the slope at a place is that from the place before to the place after.

    Beyond the ends the curve is constant.

    Args:
        at: (...), where the curve is asked for.
        places: (n,), ascending.
        values: (n,), the curve's values at `places`.

    Returns:
        (...), the curve's values at `at`.
    """
    before, after = [0, *range(len(places) - 1)], [*range(1, len(places)), -1]
    slopes = (values[after] - values[before]) / (places[after] - places[before])
    at = np.clip(at, places[0], places[-1])
    left = np.clip(np.searchsorted(places, at, side="right") - 1, 0, len(places) - 2)
    step = (places[1:] - places[:-1])[left]
    t = (at - places[left]) / step
    first, last = values[left], values[left + 1]
    return (
        first
        + t**2 * (3 - 2 * t) * (last - first)
        + step * t * (1 - t) * ((1 - t) * slopes[left] - t * slopes[left + 1])
    )


def smooth(points: np.ndarray, closed: bool, pieces: int = 5) -> np.ndarray:
    """Catmull-Rom curve through points (n, d), with `pieces` steps between two of them, as points (m, d)."""
    ends = (points[-1:], points[:2]) if closed else (2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1])
    padded = np.concatenate([ends[0], points, ends[1]])
    before, start, end, after = (padded[shift : len(padded) - 3 + shift] for shift in range(4))
    t = (np.arange(pieces) / pieces)[:, None, None]
    curve = start + t / 2 * (
        end - before + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, points.shape[1])
    return curve if closed else np.concatenate([curve, points[-1:]])


def ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, and a smooth S between them."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
