"""The command tree, and what happens to errors."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from keras_cv_course.cli import (
    anchors,
    assignments,
    compat,
    convert,
    data,
    demo,
    detect,
    doctor,
    evaluate,
    grade,
    grade_batch,
    landmarks,
    localize,
    package,
    predict,
    segment,
    train,
)
from keras_cv_course.cli.console import err, note, out
from keras_cv_course.errors import GradingError, KerasCVCourseError


class _ErrorsInOneLine(TyperGroup):
    """Print an error raised on purpose as its message; anything else is a defect and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KerasCVCourseError, OSError) as error:  # OSError: a path that cannot be written, a full disk
            if ctx.params["debug"] or isinstance(error, BrokenPipeError):
                raise
            err.print("[bold red]error:[/]", end=" ")
            note(str(error))
            # `kcc grade` says with 1 that points were lost.
            raise typer.Exit(2 if isinstance(error, GradingError) else 1) from error


app = typer.Typer(
    cls=_ErrorsInOneLine,
    help="The convolutional-network course as real software: data, training, evaluation, prediction.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"keras-cv-course {version('keras-cv-course')}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Hold the options of `kcc` itself; `_ErrorsInOneLine` reads `debug`."""


app.command("demo", rich_help_panel="Start here")(demo.demo)
app.command("doctor", rich_help_panel="Start here")(doctor.doctor)
app.add_typer(data.app, name="data", rich_help_panel="Data")
app.command("anchors", rich_help_panel="Data")(anchors.anchors)
app.add_typer(train.app, name="train", rich_help_panel="Models")
app.add_typer(evaluate.app, name="evaluate", rich_help_panel="Models")
app.add_typer(predict.app, name="predict", rich_help_panel="Models")
app.command("detect", rich_help_panel="Models")(detect.detect)
app.command("landmarks", rich_help_panel="Models")(landmarks.landmarks)
app.command("localize", rich_help_panel="Models")(localize.localize)
app.command("segment", rich_help_panel="Models")(segment.segment)
app.command("convert", rich_help_panel="Models")(convert.convert)
app.add_typer(assignments.app, name="assignments", rich_help_panel="Assignments")
app.command("start", rich_help_panel="Assignments")(assignments.start)
app.command("solution", rich_help_panel="Assignments")(assignments.solution)
app.command("compat", rich_help_panel="Assignments")(compat.compat)
app.command("grade", rich_help_panel="Grading")(grade.grade)
app.command("grade-batch", rich_help_panel="Grading")(grade_batch.grade_batch)
app.add_typer(package.app, name="package", rich_help_panel="Grading")


def main() -> None:
    """Run `kcc`."""
    app()
