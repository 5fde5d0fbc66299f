"""Data for tests: small drawn sets, and the real ones where they are; and workers for submissions."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.data.signs import DATA_VARIABLE, find_signs, write_synthetic_signs
from keras_cv_course.errors import DataNotFoundError, SandboxError
from keras_cv_course.grading.server import WorkerServer

settings.register_profile("no deadline", deadline=None)  # machines that test are busy machines
settings.load_profile("no deadline")

CHECKOUT = Path(__file__).parents[1]
# Files of half a minute or more. They begin first, so that the processes of `make test` end at about the same time.
LONGEST = (
    "test_mistakes.py",
    "test_lessons_run.py",
    "test_cli.py",
    "test_hostile_submissions.py",
    "test_solutions.py",
    "test_frozen.py",
    "test_folder.py",
    "test_fit_detector.py",
    "test_fit.py",
    "test_resume.py",
    "test_honest_but_broken.py",
    "test_backbones.py",
    "test_yolo_loss.py",
    "test_mobilenet.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; all else stays in order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder with the real data sets, or skip."""
    folder = Path(os.environ.get(DATA_VARIABLE, CHECKOUT.parent / "shared" / "data"))
    try:
        find_signs(folder)
    except DataNotFoundError:
        pytest.skip(f"no real data: no SIGNS files in {folder} (set {DATA_VARIABLE})")
    return folder


@pytest.fixture(scope="session")
def synthetic_signs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a small drawn SIGNS set."""
    return write_synthetic_signs(tmp_path_factory.mktemp("signs"), train=48, test=12, seed=3)


@pytest.fixture
def colour_squares() -> LabelledImages:
    """Give 48 noisy 16x16 squares in three colours: a problem that a small network learns in a few epochs."""
    draw = np.random.default_rng(0)
    labels = np.arange(48) % 3
    images = draw.integers(0, 120, (48, 16, 16, 3))
    images[np.arange(48), :, :, labels] += 100
    return LabelledImages(images.astype(np.uint8), labels, ("red", "green", "blue"))


@pytest.fixture(scope="session")
def server() -> Iterator[WorkerServer]:
    """Give a server with the sandbox that a batch requires, or skip where this machine has none."""
    try:
        started = WorkerServer()
    except SandboxError as error:
        pytest.skip(str(error))
    with started:
        yield started
