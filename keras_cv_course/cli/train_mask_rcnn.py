"""`kcc train segmenter --model mask-rcnn`: a box, a class and a mask for each object."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_cv_course.cli.console import err, note
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_pictures import both_of, describe, draw_behind_bar, name_of, read_behind_bar, size_of
from keras_cv_course.cli.train_run import facts_of, finish, only_report_is_left, open_run, stopping_cleanly
from keras_cv_course.errors import DataContentError, ImageFileError, RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from keras_cv_course.cli.instances_result import ImageFiles
    from keras_cv_course.data.instance_pixels import InstancePixels
    from keras_cv_course.data.masked_images import MaskedImages
    from keras_cv_course.metrics.instances import TrueInstances
    from keras_cv_course.models.mask_rcnn import MaskRcnn
    from keras_cv_course.training.fit_mask_rcnn import MaskRcnnSettings
    from keras_cv_course.training.run_folder import RunFolder

SIZE = "128"
PICTURES, KEPT_ASIDE = 1500, 200
DEFAULTS: dict[str, Any] = {"task": "mask-rcnn", "input_size": SIZE, "pictures": PICTURES}
SHOWN = ("input_size", "epochs", "batch_size", "learning_rate", "seed")


def train(
    path: Path | None, own: dict[str, Any], fit: dict[str, Any], folder: Path | None, resume: Path | None
) -> None:
    """Train and measure.

    Args:
        path: a set with masks; None for drawn shapes.
        own: those of validation, pictures, backbone and input_size that were given.
        fit: the settings of the training that were given.
        folder: of the run; None for a new one under runs/.
        resume: a run to go on with.

    Raises:
        RunError: a folder that cannot be used, or an impossible setting.
        DataContentError: a set that cannot be learnt from or measured by.
    """
    from keras_cv_course.training.fit_mask_rcnn import MaskRcnnSettings

    details = describe(path, DEFAULTS, own, fit)
    if any(side < 64 or side % 32 for side in size_of(details)):
        raise RunError(
            f"--input-size must be of multiples of 32 from 64 on with --model mask-rcnn. Received: "
            f"{details['input_size']}."
        )
    run, details, settings = open_run(details, MaskRcnnSettings, folder, resume)
    with stopping_cleanly(run, "segmenter"):
        _run(run, details, settings, resume=resume is not None)


def drawn_truth(count: int, seed: int, size: tuple[int, int]) -> "tuple[list[np.ndarray], list[TrueInstances]]":
    """Draw shapes to measure by."""
    from keras_cv_course.data.synthetic.shapes import draw_shape_scenes
    from keras_cv_course.metrics.instances import TrueInstances

    scenes = list(draw_shape_scenes(count, seed, size))
    truth = [TrueInstances.from_masks(scene.boxes, scene.class_ids, scene.masks) for scene in scenes]
    return [scene.image for scene in scenes], truth


def _run(run: "RunFolder", details: dict[str, Any], settings: "MaskRcnnSettings", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import epochs_bar
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_mask_rcnn import fit_mask_rcnn

    only_report = only_report_is_left(run, resume=resume)
    train, held_out = _pictures(details, settings.seed, resume=resume)
    if only_report:
        _report(run, details, run.read_history(), held_out)
        return
    gpus = prepare_devices(settings.seed)
    network = _network(details, len(train.class_names))
    note(f"Run: {run.path}   pictures: {len(train)} to train on   devices: {', '.join(gpus) or 'CPU'}")
    with epochs_bar(settings.epochs, len(train), shown=("loss", "boxes", "masks")) as progress:
        _, history = fit_mask_rcnn(network, train, settings, folder=run, resume=resume, callbacks=[progress])
    _report(run, details, history, held_out)


def _pictures(details: dict[str, Any], seed: int, *, resume: bool) -> "tuple[InstancePixels, MaskedImages | None]":
    """Draw or read the pictures to train on; and find those to measure by, None where they are drawn."""
    from keras_cv_course.data.instance_pixels import draw_instance_pixels, read_instance_pixels
    from keras_cv_course.data.segmentation_datasets import find_masks

    size = size_of(details)
    if "data" not in details:
        return draw_behind_bar("shapes", draw_instance_pixels, details["pictures"], seed, size), None
    train, held_out = both_of(details, find_masks, resume=resume)
    return read_behind_bar(read_instance_pixels, train, size), held_out


def _network(details: dict[str, Any], classes: int) -> "MaskRcnn":
    from keras_cv_course.models.mask_rcnn import mask_rcnn, small_backbone, small_plan
    from keras_cv_course.transfer.backbones import load_backbone
    from keras_cv_course.transfer.segmenters import mask_rcnn_on

    size = size_of(details)
    if "backbone" not in details:
        return mask_rcnn(small_backbone(size), small_plan(classes, size))
    with err.status("Loading the backbone ..."):
        return mask_rcnn_on(load_backbone(details["backbone"], size), small_plan(classes, size))


def _report(
    run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]], held_out: "MaskedImages | None"
) -> None:
    from keras_cv_course.cli.instances_result import measure_segmenter
    from keras_cv_course.models.instance_segmenter import load_instance_segmenter

    images: Sequence[np.ndarray]
    if held_out is None:
        images, truth = drawn_truth(min(KEPT_ASIDE, details["pictures"]), KEPT_ASIDE_SEED, size_of(details))
    else:
        images, truth = _truth_of(held_out)
    with err.status("Measuring ..."):
        result = measure_segmenter(load_instance_segmenter(run.path), images, truth)
        masks, boxes = result.metrics.masks, result.metrics.boxes
    name = name_of(details, "drawn shapes")
    write_page = partial(
        result.write_page,
        title=f"A Mask R-CNN for {name}",
        facts={"Network": details.get("backbone", "a small one, from scratch"), **facts_of(run, details, SHOWN)},
        data_note=f"{len(images)} pictures of {name}, kept aside from training and from every choice.",
    )
    said = (
        f"Average precision at IoU .50 on {len(images)} pictures kept aside: masks {masks.ap50:.3f}, boxes "
        f"{boxes.ap50:.3f}; at .50 to .95: masks {masks.ap:.3f}, boxes {boxes.ap:.3f}"
    )
    finish(run, history, result.metrics.to_json(), write_page, said, "segment --model")


def _truth_of(held_out: "MaskedImages") -> "tuple[ImageFiles, list[TrueInstances]]":
    """Give the pictures to measure by and what is on them; one that cannot be read is named and left out."""
    from keras_cv_course.cli.instances_result import ImageFiles
    from keras_cv_course.data.image_files import read_image
    from keras_cv_course.metrics.instances import TrueInstances

    readable = []
    for one in held_out.usable().images:
        try:
            read_image(one.path)
        except ImageFileError as error:
            note(f"left out: {error}")
        else:
            readable.append(one)
    if not readable:
        raise DataContentError(f"{held_out.root}: expected pictures to measure by. Received: none that can be read.")
    return ImageFiles([one.path for one in readable]), [TrueInstances.from_image(one) for one in readable]
