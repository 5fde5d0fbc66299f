"""`kcc evaluate`: measure a trained model on its test data."""

import json
from pathlib import Path
from typing import Annotated

import typer

from keras_cv_course.cli.console import check_folder, err, note, say, start_keras
from keras_cv_course.cli.options import DEFAULT_MODEL, AsJson, DataFolder, ModelSource

app = typer.Typer(help="Measure a trained model.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `signs` a subcommand while it is the only one."""


@app.command()
def signs(
    data: DataFolder = None,
    model: ModelSource = DEFAULT_MODEL,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write an HTML page with predictions and plots here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a classifier on the SIGNS test images."""
    from keras_cv_course.data.signs import read_signs

    if report is not None:
        check_folder(report.parent)
    part = read_signs(data, "test")
    start_keras()
    with err.status("Classifying ..."):
        from keras_cv_course.cli.signs_result import measure_signs
        from keras_cv_course.models.classifier import load_classifier

        result = measure_signs(load_classifier(model), part)
        if report is not None:
            result.write_page(report)
    if as_json:
        print(json.dumps(result.to_json(), indent=2))
    else:
        right = result.confusion.trace()
        say(f"{result.accuracy:.1%} of the {result.kind_of_data} test images right ({right} of {len(part.data)}).")
    if report is not None:
        note(f"Page: {report.resolve()}")
