"""`kcc predict`: classify anyone's pictures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import err, out, printable, progress_bar, start_keras
from keras_cv_course.cli.options import DEFAULT_MODEL, AsJson, ModelSource

if TYPE_CHECKING:
    from keras_cv_course.models.classifier import Classifier

app = typer.Typer(help="Classify pictures.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `signs` a subcommand while it is the only one."""


@app.command()
def signs(
    images: Annotated[
        list[Path], typer.Argument(help="Picture files: PNG, JPEG, WebP, GIF, BMP, TIFF or PPM, of any size.")
    ],
    model: ModelSource = DEFAULT_MODEL,
    as_json: AsJson = False,
) -> None:
    """Say which number, 0 to 5, the hand in each picture shows.

    A file that cannot be used is reported by name and the others go on; the exit status is 1 then.
    """
    start_keras()
    with err.status("Loading the model ..."):
        from keras_cv_course.models.classifier import load_classifier

        classifier = load_classifier(model)
    with progress_bar("Classifying", len(images)) as (bar, task):
        results = []
        for path in images:
            results.append(_classify(classifier, path))
            bar.advance(task)
    if as_json:
        print(json.dumps(results, indent=2))  # ASCII: any file name can be written
    else:
        out.print(_table(results))
    if any("error" in result for result in results):
        raise typer.Exit(1)


def _classify(classifier: "Classifier", path: Path) -> dict[str, Any]:
    from keras_cv_course.data.image_files import read_image, resize_image
    from keras_cv_course.errors import ImageFileError

    try:
        image = read_image(path)
    except ImageFileError as error:
        return {"file": str(path), "error": str(error)}
    probabilities = classifier.predict(resize_image(image, classifier.input_size)[None])[0]
    best = int(probabilities.argmax())
    return {
        "file": str(path),
        "sign": classifier.class_names[best],
        "probability": float(probabilities[best]),
        "probabilities": {name: float(p) for name, p in zip(classifier.class_names, probabilities, strict=True)},
    }


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "sign", "probability"):
        table.add_column(heading, overflow="fold")
    for result in results:
        file = escape(printable(result["file"]))
        if "error" in result:
            table.add_row(file, "[red]error[/]", escape(printable(result["error"])))
        else:
            table.add_row(file, f"[bold]{escape(result['sign'])}[/]", f"{result['probability']:.1%}")
    return table
