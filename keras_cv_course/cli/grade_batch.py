"""`kcc grade-batch`: a whole class."""

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, TaskID

from keras_cv_course.cli.console import INTERRUPTED, check_folder, note, progress_bar, say
from keras_cv_course.cli.grading import (
    AssignmentName,
    PrivateChecks,
    Seed,
    WeakSandbox,
    grading_failures,
    note_without_hidden_checks,
)
from keras_cv_course.files import write_text_atomically
from keras_cv_course.grading.formats import plain
from keras_cv_course.grading.results import Result

if TYPE_CHECKING:
    from keras_cv_course.grading.batch import Batch

_LONGEST_NAME = 80


def grade_batch(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The submissions: notebooks, .py files, or a folder for each student."),
    ],
    assignment: AssignmentName,
    out_folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for all that is written.")],
    processes: Annotated[
        int, typer.Option("-j", "--jobs", min=1, help="Grade so many at a time. [dim]Default: one for each core[/]")
    ] = os.cpu_count() or 1,
    checks: PrivateChecks = None,
    seed: Seed = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Grade on the workers of this Dask scheduler, such as tcp://head:8786."),
    ] = None,
    allow_weak_sandbox: WeakSandbox = False,
) -> None:
    """Grade a class: a gradebook, a report, and a page for each learner.

    Writes gradebook.csv, nbgrader-grades.csv, class.html, feedback/ and results/. After Ctrl-C or a kill the same
    command goes on where it was. The exit status is 0 when every submission was graded, 1 when the grader failed at
    some, and 2 when nothing could be graded.
    """
    with grading_failures():
        from keras_cv_course.grading.batch import grade_batch as run

        check_folder(out_folder)
        with progress_bar("Grading", None) as (bar, task):
            try:
                batch = run(
                    folder,
                    assignment,
                    out_folder,
                    seed=seed,
                    private=checks,
                    processes=processes,
                    allow_weak_sandbox=allow_weak_sandbox,
                    cluster=cluster,
                    on_start=lambda total, done: bar.update(task, total=total, completed=done),
                    on_result=lambda result: _advance(bar, task, result),
                )
            except KeyboardInterrupt:
                note("Stopped. The same command goes on from here.")
                raise typer.Exit(INTERRUPTED) from None
        _write_pages(batch, out_folder)
        failed = [result for result in batch.results if result.status != "graded"]
        for result in failed:
            note(f"{result.submission}: the grader failed: {result.problem}")
        note_without_hidden_checks(batch.results)
        _summarize(batch, len(failed), out_folder)
    if failed:
        raise typer.Exit(1)


def _advance(bar: Progress, task: TaskID, result: Result) -> None:
    bar.update(task, advance=1, note="" if result.status == "graded" else "the grader failed at some")


def _write_pages(batch: "Batch", out: Path) -> None:
    from keras_cv_course.report.class_page import write_class_page
    from keras_cv_course.report.grading_page import describe_sandbox, write_grading_page

    for name in map(_file_name, batch.gone):  # whose pages this batch has written
        (out / "feedback" / f"{name}.html").unlink(missing_ok=True)
        (out / "results" / f"{name}.json").unlink(missing_ok=True)
    pages = {}
    for result in batch.results:
        name = _file_name(result.submission)
        pages[result.submission] = f"feedback/{name}.html"
        write_grading_page(out / "feedback" / f"{name}.html", result.to_dict(), title=batch.title)
        write_text_atomically(out / "results" / f"{name}.json", plain.to_json(result))
    write_class_page(
        out / "class.html",
        [result.to_dict() for result in batch.results],
        title=batch.title,
        pages=pages,
        facts={
            "Assignment": batch.results[0].assignment,
            "Seed of the checks' inputs": str(batch.seed),
            "Sandbox": "; ".join(sorted({describe_sandbox(result.layers) for result in batch.results})),
        },
    )


def _file_name(submission: str) -> str:
    """Give a name that every system can write, no two alike whatever the submissions are called."""
    plain_name = re.sub(r"[^\w.-]+", "_", submission, flags=re.ASCII).strip(".")[:_LONGEST_NAME]
    return f"{plain_name}-{hashlib.sha256(submission.encode()).hexdigest()[:8]}"


def _summarize(batch: "Batch", failed: int, out: Path) -> None:
    graded = [result for result in batch.results if result.status == "graded"]
    perfect = sum(result.is_perfect for result in graded)
    say(f"{len(graded)} of {len(batch.results)} submissions graded, {perfect} of them with all points.")
    if batch.graded_before:
        say(f"{batch.graded_before} of them in an earlier run.")
    if failed:
        say(f"At {failed} the grader failed: no score, and not the learners' fault. The same command tries them again.")
    say(f"Seed of the checks' inputs: {batch.seed}")
    say(f"Gradebook: {(out / 'gradebook.csv').resolve()}")
    say(f"Report: {(out / 'class.html').resolve()}")
