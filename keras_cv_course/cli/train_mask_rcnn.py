"""`kcc train segmenter --model mask-rcnn`: a box, a class and a mask for each object."""

import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from keras_cv_course.cli.console import INTERRUPTED, check_folder, err, note, progress_bar, say
from keras_cv_course.cli.options import KEPT_ASIDE_SEED, parse_size
from keras_cv_course.cli.train_detector import divide, pictures_of_run
from keras_cv_course.errors import DataContentError, RunError

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.data.image_folders import SkippedFile
    from keras_cv_course.data.instance_pixels import InstancePixels
    from keras_cv_course.data.masked_images import MaskedImages
    from keras_cv_course.metrics.instances import InstanceMetrics, TrueInstances
    from keras_cv_course.models.instance_segmenter import InstanceSegmenter
    from keras_cv_course.models.mask_rcnn import MaskRcnn
    from keras_cv_course.training.fit_mask_rcnn import MaskRcnnSettings
    from keras_cv_course.training.run_folder import RunFolder

TASK = "mask-rcnn"
SIZE = "128"
PICTURES, KEPT_ASIDE = 1500, 200
LEAST_SCORE = 0.05  # of what average precision is measured on


def train(path: Path | None, *, folder: Path | None, resume: Path | None, **options: Any) -> None:
    """Train and measure.

    Args:
        path: a set with masks; None for drawn shapes.
        folder: of the run; None for a new one under runs/.
        resume: a run to go on with.
        options: validation, pictures, backbone, input_size, and the settings of the training; None where not given.

    Raises:
        RunError: a folder that cannot be used, or an impossible setting.
        DataContentError: a set that cannot be learnt from or measured by.
    """
    from keras_cv_course.training.fit_mask_rcnn import MaskRcnnSettings
    from keras_cv_course.training.run_folder import RunFolder

    own = {name: options.pop(name) for name in ("validation", "pictures", "backbone", "input_size")}
    given = {name: value for name, value in own.items() if value is not None}
    fit_given = {name: value for name, value in options.items() if value is not None}
    if resume is not None:
        run, details = RunFolder(resume), RunFolder(resume).read_config()
        settings = MaskRcnnSettings.from_json(details["fit"])
    else:
        settings = MaskRcnnSettings(**fit_given)
        details = {"task": TASK, "input_size": SIZE, **given, "fit": fit_given}
        details |= {"pictures": own["pictures"] or PICTURES} if path is None else {"data": str(path.resolve())}
        name = f"mask-rcnn-{datetime.now():%Y%m%d-%H%M%S}-seed{settings.seed}"
        run = RunFolder(folder or Path("runs") / name, details)
        check_folder(run.path)
        run.require_free()
    try:
        _run(run, details, settings, resume=resume is not None)
    except KeyboardInterrupt:
        go_on = f"Go on with: kcc train segmenter --resume {shlex.quote(str(run.path))}"
        note(f"Stopped. {go_on if run.config.exists() else 'Nothing was trained yet.'}")
        raise typer.Exit(INTERRUPTED) from None


def measure(
    segmenter: "InstanceSegmenter", images: "list[np.ndarray]", truth: "list[TrueInstances]"
) -> "InstanceMetrics":
    """Let a model look at pictures of any size, and compare what it found with what is there."""
    from keras_cv_course.metrics.instances import measure_instances

    return measure_instances([segmenter.segment(image, LEAST_SCORE) for image in images], truth)


def drawn_truth(count: int, seed: int, size: tuple[int, int]) -> "tuple[list[np.ndarray], list[TrueInstances]]":
    """Draw shapes to measure by."""
    from keras_cv_course.data.synthetic.shapes import draw_shape_scenes
    from keras_cv_course.metrics.instances import TrueInstances

    scenes = list(draw_shape_scenes(count, seed, size))
    truth = [TrueInstances.from_masks(scene.boxes, scene.class_ids, scene.masks) for scene in scenes]
    return [scene.image for scene in scenes], truth


