"""Reads what learners write in place of the solution: typical mistakes, and other right ways.

They are data, `mistakes.toml`, so that a test can see that each mistake is caught and named, and that each right way
earns its points.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.assignment import Assignment
from keras_cv_course.lessons.source import LessonCell

VARIANTS = "mistakes.toml"

_CHANGES = ({"old", "new"}, {"source"})
_FIELDS = {"mistake": {"name", "function", "check", "says"}, "equivalent": {"name", "function"}}


@dataclass(frozen=True)
class Variant:
    """One graded cell as a learner may write it.

    Attributes:
        name: what the learner did, in a few words.
        function: whose cell it is.
        source: of the cell.
        check: title of the check that must catch it; empty where it is right.
        says: what this check's message must say; empty where it is right.
    """

    name: str
    function: str
    source: str
    check: str = ""
    says: str = ""

    @property
    def is_mistake(self) -> bool:
        """Whether points must be lost."""
        return bool(self.check)


def read_variants(path: str | Path, assignment: Assignment, cells: Sequence[LessonCell]) -> list[Variant]:
    """Read `mistakes.toml`.

    Args:
        path: of the file.
        assignment: with all checks.
        cells: of its lesson, which the variants change.

    Returns:
        The mistakes, then the equivalent solutions, each in the file's order.

    Raises:
        GradingError: the file cannot be read, or an entry fits neither the assignment nor the lesson.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GradingError(f"{path} cannot be read: {error}") from error
    stray = sorted(set(content) - set(_FIELDS))
    if stray:
        raise GradingError(f"{path}: expected [[mistake]] and [[equivalent]] only. Received: {', '.join(stray)}.")
    variants = []
    for kind in _FIELDS:
        for number, entry in enumerate(content.get(kind, []), 1):
            try:
                variants.append(_read_variant(kind, entry, assignment, cells))
            except GradingError as error:
                raise GradingError(f"{path}, {kind} {number} ({entry.get('name', 'without name')}): {error}") from error
    names = [variant.name for variant in variants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GradingError(f"{path}: expected each name once. Received more often: {', '.join(twice)}.")
    return variants


def _read_variant(kind: str, entry: Any, assignment: Assignment, cells: Sequence[LessonCell]) -> Variant:
    expected = [_FIELDS[kind] | change for change in _CHANGES]
    is_text = all(isinstance(value, str) and (value.strip() or name == "new") for name, value in entry.items())
    if set(entry) not in expected or not is_text:
        wanted = " or ".join(", ".join(sorted(fields)) for fields in expected)
        raise GradingError(f"Expected texts for {wanted}. Received: {', '.join(sorted(entry))}.")
    function = entry["function"]
    checks = {question.function: [check.title for check in question.checks] for question in assignment.questions}
    if function not in checks:
        raise GradingError(f"Expected a function of {', '.join(checks)}. Received: {function}.")
    if kind == "mistake" and entry["check"] not in checks[function]:
        raise GradingError(f"Expected a check of {'; '.join(checks[function])}. Received: {entry['check']}.")
    solution = next((cell.solution for cell in cells if cell.function == function), "")
    source = entry.get("source") or _replaced(solution, entry["old"], entry["new"])
    if source.strip() == solution.strip():
        raise GradingError("Expected something else than the lesson's solution.")
    return Variant(entry["name"], function, source, entry.get("check", ""), entry.get("says", ""))


def _replaced(solution: str, old: str, new: str) -> str:
    found = solution.count(old)
    if found != 1:
        raise GradingError(f"Expected `old` once in the graded cell's solution. Found {found} times: {old!r}")
    return solution.replace(old, new)


def mistakes_page(assignment: Assignment, variants: Sequence[Variant]) -> str:
    """Write, for instructors, the table of what the checks recognise."""
    lines = [
        f"# {assignment.title}: mistakes that the checks recognise",
        "",
        "Generated from mistakes.toml. A test makes each mistake and sees that the check catches it with this message.",
        "",
        "| function | mistake | caught by | message |",
        "| --- | --- | --- | --- |",
    ]
    visibility = {
        (question.function, check.title): check.visibility
        for question in assignment.questions
        for check in question.checks
    }
    for variant in variants:
        if variant.is_mistake:
            hidden = " (hidden)" if visibility[variant.function, variant.check] == "hidden" else ""
            row = [f"`{variant.function}`", variant.name, f"{variant.check}{hidden}", variant.says]
            lines.append(f"| {' | '.join(map(_cell, row))} |")
    lines += ["", "## Other right ways", "", "A test sees that these earn all points.", ""]
    lines += [f"- `{variant.function}`: {variant.name}" for variant in variants if not variant.is_mistake]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
