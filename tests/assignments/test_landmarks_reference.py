"""What the checks of 05_landmarks expect is what the package itself gives."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from keras_cv_course.data.landmarks import FACE_68, flip_points
from keras_cv_course.landmarks.eye_blinks import eye_aspect_ratio
from keras_cv_course.metrics.landmarks import normalised_errors

FILE = Path(__file__).parents[2] / "assignments" / "05_landmarks" / "reference.py"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("landmarks_reference", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_agrees_with_the_package(reference: ModuleType) -> None:
    draw = np.random.default_rng(1)
    true = draw.uniform(0, 128, (5, 68, 2)).astype(np.float32)
    predicted = true + draw.normal(0, 3, true.shape).astype(np.float32)
    mirror = FACE_68.mirror
    # In float32, of numbers up to 128: 1e-4 is some units in the last place.
    assert reference.flip(true, 128, list(mirror)) == pytest.approx(flip_points(true, 128, mirror), abs=1e-4)
    error = reference.mean_error(predicted, true, 36, 45)
    assert error == pytest.approx(normalised_errors(true, predicted, "inter-ocular").mean(), rel=1e-5)
    ratios = reference.aspect_ratio(true[:, 36:48].reshape(-1, 2, 6, 2))
    assert ratios == pytest.approx(eye_aspect_ratio(true), rel=1e-5)
