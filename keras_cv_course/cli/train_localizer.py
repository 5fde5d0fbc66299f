"""`kcc train localizer`: which one thing a picture shows, and where, on drawn roads or anyone's pictures."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from keras_cv_course.cli.console import err, note, start_keras
from keras_cv_course.cli.options import parse_size
from keras_cv_course.cli.train_pictures import (
    PicturesSeed,
    ShareKeptAside,
    both_of,
    check_options,
    describe,
    name_of,
    read_behind_bar,
    size_of,
    to_draw,
)
from keras_cv_course.cli.train_run import (
    Resume,
    facts_of,
    finish,
    given,
    only_report_is_left,
    open_run,
    out_option,
    refuse_with_resume,
    stopping_cleanly,
)

if TYPE_CHECKING:
    import keras

    from keras_cv_course.data.localized_images import LocalizedImages
    from keras_cv_course.training.fit_localizer import LocalizerSettings
    from keras_cv_course.training.run_folder import RunFolder

    Get = Callable[[], LocalizedImages]

PICTURES, KEPT_ASIDE = 4000, 500
DEFAULTS: dict[str, Any] = {"task": "localizer", "input_size": "96", "pictures": PICTURES}
SHOWN = ("input_size", "loss", "epochs", "batch_size", "learning_rate", "seed")


def localizer(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="Folder of a set with at most one box a picture (VOC, COCO, YOLO or CSV), or its file. "
            "[dim]Default: drawn roads with a pedestrian, car or motorcycle, or with nobody[/]",
        ),
    ] = None,
    validation: ShareKeptAside = None,
    pictures: Annotated[
        int | None, typer.Option(min=1, help=f"Without a set: to draw and train on. [dim]Default: {PICTURES}[/]")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Pretrained network to start from, such as mobilenetv2 or mobilenet-0.25. "
            "[dim]Default: a small network from scratch[/]"
        ),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE|HEIGHTxWIDTH", help="Of the network's pictures, multiples of 16. [dim]Default: 96[/]"
        ),
    ] = None,
    loss: Annotated[
        Literal["notes", "squared"] | None,
        typer.Option(help="Logistic, squared and cross-entropy, or all squared. [dim]Default: notes[/]"),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the pictures. [dim]Default: 40[/]")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures a step. [dim]Default: 32[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: 0.002[/]")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, bfloat16, float16 or auto. [dim]Default: float32[/]")
    ] = None,
    seed: PicturesSeed = None,
    folder: Annotated[Path | None, out_option("localizer")] = None,
    resume: Resume = None,
) -> None:
    """Train a network to say which one thing a picture shows, if any, and where; measure it on pictures kept aside.

    Those take no part in training or in any choice. Ctrl-C stops cleanly; --resume goes on after the last whole epoch,
    as it does after a crash.
    """
    own = given(validation=validation, pictures=pictures, backbone=backbone, input_size=input_size)
    fit = given(loss=loss, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
    fit |= given(precision=precision, seed=seed)
    refuse_with_resume(resume, (path, folder, *own, *fit))
    check_options(path, validation, pictures)
    parse_size(input_size)

    start_keras()
    from keras_cv_course.models.localizer import check_localizer_size
    from keras_cv_course.training.fit_localizer import LocalizerSettings

    details = describe(path, DEFAULTS, own, fit)
    if backbone is None:
        check_localizer_size(size_of(details))
    run, details, settings = open_run(details, LocalizerSettings, folder, resume)
    with stopping_cleanly(run, "localizer"):
        _run(run, details, settings, resume=resume is not None)


def _run(run: "RunFolder", details: dict[str, Any], settings: "LocalizerSettings", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import epochs_bar
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_localizer import fit_localizer

    only_report = only_report_is_left(run, resume=resume)
    get_train, get_held_out = _pictures(details, settings.seed, resume=resume)
    if only_report:
        _report(run, details, run.read_history(), get_held_out())
        return
    train, held_out = get_train(), get_held_out()
    gpus = prepare_devices(settings.seed)
    model = _network(details, len(train.class_names))
    counts = f"{len(train)} to train on, {len(held_out)} to measure by"
    note(f"Run: {run.path}   pictures: {counts}   devices: {', '.join(gpus) or 'CPU'}")
    with epochs_bar(settings.epochs, len(train), shown=("loss",)) as progress:
        history = fit_localizer(model, train, settings, folder=run, resume=resume, callbacks=[progress])
    _report(run, details, history, held_out)


def _pictures(details: dict[str, Any], seed: int, *, resume: bool) -> "tuple[Get, Get]":
    """Give functions that draw or read the pictures to train on and those to measure by."""
    from keras_cv_course.data.detection_datasets import find_boxes
    from keras_cv_course.data.localized_images import check_one_object, draw_localized_images, read_localized_images

    if "data" not in details:
        return to_draw("roads", draw_localized_images, details, seed, KEPT_ASIDE)
    train, held_out = both_of(details, find_boxes, resume=resume)
    for data in (train, held_out):
        check_one_object(data)
    read, size = partial(read_behind_bar, read_localized_images), size_of(details)
    return partial(read, train, size), partial(read, held_out, size)


def _network(details: dict[str, Any], classes: int) -> "keras.Model":
    from keras_cv_course.models.localizer import localizer
    from keras_cv_course.transfer.backbones import load_backbone
    from keras_cv_course.transfer.localizers import localizer_on

    size = size_of(details)
    if "backbone" not in details:
        return localizer((*size, 3), classes)
    with err.status("Loading the backbone ..."):
        return localizer_on(load_backbone(details["backbone"], size), classes)


def _report(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], held_out: "LocalizedImages"
) -> None:
    from keras_cv_course.cli.localizer_result import measure_localizer
    from keras_cv_course.models.trained_localizer import load_localizer

    with err.status("Measuring ..."):
        result = measure_localizer(load_localizer(run.path), held_out)
    metrics = result.metrics
    name = name_of(details, "drawn roads")
    write_page = partial(
        result.write_page,
        title=f"A localizer for {name}",
        facts={"Network": details.get("backbone", "a small one, from scratch"), **facts_of(run, details, SHOWN)},
        data_note=f"{metrics.pictures} pictures of {name}, kept aside from training and from every choice.",
    )
    said = (
        f"{metrics.correct:.1%} of {metrics.pictures} pictures kept aside right, class and box; mean IoU "
        f"{metrics.mean_iou:.3f}"
    )
    finish(run, history, metrics.to_json(), write_page, said, "localize --model")
