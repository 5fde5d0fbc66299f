"""`kcc package`: what Coursera, Gradescope and nbgrader want of an instructor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_cv_course.cli.console import note, say
from keras_cv_course.cli.grading import PrivateChecks, WeakSandbox, grading_failures
from keras_cv_course.errors import GradingError

if TYPE_CHECKING:
    from keras_cv_course.grading.container import Platform

app = typer.Typer(help="Write the grader of an assignment as a platform wants it.", no_args_is_help=True)

_Assignment = Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="Name of an assignment, or its folder.")]
_OUT_HELP = "A new folder, or a file that ends in .zip."


@app.command()
def coursera(
    assignment: _Assignment,
    out: Annotated[Path, typer.Option(metavar="PATH", help=_OUT_HELP)],
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=FUNCTION,...",
            help="A part of the assignment by its partId, and what it grades. May be given several times. "
            "[dim]Default: every part grades everything[/]",
        ),
    ] = None,
    checks: PrivateChecks = None,
    allow_weak_sandbox: WeakSandbox = False,
) -> None:
    """Write the folder with the Dockerfile from which Coursera's container is built."""
    parts = {}
    for said in part or ():
        name, equals, functions = said.partition("=")
        if not (name and equals and functions):
            raise GradingError(f"Expected --part ID=FUNCTION,... Received: {said}.")
        parts[name] = functions.split(",")
    _package("coursera", assignment, out, checks, allow_weak_sandbox, parts)


@app.command()
def gradescope(
    assignment: _Assignment,
    out: Annotated[Path, typer.Option(metavar="PATH", help=_OUT_HELP)],
    checks: PrivateChecks = None,
    allow_weak_sandbox: WeakSandbox = False,
) -> None:
    """Write the zip with setup.sh and run_autograder that is uploaded to Gradescope."""
    _package("gradescope", assignment, out, checks, allow_weak_sandbox, {})


@app.command()
def nbgrader(
    assignment: _Assignment, out: Annotated[Path, typer.Option(metavar="DIR", help="nbgrader's course folder.")]
) -> None:
    """Write the assignment's notebook with nbgrader's metadata, below source/."""
    with grading_failures():
        from keras_cv_course.grading.package import package_notebook

        say(f"Notebook: {package_notebook(assignment, out).resolve()}")


def _package(
    platform: "Platform",
    assignment: str,
    out: Path,
    checks: Path | None,
    allow_weak_sandbox: bool,
    parts: dict[str, list[str]],
) -> None:
    with grading_failures():
        from keras_cv_course.grading.job import assignment_folder
        from keras_cv_course.grading.package import package_grader

        package_grader(platform, assignment, out, private=checks, parts=parts, allow_weak_sandbox=allow_weak_sandbox)
        if not (assignment_folder(assignment) / "hidden_checks.py").is_file():
            note("Without hidden checks: an installed package has none, a checkout of the repository does.")
        say(f"Grader: {out.resolve()}")
