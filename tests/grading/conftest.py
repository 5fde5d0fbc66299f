"""Submissions of the car detection assignment."""

from pathlib import Path

import pytest
from car_detection import GradeCells, write_notebook

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
