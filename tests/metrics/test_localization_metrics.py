import numpy as np
import pytest

from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.localization import LocalizationMetrics, localization_metrics


def test_worked_example() -> None:
    true_boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 0, 0], [0, 0, 0, 0]], float)
    boxes = np.array([[0, 0, 10, 5], [0, 0, 10, 4], [0, 0, 10, 10], [3, 3, 9, 9], [3, 3, 9, 9]], float)
    # Right at an IoU of exactly 0.5; right class, box too small; wrong class; rightly nothing; wrongly something.
    metrics = localization_metrics(true_boxes, np.array([0, 1, 2, -1, -1]), boxes, np.array([0, 1, 0, -1, 2]))
    assert metrics == LocalizationMetrics(5, 3, 3 / 5, pytest.approx((0.5 + 0.4 + 1) / 3), 2 / 5)
    assert metrics.to_json()["correct"] == 2 / 5


def test_equals_a_plain_loop() -> None:
    draw = np.random.default_rng(0)
    corners = draw.uniform(0, 50, (200, 2, 2, 2))
    true_boxes, boxes = np.sort(corners, axis=2).reshape(200, 2, 4).transpose(1, 0, 2)
    boxes[::2] = true_boxes[::2] + draw.uniform(-3, 3, (100, 4))
    true_ids, class_ids = draw.integers(-1, 2, (2, 200))
    right = found = 0
    overlaps = []
    for a, b, i, j in zip(true_boxes, boxes, true_ids, class_ids, strict=True):
        width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
        both = max(width, 0) * max(height, 0)
        areas = [max(box[2] - box[0], 0) * max(box[3] - box[1], 0) for box in (a, b)]
        overlap = both / (sum(areas) - both)
        right += i == j
        found += i == j and (i == -1 or overlap >= 0.5)
        if i >= 0:
            overlaps.append(overlap)
    metrics = localization_metrics(true_boxes, true_ids, boxes, class_ids)
    assert 0 < found < right < 200
    assert (metrics.accuracy, metrics.correct) == (right / 200, found / 200)
    assert metrics.mean_iou == pytest.approx(np.mean(overlaps), rel=1e-12)


def test_only_empty_pictures_have_no_mean_iou() -> None:
    metrics = localization_metrics(np.zeros((2, 4)), np.array([-1, -1]), np.zeros((2, 4)), np.array([-1, 0]))
    assert np.isnan(metrics.mean_iou)
    assert metrics.to_json()["mean_iou"] is None
    assert (metrics.objects, metrics.correct) == (0, 0.5)


@pytest.mark.parametrize("rows", [(0, 0), (2, 3)])
def test_nothing_or_other_lengths_are_refused(rows: tuple[int, int]) -> None:
    with pytest.raises(DataContentError, match="Received"):
        localization_metrics(np.zeros((rows[0], 4)), np.zeros(rows[0]), np.zeros((rows[1], 4)), np.zeros(rows[1]))
