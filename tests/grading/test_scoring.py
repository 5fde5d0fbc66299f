"""Who loses what when a worker ends, and that the same seed gives the same scores."""

from dataclasses import replace
from pathlib import Path

import pytest
from car_detection import EVAL, FILTER, IMPORTS, IOU, PARTS, SUPPRESSION, GradeCells, question_of, write_notebook

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.assignment import Assignment
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer

ENDS = "    import os; os._exit(7)\n"


def earned(result: Result) -> list[bool]:
    """Say of each question whether all its points were earned."""
    return [question.earned == question.points for question in result.questions]


def without_seconds(result: Result) -> Result:
    questions = [replace(question, seconds=0.0) for question in result.questions]
    return replace(result, seconds=0.0, questions=tuple(questions))


def test_same_seed_same_result_and_another_seed_other_inputs(grade_cells: GradeCells) -> None:
    cells = [IMPORTS, FILTER, IOU.replace("- intersection", ""), SUPPRESSION, EVAL]
    assert without_seconds(grade_cells(cells, 5)) == without_seconds(grade_cells(cells, 5))
    assert question_of(grade_cells(cells, 5), "iou") != question_of(grade_cells(cells, 6), "iou")


def test_check_in_which_the_worker_ends_fails_and_later_ones_are_not_run(grade_cells: GradeCells) -> None:
    dies_apart = IOU.replace("    width, height", f"    if right < left:\n    {ENDS}    width, height")
    result = grade_cells([IMPORTS, FILTER, dies_apart, SUPPRESSION, EVAL])
    question = question_of(result, "iou")
    assert [check.status for check in question.checks] == ["passed", "failed", "not run", "not run"]
    assert question.checks[1].message == "iou ended itself with exit code 7."
    assert question.problem == "iou ended itself with exit code 7."
    assert question.earned == 1
    assert earned(result) == [True, False, True, True]


def test_later_question_does_not_pay_for_what_an_earlier_one_left_behind(grade_cells: GradeCells) -> None:
    late = "    import threading, os; threading.Timer(0.3, os._exit, (9,)).start()\n    box_scores ="
    slow = IOU.replace("    union =", "    import time; time.sleep(0.1)\n    union =")
    result = grade_cells([IMPORTS, FILTER.replace("    box_scores =", late), slow, SUPPRESSION, EVAL])
    assert earned(result)[1:3] == [True, True]


def test_cell_that_ends_the_worker_costs_its_own_function_only(grade_cells: GradeCells) -> None:
    result = grade_cells([IMPORTS, FILTER, "# GRADED FUNCTION: iou\nimport os\nos._exit(3)\n" + IOU, SUPPRESSION, EVAL])
    assert earned(result) == [True, False, True, True]
    question = question_of(result, "iou")
    assert {check.status for check in question.checks} == {"not run"}
    assert question.problem.startswith("There is no function iou.\nCode cell 3 ended itself with exit code 3")


def test_many_cells_that_end_the_worker_have_an_end(grade_cells: GradeCells) -> None:
    trap = "class Trap:\n    import os\n    os._exit(1)\n"
    result = grade_cells([*[trap] * 20, *PARTS.values()])
    assert result.status == "graded"
    assert result.earned == 0


def test_file_with_one_broken_function_keeps_the_others(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path
) -> None:
    path = tmp_path / "learner.py"
    path.write_text("".join([IMPORTS, FILTER, IOU.replace("union = area1", "union = (area1"), SUPPRESSION, EVAL]))
    result = grade(path, car_detection, seed=1, server=server)
    assert earned(result) == [True, False, True, True]
    problem = question_of(result, "iou").problem
    line = path.read_text().split("\n").index("    union = (area1 + area2 - intersection") + 1
    assert f"SyntaxError in line {line}: '(' was never closed" in problem


def test_training_at_the_end_of_a_file_does_not_run(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path
) -> None:
    path = tmp_path / "learner.py"
    path.write_text("".join(PARTS.values()) + "while True:\n    pass\n")
    assert grade(path, car_detection, seed=1, server=server).is_perfect


