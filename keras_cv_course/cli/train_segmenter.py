"""`kcc train segmenter`: what each pixel shows, or a mask for each object, on drawn pictures or anyone's."""

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
from keras_cv_course.errors import RunError

if TYPE_CHECKING:
    from keras_cv_course.data.segmented_images import SegmentedImages
    from keras_cv_course.models.segmenter import Colour
    from keras_cv_course.training.fit_segmenter import SegmenterSettings
    from keras_cv_course.training.run_folder import RunFolder
    from keras_cv_course.transfer.backbones import Backbone

SIZE, DRAWN_SIZE = "256", "640"
PICTURES, KEPT_ASIDE = 1800, 200
DEFAULTS: dict[str, Any] = {"task": "segmenter", "input_size": SIZE, "pictures": PICTURES}
SHOWN = ("input_size", "epochs", "batch_size", "learning_rate", "cross_entropy", "dice", "focal", "balance", "seed")
ROAD_COLOURS: dict[str, "Colour"] = {
    "sky": (120, 180, 240),
    "surroundings": (90, 130, 60),
    "ground": (220, 170, 110),
    "road": (150, 90, 160),
    "vehicle": (230, 60, 50),
    "pedestrian": (255, 220, 0),
    "traffic light": (0, 220, 220),
}


def loss_option(part: str, default: float) -> Any:
    """Give the option of the weight of a part of U-Net's loss."""
    return typer.Option(min=0, help=f"Weight of the {part} in the loss of unet. [dim]Default: {default}[/]")


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
    validation: ShareKeptAside = None,
    pictures: Annotated[
        int | None,
        typer.Option(min=1, help=f"Without a set: to draw and train on. [dim]Default for unet: {PICTURES}[/]"),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Pretrained network to start from, such as road-yolov2, mobilenetv2 or resnet50. "
            "[dim]Default: a small network from scratch[/]"
        ),
    ] = None,
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Leave the backbone as it is, and train unet's way up alone.")
    ] = False,
    input_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE|HEIGHTxWIDTH",
            help=f"Of the network's pictures. [dim]Default for unet: {SIZE}, drawn {DRAWN_SIZE}[/]",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the pictures. [dim]Default for unet: 12, drawn 3[/]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures a step. [dim]Default for unet: 4[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default for unet: 0.005[/]")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, bfloat16, float16 or auto. [dim]Default for unet: auto[/]")
    ] = None,
    cross_entropy: Annotated[float | None, loss_option("cross-entropy of pixels", 1)] = None,
    dice: Annotated[float | None, loss_option("Dice of classes", 1)] = None,
    focal: Annotated[float | None, loss_option("focal cross-entropy", 0)] = None,
    balance: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="How much more pixels of rare classes weigh in unet's cross-entropies: 0 not at all, 1 so that all "
            "classes weigh the same. [dim]Default: 0.5[/]",
        ),
    ] = None,
    seed: PicturesSeed = None,
    folder: Annotated[Path | None, out_option("segmenter|mask-rcnn")] = None,
    resume: Resume = None,
) -> None:
    """Train a network to say what each pixel shows, or to find each object with its mask, and measure it.

    The pictures kept aside to measure by take no part in training or in any choice. Ctrl-C stops cleanly; --resume goes
    on after the last whole epoch, as it does after a crash.
    """
    own = given(validation=validation, pictures=pictures, backbone=backbone, input_size=input_size)
    own |= given(freeze=freeze or None)
    weights = given(cross_entropy=cross_entropy, dice=dice, focal=focal, balance=balance)
    fit = given(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, precision=precision, seed=seed)
    refuse_with_resume(resume, (path, folder, model, *own, *weights, *fit))
    check_options(path, validation, pictures)
    parse_size(input_size)
    of_unet = [*weights, *(["freeze"] if freeze else [])]
    if model == "mask-rcnn" and of_unet:
        raise RunError(
            "--cross-entropy, --dice, --focal, --balance and --freeze are options of --model unet. Received: "
            f"--{of_unet[0].replace('_', '-')} with --model mask-rcnn. Leave it out."
        )
    if freeze and backbone is None:
        raise RunError("--freeze leaves a pretrained network as it is. Received: it without --backbone. Name one.")

    start_keras()
    from keras_cv_course.models.unet import check_unet_size
    from keras_cv_course.training.fit_segmenter import DRAWN, SegmenterSettings
    from keras_cv_course.training.run_folder import RunFolder

    if model == "mask-rcnn" or (resume is not None and RunFolder(resume).read_config().get("task") == "mask-rcnn"):
        from keras_cv_course.cli import train_mask_rcnn

        train_mask_rcnn.train(path, own, fit, folder, resume)
        return
    if path is None and resume is None:
        own, fit = {"input_size": DRAWN_SIZE, **own}, {**DRAWN, **fit}
    details = describe(path, DEFAULTS, own, fit | weights)
    if backbone is None:
        check_unet_size(size_of(details))
    run, details, settings = open_run(details, SegmenterSettings, folder, resume)
    with stopping_cleanly(run, "segmenter"):
        _run(run, details, settings, resume=resume is not None)


