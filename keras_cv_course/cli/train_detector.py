"""`kcc train detector`: YOLOv2 for anyone's pictures with boxes."""

import json
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from keras_cv_course.cli.console import INTERRUPTED, check_folder, err, note, progress_bar, say, start_keras
from keras_cv_course.cli.options import DEFAULT_DETECTOR, HowToResize, fetch_weights, parse_grid_size
from keras_cv_course.errors import DataContentError, RunError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from keras_cv_course.data.boxed_images import BoxedImages
    from keras_cv_course.metrics.detector_metrics import DetectorMetrics
    from keras_cv_course.training.detector_batches import BoxedPixels
    from keras_cv_course.training.fit_detector import DetectorFitConfig, DetectorPlan
    from keras_cv_course.training.run_folder import RunFolder
    from keras_cv_course.transfer.detectors import DetectionNetwork

Boxed = TypeVar("Boxed", bound="BoxedImages")

DEFAULTS: dict[str, Any] = {"resize": "letterbox", "anchors": 5}
DEFAULT_BACKBONE = "mobilenet-0.25"
HELD_OUT = 0.2
TRAINING_LISTS = ("train", "trainval")
VALIDATION_LISTS = ("val", "valid", "validation")
FIT_OPTIONS = ("loss", "epochs", "batch_size", "learning_rate", "precision", "seed")
IN_PROGRESS = ("loss", "recall", "val_ap50")


def detector(
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="Folder of the set (VOC, COCO, YOLO or CSV), or its file.")
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Another set, to choose the best epoch by. [dim]Default: the set's own lists train and val, else a "
            "share of it[/]",
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.9,
            help="Share of the pictures kept for that, whatever its lists say. "
            f"[dim]Default: {HELD_OUT} where it has no lists[/]",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="What to start from: a detector that `kcc detect` takes, mobilenetv2, mobilenet-0.25, resnet50 or "
            "another network of keras.applications, darknet19 or darknet-tiny without weights. "
            f"[dim]Default: {DEFAULT_BACKBONE}; {DEFAULT_DETECTOR}, which is shipped, where that cannot be had[/]"
        ),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE|HEIGHTxWIDTH",
            help="Of the network's pictures, multiples of 32. "
            "[dim]Default: as many pixels as 544x544, in the form of most pictures[/]",
        ),
    ] = None,
    resize: HowToResize = None,
    anchors: Annotated[int | None, typer.Option(min=1, help="Boxes for each cell, at most. [dim]Default: 5[/]")] = None,
    loss: Annotated[
        Literal["darknet", "ciou-focal"] | None,
        typer.Option(help="Darknet's, or complete IoU and focal objectness. [dim]Default: darknet[/]"),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the training pictures. [dim]Default: more for fewer pictures[/]"),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures a step. [dim]Default: 16[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: 0.001[/]")] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="float32, bfloat16, float16 or auto. [dim]Default: auto, what suits the machine[/]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Of the split and all random numbers. [dim]Default: 0[/]")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder. [dim]Default: runs/<PATH>-<time>-seed<seed>[/]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, with its own settings.")
    ] = None,
) -> None:
    """Train a detector on pictures with boxes, and measure it as `kcc evaluate detector` does.

    Anchors are found in the boxes trained on. Ctrl-C stops cleanly; --resume goes on after the last whole epoch, as it
    does after a crash.
    """
    options = {
        **{"val": val, "validation": validation, "backbone": backbone, "input_size": input_size, "resize": resize},
        **{"anchors": anchors, "loss": loss, "epochs": epochs, "batch_size": batch_size},
        **{"learning_rate": learning_rate, "precision": precision, "seed": seed},
    }
    given = {name: value for name, value in options.items() if value is not None}
    if resume is not None and (given or path is not None or folder is not None):
        raise RunError("--resume goes on with the run's own settings and takes nothing else. Leave the rest out.")
    if resume is None and path is None:
        raise RunError("Expected a set of pictures with boxes, or --resume with a run. Received neither.")
    if val is not None and validation is not None:
        raise RunError("Expected one of --val and --validation. Received: both. Leave one out.")
    if input_size is not None:
        parse_grid_size(input_size)

    start_keras()
    from keras_cv_course.training.run_folder import RunFolder

    if resume is not None:
        run, details = RunFolder(resume), RunFolder(resume).read_config()
        if details.get("task") != "detector":
            raise RunError(f"{run.path} is a run of the task {details.get('task')!r}, not of 'detector'.")
    else:
        assert path is not None
        fit_options = {name: given.pop(name) for name in FIT_OPTIONS if name in given}
        details = DEFAULTS | given | {"task": "detector", "data": str(path.resolve()), "fit": fit_options}
        for name in ("val", "backbone"):
            if name in details and Path(details[name]).exists():  # found from any folder when resuming
                details[name] = str(Path(details[name]).resolve())
        name = f"{path.resolve().name}-{datetime.now():%Y%m%d-%H%M%S}-seed{fit_options.get('seed', 0)}"
        run = RunFolder(folder or Path("runs") / name, details)
        check_folder(run.path)
        run.require_free()
    try:
        _run(run, details, resume=resume is not None)
    except KeyboardInterrupt:
        go_on = f"Go on with: kcc train detector --resume {shlex.quote(str(run.path))}"
        note(f"Stopped. {go_on if run.config.exists() else 'Nothing was trained yet.'}")
        raise typer.Exit(INTERRUPTED) from None


