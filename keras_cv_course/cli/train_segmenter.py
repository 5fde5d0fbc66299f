"""`kcc train segmenter`: what each pixel shows, or a mask for each object, on drawn pictures or anyone's."""

import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from keras_cv_course.cli.console import INTERRUPTED, check_folder, err, note, progress_bar, say, start_keras
from keras_cv_course.cli.options import KEPT_ASIDE_SEED, parse_size
from keras_cv_course.cli.train_detector import HELD_OUT, divide, pictures_of_run
from keras_cv_course.errors import DataContentError, RunError

if TYPE_CHECKING:
    from keras_cv_course.data.masked_images import MaskedImages
    from keras_cv_course.data.segmented_images import SegmentedImages
    from keras_cv_course.models.segmenter import Colour
    from keras_cv_course.training.fit_segmenter import SegmenterSettings
    from keras_cv_course.training.run_folder import RunFolder
    from keras_cv_course.transfer.backbones import Backbone

SIZE = "128"
PICTURES, KEPT_ASIDE = 2000, 200
ROAD_COLOURS: dict[str, "Colour"] = {
    "sky": (120, 180, 240),
    "surroundings": (90, 130, 60),
    "ground": (220, 170, 110),
    "road": (150, 90, 160),
    "vehicle": (230, 60, 50),
    "pedestrian": (255, 220, 0),
    "traffic light": (0, 220, 220),
}


def segmenter(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="Folder of a set with masks (COCO, VOC or Labelme), or its file. [dim]Default: drawn roads, "
            "for mask-rcnn drawn shapes[/]",
        ),
    ] = None,
    model: Annotated[
        Literal["unet", "mask-rcnn"] | None,
        typer.Option(help="A class for every pixel, or a box and a mask for each object. [dim]Default: unet[/]"),
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
        int | None,
        typer.Option(min=1, help=f"Without a set: to draw and train on. [dim]Default for unet: {PICTURES}[/]"),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Pretrained network to start from, such as mobilenetv2 or resnet50. "
            "[dim]Default: a small network from scratch[/]"
        ),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE|HEIGHTxWIDTH", help=f"Of the network's pictures. [dim]Default for unet: {SIZE}[/]"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the pictures. [dim]Default for unet: 24[/]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures a step. [dim]Default for unet: 16[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default for unet: 0.003[/]")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, bfloat16, float16 or auto. [dim]Default for unet: auto[/]")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**32 - 1, help="Of the pictures, the split and all random numbers. [dim]Default: 0[/]"
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder. [dim]Default: runs/segmenter-<time>-seed<seed>[/]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, with its own settings.")
    ] = None,
) -> None:
    """Train a network to say what each pixel shows, or to find each object with its mask, and measure it.

    The pictures kept aside to measure by take no part in training or in any choice. Ctrl-C stops cleanly; --resume goes
    on after the last whole epoch, as it does after a crash.
    """
    options = {"validation": validation, "pictures": pictures, "backbone": backbone, "input_size": input_size}
    fit_options: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    fit_options |= {"precision": precision, "seed": seed}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    fit_given: dict[str, Any] = {name: value for name, value in fit_options.items() if value is not None}
    if resume is not None and (given or fit_given or any(one is not None for one in (path, folder, model))):
        raise RunError("--resume goes on with the run's own settings and takes nothing else. Leave the rest out.")
    if path is None and validation is not None:
        raise RunError("--validation is a share of a set. Received: it without a set. Name the set, or leave it out.")
    if path is not None and pictures is not None:
        raise RunError("--pictures are drawn. Received: it with a set. Leave one of them out.")
    parse_size(input_size)

    start_keras()
    from keras_cv_course.models.unet import check_unet_size
    from keras_cv_course.training.fit_segmenter import SegmenterSettings
    from keras_cv_course.training.run_folder import RunFolder

    if model == "mask-rcnn" or (resume is not None and RunFolder(resume).read_config().get("task") == "mask-rcnn"):
        from keras_cv_course.cli import train_mask_rcnn

        train_mask_rcnn.train(path, **options, **fit_options, folder=folder, resume=resume)
        return
    if resume is not None:
        run, details = RunFolder(resume), RunFolder(resume).read_config()
        if details.get("task") != "segmenter":
            raise RunError(f"{run.path} is a run of the task {details.get('task')!r}, not of 'segmenter'.")
        settings = SegmenterSettings.from_json(details["fit"])
    else:
        settings = SegmenterSettings(**fit_given)
        details = {"task": "segmenter", "input_size": SIZE, **given, "fit": fit_given}
        details |= {"pictures": pictures or PICTURES} if path is None else {"data": str(path.resolve())}
        if backbone is None:
            check_unet_size(_size(details))
        elif Path(backbone).exists():  # found from any folder when resuming
            details["backbone"] = str(Path(backbone).resolve())
        name = f"segmenter-{datetime.now():%Y%m%d-%H%M%S}-seed{settings.seed}"
        run = RunFolder(folder or Path("runs") / name, details)
        check_folder(run.path)
        run.require_free()
    try:
        _run(run, details, settings, resume=resume is not None)
    except KeyboardInterrupt:
        go_on = f"Go on with: kcc train segmenter --resume {shlex.quote(str(run.path))}"
        note(f"Stopped. {go_on if run.config.exists() else 'Nothing was trained yet.'}")
        raise typer.Exit(INTERRUPTED) from None


