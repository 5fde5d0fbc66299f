"""What the commands that grade share: options, the table of a result, and errors that are never a score."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import note, printable
from keras_cv_course.errors import GradingError, KerasCVCourseError
from keras_cv_course.grading.formats.plain import number, shown_message
from keras_cv_course.grading.results import CheckResult, Result

GRADING_FAILED = 2

AssignmentName = Annotated[
    str, typer.Option("--assignment", metavar="NAME", help="Name of an assignment, or its folder.")
]
PrivateChecks = Annotated[
    Path | None,
    typer.Option(
        "--checks", metavar="DIR", help="Folder with further hidden checks of your own.", exists=True, file_okay=False
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Draw the checks' inputs from this. [dim]Default: a fresh one, which is shown[/]"),
]
WeakSandbox = Annotated[
    bool,
    typer.Option(
        "--allow-weak-sandbox",
        help="Grade although layers of the sandbox are missing: submissions may read the checks or harm this machine.",
    ),
]

_STATES = {
    "passed": "[green]passed[/]",
    "partly": "[yellow]partly[/]",
    "failed": "[red]failed[/]",
    "not run": "[dim]not run[/]",
}


@contextmanager
def grading_failures() -> Iterator[None]:
    """Make whatever goes wrong a failure of the grading, so that no script takes it for points lost or won."""
    try:
        yield
    except typer.Exit:
        raise
    except GradingError:
        raise
    except (KerasCVCourseError, OSError) as error:
        raise GradingError(str(error)) from error
    except Exception as error:  # a defect: its traceback, but not Python's exit code 1
        traceback.print_exc()
        raise typer.Exit(GRADING_FAILED) from error


def note_without_hidden_checks(results: Sequence[Result]) -> None:
    """Say so where no hidden check was run, for an instructor would not notice."""
    checks = [check for result in results for question in result.questions for check in question.checks]
    if checks and all(check.visibility == "public" for check in checks):
        note(
            "Only public checks were run: this assignment has no hidden ones here. An installed package never has; "
            "instructors name the checkout's folder: --assignment path/to/assignments/NAME"
        )


def result_table(result: Result) -> Table:
    """List the checks of each question with points, and under those that failed what to mend."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("check", overflow="fold")
    table.add_column("points", justify="right", no_wrap=True)
    for question in result.questions:
        points = f"{number(question.earned)} of {number(question.points)}"
        table.add_row("", f"[bold]{_text(question.title)}[/] [dim]{_text(question.function)}[/]", f"[bold]{points}[/]")
        if question.problem:
            table.add_row("", f"[red]{_text(question.problem)}[/]", "")
        for check in question.checks:
            table.add_row(*_check_row(check))
        table.add_row("", "", "")
    return table


def _check_row(check: CheckResult) -> tuple[str, str, str]:
    title = _text(check.title) + (" [dim](hidden)[/]" if check.visibility == "hidden" else "")
    message = shown_message(check)
    said = f"\n[dim]{_text(message)}[/]" if message else ""
    return _STATES[check.status], title + said, f"{number(check.earned)} of {number(check.points)}"


def _text(text: str) -> str:
    return "\n".join(escape(printable(line)) for line in text.splitlines())
