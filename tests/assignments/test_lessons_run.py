"""Each lesson runs from top to bottom in the folder that a learner gets, solutions filled in, within five minutes."""

import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from assignment_lessons import FOLDERS, each_lesson
from drawn_materials import check_material
from nbclient import NotebookClient

from keras_cv_course.lessons.build import SOLUTION
from keras_cv_course.lessons.materials import MATERIALS, Material, Progress
from keras_cv_course.lessons.start import start_assignment

MOST_SECONDS = 300


def materials(folder: Path) -> list[str]:
    return tomllib.loads((folder / "assignment.toml").read_text(encoding="utf-8")).get("materials", [])


def test_each_material_is_in_a_lesson() -> None:
    assert {name for folder in FOLDERS for name in materials(folder)} == set(MATERIALS)


@each_lesson(slow={"01_residual_networks"})  # trains a whole ResNet50, a minute and a half of CPU
def test_lesson_runs_from_top_to_bottom(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, list[int]] = {}

    @contextmanager
    def note(material: Material) -> Iterator[Progress]:
        (name,) = [name for name, known in MATERIALS.items() if known is material]
        yield shown.setdefault(name, []).append

    monkeypatch.delenv("KERAS_CV_COURSE_DATA", raising=False)  # a learner has what the folder holds
    learner = tmp_path / "learner"
    start_assignment(folder, learner, progress=note)
    for name in materials(folder):
        check_material(name, learner, shown.pop(name))
    assert shown == {}
    notebook = nbformat.read(folder / SOLUTION, as_version=4)
    started = time.monotonic()
    NotebookClient(notebook, timeout=MOST_SECONDS, resources={"metadata": {"path": learner}}).execute()
    assert time.monotonic() - started < MOST_SECONDS
    text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert " checks passed." in text
    assert "NO  " not in text  # the sign of a check that failed, in the notebook
