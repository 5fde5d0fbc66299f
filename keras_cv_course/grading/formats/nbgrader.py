"""What nbgrader reads and writes: metadata of cells, and the CSV of ``nbgrader export``.

The contracts are nbgrader's own files ``nbgraderformat/v3.json`` and ``nbgraderformat/v3.py`` (schema_version 3) and
the columns of ``plugins/export.py`` (https://github.com/jupyter/nbgrader, described in
https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html and
https://nbgrader.readthedocs.io/en/stable/command_line_tools/nbgrader-export.html).
"""

import copy
import csv
import io
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.formats.plain import cell, number
from keras_cv_course.grading.results import Result

SCHEMA_VERSION = 3
COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)
_GRADED = re.compile(r"^\s*#\s*GRADED FUNCTION:\s*(\w+)", re.MULTILINE)
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema_version": int,
    "grade": bool,
    "locked": bool,
    "solution": bool,
    "task": bool,
    "grade_id": str,
    "points": (int, float),
    "checksum": str,
    "cell_type": str,
}
_REQUIRED = ("schema_version", "grade", "locked", "solution")


def mark_cells(notebook: Mapping[str, Any], points: Mapping[str, float]) -> dict[str, Any]:
    """Give a copy of a notebook whose graded cells nbgrader knows.

    A graded cell is a solution that earns points by itself, as in nbgrader's "manually graded answer": its points come
    from here, not from a cell of assertions behind it.

    Args:
        notebook: the parsed notebook, of nbformat 4.
        points: of each graded function, by its name; its first cell with ``# GRADED FUNCTION: name`` gets them.

    Raises:
        GradingError: a function has no such cell.
    """
    marked = copy.deepcopy(dict(notebook))
    missing = dict(points)
    for one in marked["cells"]:
        one.get("metadata", {}).pop("nbgrader", None)  # nbgrader allows an id once, and knows no other points
        found = _GRADED.search("".join(one["source"])) if one["cell_type"] == "code" else None
        if found and found[1] in missing:
            one.setdefault("metadata", {})["nbgrader"] = {
                "schema_version": SCHEMA_VERSION,
                "grade": True,
                "solution": True,
                "locked": False,
                "task": False,
                "grade_id": found[1],
                "points": missing.pop(found[1]),
                "cell_type": "code",
            }
    if missing:
        raise GradingError(
            "Expected a cell with `# GRADED FUNCTION: name` for each question. "
            f"Received: none for {', '.join(missing)}."
        )
    check_cells(marked)
    return marked


def check_cells(notebook: Mapping[str, Any]) -> None:
    """Make sure that nbgrader takes the metadata of all cells.

    Raises:
        GradingError: it would not; the message names the cell and what is wrong.
    """
    seen: set[str] = set()
    for place, one in enumerate(notebook["cells"]):
        metadata = one.get("metadata", {}).get("nbgrader")
        if metadata is None:
            continue
        problem = _problem(one["cell_type"], metadata, seen)
        if problem:
            raise GradingError(f"Expected nbgrader metadata of schema_version 3. Received: cell {place} {problem}.")
        seen.add(metadata.get("grade_id", ""))


def _problem(cell_type: str, metadata: Mapping[str, Any], seen: set[str]) -> str:
    """Say what is wrong with a cell's metadata, in the order of the contract; empty if nothing."""
    for name in _REQUIRED:
        if name not in metadata:
            return f"has no {name}"
    for name, value in metadata.items():
        kind = _FIELDS.get(name)
        if kind is None:
            return f"has {name}, which nbgrader does not know"
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            return f"has {value!r} as {name}"
    if metadata["schema_version"] != SCHEMA_VERSION:
        return f"has schema_version {metadata['schema_version']}"
    if metadata.get("points", 0) < 0 or (metadata["grade"] and "points" not in metadata):
        return f"has no points that can be earned ({metadata.get('points')})"
    if len(metadata.get("checksum", 32 * "0")) != 32:
        return "has a checksum that is not of 32 characters"
    if metadata.get("cell_type", cell_type) != cell_type:
        return f"is of type {cell_type}, and was {metadata['cell_type']}"
    if metadata["grade"] or metadata["solution"] or metadata["locked"]:
        grade_id = metadata.get("grade_id", "")
        if not re.fullmatch(r"[a-zA-Z0-9_\-]+", grade_id):
            return f"has no grade_id of letters, digits, _ and - ({grade_id!r})"
        if grade_id in seen:
            return f"has the grade_id {grade_id} of another cell"
    if metadata.get("task") and cell_type != "markdown":
        return "is a task and not Markdown"
    if cell_type == "markdown" and not metadata.get("task") and metadata["grade"] != metadata["solution"]:
        return "is Markdown, and only one of grade and solution"
    return ""


def grades_csv(results: Iterable[Result]) -> str:
    """Give the CSV that ``nbgrader export`` writes: a line for each student.

    The student's id is the name of their folder, or of their file without its ending. Columns that only nbgrader's own
    database knows are empty, as are the scores where the grader failed, and where a student has handed in several
    notebooks: which of them counts is the instructor's to say.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    ordered = sorted(results, key=lambda result: student(result.submission))
    for name, of_student in groupby(ordered, key=lambda result: student(result.submission)):
        result, *others = of_student
        row = {"assignment": result.assignment, "student_id": cell(name)}
        if result.status == "graded" and not others:
            score = {"raw_score": number(result.earned), "late_submission_penalty": "0", "score": number(result.earned)}
            row |= score | {"max_score": number(result.points)}
        writer.writerow(row)
    return text.getvalue()


def student(submission: str) -> str:
    """Give the student's id: the folder of a submission, or its file's name without the ending."""
    path = PurePosixPath(submission)
    return path.parts[0] if len(path.parts) > 1 else path.stem