def _run(run: "RunFolder", details: dict[str, Any], settings: "SegmenterSettings", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import EpochProgress
    from keras_cv_course.models.unet import unet
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_segmenter import fit_segmenter
    from keras_cv_course.transfer.segmenters import unet_on

    only_report = resume and run.model.exists() and not _page(run).exists()  # stopped between training and report
    if resume and not only_report:
        run.go_on()
    if only_report:
        _, held_out = pictures_for(details, settings.seed, resume=resume)
        _report(run, details, run.read_history(), held_out)
        return
    gpus = prepare_devices(settings.seed)
    backbone = _backbone(details)  # before the pictures: a name that is none costs no drawing
    train, held_out = pictures_for(details, settings.seed, resume=resume)
    classes = len(train.class_names)
    model = unet((*_size(details), 3), classes) if backbone is None else unet_on(backbone, classes)
    counts = f"{len(train)} to train on, {len(held_out)} to measure by"
    note(f"Run: {run.path}   pictures: {counts}   devices: {', '.join(gpus) or 'CPU'}")
    with progress_bar("Epochs", settings.epochs) as (bar, task):
        progress = EpochProgress(bar, task, len(train), shown=("loss", "mean_iou"))
        colours = colours_of(train.class_names)
        _, history = fit_segmenter(
            model, train, settings, colours=colours, folder=run, resume=resume, callbacks=[progress]
        )
    _report(run, details, history, held_out)


def pictures_for(details: dict[str, Any], seed: int, *, resume: bool) -> "tuple[SegmentedImages, SegmentedImages]":
    """Draw or read the pictures to train on and those to measure by."""
    size = _size(details)
    if "data" not in details:
        kept_aside = min(KEPT_ASIDE, details["pictures"])
        return draw(details["pictures"], seed, size), draw(kept_aside, KEPT_ASIDE_SEED, size)
    from keras_cv_course.data.segmentation_datasets import find_masks

    if resume:  # the set itself does not name its background
        train, held_out = pictures_of_run({**details, "class_names": details["class_names"][1:]}, find_masks)
    else:
        train, held_out = divide(details, find_masks)
    if held_out is None:
        raise DataContentError(f"{details['data']}: expected pictures to measure by. Received: none. Add some.")
    return _read(train, size), _read(held_out, size)


def _size(details: dict[str, Any]) -> tuple[int, int]:
    size = parse_size(details["input_size"])
    assert size is not None
    return size


def _read(data: "MaskedImages", size: tuple[int, int]) -> "SegmentedImages":
    from keras_cv_course.data.segmented_images import read_segmented_images

    with progress_bar("Reading pictures", len(data)) as (bar, task):
        pictures = read_segmented_images(data, size, lambda done: bar.update(task, completed=done))
    for file in pictures.skipped:
        note(f"left out: {file.path}: {file.reason}")
    return pictures


def draw(count: int, seed: int, size: tuple[int, int]) -> "SegmentedImages":
    """Draw roads behind a bar."""
    from keras_cv_course.data.segmented_images import draw_segmented_images

    with progress_bar("Drawing roads", count) as (bar, task):
        return draw_segmented_images(count, seed, size, lambda done: bar.update(task, completed=done))


def colours_of(class_names: tuple[str, ...]) -> "tuple[Colour, ...]":
    """Give each class its colour on pictures."""
    from keras_cv_course.data.segmented_images import BACKGROUND
    from keras_cv_course.detection.draw_masks import class_colours

    if class_names == tuple(ROAD_COLOURS):
        return tuple(ROAD_COLOURS.values())
    return class_colours(class_names, BACKGROUND)


def _backbone(details: dict[str, Any]) -> "Backbone | None":
    from keras_cv_course.transfer.backbones import load_backbone

    if "backbone" not in details:
        return None
    with err.status("Loading the backbone ..."):
        return load_backbone(details["backbone"], _size(details))


def _report(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], held_out: "SegmentedImages"
) -> None:
    from keras_cv_course.cli.segmenter_result import measure_segmenter
    from keras_cv_course.files import write_text_atomically
    from keras_cv_course.models.segmenter import load_segmenter

    with err.status("Measuring ..."):
        result = measure_segmenter(load_segmenter(run.path), held_out)
    metrics = result.metrics
    write_text_atomically(run.path / "result.json", json.dumps(metrics.to_json(), indent=2) + "\n")
    name = Path(details["data"]).name if "data" in details else "drawn roads"
    fit = run.read_config()["fit"]
    facts = {"Network": details.get("backbone", "a small U-Net, from scratch"), "Input size": details["input_size"]}
    facts |= {
        setting.replace("_", " ").capitalize(): str(fit[setting])
        for setting in ("epochs", "batch_size", "learning_rate", "seed")
    }
    result.write_page(
        _page(run),
        title=f"A segmenter for {name}",
        facts=facts,
        data_note=f"{len(held_out)} pictures of {name}, kept aside from training and from every choice.",
        history=history,
    )
    say(
        f"Mean IoU {metrics.mean_iou:.3f} on {len(held_out)} pictures kept aside, {metrics.pixel_accuracy:.1%} of the "
        f"pixels right; after {sum(history['seconds']) / 60:.0f} minutes of training"
    )
    say(f"Page: {_page(run).resolve()}")
    say(f"Use it: kcc segment --model {shlex.quote(str(run.path))} IMAGE...")


def _page(run: "RunFolder") -> Path:
    """Give the place of the report, the last file that a run writes."""
    return run.path / "report.html"
