"""The solution of each lesson earns all points, and the notebook as it is handed out earns none."""

from pathlib import Path

import pytest
from assignment_lessons import SLOW, Lesson, each_lesson, read

from keras_cv_course.grading.assignment import Assignment
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer

LEAST_CHECKS = 3  # of each function
LUCK = 0.1  # of the points: some check may have an answer that is right by chance


@each_lesson()
def test_each_function_has_enough_checks_public_and_hidden(folder: Path) -> None:
    questions = read(folder).assignment.questions
    assert {question.function for question in questions if len(question.checks) < LEAST_CHECKS} == set()
    without = [
        f"{question.function}: no {visibility} check"
        for question in questions
        for visibility in ("public", "hidden")
        if visibility not in {check.visibility for check in question.checks}
    ]
    assert without == []


@each_lesson()
def test_solution_earns_all_points(folder: Path, tmp_path: Path, server: WorkerServer) -> None:
    lesson = read(folder)
    see_all_points(lesson, lesson.readable(), tmp_path, server, seed=1)


@each_lesson()
@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_solution_earns_all_points_with_other_draws(
    folder: Path, tmp_path: Path, server: WorkerServer, slow: bool
) -> None:
    """Of a whole network the demonstration's test draws once more in every run, and this one in that of the slow."""
    lesson = read(folder)
    functions = [cell.function for cell in lesson.cells if cell.function and (cell.function in SLOW) is slow]
    if functions:
        see_all_points(lesson, lesson.readable(*functions), tmp_path, server, seed=2)


def see_all_points(lesson: Lesson, assignment: Assignment, folder: Path, server: WorkerServer, seed: int) -> None:
    path = lesson.write_notebook(folder / "solution.ipynb", solved=True)
    result = grade(path, assignment, seed=seed, server=server)
    assert result.is_perfect, [check for question in result.questions for check in question.checks if check.message]
    assert [question.problem for question in result.questions if question.problem] == []


@each_lesson()
def test_notebook_without_solutions_is_told_of_its_gaps(folder: Path, tmp_path: Path, server: WorkerServer) -> None:
    lesson = read(folder)
    path = lesson.write_notebook(tmp_path / "learner.ipynb", solved=False)
    result = grade(path, lesson.readable(), seed=1, server=server)
    assert result.earned <= LUCK * result.points
    for question in result.questions:
        told = [question.problem, *(check.message for check in question.checks)]
        assert any("a gap not filled in" in said for said in told), (
            question.function,
            told,
        )
