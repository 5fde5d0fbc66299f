"""Submissions of the car detection assignment, and servers of workers that are attacked from inside."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from car_detection import GradeCells, write_notebook
from sandbox import KERNELS, STAND_IN, changed

from keras_cv_course.errors import SandboxError
from keras_cv_course.grading.assignment import Assignment, load_assignment
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer


@pytest.fixture(scope="session")
def car_detection() -> Assignment:
    return load_assignment("03_car_detection")


@pytest.fixture
def grade_cells(server: WorkerServer, car_detection: Assignment, tmp_path: Path) -> GradeCells:
    """Give what grades the code cells of a notebook for the car detection assignment."""

    def run(cells: list[str], seed: int = 1) -> Result:
        return grade(write_notebook(tmp_path / "learner.ipynb", cells), car_detection, seed=seed, server=server)

    return run


@pytest.fixture(scope="session")
def sandbox() -> Iterator[WorkerServer]:
    """Give a server whose workers run what tests tell them, with the sandbox that a batch requires."""
    try:
        started = WorkerServer(worker_files=[STAND_IN], warm=False)
    except SandboxError as error:
        pytest.skip(str(error))
    with started:
        yield started


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that all users may pass and write to; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="module", params=KERNELS)
def on_kernel(request: pytest.FixtureRequest) -> Iterator[WorkerServer]:
    """Give a server as `sandbox` does, also with what an older kernel has of Landlock."""
    with changed(KERNELS[request.param]) as server:
        yield server
