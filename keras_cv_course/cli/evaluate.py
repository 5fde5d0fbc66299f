"""`kcc evaluate`: measure a trained model on its test data."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_cv_course.cli import evaluate_detector
from keras_cv_course.cli.console import check_folder, err, note, say, start_keras
from keras_cv_course.cli.options import DEFAULT_MODEL, AsJson, DataFolder, ModelSource, TrainedModel, run_settings

if TYPE_CHECKING:
    from keras_cv_course.cli.classification_result import ClassificationResult

app = typer.Typer(help="Measure a trained model.", no_args_is_help=True)
app.command("detector")(evaluate_detector.detector)


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
        from keras_cv_course.cli.classification_result import measure_signs, signs_title
        from keras_cv_course.models.classifier import load_classifier

        result = measure_signs(load_classifier(model), part)
        if report is not None:
            result.write_page(report, title=signs_title(result.classifier))
    _answer(result, result.to_json() | {"kind_of_data": part.kind}, f"{part.kind} test images", report, as_json)


@app.command()
def folder(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with a sub-folder of pictures for each class.")
    ],
    model: TrainedModel,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write an HTML page with mistakes and Grad-CAM here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a classifier on anyone's pictures, in sub-folders that are named as its classes."""
    if report is not None:
        check_folder(report.parent)
    start_keras()
    from keras_cv_course.cli.folder_images import read_with_progress, say_skipped
    from keras_cv_course.data.image_folders import describe_skipped, find_images

    with err.status("Loading the model ..."):
        from keras_cv_course.cli.classification_result import measure
        from keras_cv_course.models.classifier import load_classifier

        classifier = load_classifier(model)
    files = find_images(directory, classifier.class_names)
    pictures = read_with_progress(files, classifier.input_size, every_class=False)
    skipped = (*files.skipped, *pictures.skipped)
    say_skipped(skipped, directory)
    seen = _trained_on(model) & {path.resolve() for path in pictures.paths}
    if seen:
        note(f"{len(seen)} of these pictures are among those that the model was trained on: the figure flatters it.")
    with err.status("Classifying ..."):
        result = measure(
            classifier,
            pictures.data,
            source=str(directory),
            data_note=f"{len(pictures.data)} pictures from {directory.resolve().name}.",
            names=tuple(str(path.relative_to(directory)) for path in pictures.paths),
        )
        if report is not None:
            lines = describe_skipped(skipped, directory, most=len(skipped))
            title = f"Pictures of {directory.resolve().name}, classified"
            result.write_page(report, title=title, skipped=lines, show_attention=True)
    _answer(result, result.to_json() | {"skipped": len(skipped)}, "pictures", report, as_json)


def _trained_on(model: str) -> set[Path]:
    """Give the pictures that a run was trained on, as far as its folder tells."""
    settings = run_settings(model)
    return {Path(settings["data"]) / name for name in settings.get("train_files", ())}


def _answer(
    result: "ClassificationResult", figures: dict[str, object], images: str, report: Path | None, as_json: bool
) -> None:
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        right = result.confusion.trace()
        say(f"{result.accuracy:.1%} of the {images} right ({right} of {len(result.data)}).")
    if report is not None:
        note(f"Page: {report.resolve()}")
