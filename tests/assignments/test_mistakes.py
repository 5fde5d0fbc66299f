"""Each mistake that people make is caught by its check and named; each other right way earns all points."""

from dataclasses import replace
from pathlib import Path

from assignment_lessons import Lesson, each_lesson, each_variant, read

from keras_cv_course.grading.results import QuestionResult
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.lessons.variants import Variant

LEAST_MISTAKES, LEAST_EQUIVALENTS = 12, 3


def grade_variant(lesson: Lesson, variant: Variant, folder: Path, server: WorkerServer) -> QuestionResult:
    """Grade it; of a mistake by the one check that shall catch it, for no check's draws or answers depend on others."""
    path = lesson.write_notebook(folder / "learner.ipynb", solved=True, instead={variant.function: variant.source})
    assignment = lesson.readable(variant.function)
    if variant.is_mistake:
        (asked,) = assignment.questions
        catching = tuple(check for check in asked.checks if check.title == variant.check)
        assignment = replace(assignment, questions=(replace(asked, checks=catching),))
    (question,) = grade(path, assignment, seed=1, server=server).questions
    return question


def variant_named(lesson: Lesson, name: str) -> Variant:
    (variant,) = [variant for variant in lesson.variants if variant.name == name]
    return variant


@each_lesson()
def test_there_are_enough(folder: Path) -> None:
    variants = read(folder).variants
    mistakes = [variant for variant in variants if variant.is_mistake]
    assert len(mistakes) >= LEAST_MISTAKES
    assert len(variants) - len(mistakes) >= LEAST_EQUIVALENTS


@each_variant("mistake")
def test_mistake_is_caught_and_named(folder: Path, name: str, tmp_path: Path, server: WorkerServer) -> None:
    lesson = read(folder)
    mistake = variant_named(lesson, name)
    question = grade_variant(lesson, mistake, tmp_path, server)
    (caught,) = question.checks
    assert caught.status in ("failed", "partly"), question
    assert mistake.says in caught.message


@each_variant("equivalent")
def test_other_right_way_earns_all_points(folder: Path, name: str, tmp_path: Path, server: WorkerServer) -> None:
    lesson = read(folder)
    question = grade_variant(lesson, variant_named(lesson, name), tmp_path, server)
    assert [check for check in question.checks if check.status != "passed"] == []
    assert question.problem == ""
