"""Reads a lesson's source, and makes of each solution the gap that a learner fills.

A lesson is Python in the percent format. A graded cell begins with ``# GRADED FUNCTION: name`` and holds, between
``### START CODE HERE`` and ``### END CODE HERE``, the solution. Of that the learner sees the comments, the stubs (lines
that begin with ``#~``) and the number of lines. `docs/assignments.md` says how to write one.
"""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from keras_cv_course.errors import GradingError, MissingExtraError

_START, _END, _STUB = "### START CODE HERE", "### END CODE HERE", "#~"
_GRADED = re.compile(r"# GRADED FUNCTION: (\w+)$")
_LineKind = Literal["code", "comment", "stub", "blank"]


@dataclass(frozen=True)
class LessonCell:
    """A cell of a lesson.

    Attributes:
        kind: as in a notebook.
        function: the graded function that it defines; empty in all other cells.
        solution: its text with the solution.
        learner: its text with gaps; the same where there is none.
    """

    kind: Literal["markdown", "code"]
    function: str
    solution: str
    learner: str


def read_lesson(path: str | Path) -> list[LessonCell]:
    """Read a lesson's source.

    Raises:
        GradingError: the file cannot be read, or a gap in it is marked wrongly; the message names the line.
        MissingExtraError: jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError as error:
        raise MissingExtraError(
            "A lesson is read with jupytext, which is not installed. Install it with `pip install '.[lab]'`."
        ) from error
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise GradingError(f"The lesson {path} cannot be read: {error}") from error
    # Without `comment_magics`, a comment that looks like a command of Jupyter would become one.
    notebook = jupytext.reads(text, {"extension": ".py", "format_name": "percent", "comment_magics": False})
    cells = []
    for number, cell in enumerate(notebook.cells, 1):
        try:
            cells.append(_read_cell(cell.cell_type, cell.source))
        except GradingError as error:
            raise GradingError(f"{path}, cell {number} ({_first_words(cell.source)}): {error}") from error
    graded = [cell.function for cell in cells if cell.function]
    twice = sorted({function for function in graded if graded.count(function) > 1})
    if twice:
        raise GradingError(
            f"{path}: expected one cell for each graded function. Received: more for {', '.join(twice)}."
        )
    return cells


def _first_words(source: str) -> str:
    return repr(source.strip().split("\n")[0][:60])


def _read_cell(kind: str, source: str) -> LessonCell:
    if kind == "markdown":
        return LessonCell("markdown", "", source, source)
    if kind != "code":
        raise GradingError(f"Expected a markdown or a code cell. Received: a {kind} cell.")
    lines = source.split("\n")
    graded = _GRADED.match(lines[0])
    if graded is None:
        if any(line.strip().startswith((_START, _END, _STUB)) for line in lines):
            raise GradingError("Expected `# GRADED FUNCTION: name` as the first line of a cell with a gap.")
        return LessonCell("code", "", source, source)
    solution, learner = _split(lines)
    for version, text in (("solution", solution), ("learner's version", learner)):
        try:
            ast.parse(text)
        except SyntaxError as error:
            line = (error.text or "").strip()
            raise GradingError(
                f"Its {version} is no Python: {error.msg} in line {error.lineno}: {line}. Does the gap need a stub, "
                f"such as `{_STUB} X = None`?"
            ) from error
    return LessonCell("code", graded[1], solution, learner)


def _split(lines: list[str]) -> tuple[str, str]:
    """Give a graded cell's text with the solution, and with gaps."""
    solution: list[str] = []
    learner: list[str] = []
    start: int | None = None  # of the gap that is open: the number of its first line
    count = 0
    for number, line in enumerate(lines):
        stripped = line.strip()
        if stripped == _START and start is None:
            start = number
        elif stripped == _END and start is not None:
            gap = lines[start + 1 : number]
            kinds = [_line_kind(inside) for inside in gap]
            removed = kinds.count("code")
            if not removed:
                raise GradingError("Expected lines of the solution in each gap. Received: a gap without any.")
            opening = f"{lines[start]} (≈ {removed} line{'s' if removed > 1 else ''} of code)"
            solution += [opening, *(text for text, kind in zip(gap, kinds, strict=True) if kind != "stub"), line]
            learner += [opening, *_emptied(gap, kinds), line]
            start, count = None, count + 1
        elif stripped.startswith((_START, _END)) or (start is None and stripped.startswith(_STUB)):
            raise GradingError(
                f"Expected `{_START}` and `{_END}` in turn, nothing else in their lines, and `{_STUB}` between them. "
                f"Received in line {number + 1}: {stripped}"
            )
        elif start is None:
            solution.append(line)
            learner.append(line)
    if start is not None or not count:
        raise GradingError(f"Expected at least one gap, and `{_END}` after each. Received: {count} complete gaps.")
    return "\n".join(solution), "\n".join(learner)


def _line_kind(line: str) -> _LineKind:
    stripped = line.strip()
    if not stripped:
        return "blank"
    if stripped.startswith("#"):
        return "stub" if stripped.startswith(_STUB) else "comment"
    return "code"


def _emptied(gap: list[str], kinds: Iterable[_LineKind]) -> list[str]:
    """Give what a learner sees of a gap.

    Where code went and no stub stands, an empty line says that something belongs there; other empty lines stay only
    between what is left.
    """
    runs = [
        ("gone" if gone else "left", list(run))
        for gone, run in groupby(zip(gap, kinds, strict=True), lambda pair: pair[1] in ("code", "blank"))
    ]
    left: list[str] = []
    for place, (kind, run) in enumerate(runs):
        if kind == "left":
            left += [re.sub(f"{_STUB} ?", "", line, count=1) if what == "stub" else line for line, what in run]
            continue
        before = runs[place - 1][1][-1][1] if place > 0 else None
        after = runs[place + 1][1][0][1] if place + 1 < len(runs) else None
        has_code = any(what == "code" for _, what in run)
        is_inside = before is not None and after is not None
        has_blank = any(what == "blank" for _, what in run)
        if (has_blank and is_inside) or (has_code and "stub" not in (before, after)):
            left.append("")
    return left
