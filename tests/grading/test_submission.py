"""Notebooks and Python files, and files that pretend to be them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from keras_cv_course.errors import DataFileError, GradingError
from keras_cv_course.grading import submission
from keras_cv_course.grading.submission import MOST_BYTES, Cell, read_submission


def notebook(*cells: Any) -> str:
    return json.dumps({"cells": list(cells), "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


def code(source: Any, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": []}


def read(folder: Path, content: str | bytes, name: str = "learner.ipynb") -> tuple[Cell, ...]:
    path = folder / name
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return read_submission(path).cells


def test_code_cells_are_numbered_as_the_learner_counts_them(tmp_path: Path) -> None:
    text = {"cell_type": "markdown", "source": "def iou(): pass"}
    cells = read(tmp_path, notebook(text, code("a = 1\r\nb = 2\r"), text, code(["c = 3\n", "d = 4"])))
    assert [(cell.number, cell.source, cell.name) for cell in cells] == [
        (1, "a = 1\nb = 2\n", "code cell 1"),
        (2, "c = 3\nd = 4", "code cell 2"),
    ]
    assert (cells[1].line(2), cells[1].line(3), cells[1].line(0)) == ("d = 4", "", "")


@pytest.mark.parametrize(
    ("cell", "is_marked"),
    [
        (code("# GRADED FUNCTION: iou\n"), True),
        (code("# UNQ_C1\ndef f(): pass"), True),
        (code("# UNQ_C1 (UNIQUE CELL IDENTIFIER, DO NOT EDIT)"), True),
        (code("x = 1", tags=["graded"]), True),
        (code("x = 1", nbgrader={"grade_id": "cell-1", "solution": True}), True),
        (code("x = 1", nbgrader={"grade_id": "cell-1", "solution": False}), False),
        (code("x = 1", tags="graded"), False),
        (code("print('GRADED FUNCTION: iou')"), False),
    ],
)
def test_marks_of_graded_cells(tmp_path: Path, cell: dict[str, Any], is_marked: bool) -> None:
    assert [each.is_marked for each in read(tmp_path, notebook(cell))] == [is_marked]


@pytest.mark.parametrize(
    ("source", "is_for"),
    [
        ("def iou(a, b):", True),
        ("import x\nasync def iou ( a ):", True),
        ("iou = tf.function(iou)", True),
        ("iou: object = 1", True),
        ("#  GRADED FUNCTION: iou", True),
        ("def iou_of(a):", False),
        ("    def iou(a):", False),
        ("iou == 3", False),
        ("iou(1, 2)", False),
    ],
)
def test_cell_is_for_the_function_it_defines(source: str, is_for: bool) -> None:
    assert Cell(1, source, 1, False).is_for("iou") == is_for


def test_python_file_is_one_cell_and_the_percent_format_several(tmp_path: Path) -> None:
    assert [cell.number for cell in read(tmp_path, "a = 1\n", "a.py")] == [None]
    cells = read(tmp_path, "import x\n# %% [markdown]\n# Text\n# %%\na = 1\n", "b.py")
    assert [(cell.first_line, cell.source) for cell in cells] == [(1, "import x\n"), (4, "# %%\na = 1\n")]
    assert cells[1].line(5) == "a = 1"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe{", "UTF-8"),
        ("", "This is none"),
        ("{", "This is none"),
        ("[" * 100_000, "nested too deeply"),
        ('{"cells": ' + "9" * 10_000 + "}", "too many digits"),
        ("[]", "no list of cells"),
        ('{"cells": {}}', "no list of cells"),
        ('{"worksheets": [], "nbformat": 3}', "old format"),
        ("[" + "[]," * 2_000_000 + "[]]", "millions of parts"),
        (notebook(*[code("x = 1")] * 2_001), "at most 2000 code cells"),
        (notebook(code("x" * 5_000_000)), "at most 2000 code cells"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_notebook_that_is_none_is_told_to_the_learner(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(DataFileError, match=told):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        '{"cells": [], "cells": [{"cell_type": "code", "source": "x = 1"}]}',
        '{"cells": [{"cell_type": "code", "source": "x = 1", "metadata": {"a": NaN}}]}',
        notebook(None, 3, {"cell_type": "raw"}, code("x = 1")),
        notebook({**code("x = 1"), "outputs": [{"text": "y"}] * 100_000}),
    ],
    ids=["a key twice", "NaN", "cells that are none", "many outputs"],
)
def test_odd_notebook_is_read(tmp_path: Path, content: str) -> None:
    assert [cell.source for cell in read(tmp_path, content)] == ["x = 1"]


def test_half_of_a_surrogate_pair_and_a_source_that_is_none_are_harmless(tmp_path: Path) -> None:
    cells = read(tmp_path, notebook(code("x = '\ud800'"), code(5), code([1, 2])))
    assert [cell.source for cell in cells] == ["x = '?'", "", ""]


def test_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "large.ipynb").open("wb") as file:
        file.truncate(500 * 2**20)
    with pytest.raises(DataFileError, match=f"at most {MOST_BYTES // 2**20} MB. Received: 500 MB"):
        read_submission(tmp_path / "large.ipynb")


def test_links_folders_and_devices_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("x = 1")
    (tmp_path / "link.py").symlink_to(tmp_path / "other.py")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("link.py", "folder.py", "pipe.py"):
        with pytest.raises(DataFileError, match="Expected a file"):
            read_submission(tmp_path / name)


def test_missing_file_is_the_grader_s_problem(tmp_path: Path) -> None:
    with pytest.raises(GradingError, match="cannot be read"):
        read_submission(tmp_path / "none.ipynb")


def test_other_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"\.ipynb"):
        read(tmp_path, "x = 1", "learner.txt")


def test_long_line_is_told_by_its_beginning() -> None:
    assert Cell(1, "x = 1\n  " + "y" * 10**6, 1, False).line(2) == "y" * 300 + "..."


@pytest.mark.parametrize(
    ("content", "name"),
    [("# %%\n" * 100_000, "a.py"), ('{"cells": [' + '{"cell_type": "code"},' * 100_000 + "{}]}", "a.ipynb")],
)
def test_no_more_cells_are_made_than_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, name: str
) -> None:
    made = []
    monkeypatch.setattr(submission, "Cell", lambda *parts: made.append(parts) or Cell(*parts))
    with pytest.raises(DataFileError, match="at most 2000 code cells"):
        read(tmp_path, content, name)
    assert len(made) == 2_001
