"""The contracts: nbgrader's nbgraderformat/v3.json and v3.py, and plugins/export.py."""

import csv

import pytest
from sample_results import failed_result, mixed_result, perfect_result

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.formats.nbgrader import check_cells, grades_csv, mark_cells

EXPORTED = (
    "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty,score,"
    "max_score"
)
POINTS = {"iou": 4, "yolo_head": 3.0}


def cell(source: str, kind: str = "code", **nbgrader: object) -> dict:
    extra = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {"nbgrader": nbgrader} if nbgrader else {}, "source": source, **extra}


def notebook(*cells: dict) -> dict:
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": list(cells)}


NOTEBOOK = notebook(
    cell("# IoU", "markdown"),
    cell("import numpy as np"),
    cell("# UNQ_C1\n# GRADED FUNCTION: iou\n\ndef iou(box1, box2):\n    ..."),
    cell("# GRADED FUNCTION: yolo_head\ndef yolo_head(): ...", schema_version=2, grade=False),
    cell("# GRADED FUNCTION: iou\n# a copy"),
)
GOOD = {"schema_version": 3, "grade": True, "solution": True, "locked": False, "grade_id": "iou", "points": 1}


def test_marks_the_cell_of_each_question():
    marked = mark_cells(NOTEBOOK, POINTS)
    found = {i: one["metadata"]["nbgrader"] for i, one in enumerate(marked["cells"]) if "nbgrader" in one["metadata"]}
    assert {i: (meta["grade_id"], meta["points"], meta["schema_version"]) for i, meta in found.items()} == {
        2: ("iou", 4, 3),
        3: ("yolo_head", 3.0, 3),
    }
    assert "nbgrader" not in NOTEBOOK["cells"][2]["metadata"]  # the original stays as it was


def test_a_question_without_a_cell_is_an_error():
    with pytest.raises(GradingError, match="none for yolo_eval"):
        mark_cells(NOTEBOOK, {"iou": 1, "yolo_eval": 1})


BAD = {
    "no grade": {k: v for k, v in GOOD.items() if k != "grade"},
    "another version": GOOD | {"schema_version": 2},
    "points that are none": GOOD | {"points": -1},
    "no points": {k: v for k, v in GOOD.items() if k != "points"},
    "a strange id": GOOD | {"grade_id": "a b"},
    "an empty id": GOOD | {"grade_id": ""},
    "no truth value": GOOD | {"grade": "yes"},
    "points as truth value": GOOD | {"points": True},
    "an unknown field": GOOD | {"hint": "x"},
    "a short checksum": GOOD | {"checksum": "x"},
    "a task in a code cell": GOOD | {"task": True},
}


@pytest.mark.parametrize("metadata", BAD.values(), ids=BAD)
def test_sees_metadata_that_nbgrader_refuses(metadata):
    check_cells(notebook(cell("x", **GOOD)))
    with pytest.raises(GradingError, match="cell 0"):
        check_cells(notebook(cell("x", **metadata)))


def test_sees_an_id_that_is_used_twice_and_markdown_that_is_half_a_solution():
    with pytest.raises(GradingError, match="cell 1"):
        check_cells(notebook(cell("x", **GOOD), cell("y", **GOOD)))
    with pytest.raises(GradingError, match="only one of"):
        check_cells(notebook(cell("x", "markdown", **(GOOD | {"solution": False}))))


def test_nbgrader_itself_agrees():
    v3 = pytest.importorskip("nbgrader.nbgraderformat.v3", reason="nbgrader is not installed: pip install '.[bench]'")
    nbformat = pytest.importorskip("nbformat")
    validator = v3.MetadataValidatorV3()
    validator.validate_nb(nbformat.from_dict(mark_cells(NOTEBOOK, POINTS)))
    for name, metadata in BAD.items():
        if name != "points as truth value":  # which it takes for 1
            with pytest.raises(Exception):  # noqa: B017, PT011 - of its own kinds, and of jsonschema's
                validator.validate_nb(nbformat.from_dict(notebook(cell("x", **metadata))))


def test_grades_as_nbgrader_exports_them():
    text = grades_csv([perfect_result("bob/last try.ipynb"), mixed_result(), failed_result("=1/x.ipynb")])
    assert text.splitlines()[0] == EXPORTED
    rows = {row["student_id"]: row for row in csv.DictReader(text.splitlines())}
    assert list(rows) == ["'=1", "alice", "bob"]
    assert [rows["alice"][name] for name in ("assignment", "raw_score", "late_submission_penalty", "score")] == [
        "03_cars",
        "3.5",
        "0",
        "3.5",
    ]
    assert rows["alice"]["max_score"] == "7"
    assert (rows["'=1"]["score"], rows["'=1"]["max_score"]) == ("", "")


def test_a_student_with_several_notebooks_has_one_line_and_no_score():
    text = grades_csv([perfect_result("bob/a.ipynb"), perfect_result("bob/b.ipynb"), perfect_result("carla.py")])
    rows = {row["student_id"]: row for row in csv.DictReader(text.splitlines())}
    assert len(text.splitlines()) == 3
    assert (rows["bob"]["score"], rows["bob"]["max_score"]) == ("", "")
    assert rows["carla"]["score"] == rows["carla"]["max_score"] != ""
