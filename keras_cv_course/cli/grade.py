"""`kcc grade`: one submission, for a learner at work or an instructor in doubt."""

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from keras_cv_course.cli.console import check_folder, err, note, say, say_table
from keras_cv_course.cli.grading import (
    AssignmentName,
    PrivateChecks,
    Seed,
    WeakSandbox,
    grading_failures,
    note_without_hidden_checks,
    result_table,
)
from keras_cv_course.errors import GradingError
from keras_cv_course.files import write_text_atomically
from keras_cv_course.grading.formats import coursera, gradescope, nbgrader, plain
from keras_cv_course.grading.results import Result


class Format(StrEnum):
    """Files that other systems read."""

    COURSERA = "coursera"
    GRADESCOPE = "gradescope"
    NBGRADER = "nbgrader"
    CSV = "csv"


_FILES = {
    Format.COURSERA: ("feedback.json", coursera.to_json),
    Format.GRADESCOPE: ("results.json", gradescope.to_json),
    Format.NBGRADER: ("nbgrader-grades.csv", lambda result: nbgrader.grades_csv([result])),
    Format.CSV: ("gradebook.csv", lambda result: plain.gradebook_csv([result])),
}


def grade(
    notebook: Annotated[
        Path, typer.Argument(metavar="NOTEBOOK", help="The submission: a notebook (.ipynb) or a Python file.")
    ],
    assignment: AssignmentName,
    checks: PrivateChecks = None,
    seed: Seed = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write a page with the result here.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the result as JSON here.")
    ] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option(
            "--format",
            help="Write what another system reads: feedback.json for Coursera, results.json for Gradescope, "
            "nbgrader-grades.csv, or gradebook.csv. May be given several times.",
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files of --format.")] = Path(),
    allow_weak_sandbox: WeakSandbox = False,
) -> None:
    """Grade one submission in a sandbox and say what is to be mended.

    The exit status is 0 when all points were earned, 1 when not, and 2 when the grading itself failed.
    """
    with grading_failures():
        if notebook.is_dir():
            raise GradingError(f"Expected a notebook or a Python file. Received a folder: {notebook}. Try grade-batch.")
        if not notebook.exists():
            raise GradingError(f"Expected a notebook or a Python file. Received: {notebook}, which is not there.")
        for place in (folder, *(file.parent for file in (html, json_file) if file)):
            check_folder(place)
        seed = secrets.randbits(32) if seed is None else seed
        title, result = _grade(notebook, assignment, checks, seed, allow_weak_sandbox)
        if result.status != "graded":
            raise GradingError(f"The grader failed, and the submission has no score: {result.problem}")
        _show(title, result)
        if html is not None:
            from keras_cv_course.report.grading_page import write_grading_page

            write_grading_page(html, result.to_dict(), title=title)
            note(f"Page: {html.resolve()}")
        if json_file is not None:
            write_text_atomically(json_file, plain.to_json(result))
        for name, to_text in (_FILES[wanted] for wanted in formats or ()):
            write_text_atomically(folder / name, to_text(result))
    if not result.is_perfect:
        raise typer.Exit(1)


def _grade(
    notebook: Path, assignment: str, checks: Path | None, seed: int, allow_weak_sandbox: bool
) -> tuple[str, Result]:
    from keras_cv_course.grading.job import Grader, Job, assignment_folder
    from keras_cv_course.grading.submission_folder import readable_name

    job = Job(assignment_folder(assignment), checks, seed, allow_weak_sandbox)
    with err.status("Grading ..."), Grader(job) as grader:
        return grader.title, grader.grade(readable_name(notebook.name), notebook)


def _show(title: str, result: Result) -> None:
    say(title)
    say_table(result_table(result))
    if result.problem:
        say(result.problem)
    missing = [f"{layer} ({why})" for layer, why in result.layers.items() if why is not True]
    if missing:
        note(f"Layers of the sandbox that were not active: {', '.join(missing)}")
    note_without_hidden_checks([result])
    points = f"{plain.number(result.earned)} of {plain.number(result.points)} points"
    say(f"{points} in {result.seconds:.1f} seconds. Seed of the checks' inputs: {result.seed}")
