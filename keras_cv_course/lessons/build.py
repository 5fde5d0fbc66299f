"""Generates an assignment's notebooks and texts from its lesson; the same source gives the same bytes.

notebook.ipynb    the learner's: gaps, no outputs, nbgrader's metadata
notebook.md       the same as text
solution.ipynb    with the solutions
MISTAKES.md       what the checks recognise, from mistakes.toml
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_cv_course.errors import GradingError
from keras_cv_course.files import write_text_atomically
from keras_cv_course.grading.assignment import load_assignment
from keras_cv_course.grading.formats.nbgrader import mark_cells
from keras_cv_course.lessons.source import LessonCell, read_lesson
from keras_cv_course.lessons.variants import VARIANTS, mistakes_page, read_variants

LESSON, NOTEBOOK, SOLUTION = "lesson.py", "notebook.ipynb", "solution.ipynb"

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def generated_files(folder: str | Path) -> dict[str, str]:
    """Generate all that comes from an assignment's lesson, without writing it.

    Args:
        folder: of the assignment, with the lesson and all checks.

    Returns:
        Name of a file -> its text.

    Raises:
        GradingError: the lesson, the checks or the list of mistakes cannot be used; the message names the place.
        MissingExtraError: jupytext is not installed.
    """
    folder = Path(folder)
    assignment = load_assignment(folder)
    cells = read_lesson(folder / LESSON)
    points = {question.function: sum(check.points for check in question.checks) for question in assignment.questions}
    stray = sorted({cell.function for cell in cells if cell.function} - set(points))
    if stray:
        raise GradingError(
            f"{folder / LESSON}: expected graded cells for {', '.join(points)}. Received: one for {', '.join(stray)}."
        )
    try:
        notebooks = [mark_cells(to_notebook(cells, solved=solved), points) for solved in (False, True)]
    except GradingError as error:
        raise GradingError(f"{folder / LESSON}: {error}") from error
    files = {
        NOTEBOOK: notebook_text(notebooks[0]),
        "notebook.md": _as_markdown(cells),
        SOLUTION: notebook_text(notebooks[1]),
    }
    if (folder / VARIANTS).is_file():
        files["MISTAKES.md"] = mistakes_page(assignment, read_variants(folder / VARIANTS, assignment, cells))
    return files


def to_notebook(cells: list[LessonCell], *, solved: bool, instead: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Make a notebook of a lesson's cells.

    Args:
        cells: of the lesson.
        solved: with solutions, else with gaps.
        instead: graded function -> what its cell holds in place of that.

    Returns:
        The notebook, of nbformat 4.5; the cells' ids are their numbers.
    """
    made = []
    for number, cell in enumerate(cells, 1):
        text = (instead or {}).get(cell.function, cell.solution if solved else cell.learner)
        one: dict[str, Any] = {"cell_type": cell.kind, "id": f"cell-{number:03d}", "metadata": {}}
        if cell.kind == "code":
            one |= {"execution_count": None, "outputs": []}
        made.append({**one, "source": text.splitlines(keepends=True)})
    return {"cells": made, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}


def notebook_text(notebook: Mapping[str, Any]) -> str:
    """Give a notebook's file as Jupyter itself writes it, so that saving it again changes nothing else."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write_generated_files(folder: str | Path) -> list[Path]:
    """Write what has changed of the generated files; give the files written.

    Raises:
        GradingError: as :func:`generated_files`.
        MissingExtraError: as :func:`generated_files`.
    """
    files = generated_files(folder)
    written = _differing(Path(folder), files)
    for path in written:
        write_text_atomically(path, files[path.name])
    return written


def stale_files(folder: str | Path) -> list[Path]:
    """List the generated files that are missing or not what the lesson gives now.

    Raises:
        GradingError: as :func:`generated_files`.
        MissingExtraError: as :func:`generated_files`.
    """
    return _differing(Path(folder), generated_files(folder))


def _differing(folder: Path, files: Mapping[str, str]) -> list[Path]:
    paths = [folder / name for name in files]
    return [path for path in paths if not path.is_file() or path.read_bytes() != files[path.name].encode()]


def _as_markdown(cells: list[LessonCell]) -> str:
    """Give the learner's notebook as text that any page shows."""
    parts = []
    for cell in cells:
        if cell.kind == "markdown":
            parts.append(cell.learner)
            continue
        longest = max((len(ticks) for ticks in re.findall("`{3,}", cell.learner)), default=2)
        fence = "`" * (longest + 1)
        parts.append(f"{fence}python\n{cell.learner}\n{fence}")
    return "\n\n".join(parts) + "\n"
