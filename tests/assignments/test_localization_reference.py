"""What the checks of 04_localization expect is what the package itself gives."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from keras_cv_course.metrics.localization import localization_metrics
from keras_cv_course.models.localizer import LocalizationLoss, decode_prediction, encode_target

FILE = Path(__file__).parents[2] / "assignments" / "04_localization" / "reference.py"
SIZE, CLASSES = (120, 160), 3


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("localization_reference", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_agrees_with_the_package(reference: ModuleType) -> None:
    draw = np.random.default_rng(1)
    count = 60
    low = draw.uniform(10, 50, (count, 2))
    boxes = np.concatenate([low, low + draw.uniform(20, 60, (count, 2))], axis=-1).astype(np.float32)
    class_ids = draw.integers(-1, CLASSES, count)
    pictures = [
        (None, None, SIZE, CLASSES) if class_id < 0 else (tuple(box), int(class_id), SIZE, CLASSES)
        for box, class_id in zip(boxes, class_ids, strict=True)
    ]
    y_true = np.stack([reference.encode(picture) for picture in pictures])
    # Here and below: float32, of numbers up to 160 with 24 bits.
    assert y_true == pytest.approx(encode_target(boxes, class_ids, SIZE, CLASSES), abs=1e-6)

    scores = np.where(draw.random(count) < 0.8, y_true[:, 0], 1 - y_true[:, 0]) * 0.8 + 0.1
    shares = 0.5 * y_true[:, 5:] + draw.dirichlet(np.ones(CLASSES), count)
    near = y_true[:, 1:5] + draw.normal(0, 0.03, (count, 4))
    near[:, 2:] = abs(near[:, 2:])  # of a size below zero the package makes none, which the lesson does not ask for
    y_pred = np.concatenate([scores[:, None], near, shares / shares.sum(axis=1, keepdims=True)], axis=1)
    y_pred = y_pred.astype(np.float32)
    loss = np.asarray(LocalizationLoss("notes", box_weight=1.0).call(y_true, y_pred))
    assert reference.loss(y_true, y_pred) == pytest.approx(loss, rel=1e-4)

    said = decode_prediction(y_pred, SIZE)
    found = said.class_ids >= 0
    # The package cuts boxes off at the edge of the picture.
    for y, box, class_id in zip(y_pred[found], said.boxes[found], said.class_ids[found], strict=True):
        read, read_class = reference.decode(y, SIZE)
        assert read_class == class_id
        assert np.clip(read, 0, [160, 120, 160, 120]) == pytest.approx(box, abs=1e-3)

    right = reference.is_right(y_true, y_pred, 0.5)
    figures = localization_metrics(boxes, class_ids, said.boxes, said.class_ids)
    assert 0.2 < figures.correct < 0.8
    assert right.mean() == pytest.approx(figures.correct)
