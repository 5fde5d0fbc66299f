"""Results as JSON, as text and as a gradebook in CSV.

None of them, and no other format here, tells more of a hidden check than title, points and status.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from keras_cv_course.grading.results import CheckResult, Result

# Where a formula would begin, also with the wide signs of East Asian keyboards.
_FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")
_MARKS = {"passed": "+", "partly": "~", "failed": "-", "not run": "-"}


def for_learner(result: Result) -> Result:
    """Leave out what only the instructor may see: the messages of hidden checks."""
    questions = tuple(
        replace(question, checks=tuple(replace(check, message=shown_message(check)) for check in question.checks))
        for question in result.questions
    )
    return replace(result, questions=questions)


def shown_message(check: CheckResult) -> str:
    """Give what a learner may read about a check beside its title, points and status."""
    return check.message if check.visibility == "public" else ""


def to_json(result: Result) -> str:
    """Give all of a result that a learner may see as JSON; `Result.from_dict` reads it."""
    return json.dumps(for_learner(result).to_dict(), indent=1) + "\n"


def to_text(result: Result) -> str:
    """Give all of a result that a learner may see as lines of text, for systems that show nothing else."""
    lines = [f"{number(result.earned)} of {number(result.points)} points"]
    lines += [result.problem] if result.problem else []
    for question in result.questions:
        lines += ["", f"{question.title} ({question.function}): {number(question.earned)} of {number(question.points)}"]
        lines += _indented(question.problem)
        for check in question.checks:
            hidden = " (hidden)" if check.visibility == "hidden" else ""
            points = f"{number(check.earned)} of {number(check.points)}"
            lines.append(f"{_MARKS[check.status]} {check.title}{hidden}: {check.status}, {points}")
            lines += _indented(shown_message(check))
    return "\n".join(lines) + "\n"


def gradebook_csv(results: Iterable[Result]) -> str:
    """Give a line for each submission: its status, its points and those of each question.

    Where the grader failed there are no points, which is not the same as none of them earned. Nothing in it depends on
    the machine or the time: the same results give the same text.
    """
    rows = sorted(results, key=lambda result: result.submission)
    functions = _functions(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["submission", "status", "points", "earned", *functions])
    for result in rows:
        earned = {question.function: number(question.earned) for question in result.questions}
        sums = [number(result.points), number(result.earned)] if result.status == "graded" else ["", ""]
        writer.writerow(
            [cell(result.submission), result.status, *sums, *(earned.get(function, "") for function in functions)]
        )
    return text.getvalue()


def number(points: float) -> str:
    """Write points as a person would: 2, 0.5, 0.3333."""
    return f"{round(points, 4):.4f}".rstrip("0").rstrip(".")


def cell(text: str) -> str:
    """Keep a spreadsheet from taking text, such as the name that a learner gave to a file, for a formula.

    Also after a semicolon, which ends a cell where the comma is the sign of decimals.
    """
    return _FORMULA.sub(r"\1'", text)


def _functions(results: Sequence[Result]) -> list[str]:
    """List the questions in the assignment's order; a failed grading has none."""
    return list(dict.fromkeys(question.function for result in results for question in result.questions))


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]
