"""What the checks of 07_unet expect is what the package itself gives."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from keras_cv_course.data.masked_images import class_map
from keras_cv_course.metrics.masks import segmentation_metrics
from keras_cv_course.models.unet import unet_model

FILE = Path(__file__).parents[2] / "assignments" / "07_unet" / "reference.py"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("unet_reference", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["unet_reference"] = module  # for its dataclasses
    spec.loader.exec_module(module)
    return module


def test_network_agrees_with_the_package(reference: ModuleType) -> None:
    draw = np.random.default_rng(1)
    model = unet_model((16, 32, 3), n_filters=2, n_classes=5)
    weights = reference.DrawnWeights(draw)
    model.set_weights([weights(weight.path.rsplit("/", 1)[-1], tuple(weight.shape)) for weight in model.weights])
    images = draw.uniform(0, 1, (2, 16, 32, 3)).astype(np.float32)
    expected = reference.Network(2, 5)(images, weights)
    assert expected.std() > 0.01
    # Float32, 23 convolutions one after the other, in another order of summation.
    assert np.asarray(model(images)) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_class_maps_agree_with_the_package(reference: ModuleType) -> None:
    draw = np.random.default_rng(2)
    masks, class_ids = draw.random((6, 9, 12)) < draw.uniform(0.1, 0.6, (6, 1, 1)), draw.integers(0, 4, 6)
    np.testing.assert_array_equal(reference.class_map(masks, class_ids), class_map(masks, class_ids))

    names = ("background", "a", "b", "c")
    true = draw.choice([0, 1, 3, reference.IGNORED], (3, 8, 9)).astype(np.uint8)
    said = draw.choice([0, 1, 3], true.shape).astype(np.uint8)
    assert reference.mean_iou(true, said, 4) == pytest.approx(segmentation_metrics(true, said, names).mean_iou)

    # Without the 1 above and below, Dice of truths is what the package says of one class.
    thing = (true == 1) & (true != reference.IGNORED)
    received = reference.dice(thing.reshape(1, 24, 9), (said == 1).reshape(1, 24, 9))
    shared, sizes = (thing & (said == 1)).sum(), thing.sum() + (said == 1).sum()
    assert received == pytest.approx([(2 * shared + 1) / (sizes + 1)])


def test_gradient_agrees_with_differences(reference: ModuleType) -> None:
    draw = np.random.default_rng(3)
    true, predicted = (draw.random((2, 4, 5)) < 0.4).astype(float), draw.random((2, 4, 5))
    step = 1e-5
    shift = step * (np.arange(20).reshape(1, 4, 5) == 7)
    slope = (reference.dice(true, predicted + shift) - reference.dice(true, predicted - shift)) / (2 * step)
    assert reference.dice_gradient(true, predicted)[:, 1, 2] == pytest.approx(slope, rel=1e-6)