def _run(run: "RunFolder", details: dict[str, Any], *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import EpochProgress
    from keras_cv_course.data.detection_datasets import find_boxes
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_detector import fit_detector

    if resume and run.model.exists() and not _last_file(run).exists():  # stopped between training and report
        _, held_out = pictures_of_run(details, find_boxes)
        _report(run, details, run.read_history(), held_out)
        return
    if resume:
        run.go_on()
    train, held_out = (pictures_of_run if resume else divide)(details, find_boxes)
    config = _fit_config(details, len(train), resume=resume)
    gpus = prepare_devices(config.seed)
    if not resume:
        details.setdefault("input_size", _fitting_size(train))
        details["anchor_sizes"] = _anchors(details, train)
    plan = _plan(details, train)
    pixels = _decode(train, plan, config)
    counts = f"{len(pixels)} to train on, {len(held_out) if held_out else 'none'} to measure by"
    note(f"Run: {run.path}   pictures: {counts}   devices: {', '.join(gpus) or 'CPU'}")
    with progress_bar("Epochs", config.epochs) as (bar, task):
        progress = EpochProgress(bar, task, len(pixels), shown=IN_PROGRESS)
        _, history = fit_detector(
            plan, pixels, config, validation=held_out, folder=run, resume=resume, callbacks=[progress]
        )
    _report(run, details, history, held_out)


def divide(details: dict[str, Any], find: "Callable[[str], Boxed]") -> "tuple[Boxed, Boxed | None]":
    """Read the set, choose what is trained on and what is measured by, and write their names down in `details`.

    Args:
        details: of the run.
        find: reads a set of boxes, or of masks.
    """
    data = find(details["data"])
    if data.problems:
        note(f"{len(data.problems)} things in {details['data']} could not be read: kcc data inspect tells them.")
    listed, kept_aside = (
        [name for name in names if name in data.splits] for names in (TRAINING_LISTS, VALIDATION_LISTS)
    )
    # A list test, where there is one, is no more to be trained on than val.
    train, held_out = data.part(listed[0]) if listed else data, None
    seed = details["fit"].get("seed", 0)
    if "val" in details:
        held_out = _with_classes(find(details["val"]), data.class_names)
        _check_apart(train, held_out, "Leave --val out to keep a share of the set aside.")
    elif "validation" in details:
        train, held_out = _keep_aside(data, details["validation"], seed)
    elif "train" in listed and kept_aside:
        held_out = data.part(kept_aside[0])
        _check_apart(train, held_out, f"Mend the lists, or keep a share of the set aside: --validation {HELD_OUT}.")
    else:
        train, held_out = _keep_aside(train, HELD_OUT, seed)
    details["train_pictures"], details["held_out_pictures"] = (
        [image.name for image in part.images] if part else [] for part in (train, held_out)
    )
    return train, held_out


def _keep_aside(data: "Boxed", share: float, seed: int) -> "tuple[Boxed, Boxed | None]":
    if not share:
        return data, None
    try:
        return data.split(share, seed)
    except DataContentError as error:
        remedy = "Choose another --validation, 0 to measure nothing, or name a set to measure by with --val."
        raise DataContentError(f"{error} {remedy}") from error


def _check_apart(train: "BoxedImages", held_out: "BoxedImages", remedy: str) -> None:
    both = {image.path.resolve() for image in train.images} & {image.path.resolve() for image in held_out.images}
    if both:
        raise DataContentError(
            f"{held_out.root}: expected pictures to measure by that are not trained on. Received: {len(both)} that "
            f"are, such as {min(both)}. {remedy}"
        )


def pictures_of_run(details: dict[str, Any], find: "Callable[[str], Boxed]") -> "tuple[Boxed, Boxed | None]":
    """Read the pictures that a run started with; the arguments are those of :func:`divide`."""
    data = find(details["data"])
    if [*data.class_names] != details["class_names"]:
        raise RunError(
            f"{data.root}: expected the classes that the run started with, {', '.join(details['class_names'])}. "
            f"Received: {', '.join(data.class_names)}. Start a new run."
        )
    held_out = _with_classes(find(details["val"]), data.class_names) if "val" in details else data
    parts = []
    for part, names in ((data, details["train_pictures"]), (held_out, details["held_out_pictures"])):
        numbers = {image.name: number for number, image in enumerate(part.images)}
        missing = [name for name in names if name not in numbers]
        if missing:
            raise RunError(
                f"{part.root}: {len(missing)} pictures of the run are gone, such as {missing[0]}. Start a new run."
            )
        parts.append(part.take(numbers[name] for name in names))
    return parts[0], parts[1] if len(parts[1]) else None


def _with_classes(data: "Boxed", class_names: tuple[str, ...]) -> "Boxed":
    """Number the classes of a set as another one does."""
    import numpy as np

    if {*data.class_names} - {*class_names}:
        raise DataContentError(
            f"{data.root}: expected the classes of the set to train on, {', '.join(class_names)}. Received: "
            f"{', '.join(data.class_names)}. Names must be equal to the letter."
        )
    numbers = np.array([class_names.index(name) for name in data.class_names], np.int64)
    images = tuple(replace(image, class_ids=numbers[image.class_ids]) for image in data.images)
    return replace(data, images=images, class_names=class_names, category_ids=tuple(range(1, len(class_names) + 1)))


def _fit_config(details: dict[str, Any], pictures: int, *, resume: bool) -> "DetectorFitConfig":
    from keras_cv_course.training.fit_detector import DetectorFitConfig, epochs_for

    if resume:
        return DetectorFitConfig.from_json(details["fit"])
    batch_size = details["fit"].get("batch_size", DetectorFitConfig.batch_size)
    return DetectorFitConfig(**{"epochs": epochs_for(pictures, batch_size), **details["fit"]})


def _fitting_size(train: "BoxedImages") -> str:
    from keras_cv_course.training.fit_detector import fitting_size

    height, width = fitting_size([image.size for image in train.images])
    return f"{height}x{width}"


def _anchors(details: dict[str, Any], train: "BoxedImages") -> list[list[float]]:
    import numpy as np

    from keras_cv_course.detection.anchors import find_anchors, sizes_in_cells

    sizes = sizes_in_cells(train, parse_grid_size(details["input_size"]), details["resize"])
    if not len(sizes):
        raise DataContentError(
            f"{train.root}: expected at least one usable box. Received: none. See `kcc data inspect`."
        )
    number = min(details["anchors"], len(np.unique(sizes, axis=0)))
    if number < details["anchors"]:
        note(f"{number} anchors, not {details['anchors']}: the boxes have no more different sizes.")
    with err.status("Finding anchors ..."):
        return find_anchors(sizes, number).sizes.tolist()


def _plan(details: dict[str, Any], train: "BoxedImages") -> "DetectorPlan":
    import numpy as np

    from keras_cv_course.training.fit_detector import DetectorPlan

    size = parse_grid_size(details["input_size"])
    anchors = np.array(details["anchor_sizes"], np.float32)
    network = _network(details, len(train.class_names), len(anchors))
    return DetectorPlan(network.model, anchors, train.class_names, size, details["resize"], network.pretrained.layers)


def _network(details: dict[str, Any], classes: int, anchors: int) -> "DetectionNetwork":
    """Load the network to start from, and write its name down."""
    from keras_cv_course.transfer.detectors import detection_network

    if "backbone" not in details:
        try:
            with err.status(f"Loading {DEFAULT_BACKBONE} ..."):
                network = detection_network(DEFAULT_BACKBONE, classes, anchors)
            details["backbone"] = DEFAULT_BACKBONE
            return network
        except WeightsError as error:
            note(f"{error} Until then: {DEFAULT_DETECTOR}, which learnt from drawings and reaches less on photographs.")
            details["backbone"] = DEFAULT_DETECTOR
    fetch_weights(details["backbone"])
    with err.status("Loading the network ..."):
        return detection_network(details["backbone"], classes, anchors)


def _decode(train: "BoxedImages", plan: "DetectorPlan", config: "DetectorFitConfig") -> "BoxedPixels":
    from keras_cv_course.training.detector_batches import read_boxed_pixels

    with progress_bar("Reading pictures", len(train)) as (bar, task):
        pixels = read_boxed_pixels(
            train, plan.sizes(config.size_range)[-1], plan.resize, lambda done: bar.update(task, completed=done)
        )
    for file in pixels.skipped:
        note(f"left out: {file.path}: {file.reason}")
    return pixels


def _report(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], held_out: "BoxedImages | None"
) -> None:
    from keras_cv_course.files import write_text_atomically
    from keras_cv_course.metrics.measure_detector import measure_detector
    from keras_cv_course.models.detector import load_detector
    from keras_cv_course.report.plots import plot_training_curves, save_figure

    if held_out is not None:
        with progress_bar("Measuring", len(held_out)) as (bar, task):
            metrics = measure_detector(
                load_detector(run.model), held_out, progress=lambda done: bar.update(task, completed=done)
            )
        write_text_atomically(run.path / "result.json", json.dumps(metrics.to_json(), indent=2) + "\n")
        _write_page(run, details, history, metrics)
    save_figure(plot_training_curves(history), _last_file(run))
    if held_out is None:
        say(f"Trained; no picture was kept to measure by. The detector: {run.model.resolve()}")
    else:
        figures = f"AP at IoU .50: {metrics.coco.ap50:.3f}, .50:.95: {metrics.coco.ap:.3f}"
        minutes = sum(history["seconds"]) / 60
        say(f"{figures}, on {len(metrics.truth)} pictures kept aside, after {minutes:.0f} minutes of training")
        say(f"Page: {(run.path / 'report.html').resolve()}")
    say(f"Use it: kcc detect --weights {shlex.quote(str(run.path))} IMAGE...")


def _write_page(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], metrics: "DetectorMetrics"
) -> None:
    from keras_cv_course.cli.evaluate_detector import draw_worst
    from keras_cv_course.report.detector_page import write_detector_page

    facts = {name: str(details[name]) for name in ("backbone", "input_size", "resize")}
    facts |= {
        name: str(run.read_config()["fit"][name]) for name in ("loss", "epochs", "batch_size", "learning_rate", "seed")
    }
    name = Path(details["data"]).name
    write_detector_page(
        run.path / "report.html",
        title=f"A detector for {name}",
        facts={title.replace("_", " ").capitalize(): value for title, value in facts.items()}
        | {"Trained on": f"{len(details['train_pictures'])} pictures"},
        data_note=f"{len(metrics.truth)} pictures from {name}, kept aside from training; they chose the best epoch.",
        metrics=metrics,
        worst=list(draw_worst(metrics)),
        history=history,
    )


def _last_file(run: "RunFolder") -> Path:
    """Give the last file that a run writes."""
    return run.path / "curves.png"
