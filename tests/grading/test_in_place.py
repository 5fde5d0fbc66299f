"""The public checks in the learner's own process."""

import linecache
import re
from typing import Any

import pytest
from car_detection import FILTER, IMPORTS, IOU, PARTS, GradeCells, changed, question_of

from keras_cv_course.errors import GradingError
from keras_cv_course.grading import check


def notebook_functions(*cells: str) -> dict[str, Any]:
    """Execute cells as Jupyter does."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        file = f"/tmp/ipykernel_1/{number}.py"
        linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
        exec(compile(cell, file, "exec"), namespace)
    return namespace


@pytest.mark.parametrize("name", ["yolo_filter_boxes", "iou"])
def test_right_function_passes(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert check(notebook_functions(*PARTS.values())[name]) is None
    told = capsys.readouterr().out
    assert told.startswith(f"{name}: 3 of 3 checks passed.")
    assert "Hidden checks look at other inputs" in told


def test_traced_function_passes(capsys: pytest.CaptureFixture[str]) -> None:
    check(notebook_functions(IMPORTS, FILTER.replace("def ", "@tf.function\ndef "))["yolo_filter_boxes"])
    assert "3 of 3 checks passed" in capsys.readouterr().out


def test_eval_finds_what_the_assignment_gives(capsys: pytest.CaptureFixture[str]) -> None:
    functions = notebook_functions(*PARTS.values())
    given = notebook_functions("from keras_cv_course import scale_boxes, yolo_boxes_to_corners")
    functions.update({name: value for name, value in given.items() if not name.startswith("__")})
    check(functions["yolo_eval"])
    assert "3 of 3 checks passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new"), [("area2 - intersection", "area2"), ("/ union", "/ None"), ("    return", "    result =")]
)
def test_messages_are_those_of_grading(
    grade_cells: GradeCells, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    check(notebook_functions("", "", IOU.replace(old, new))["iou"], seed=3)
    told = capsys.readouterr().out.replace(" of its cell", " of code cell 3")
    graded = question_of(grade_cells(changed("iou", (old, new)), 3), "iou")
    messages = [result.message for result in graded.checks if result.message]
    assert messages
    for message in map(without_numbers, messages):
        assert all(line.strip() in without_numbers(told) for line in message.split("\n")), (message, told)


def without_numbers(text: str) -> str:
    """Leave out the inputs, which grading draws for each submission, and what comes of them."""
    return re.sub(r"[-\d.]+", "#", text)


def test_function_of_no_assignment_is_told() -> None:
    def IoU() -> None: ...

    with pytest.raises(GradingError, match=r"Expected a graded function: .*yolo_eval.* Received: "):
        check(IoU)
