"""Puts an assignment into a learner's folder: the notebook, and the data that it uses."""

import shutil
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from keras_cv_course.errors import DataError, GradingError
from keras_cv_course.lessons.build import NOTEBOOK
from keras_cv_course.lessons.materials import MATERIALS, Material, Progress


def learner_notebook_name(assignment: str) -> str:
    """Name the learner's notebook: that of the assignment without its number."""
    return f"{assignment.lstrip('0123456789').lstrip('_') or assignment}.ipynb"


def start_assignment(
    assignment: Path,
    folder: Path,
    *,
    progress: Callable[[Material], AbstractContextManager[Progress]] = lambda material: nullcontext(lambda done: None),
) -> Path:
    """Make a learner's folder, whole or not at all.

    Args:
        assignment: the assignment's folder.
        folder: the learner's; new or empty.
        progress: given what is made next, shows how far it is, for as long as its context lasts.

    Returns:
        The learner's notebook.

    Raises:
        DataError: something stands in the folder's place.
        GradingError: the assignment has no notebook, or names materials that do not exist.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(
            f"Expected a new or empty folder for the assignment. Received: {folder}, which is no empty folder. "
            f"Name another folder, or move this one away."
        )
    if not (assignment / NOTEBOOK).is_file():
        raise GradingError(f"The assignment {assignment.name} has no {NOTEBOOK}. Generate it: kcc assignments build.")
    materials = _materials(assignment)
    # Beside the files' place, so that they appear there by being renamed.
    place = folder if folder.exists() else folder.parent
    place.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=".kcc-start-", dir=place))
    try:
        made = hidden / "folder"
        made.mkdir()
        for material in materials:
            with progress(material) as advance:
                material.write(made, advance)
        name = learner_notebook_name(assignment.resolve().name)
        shutil.copyfile(assignment / NOTEBOOK, made / name)
        if place == folder:  # perhaps the learner's shell stands in it, so that it must stay the same folder
            for path in sorted(made.iterdir(), key=lambda path: path.name == name):
                path.rename(folder / path.name)
        else:
            made.rename(folder)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return folder / name


def _materials(assignment: Path) -> list[Material]:
    names = tomllib.loads((assignment / "assignment.toml").read_text(encoding="utf-8")).get("materials", [])
    unknown = [name for name in names if name not in MATERIALS]
    if unknown:
        raise GradingError(
            f"{assignment / 'assignment.toml'}: expected materials of {', '.join(sorted(MATERIALS))}. "
            f"Received: {', '.join(map(str, unknown))}."
        )
    return [MATERIALS[name] for name in names]
