"""`kcc predict`: classify anyone's pictures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import err, out, printable, progress_bar, start_keras
from keras_cv_course.cli.options import DEFAULT_MODEL, AsJson, ModelSource, TrainedModel

if TYPE_CHECKING:
    from keras_cv_course.models.classifier import Classifier

app = typer.Typer(help="Classify pictures.", no_args_is_help=True)


Pictures = Annotated[
    list[Path], typer.Argument(help="Picture files: PNG, JPEG, WebP, GIF, BMP, TIFF or PPM, of any size.")
]


@app.command()
def signs(images: Pictures, model: ModelSource = DEFAULT_MODEL, as_json: AsJson = False) -> None:
    """Say which number, 0 to 5, the hand in each picture shows.

    A file that cannot be used is reported by name and the others go on; the exit status is 1 then.
    """
    _predict(images, model, as_json, key="sign", crop=False)


@app.command()
def folder(images: Pictures, model: TrainedModel, as_json: AsJson = False) -> None:
    """Say which of its classes a model of `kcc train folder` sees in each picture.

    A file that cannot be used is reported by name and the others go on; the exit status is 1 then.
    """
    _predict(images, model, as_json, key="class", crop=True)


def _predict(images: list[Path], model: str, as_json: bool, *, key: str, crop: bool) -> None:
    """Classify files; `crop` keeps a picture's aspect ratio, else it is stretched, as the SIGNS pictures were."""
    start_keras()
    with err.status("Loading the model ..."):
        from keras_cv_course.models.classifier import load_classifier

        classifier = load_classifier(model)
    with progress_bar("Classifying", len(images)) as (bar, task):
        results = []
        for path in images:
            results.append(_classify(classifier, path, key, crop))
            bar.advance(task)
    if as_json:
        print(json.dumps(results, indent=2))  # ASCII: any file name can be written
    else:
        out.print(_table(results, key))
    if any("error" in result for result in results):
        raise typer.Exit(1)


def _classify(classifier: "Classifier", path: Path, key: str, crop: bool) -> dict[str, Any]:
    from keras_cv_course.data.image_files import crop_and_resize, read_image, resize_image
    from keras_cv_course.errors import ImageFileError

    try:
        image = read_image(path)
    except ImageFileError as error:
        return {"file": str(path), "error": str(error)}
    fitted = (crop_and_resize if crop else resize_image)(image, classifier.input_size)
    probabilities = classifier.predict(fitted[None])[0]
    best = int(probabilities.argmax())
    return {
        "file": str(path),
        key: classifier.class_names[best],
        "probability": float(probabilities[best]),
        "probabilities": {name: float(p) for name, p in zip(classifier.class_names, probabilities, strict=True)},
    }


def _table(results: list[dict[str, Any]], key: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("file", key, "probability"):
        table.add_column(heading, overflow="fold")
    for result in results:
        file = escape(printable(result["file"]))
        if "error" in result:
            table.add_row(file, "[red]error[/]", escape(printable(result["error"])))
        else:
            table.add_row(file, f"[bold]{escape(printable(result[key]))}[/]", f"{result['probability']:.1%}")
    return table