def _run(run: "RunFolder", details: dict[str, Any], settings: "SegmenterSettings", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import epochs_bar
    from keras_cv_course.models.unet import unet
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_segmenter import fit_segmenter
    from keras_cv_course.transfer.segmenters import unet_on

    if only_report_is_left(run, resume=resume):
        _, held_out = pictures_for(details, settings.seed, resume=resume)
        _report(run, details, run.read_history(), held_out)
        return
    gpus = prepare_devices(settings.seed)
    backbone = _backbone(details)  # before the pictures: a name that is none costs no drawing
    train, held_out = pictures_for(details, settings.seed, resume=resume)
    classes = len(train.class_names)
    model = unet((*size_of(details), 3), classes) if backbone is None else unet_on(backbone, classes)
    counts = f"{len(train)} to train on, {len(held_out)} to measure by"
    note(f"Run: {run.path}   pictures: {counts}   devices: {', '.join(gpus) or 'CPU'}")
    with epochs_bar(settings.epochs, len(train), shown=("loss", "mean_iou")) as progress:
        colours = colours_of(train.class_names)
        _, history = fit_segmenter(
            model, train, settings, colours=colours, folder=run, resume=resume, callbacks=[progress]
        )
    _report(run, details, history, held_out)


def pictures_for(details: dict[str, Any], seed: int, *, resume: bool) -> "tuple[SegmentedImages, SegmentedImages]":
    """Draw or read the pictures to train on and those to measure by."""
    from keras_cv_course.data.segmentation_datasets import find_masks
    from keras_cv_course.data.segmented_images import draw_segmented_images, read_segmented_images

    if "data" not in details:
        draw_train, draw_held_out = to_draw("roads", draw_segmented_images, details, seed, KEPT_ASIDE)
        return draw_train(), draw_held_out()
    if resume:  # the set itself does not name its background
        details = {**details, "class_names": details["class_names"][1:]}
    train, held_out = both_of(details, find_masks, resume=resume)
    size = size_of(details)
    return read_behind_bar(read_segmented_images, train, size), read_behind_bar(read_segmented_images, held_out, size)


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
        backbone = load_backbone(details["backbone"], size_of(details))
    backbone.network.trainable = not details.get("freeze", False)
    return backbone


def _report(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], held_out: "SegmentedImages"
) -> None:
    from keras_cv_course.cli.segmenter_result import measure_segmenter
    from keras_cv_course.models.segmenter import load_segmenter

    with err.status("Measuring ..."):
        result = measure_segmenter(load_segmenter(run.path), held_out)
    metrics = result.metrics
    name = name_of(details, "drawn roads")
    write_page = partial(
        result.write_page,
        title=f"A segmenter for {name}",
        facts={"Network": details.get("backbone", "a small U-Net, from scratch"), **facts_of(run, details, SHOWN)},
        data_note=f"{len(held_out)} pictures of {name}, kept aside from training and from every choice.",
    )
    said = (
        f"Mean IoU {metrics.mean_iou:.3f} on {len(held_out)} pictures kept aside, {metrics.pixel_accuracy:.1%} of the "
        "pixels right"
    )
    finish(run, history, metrics.to_json(), write_page, said, "segment --model")