def _run(run: "RunFolder", details: dict[str, Any], settings: "MaskRcnnSettings", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import EpochProgress
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_mask_rcnn import fit_mask_rcnn

    only_report = resume and run.model.exists() and not _result(run).exists()  # stopped between training and measuring
    if resume and not only_report:
        run.go_on()
    train, held_out = _pictures(details, settings.seed, resume=resume)
    if not only_report:
        gpus = prepare_devices(settings.seed)
        network = _network(details, len(train.class_names))
        note(f"Run: {run.path}   pictures: {len(train)} to train on   devices: {', '.join(gpus) or 'CPU'}")
        with progress_bar("Epochs", settings.epochs) as (bar, task):
            progress = EpochProgress(bar, task, len(train), shown=("loss", "boxes", "masks"))
            fit_mask_rcnn(network, train, settings, folder=run, resume=resume, callbacks=[progress])
    _report(run, details, held_out)


def _pictures(details: dict[str, Any], seed: int, *, resume: bool) -> "tuple[InstancePixels, MaskedImages | None]":
    """Draw or read the pictures to train on; and find those to measure by, None where they are drawn."""
    from keras_cv_course.data.instance_pixels import draw_instance_pixels, read_instance_pixels
    from keras_cv_course.data.segmentation_datasets import find_masks

    size = _size(details)
    if "data" not in details:
        with progress_bar("Drawing shapes", details["pictures"]) as (bar, task):
            count = details["pictures"]
            return draw_instance_pixels(count, seed, size, lambda done: bar.update(task, completed=done)), None
    train, held_out = (pictures_of_run if resume else divide)(details, find_masks)
    if held_out is None:
        raise DataContentError(f"{details['data']}: expected pictures to measure by. Received: none. Add some.")
    with progress_bar("Reading pictures", len(train)) as (bar, task):
        pixels = read_instance_pixels(train, size, lambda done: bar.update(task, completed=done))
    _tell(pixels.skipped)
    return pixels, held_out


def _size(details: dict[str, Any]) -> tuple[int, int]:
    size = parse_size(details["input_size"])
    assert size is not None
    if any(side < 64 or side % 32 for side in size):
        raise RunError(
            f"--input-size must be of multiples of 32 from 64 on with --model mask-rcnn. Received: "
            f"{details['input_size']}."
        )
    return size


def _network(details: dict[str, Any], classes: int) -> "MaskRcnn":
    from keras_cv_course.models.mask_rcnn import mask_rcnn, small_backbone, small_plan
    from keras_cv_course.transfer.backbones import load_backbone
    from keras_cv_course.transfer.segmenters import mask_rcnn_on

    size = _size(details)
    if "backbone" not in details:
        return mask_rcnn(small_backbone(size), small_plan(classes, size))
    with err.status("Loading the backbone ..."):
        return mask_rcnn_on(load_backbone(details["backbone"], size), small_plan(classes, size))


def _report(run: "RunFolder", details: dict[str, Any], held_out: "MaskedImages | None") -> None:
    from keras_cv_course.data.image_files import read_image
    from keras_cv_course.files import write_text_atomically
    from keras_cv_course.metrics.instances import TrueInstances
    from keras_cv_course.models.instance_segmenter import load_instance_segmenter

    if held_out is None:
        count = min(KEPT_ASIDE, details["pictures"])
        images, truth = drawn_truth(count, KEPT_ASIDE_SEED, _size(details))
    else:
        objects = held_out.usable().images
        images, truth = [read_image(one.path) for one in objects], [TrueInstances.from_image(one) for one in objects]
    with err.status("Measuring ..."):
        metrics = measure(load_instance_segmenter(run.path), images, truth)
    write_text_atomically(_result(run), json.dumps(metrics.to_json(), indent=2) + "\n")
    say(
        f"Average precision at IoU .50 on {len(images)} pictures kept aside: masks {metrics.masks.ap50:.3f}, boxes "
        f"{metrics.boxes.ap50:.3f}; at .50 to .95: masks {metrics.masks.ap:.3f}, boxes {metrics.boxes.ap:.3f}"
    )
    say(f"Use it: kcc segment --model {shlex.quote(str(run.path))} IMAGE...")


def _tell(skipped: "tuple[SkippedFile, ...]") -> None:
    for file in skipped:
        note(f"left out: {file.path}: {file.reason}")


def _result(run: "RunFolder") -> Path:
    """Give the place of the figures, the last file that a run writes."""
    return run.path / "result.json"
