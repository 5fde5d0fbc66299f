import csv
import json

import pytest
from sample_results import SECRET, failed_result, mixed_result, perfect_result

from keras_cv_course.grading.formats.plain import cell, for_learner, gradebook_csv, number, to_json, to_text
from keras_cv_course.grading.results import Result


def test_json_reads_back_without_what_is_hidden():
    text = to_json(mixed_result())
    assert Result.from_dict(json.loads(text)) == for_learner(mixed_result())
    assert (json.loads(text)["earned"], json.loads(text)["points"]) == (3.5, 7)
    assert SECRET not in text


def test_text_has_everything_that_a_learner_may_read():
    text = to_text(mixed_result())
    assert text.startswith("3.5 of 7 points\n")
    for line in (
        "Intersection over union (iou): 3.5 of 4",
        "~ Boxes that do not: partly, 0.5 of 1",
        "    received -0.25 <b>&",
        "+ Fresh boxes (hidden): passed, 2 of 2",
        "    Code cell 3 raised NameError: name 'tff' is not defined.",
        "- Values (hidden): not run, 0 of 1",
    ):
        assert line in text.splitlines()
    assert SECRET not in text


def test_gradebook_tells_no_points_from_no_score():
    rows = list(csv.DictReader(gradebook_csv([failed_result(), perfect_result(), mixed_result()]).splitlines()))
    assert [row["submission"] for row in rows] == ["alice.ipynb", "bob.ipynb", "carol.ipynb"]
    assert rows[0] == {
        "submission": "alice.ipynb",
        "status": "graded",
        "points": "7",
        "earned": "3.5",
        "iou": "3.5",
        "yolo_head": "0",
    }
    assert (rows[1]["earned"], rows[1]["yolo_head"]) == ("1", "")
    assert (rows[2]["status"], rows[2]["points"], rows[2]["earned"], rows[2]["iou"]) == ("grader failed", "", "", "")


def test_a_name_is_no_formula():
    text = gradebook_csv([perfect_result('=HYPERLINK("http://x")'), perfect_result("-1,2\n")])
    rows = list(csv.reader(text.splitlines(keepends=True)))
    assert [row[0] for row in rows] == ["submission", "'-1,2\n", '\'=HYPERLINK("http://x")']


@pytest.mark.parametrize(
    ("name", "written"),
    [("a;=1+1", "a;'=1+1"), ("a; @x;y", "a;' @x;y"), (" =1", "' =1"), ("\uff1d1", "'\uff1d1"), ("a-b=c", "a-b=c")],
)
def test_a_part_of_a_name_is_no_formula_where_semicolons_end_cells(name, written):
    assert cell(name) == written


def test_points_as_a_person_writes_them():
    assert [number(points) for points in (0, 2.0, 0.5, 1 / 3, 0.1 + 0.2, 10, 1234567.25)] == [
        "0",
        "2",
        "0.5",
        "0.3333",
        "0.3",
        "10",
        "1234567.25",
    ]
