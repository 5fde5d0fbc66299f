"""`kcc train detector`: YOLOv2 for anyone's pictures with boxes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from keras_cv_course.cli.console import err, note, progress_bar, say, start_keras
from keras_cv_course.cli.options import DEFAULT_DETECTOR, HowToResize, fetch_weights, parse_grid_size
from keras_cv_course.cli.train_pictures import HELD_OUT, divide, pictures_of_run, read_behind_bar
from keras_cv_course.cli.train_run import (
    AutoPrecision,
    BatchSize16,
    Resume,
    facts_of,
    given,
    new_run,
    old_run,
    only_report_is_left,
    out_option,
    page_of,
    refuse_with_resume,
    say_use,
    stopping_cleanly,
    time_of,
    write_figures,
)
from keras_cv_course.errors import DataContentError, RunError, WeightsError

if TYPE_CHECKING:
    from keras_cv_course.data.boxed_images import BoxedImages
    from keras_cv_course.metrics.detector_metrics import DetectorMetrics
    from keras_cv_course.training.detector_batches import BoxedPixels
    from keras_cv_course.training.fit_detector import DetectorFitConfig, DetectorPlan
    from keras_cv_course.training.run_folder import RunFolder
    from keras_cv_course.transfer.detectors import DetectionNetwork

DEFAULTS: dict[str, Any] = {"resize": "letterbox", "anchors": 5}
DEFAULT_BACKBONE = "mobilenet-0.25"
FIT_OPTIONS = ("loss", "epochs", "batch_size", "learning_rate", "precision", "seed")
IN_PROGRESS = ("loss", "recall", "val_ap50")
LAST_FILE = "curves.png"
SHOWN = ("backbone", "input_size", "resize", "loss", "epochs", "batch_size", "learning_rate", "seed")


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
    batch_size: BatchSize16 = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: 0.001[/]")] = None,
    precision: AutoPrecision = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Of the split and all random numbers. [dim]Default: 0[/]")
    ] = None,
    folder: Annotated[Path | None, out_option("<PATH>")] = None,
    resume: Resume = None,
) -> None:
    """Train a detector on pictures with boxes, and measure it as `kcc evaluate detector` does.

    Anchors are found in the boxes trained on. Ctrl-C stops cleanly; --resume goes on after the last whole epoch, as it
    does after a crash.
    """
    options = given(
        **{"val": val, "validation": validation, "backbone": backbone, "input_size": input_size, "resize": resize},
        **{"anchors": anchors, "loss": loss, "epochs": epochs, "batch_size": batch_size},
        **{"learning_rate": learning_rate, "precision": precision, "seed": seed},
    )
    refuse_with_resume(resume, (path, folder, *options))
    if resume is None and path is None:
        raise RunError("Expected a set of pictures with boxes, or --resume with a run. Received neither.")
    if val is not None and validation is not None:
        raise RunError("Expected one of --val and --validation. Received: both. Leave one out.")
    if input_size is not None:
        parse_grid_size(input_size)

    start_keras()
    if resume is not None:
        run, details = old_run(resume, "detector")
    else:
        assert path is not None
        fit_options = {name: options.pop(name) for name in FIT_OPTIONS if name in options}
        details = DEFAULTS | options | {"task": "detector", "data": str(path.resolve()), "fit": fit_options}
        for name in ("val", "backbone"):
            if name in details and Path(details[name]).exists():  # found from any folder when resuming
                details[name] = str(Path(details[name]).resolve())
        run = new_run(folder, path.resolve().name, fit_options.get("seed", 0), details)
    with stopping_cleanly(run, "detector"):
        _run(run, details, resume=resume is not None)


def _run(run: "RunFolder", details: dict[str, Any], *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import epochs_bar
    from keras_cv_course.data.detection_datasets import find_boxes
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_detector import fit_detector

    if only_report_is_left(run, resume=resume, last_file=LAST_FILE):
        _, held_out = pictures_of_run(details, find_boxes)
        _report(run, details, run.read_history(), held_out)
        return
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
    with epochs_bar(config.epochs, len(pixels), shown=IN_PROGRESS) as progress:
        _, history = fit_detector(
            plan, pixels, config, validation=held_out, folder=run, resume=resume, callbacks=[progress]
        )
    _report(run, details, history, held_out)


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

    return read_behind_bar(read_boxed_pixels, train, plan.sizes(config.size_range)[-1], plan.resize)


def _report(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], held_out: "BoxedImages | None"
) -> None:
    from keras_cv_course.metrics.measure_detector import measure_detector
    from keras_cv_course.models.detector import load_detector
    from keras_cv_course.report.plots import plot_training_curves, save_figure

    if held_out is not None:
        with progress_bar("Measuring", len(held_out)) as (bar, task):
            metrics = measure_detector(
                load_detector(run.model), held_out, progress=lambda done: bar.update(task, completed=done)
            )
        write_figures(run, metrics.to_json())
        _write_page(run, details, history, metrics)
    save_figure(plot_training_curves(history), run.path / LAST_FILE)
    if held_out is None:
        say(f"Trained; no picture was kept to measure by. The detector: {run.model.resolve()}")
    else:
        figures = f"AP at IoU .50: {metrics.coco.ap50:.3f}, .50:.95: {metrics.coco.ap:.3f}"
        say(f"{figures}, on {len(metrics.truth)} pictures kept aside, after {time_of(history)} of training")
        say(f"Page: {page_of(run).resolve()}")
    say_use(run, "detect --weights")


def _write_page(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], metrics: "DetectorMetrics"
) -> None:
    from keras_cv_course.cli.evaluate_detector import draw_worst
    from keras_cv_course.report.detector_page import write_detector_page

    name = Path(details["data"]).name
    write_detector_page(
        page_of(run),
        title=f"A detector for {name}",
        facts=facts_of(run, details, SHOWN) | {"Trained on": f"{len(details['train_pictures'])} pictures"},
        data_note=f"{len(metrics.truth)} pictures from {name}, kept aside from training; they chose the best epoch.",
        metrics=metrics,
        worst=list(draw_worst(metrics)),
        history=history,
    )