@pytest.mark.parametrize("content", ["", "{", '{"cells": [], "nbformat": 4}', '{"cells": 3}'])
def test_submission_that_is_none_has_a_result(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "learner.ipynb"
    path.write_text(content)
    result = grade(path, car_detection, seed=1, server=server)
    assert (result.status, result.earned, result.submission) == ("graded", 0, "learner.ipynb")
    assert {check.status for question in result.questions for check in question.checks} == {"not run"}
    if result.problem:
        assert not any(question.problem for question in result.questions)  # said once
    else:
        assert all(question.problem for question in result.questions)


def test_given_code_with_a_defect_is_the_grader_s(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path
) -> None:
    broken = replace(car_detection, given="x = 1\ny = unknown\n")
    with pytest.raises(GradingError, match=r"given\.py .* has a defect: .* raised NameError in line 2"):
        grade(write_notebook(tmp_path / "learner.ipynb", list(PARTS.values())), broken, seed=1, server=server)


def test_package_offers_only_what_the_assignment_gives(grade_cells: GradeCells) -> None:
    borrowed = "from keras_cv_course import iou\n"
    result = grade_cells([IMPORTS, FILTER, borrowed, SUPPRESSION, EVAL])
    question = question_of(result, "iou")
    assert question.earned == 0
    told = "Code cell 3 raised ImportError in line 1: while grading, keras_cv_course has only check, scale_boxes"
    assert told in question.problem


def test_answers_that_were_recorded_do_not_fit_another_submission(grade_cells: GradeCells) -> None:
    wrong = grade_cells([IMPORTS, FILTER, IOU.replace("- intersection", ""), SUPPRESSION, EVAL])
    same_but_for_a_comment = [IMPORTS, FILTER, IOU.replace("- intersection", "") + "# again\n", SUPPRESSION, EVAL]
    assert question_of(grade_cells(same_but_for_a_comment), "iou") != question_of(wrong, "iou")


def test_what_an_earlier_question_left_running_does_not_take_the_time_of_a_later_one(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path
) -> None:
    holds_the_interpreter = (
        "    import re, threading\n"
        "    threading.Timer(0.3, lambda: re.match('(a|a)*b', 'a' * 40)).start()\n"
        "    box_scores ="
    )
    slow = IOU.replace("    union =", "    import time; time.sleep(0.1)\n    union =")
    cells = [IMPORTS, FILTER.replace("    box_scores =", holds_the_interpreter), slow]
    questions = [replace(each, limits=replace(each.limits, seconds=3.0)) for each in car_detection.questions[:2]]
    result = grade(
        write_notebook(tmp_path / "learner.ipynb", cells),
        replace(car_detection, questions=tuple(questions)),
        seed=1,
        server=server,
    )
    assert earned(result)[1], result


def test_cells_have_a_time_together_and_are_the_learner_s(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path
) -> None:
    sleeps = [f"# GRADED FUNCTION: x{number}\nimport time\ntime.sleep(0.9)\n" for number in range(50)]
    questions = [replace(each, limits=replace(each.limits, seconds=1.0)) for each in car_detection.questions]
    assignment = replace(car_detection, questions=tuple(questions))
    result = grade(
        write_notebook(tmp_path / "learner.ipynb", [*sleeps, *PARTS.values()]), assignment, seed=1, server=server
    )
    assert (result.status, result.earned) == ("graded", 0)
    assert "and the other cells took longer than 4 seconds together" in question_of(result, "iou").problem
    assert result.seconds < 60


def test_thousands_of_problems_are_not_all_told(grade_cells: GradeCells) -> None:
    result = grade_cells([*PARTS.values(), "class a: 1/0\n" * 3000 + "\n" * 300_000])
    assert result.is_perfect
    assert "left out" not in str(result)
    assert result.seconds < 60


def test_name_that_a_cell_sets_by_a_call_is_explained(grade_cells: GradeCells) -> None:
    result = grade_cells([IMPORTS, "EPSILON = float('0')", FILTER, IOU.replace("return ", "return EPSILON + "), EVAL])
    problem = question_of(result, "iou").problem
    assert problem.startswith("Code cell 2 sets EPSILON by calling something, which is not run for grading"), problem


def test_import_that_fails_and_is_not_needed_is_not_told(grade_cells: GradeCells) -> None:
    wrong = IOU.replace("- intersection", "")
    result = grade_cells([IMPORTS, "import pandas_of_long_ago\nimport yad2k_of_long_ago", FILTER, wrong, EVAL])
    assert question_of(result, "iou").problem == ""
