"""Reads a submission, a notebook or a Python file, without running or trusting any of it."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from keras_cv_course.errors import DataFileError, GradingError

MOST_BYTES = 32 * 2**20
_MOST_PARTS = 3_000_000  # of a notebook's JSON, which takes some hundred bytes of memory for each
_MOST_CELLS = 2_000
_MOST_LINE = 300  # characters of a line that is told
_MOST_SOURCE = 4 * 2**20  # characters of code

_MARK = re.compile(r"^[ \t]*#.*?\b(?:GRADED[ _](?:FUNCTION|CELL|CODE|CLASS)\b[ \t]*:?[ \t]*(\w*)|UNQ_C\d+)", re.M)
_PERCENT_CELL = re.compile(r"^# %%(.*)$", re.M)


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes:
        number: among the notebook's code cells, from 1; None in a Python file.
        source: its text, with Jupyter's own lines in it.
        first_line: number of its first line: 1 in a notebook.
        is_marked: whether a comment or a tag says that it is graded.
    """

    number: int | None
    source: str
    first_line: int
    is_marked: bool

    @property
    def name(self) -> str:
        """What a learner calls it."""
        return "the file" if self.number is None else f"code cell {self.number}"

    def is_for(self, function: str) -> bool:
        """Say whether it is the one that defines a function, or is marked to."""
        if any(match[1] == function for match in _MARK.finditer(self.source)):
            return True
        return re.search(_definition(function), self.source, re.M) is not None

    def definitions(self, function: str) -> list[int]:
        """Give the numbers of the lines that define a function, or set its name."""
        pattern = re.compile(_definition(function))
        return [number for number, line in enumerate(self._lines, self.first_line) if pattern.match(line)]

    def line(self, number: int) -> str:
        """Give the text of a line by its number, or the beginning of a long one; empty where it has none."""
        index = number - self.first_line
        text = self._lines[index].strip() if 0 <= index < len(self._lines) else ""
        return text if len(text) <= _MOST_LINE else f"{text[:_MOST_LINE]}..."

    @cached_property
    def _lines(self) -> list[str]:
        return self.source.split("\n")


def _definition(function: str) -> str:
    """Give the pattern of a line's beginning that defines a function, or sets its name."""
    name = re.escape(function)
    return rf"^(?:(?:async[ \t]+)?def[ \t]+{name}\b|{name}[ \t]*(?::[^=\n]+)?=(?!=))"


@dataclass(frozen=True)
class Submission:
    """A submission's code.

    Attributes:
        name: of its file.
        cells: in their order.
    """

    name: str
    cells: tuple[Cell, ...]

    @property
    def digest(self) -> str:
        """Tell its code from any other code."""
        return hashlib.sha256(json.dumps([cell.source for cell in self.cells]).encode()).hexdigest()


def read_submission(path: str | Path) -> Submission:
    """Read a notebook (.ipynb) or a Python file.

    Raises:
        DataFileError: the file is no notebook or Python text that could be graded; the message is for the learner.
        GradingError: there is no such file, or it may not be read.
    """
    path = Path(path)
    content = _read(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"Expected text in UTF-8. The byte at {error.start} is none. Save the file again."
        ) from error
    if path.suffix.lower() == ".ipynb":
        cells = _notebook_cells(text)
    elif path.suffix.lower() == ".py":
        cells = _file_cells(_clean(text))
    else:
        raise DataFileError(f"Expected a notebook (.ipynb) or a Python file (.py). Received: {path.name}.")
    return Submission(path.name, tuple(_limited(cells)))


def _limited(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Give the cells of a submission, and do not go on where it has too many, or too long ones."""
    length = 0
    for count, cell in enumerate(cells, 1):
        length += len(cell.source)
        if count > _MOST_CELLS or length > _MOST_SOURCE:
            raise DataFileError(f"Expected at most {_MOST_CELLS} code cells with {_MOST_SOURCE} characters of code.")
        yield cell


def _read(path: Path) -> bytes:
    """Read a regular file that is not too large; a link is not followed, for it may lead to another's submission."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_symlink():
        raise DataFileError("Expected a file. Received: a link to one. Hand in the file itself.")
    try:
        file = os.open(path, flags)
    except OSError as error:
        raise GradingError(f"{path} cannot be read: {error.strerror}.") from error
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        os.close(file)
        raise DataFileError("Expected a file. Received: a folder or a device.")
    with os.fdopen(file, "rb") as opened:
        content = opened.read(MOST_BYTES + 1) if about.st_size <= MOST_BYTES else b""
    if about.st_size > MOST_BYTES or len(content) > MOST_BYTES:
        raise DataFileError(
            f"Expected at most {MOST_BYTES // 2**20} MB. Received: {about.st_size / 2**20:.0f} MB. Clear the outputs "
            f"of all cells and save again."
        )
    return content


def _notebook_cells(text: str) -> Iterator[Cell]:
    if sum(map(text.count, "[{,")) > _MOST_PARTS:
        raise DataFileError("Expected a notebook. This one has millions of parts: clear its outputs and save again.")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"Expected a notebook, which is JSON. This is none: {_reason(error)}.") from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        version = notebook.get("nbformat") if isinstance(notebook, dict) else None
        old = isinstance(version, int) and version < 4
        raise DataFileError(
            "This notebook is of an old format: open it in Jupyter and save it again."
            if old
            else "Expected a notebook. This JSON has no list of cells."
        )
    number = 0
    for content in notebook["cells"]:
        if not isinstance(content, dict) or content.get("cell_type") != "code":
            continue
        source = content.get("source")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            source = ""
        source = _clean(source)
        is_marked = _MARK.search(source) is not None or _has_tag(content.get("metadata"))
        number += 1
        yield Cell(number, source, 1, is_marked)


def _has_tag(metadata: Any) -> bool:
    """Say whether a cell's metadata calls it graded: a tag of that name, or nbgrader's mark of a solution."""
    if not isinstance(metadata, dict):
        return False
    tags, nbgrader = metadata.get("tags"), metadata.get("nbgrader")
    if isinstance(tags, list) and "graded" in tags:
        return True
    return isinstance(nbgrader, dict) and nbgrader.get("solution") is True


def _file_cells(text: str) -> Iterator[Cell]:
    """Split a Python file at the lines that begin a cell in the percent format; most have none."""
    starts = (match.start() for match in _PERCENT_CELL.finditer(text) if match.start() > 0)
    line = 1
    for start, end in pairwise(chain([0], starts, [len(text)])):
        source = text[start:end]
        is_text = (match := _PERCENT_CELL.match(source)) is not None and "[markdown]" in match[1]
        if not is_text:
            yield Cell(None, source, line, _MARK.search(source) is not None)
        line += source.count("\n")


def _clean(source: str) -> str:
    """Give text with plain line ends and without halves of surrogate pairs, which UTF-8 cannot hold."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source.encode("utf-8", "replace").decode("utf-8")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in line {error.lineno}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "it has a number of too many digits"
