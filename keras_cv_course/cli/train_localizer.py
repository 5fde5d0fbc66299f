"""`kcc train localizer`: which one thing a picture shows, and where, on drawn roads or anyone's pictures."""

import json
import shlex
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from keras_cv_course.cli.console import INTERRUPTED, check_folder, err, note, progress_bar, say, start_keras
from keras_cv_course.cli.options import KEPT_ASIDE_SEED, parse_size
from keras_cv_course.cli.train_detector import HELD_OUT, divide, pictures_of_run
from keras_cv_course.errors import DataContentError, RunError

if TYPE_CHECKING:
    import keras

    from keras_cv_course.data.boxed_images import BoxedImages
    from keras_cv_course.data.localized_images import LocalizedImages
    from keras_cv_course.training.fit_localizer import LocalizerSettings
    from keras_cv_course.training.run_folder import RunFolder

    Draw = Callable[[], LocalizedImages]

DEFAULTS: dict[str, Any] = {"input_size": "96"}
PICTURES, KEPT_ASIDE = 4000, 500


def localizer(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="Folder of a set with at most one box a picture (VOC, COCO, YOLO or CSV), or its file. "
            "[dim]Default: drawn roads with a pedestrian, car or motorcycle, or with nobody[/]",
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.9,
            help="Share of the set's pictures kept to measure by, whatever its lists say. "
            f"[dim]Default: {HELD_OUT} where it has no lists train and val[/]",
        ),
    ] = None,
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
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**32 - 1, help="Of the pictures, the split and all random numbers. [dim]Default: 0[/]"
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder. [dim]Default: runs/localizer-<time>-seed<seed>[/]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, with its own settings.")
    ] = None,
) -> None:
    """Train a network to say which one thing a picture shows, if any, and where; measure it on pictures kept aside.

    Those take no part in training or in any choice. Ctrl-C stops cleanly; --resume goes on after the last whole epoch,
    as it does after a crash.
    """
    options = {"validation": validation, "pictures": pictures, "backbone": backbone, "input_size": input_size}
    fit_options = {
        **{"loss": loss, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate},
        **{"precision": precision, "seed": seed},
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    fit_given: dict[str, Any] = {name: value for name, value in fit_options.items() if value is not None}
    if resume is not None and (given or fit_given or path is not None or folder is not None):
        raise RunError("--resume goes on with the run's own settings and takes nothing else. Leave the rest out.")
    if path is None and validation is not None:
        raise RunError("--validation is a share of a set. Received: it without a set. Name the set, or leave it out.")
    if path is not None and pictures is not None:
        raise RunError("--pictures are drawn. Received: it with a set. Leave one of them out.")
    parse_size(input_size)

    start_keras()
    from keras_cv_course.models.localizer import check_localizer_size
    from keras_cv_course.training.fit_localizer import LocalizerSettings
    from keras_cv_course.training.run_folder import RunFolder

    if resume is not None:
        run, details = RunFolder(resume), RunFolder(resume).read_config()
        if details.get("task") != "localizer":
            raise RunError(f"{run.path} is a run of the task {details.get('task')!r}, not of 'localizer'.")
        settings = LocalizerSettings.from_json(details["fit"])
    else:
        settings = LocalizerSettings(**fit_given)
        if backbone is None:
            check_localizer_size(_size(input_size or DEFAULTS["input_size"]))
        details = {"task": "localizer", **DEFAULTS, **given, "fit": fit_given}
        details |= {"pictures": pictures or PICTURES} if path is None else {"data": str(path.resolve())}
        if backbone is not None and Path(backbone).exists():  # found from any folder when resuming
            details["backbone"] = str(Path(backbone).resolve())
        name = f"localizer-{datetime.now():%Y%m%d-%H%M%S}-seed{settings.seed}"
        run = RunFolder(folder or Path("runs") / name, details)
        check_folder(run.path)
        run.require_free()
    try:
        _run(run, details, settings, resume=resume is not None)
    except KeyboardInterrupt:
        go_on = f"Go on with: kcc train localizer --resume {shlex.quote(str(run.path))}"
        note(f"Stopped. {go_on if run.config.exists() else 'Nothing was trained yet.'}")
        raise typer.Exit(INTERRUPTED) from None


def _run(run: "RunFolder", details: dict[str, Any], settings: "LocalizerSettings", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import EpochProgress
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_localizer import fit_localizer

    only_report = resume and run.model.exists() and not _page(run).exists()  # stopped between training and report
    if resume and not only_report:
        run.go_on()
    get_train, get_held_out = _pictures(details, settings.seed, resume=resume)
    if only_report:
        _report(run, details, run.read_history(), get_held_out())
        return
    train, held_out = get_train(), get_held_out()
    gpus = prepare_devices(settings.seed)
    model = _network(details, len(train.class_names))
    counts = f"{len(train)} to train on, {len(held_out)} to measure by"
    note(f"Run: {run.path}   pictures: {counts}   devices: {', '.join(gpus) or 'CPU'}")
    with progress_bar("Epochs", settings.epochs) as (bar, task):
        progress = EpochProgress(bar, task, len(train), shown=("loss",))
        history = fit_localizer(model, train, settings, folder=run, resume=resume, callbacks=[progress])
    _report(run, details, history, held_out)


def _pictures(details: dict[str, Any], seed: int, *, resume: bool) -> "tuple[Draw, Draw]":
    """Give functions that draw or read the pictures to train on and those to measure by."""
    size = _size(details["input_size"])
    if "data" not in details:
        kept_aside = min(KEPT_ASIDE, details["pictures"])
        return partial(draw, details["pictures"], seed, size), partial(draw, kept_aside, KEPT_ASIDE_SEED, size)
    from keras_cv_course.data.detection_datasets import find_boxes
    from keras_cv_course.data.localized_images import check_one_object

    train, held_out = (pictures_of_run if resume else divide)(details, find_boxes)
    if held_out is None:
        raise DataContentError(f"{details['data']}: expected pictures to measure by. Received: none. Add some.")
    for data in (train, held_out):
        check_one_object(data)
    return partial(_read, train, size), partial(_read, held_out, size)


def _size(text: str) -> tuple[int, int]:
    size = parse_size(text)
    assert size is not None
    return size


def _read(data: "BoxedImages", size: tuple[int, int]) -> "LocalizedImages":
    from keras_cv_course.data.localized_images import read_localized_images

    with progress_bar("Reading pictures", len(data)) as (bar, task):
        pictures = read_localized_images(data, size, lambda done: bar.update(task, completed=done))
    for file in pictures.skipped:
        note(f"left out: {file.path}: {file.reason}")
    return pictures


def draw(count: int, seed: int, size: tuple[int, int]) -> "LocalizedImages":
    """Draw roads behind a bar."""
    from keras_cv_course.data.localized_images import draw_localized_images

    with progress_bar("Drawing roads", count) as (bar, task):
        return draw_localized_images(count, seed, size, lambda done: bar.update(task, completed=done))


def _network(details: dict[str, Any], classes: int) -> "keras.Model":
    from keras_cv_course.models.localizer import localizer
    from keras_cv_course.transfer.backbones import load_backbone
    from keras_cv_course.transfer.localizers import localizer_on

    size = _size(details["input_size"])
    if "backbone" not in details:
        return localizer((*size, 3), classes)
    with err.status("Loading the backbone ..."):
        return localizer_on(load_backbone(details["backbone"], size), classes)


def _report(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], held_out: "LocalizedImages"
) -> None:
    from keras_cv_course.cli.localizer_result import measure_localizer
    from keras_cv_course.files import write_text_atomically
    from keras_cv_course.models.trained_localizer import load_localizer

    with err.status("Measuring ..."):
        result = measure_localizer(load_localizer(run.path), held_out)
    metrics = result.metrics
    write_text_atomically(run.path / "result.json", json.dumps(metrics.to_json(), indent=2) + "\n")
    name = Path(details["data"]).name if "data" in details else "drawn roads"
    fit = run.read_config()["fit"]
    facts = {"Network": details.get("backbone", "a small one, from scratch"), "Input size": details["input_size"]}
    facts |= {
        setting.replace("_", " ").capitalize(): str(fit[setting])
        for setting in ("loss", "epochs", "batch_size", "learning_rate", "seed")
    }
    result.write_page(
        _page(run),
        title=f"A localizer for {name}",
        facts=facts,
        data_note=f"{metrics.pictures} pictures of {name}, kept aside from training and from every choice.",
        history=history,
    )
    say(
        f"{metrics.correct:.1%} of {metrics.pictures} pictures kept aside right, class and box; mean IoU "
        f"{metrics.mean_iou:.3f}; after {sum(history['seconds']) / 60:.0f} minutes of training"
    )
    say(f"Page: {_page(run).resolve()}")
    say(f"Use it: kcc localize --model {shlex.quote(str(run.path))} IMAGE...")


def _page(run: "RunFolder") -> Path:
    """Give the place of the report, the last file that a run writes."""
    return run.path / "report.html"
