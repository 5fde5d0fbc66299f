"""Anchors against a search over all ways to divide a few boxes."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.detection.anchors import average_iou, find_anchors, sizes_in_cells
from keras_cv_course.errors import DataContentError
from keras_cv_course.models.yolov2 import COCO_ANCHORS


def plain_iou(a, b) -> float:
    common = min(a[0], b[0]) * min(a[1], b[1])
    return common / (a[0] * a[1] + b[0] * b[1] - common)


def plain_average(sizes, anchors) -> float:
    return sum(max(plain_iou(size, anchor) for anchor in anchors) for size in sizes) / len(sizes)


def divisions(sizes: np.ndarray, k: int):
    """Give the means of every division of boxes into k groups, and whether k-means would stay there."""
    for groups in itertools.product(range(k), repeat=len(sizes)):
        if {*groups} == {*range(k)}:
            means = [sizes[np.array(groups) == group].mean(axis=0) for group in range(k)]
            nearest = [max(range(k), key=lambda g, size=size: plain_iou(size, means[g])) for size in sizes]
            yield means, nearest == list(groups)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("k", [1, 2, 3])
def test_no_division_that_k_means_could_end_in_is_better(k, seed):
    sizes = np.exp(np.random.default_rng(seed).normal(0, 1, (7, 2)))
    found = find_anchors(sizes, k)
    of_fixed, of_all = [], []
    for means, fixed in divisions(sizes, k):
        of_all.append(plain_average(sizes, means))
        if fixed:
            of_fixed.append(of_all[-1])
    rounding = 1e-6  # anchors are float32
    assert found.average_iou >= max(of_fixed) - rounding
    # Single boxes, where k-means begins, may be better than means; nothing else is.
    of_boxes = (plain_average(sizes, chosen) for chosen in itertools.combinations(sizes, k))
    assert found.average_iou <= max(*of_all, *of_boxes) + rounding
    assert found.average_iou == pytest.approx(plain_average(sizes, found.sizes.astype(np.float64)), abs=1e-9)


def test_shapes_that_were_there_are_found_again_smallest_first():
    draw = np.random.default_rng(0)
    shapes = np.array([[0.5, 1.2], [3.0, 2.0], [9.0, 8.0]])
    sizes = (shapes[draw.integers(3, size=600)] * np.exp(draw.normal(0, 0.05, (600, 2)))).astype(np.float64)
    found = find_anchors(sizes, 3, seed=5)
    assert found.sizes.dtype == np.float32
    np.testing.assert_allclose(found.sizes, shapes, rtol=0.02)  # 200 boxes each: the mean is off by 0.05 / 14
    assert found.average_iou > 0.9


def test_equal_seeds_give_equal_anchors_and_more_anchors_fit_better():
    sizes = np.exp(np.random.default_rng(1).normal(0, 1, (300, 2)))
    assert np.array_equal(find_anchors(sizes, 5, seed=2).sizes, find_anchors(sizes, 5, seed=2).sizes)
    averages = [find_anchors(sizes, k).average_iou for k in range(1, 10)]
    assert averages == sorted(averages)


def test_a_part_of_very_many_boxes_decides(monkeypatch):
    sizes = np.exp(np.random.default_rng(3).normal(0, 0.5, (3000, 2)))
    of_all = find_anchors(sizes, 4).average_iou
    monkeypatch.setattr("keras_cv_course.detection.anchors._MOST_BOXES", 1000)
    found = find_anchors(sizes, 4)
    assert found.average_iou == pytest.approx(of_all, abs=0.005)  # the mean of 250 boxes is off by 0.5 / 16
    assert found.average_iou == pytest.approx(average_iou(sizes, found.sizes.astype(np.float64)))


def test_as_many_anchors_as_sizes_fit_exactly():
    sizes = np.array([[1.0, 2.0], [3.0, 1.0], [1.0, 2.0], [5.0, 5.0]])
    found = find_anchors(sizes, 3)
    assert found.sizes.tolist() == [[1, 2], [3, 1], [5, 5]]
    assert found.average_iou == 1


@pytest.mark.parametrize(
    ("sizes", "k", "message"),
    [
        (np.ones((4, 2)), 2, "k from 1 to 1"),
        (np.ones((4, 2)), 0, "k from 1 to 1"),
        (np.zeros((0, 2)), 1, "k from 1 to 0"),
        (np.array([[1.0, 0.0]]), 1, "above 0"),
        (np.array([[1.0, np.nan]]), 1, "above 0"),
        (np.ones((4, 3)), 1, r"\(n, 2\)"),
    ],
)
def test_impossible_requests(sizes, k, message):
    with pytest.raises(DataContentError, match=message):
        find_anchors(sizes, k)


def test_sizes_are_those_in_the_networks_input():
    boxes = np.array([[0, 0, 100, 50], [10, 10, 30, 30], [5, 5, 5, 9]], np.float32)
    flags = (frozenset[str](), frozenset({"crowd"}), frozenset[str]())
    image = BoxedImage("1.png", Path(), (50, 200), boxes, np.zeros(3, np.int64), flags)
    data = BoxedImages(Path(), (image,), ("car",), (1,), "voc")
    assert sizes_in_cells(data, (320, 640)).tolist() == [[10, 10]]  # 100 of 200 of 20 cells; 50 of 50 of 10
    assert sizes_in_cells(data, (320, 640), "letterbox").tolist() == [[10, 5]]
    assert sizes_in_cells(BoxedImages(Path(), (), ("car",), (1,), "voc"), (320, 320)).shape == (0, 2)


@pytest.mark.parametrize(("name", "for_coco", "own"), [("raccoon", 0.663, 0.836), ("bccd", 0.641, 0.848)])
def test_real_boxes_are_fitted_better_than_by_the_anchors_for_coco(real_data, name, for_coco, own):
    """Hold the figures of docs/datasets.md; the second may rise."""
    sizes = sizes_in_cells(find_boxes(real_data / name), (416, 416))
    assert average_iou(sizes, np.array(COCO_ANCHORS)) == pytest.approx(for_coco, abs=0.0005)
    assert find_anchors(sizes, 5).average_iou > own - 0.0015  # as rounded, and what another seed may lose
