"""The repository's assignments that have a lesson, and how their cells are graded."""

import json
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from keras_cv_course.grading.assignment import Assignment, load_assignment
from keras_cv_course.lessons.build import LESSON, to_notebook
from keras_cv_course.lessons.source import LessonCell, read_lesson
from keras_cv_course.lessons.variants import VARIANTS, Variant, read_variants

# A whole network takes many seconds to grade: one of its variants is in every run, all in that of the slow tests.
SLOW, FEW = ("ResNet50",), 1
FOLDERS = sorted(path.parent for path in (Path(__file__).parents[2] / "assignments").glob(f"*/{LESSON}"))


@dataclass(frozen=True)
class Lesson:
    """An assignment with all that its lesson has.

    Attributes:
        folder: of the assignment.
        assignment: with all checks.
        cells: of the lesson.
        variants: what learners write in place of solutions.
    """

    folder: Path
    assignment: Assignment
    cells: list[LessonCell]
    variants: list[Variant]

    def write_notebook(self, path: Path, *, solved: bool, instead: Mapping[str, str] | None = None) -> Path:
        """Write the notebook that a learner hands in."""
        path.write_text(json.dumps(to_notebook(self.cells, solved=solved, instead=instead)), encoding="utf-8")
        return path

    def readable(self, *functions: str) -> Assignment:
        """Give the assignment, or the questions of some functions, with messages of hidden checks too."""
        questions = tuple(
            replace(question, checks=tuple(replace(check, visibility="public") for check in question.checks))
            for question in self.assignment.questions
            if not functions or question.function in functions
        )
        return replace(self.assignment, questions=questions)


@cache
def read(folder: Path) -> Lesson:
    """Read an assignment's lesson, checks and mistakes."""
    assignment = load_assignment(folder)
    cells = read_lesson(folder / LESSON)
    return Lesson(folder, assignment, cells, read_variants(folder / VARIANTS, assignment, cells))


def each_lesson(slow: Collection[str] = ()) -> pytest.MarkDecorator:
    """Run a test for each assignment; for those named in `slow` it is a slow test."""
    return pytest.mark.parametrize(
        "folder",
        [
            pytest.param(folder, id=folder.name, marks=[pytest.mark.slow] if folder.name in slow else [])
            for folder in FOLDERS
        ],
    )


def each_variant(kind: str) -> pytest.MarkDecorator:
    """Run a test for each mistake, or each equivalent solution, of all assignments."""
    found, seen = [], Counter[str]()
    for folder in FOLDERS:
        if not (folder / VARIANTS).is_file():  # a lesson without it fails a test of its own
            continue
        for entry in tomllib.loads((folder / VARIANTS).read_text(encoding="utf-8")).get(kind, []):
            seen[entry["function"]] += 1
            is_slow = entry["function"] in SLOW and seen[entry["function"]] > FEW
            found.append(
                pytest.param(
                    folder,
                    entry["name"],
                    id=f"{folder.name}: {entry['name']}",
                    marks=[pytest.mark.slow] if is_slow else [],
                )
            )
    return pytest.mark.parametrize(("folder", "name"), found)
