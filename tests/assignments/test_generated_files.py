"""What is generated from the lessons is up to date, and a notebook."""

from pathlib import Path

import nbformat
import pytest
from assignment_lessons import FOLDERS, each_lesson

from keras_cv_course.lessons.build import NOTEBOOK, SOLUTION, stale_files


def test_there_are_lessons() -> None:
    assert FOLDERS


@each_lesson()
def test_generated_files_are_up_to_date(folder: Path) -> None:
    assert not [str(path) for path in stale_files(folder)], "Generate them with: kcc assignments build"


@each_lesson()
@pytest.mark.parametrize("name", [NOTEBOOK, SOLUTION])
def test_notebook_is_valid(folder: Path, name: str) -> None:
    nbformat.validate(nbformat.read(folder / name, as_version=nbformat.NO_CONVERT))
