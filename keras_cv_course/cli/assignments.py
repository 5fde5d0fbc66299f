"""`kcc assignments`, `kcc start` and `kcc solution`: what a learner opens, and what an instructor looks after."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import check_folder, note, out, progress_bar, say
from keras_cv_course.errors import DataError, MissingExtraError
from keras_cv_course.files import atomic_path
from keras_cv_course.grading.formats.plain import number

if TYPE_CHECKING:
    from keras_cv_course.lessons.materials import Material, Progress

app = typer.Typer(help="List the assignments; generate their notebooks from their lessons.")

_Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of an assignment, its beginning, such as 01, or a folder.")
]


@app.callback(invoke_without_command=True)
def list_assignments(context: typer.Context) -> None:
    """List the assignments with their questions and points."""
    if context.invoked_subcommand is not None:
        return
    from keras_cv_course.grading.assignment import assignment_names, find_assignment, load_assignment

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "title", "graded functions"):
        table.add_column(heading, overflow="fold")
    table.add_column("points", justify="right", no_wrap=True)
    with_hidden = True
    for name in assignment_names():
        assignment = load_assignment(name)
        with_hidden = with_hidden and (find_assignment(name) / "hidden_checks.py").is_file()
        points = sum(check.points for question in assignment.questions for check in question.checks)
        functions = " ".join(question.function for question in assignment.questions)
        table.add_row(escape(name), escape(assignment.title), escape(functions), number(points))
    out.print(table)
    if not with_hidden:
        note("The points are those of the public checks; the hidden ones stay with the instructor.")
    note("Begin one with: kcc start NAME")


@app.command()
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Assignments, or their folders. [dim]Default: all with a lesson[/]"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 and name the files that are out of date.")
    ] = False,
) -> None:
    """Generate the notebooks of assignments from their lessons; needs a checkout of the repository."""
    from keras_cv_course.grading.assignment import assignment_names, find_assignment
    from keras_cv_course.grading.job import assignment_folder
    from keras_cv_course.lessons.build import LESSON, stale_files, write_generated_files

    if names:
        folders = [assignment_folder(name) for name in names]
    else:
        folders = [find_assignment(name) for name in assignment_names()]
        folders = [folder for folder in folders if (folder / LESSON).is_file()]
    if missing := [folder.name for folder in folders if not (folder / LESSON).is_file()]:
        raise DataError(f"Expected {LESSON}, which only the repository has. Received: none in {', '.join(missing)}.")
    if not folders:
        raise DataError(f"Expected assignments with {LESSON}, which only the repository has. Received: none.")
    if check:
        stale = [path for folder in folders for path in stale_files(folder)]
        for path in stale:
            say(f"out of date: {path}")
        if stale:
            note("Generate them with: kcc assignments build")
            raise typer.Exit(1)
        return
    for folder in folders:
        for path in write_generated_files(folder):
            say(f"written: {path}")


def start(
    name: _Name,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="A new or empty folder. [dim]Default: the assignment's name[/]"),
    ] = None,
    lab: Annotated[bool, typer.Option("--lab", help="Open the notebook in JupyterLab.")] = False,
) -> None:
    """Put an assignment's notebook and its data into a folder, and say how to go on."""
    from keras_cv_course.grading.job import assignment_folder
    from keras_cv_course.lessons.start import start_assignment

    assignment = assignment_folder(name)
    folder = folder or Path(assignment.resolve().name)
    check_folder(folder)
    if lab and find_spec("jupyterlab") is None:
        raise MissingExtraError("--lab needs JupyterLab, which is not installed. Install it: pip install '.[lab]'")
    notebook = start_assignment(assignment, folder, progress=_show_progress)
    is_shipped = Path(name) != assignment
    say(f"The assignment is in {folder}.")
    say(f"Open:   {notebook}  (in Jupyter or VS Code; or: python -m jupyterlab {notebook})")
    say(f"Grade:  kcc grade {notebook} --assignment {assignment.name if is_shipped else assignment}")
    if lab:
        raise typer.Exit(subprocess.run([sys.executable, "-m", "jupyterlab", notebook.name], cwd=folder).returncode)


@contextmanager
def _show_progress(material: "Material") -> Iterator["Progress"]:
    with progress_bar(material.description, material.count) as (bar, task):
        yield lambda done: bar.update(task, completed=done)


def solution(
    name: _Name,
    file: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, help="A new file. [dim]Default: the notebook's name and _solution[/]"),
    ] = None,
) -> None:
    """Copy an assignment's notebook with its solutions, for instructors; needs a checkout of the repository."""
    from keras_cv_course.grading.job import assignment_folder
    from keras_cv_course.lessons.build import SOLUTION
    from keras_cv_course.lessons.start import learner_notebook_name

    assignment = assignment_folder(name)
    source = assignment / SOLUTION
    if not source.is_file():
        raise DataError(
            f"Expected {SOLUTION} in {assignment}. Received: none. Solutions are in the repository only, not in an "
            "installed package; there, `kcc assignments build` makes them of the lessons."
        )
    file = file or Path(learner_notebook_name(f"{assignment.resolve().name}_solution"))
    if file.exists():
        raise DataError(f"Expected the name of a new file. Received: {file}, which is there. Name another with --out.")
    with atomic_path(file) as temporary:
        shutil.copyfile(source, temporary)
    say(f"Solution: {file}")
