"""What the checks of 08_roi_align expect is what TensorFlow's own operations give, and this package."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.metrics.masks import mask_iou
from keras_cv_course.models.paste_masks import paste_masks
from keras_cv_course.models.roi_align import box_levels, roi_align

FILE = Path(__file__).parents[2] / "assignments" / "08_roi_align" / "reference.py"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("roi_align_reference", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_aligned_is_the_mean_of_points_that_tensorflow_reads(reference: ModuleType) -> None:
    draw = np.random.default_rng(1)
    feature_map = draw.normal(size=(12, 15, 3)).astype(np.float32)
    box, stride, rows, columns, sampling = (33.3, 21.7, 90.1, 77.9), 8, 3, 4, 2
    # crop_and_resize reads from the first to the last point, both in parts of the way from first to last centre.
    x1, y1, x2, y2 = (side / stride - 0.5 for side in box)
    half_y, half_x = (y2 - y1) / rows / sampling / 2, (x2 - x1) / columns / sampling / 2
    ends = np.array([y1 + half_y, x1 + half_x, y2 - half_y, x2 - half_x]) / [11, 14, 11, 14]
    read = tf.image.crop_and_resize(feature_map[None], ends[None], [0], (rows * sampling, columns * sampling))
    expected = read.numpy()[0].reshape(rows, sampling, columns, sampling, 3).mean(axis=(1, 3))
    # float32 places of up to 15 cells have errors of 1e-6, and neighbouring cells differ by some units.
    assert reference.align(feature_map, box, (rows, columns), 1 / stride, sampling) == pytest.approx(expected, abs=1e-5)


def test_pasted_is_what_tensorflow_resizes(reference: ModuleType) -> None:
    mask = np.random.default_rng(2).uniform(0, 1, (5, 7)).astype(np.float32)
    expected = np.full((40, 50), np.nan)
    expected[6:30, 11:47] = tf.image.resize(mask[..., None], (24, 36), method="bilinear").numpy()[..., 0]
    found = reference.resized(mask, (11, 6, 47, 30), (40, 50))
    assert found == pytest.approx(expected, abs=1e-5, nan_ok=True)


def test_reference_agrees_with_the_package(reference: ModuleType) -> None:
    draw = np.random.default_rng(3)
    feature_map = draw.normal(size=(12, 15, 3)).astype(np.float32)
    low = draw.uniform(-30, 60, (8, 2))
    boxes = np.concatenate([low, low + draw.uniform(4, 90, (8, 2))], axis=1).astype(np.float32)
    aligned = np.asarray(roi_align(feature_map[None], boxes[None], (3, 4), 8, sampling=2))[0]
    expected = [reference.align(feature_map, box, (3, 4), 1 / 8, 2) for box in boxes.astype(float)]
    assert aligned == pytest.approx(np.array(expected), abs=2e-5)  # as above; places of up to 20 cells

    large = boxes * 8
    levels = np.asarray(box_levels(large, [4, 8, 16, 32]))  # places among the levels 2 to 5
    assert levels.tolist() == [reference.level(box) - 2 for box in large]

    # In the outer half cell the package's masks fall to 0: with outer cells of 0 there is nothing to fall.
    soft = np.pad(draw.uniform(0, 1, (8, 5, 5)), ((0, 0), (1, 1), (1, 1))).astype(np.float32)
    pasted = paste_masks(soft, boxes, (80, 90))
    expected = [reference.paste(mask, box, (80, 90)) for mask, box in zip(soft, boxes.astype(float), strict=True)]
    assert np.count_nonzero(pasted != np.array(expected)) <= 1  # a value may be 0.5 but for float32
    assert pasted.any(axis=(1, 2)).all()
    assert mask_iou(pasted[:3], pasted) == pytest.approx(reference.mask_overlaps(pasted[:3], pasted))
