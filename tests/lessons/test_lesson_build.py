"""The files that come from a lesson."""

import json
from pathlib import Path

import nbformat
import pytest
from tiny_lesson import LESSON, write_lesson

from keras_cv_course.errors import GradingError
from keras_cv_course.lessons.build import generated_files, stale_files, to_notebook, write_generated_files
from keras_cv_course.lessons.source import read_lesson

NAMES = {"notebook.ipynb", "notebook.md", "solution.ipynb", "MISTAKES.md"}


@pytest.fixture
def assignment(tmp_path: Path) -> Path:
    return write_lesson(tmp_path)


def test_same_bytes_again_and_nothing_is_stale_after_writing(assignment: Path) -> None:
    assert {path.name for path in stale_files(assignment)} == NAMES
    assert {path.name for path in write_generated_files(assignment)} == NAMES
    assert stale_files(assignment) == write_generated_files(assignment) == []
    assert generated_files(assignment) == {name: (assignment / name).read_text() for name in NAMES}


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("lesson.py", "total = row.sum()", "total = sum(row)", {"solution.ipynb"}),
        ("lesson.py", "**doubled**", "doubled", {"notebook.ipynb", "notebook.md", "solution.ipynb"}),
        ("checks.py", "points=2", "points=3", {"notebook.ipynb", "solution.ipynb"}),
        ("mistakes.toml", "The sum", "Not divided", {"MISTAKES.md"}),
        ("notebook.ipynb", "check(double)", "check(mean)", {"notebook.ipynb"}),
    ],
)
def test_what_a_change_makes_stale(assignment: Path, file: str, old: str, new: str, stale: set[str]) -> None:
    write_generated_files(assignment)
    text = (assignment / file).read_text()
    assert old in text
    (assignment / file).write_text(text.replace(old, new))
    assert {path.name for path in stale_files(assignment)} == stale


@pytest.mark.parametrize("name", ["notebook.ipynb", "solution.ipynb"])
def test_notebook_is_valid_and_as_jupyter_saves_it(assignment: Path, name: str) -> None:
    text = generated_files(assignment)[name]
    notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert nbformat.writes(notebook) + "\n" == text
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_graded_cells_have_the_points_of_all_their_checks(assignment: Path) -> None:
    cells = json.loads(generated_files(assignment)["notebook.ipynb"])["cells"]
    marks = [cell["metadata"]["nbgrader"] for cell in cells if cell["metadata"]]
    assert [(mark["grade_id"], mark["points"]) for mark in marks] == [("double", 2), ("mean", 2)]
    assert all(mark["grade"] and mark["solution"] and mark["schema_version"] == 3 for mark in marks)


def test_solutions_are_in_the_instructor_s_notebook_only(assignment: Path) -> None:
    files = generated_files(assignment)
    for line in ("+ x", "row.sum()", "total / len(row)"):
        assert [name for name in sorted(NAMES) if line in files[name]] == ["solution.ipynb"]
    assert "result = None" in files["notebook.ipynb"]
    assert "None" not in files["solution.ipynb"]


def test_text_version(assignment: Path) -> None:
    text = generated_files(assignment)["notebook.md"]
    assert text.startswith("# Two small functions\n\nNumbers can be **doubled**.\n\n```python\nfrom keras_cv_course")
    assert text.count("```") == 2 * 5


def test_text_version_of_code_that_holds_a_fence(tmp_path: Path) -> None:
    assignment = write_lesson(tmp_path, LESSON + "\n# %%\nprint('```')\n")
    assert generated_files(assignment)["notebook.md"].endswith("````python\nprint('```')\n````\n")


def test_table_of_mistakes(assignment: Path) -> None:
    lines = generated_files(assignment)["MISTAKES.md"].splitlines()
    assert "| `double` | Doubled \\| trebled | A negative number (hidden) | the secret of the hidden check |" in lines
    assert "| `mean` | The sum | A drawn row | mean(x) |" in lines
    assert "- `double`: A product" in lines


def test_another_text_in_place_of_a_solution(assignment: Path) -> None:
    cells = to_notebook(read_lesson(assignment / "lesson.py"), solved=True, instead={"mean": "mean = 3"})["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert sources[4] == "mean = 3"
    assert "+ x" in sources[2]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# GRADED FUNCTION: mean\n", "# GRADED FUNCTION: median\n", "Received: one for median"),
        (LESSON[LESSON.index("# %%\n# GRADED FUNCTION: mean") :], "", "none for mean"),
    ],
)
def test_lesson_that_does_not_fit_its_questions(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in LESSON
    assignment = write_lesson(tmp_path, LESSON.replace(old, new))
    with pytest.raises(GradingError, match=said):
        write_generated_files(assignment)
    assert not NAMES & {path.name for path in assignment.iterdir()}
