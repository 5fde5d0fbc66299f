"""Each lesson runs from top to bottom in the folder that a learner gets, solutions filled in, within five minutes."""

import time
from pathlib import Path

import nbformat
import pytest
from assignment_lessons import each_lesson
from nbclient import NotebookClient

from keras_cv_course.lessons.build import SOLUTION
from keras_cv_course.lessons.start import start_assignment

MOST_SECONDS = 300


@each_lesson(slow={"01_residual_networks"})  # trains a whole ResNet50, a minute and a half of CPU
def test_lesson_runs_from_top_to_bottom(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_CV_COURSE_DATA", raising=False)  # a learner has what the folder holds
    start_assignment(folder, tmp_path / "learner")
    notebook = nbformat.read(folder / SOLUTION, as_version=4)
    started = time.monotonic()
    NotebookClient(notebook, timeout=MOST_SECONDS, resources={"metadata": {"path": tmp_path / "learner"}}).execute()
    assert time.monotonic() - started < MOST_SECONDS
    text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert " checks passed." in text
    assert "NO  " not in text  # the sign of a check that failed, in the notebook
