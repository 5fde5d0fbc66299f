"""`kcc convert`: detectors of Darknet and of the course become ours, and ours go out to other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_cv_course.cli.console import check_folder, err, note, say, start_keras
from keras_cv_course.cli.options import InputSize, fetch_weights, parse_size
from keras_cv_course.errors import ModelError

if TYPE_CHECKING:
    from keras_cv_course.models.detector import Detector

VARIANTS = ("course", "darknet", "darknet_gpu")


def convert(
    source: Annotated[
        str,
        typer.Argument(
            help="Darknet's .weights, the course's model_data folder, a Keras 2 yolo.h5, our .keras or .weights.h5, or "
            "a detector's name, such as road-yolov2."
        ),
    ],
    target: Annotated[
        Path, typer.Argument(help="A .keras, .onnx or .tflite file; a name without suffix for a SavedModel folder.")
    ],
    network: Annotated[
        str | None,
        typer.Option(
            help="For .weights and .weights.h5: yolov2, yolov2-tiny, yolov2-voc, yolov2-tiny-voc, or a .cfg file. "
            "[dim]Default: a .cfg file beside the .weights, or what they are called[/]"
        ),
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="Text file with a class name on each line. [dim]Default: as the source says[/]")
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(help="Text file with width,height,width,height,... in cells. [dim]Default: as the source says[/]"),
    ] = None,
    input_size: InputSize = None,
    variant: Annotated[
        str | None,
        typer.Option(
            help="Whose arithmetic: for .weights, darknet (its CPU code) or darknet_gpu; for .weights.h5, which need "
            f"it, as the model was built: {', '.join(VARIANTS)}. [dim]Default: darknet for .weights[/]"
        ),
    ] = None,
) -> None:
    """Convert a YOLOv2 detector, and check what was written by running it.

    A target gets its name only once it has been found to give the model's numbers.
    """
    options: dict[str, Any] = {"network": network, "input_size": parse_size(input_size), "variant": variant}
    if variant is not None and variant not in VARIANTS:
        raise ModelError(f"--variant must be one of {', '.join(VARIANTS)}. Received: {variant!r}.")
    from keras_cv_course.data.detector_files import read_anchors, read_classes

    options["class_names"] = None if names is None else tuple(read_classes(names))
    options["anchors"] = None if anchors is None else read_anchors(anchors)
    check_folder(target.parent)

    start_keras()
    from keras_cv_course.convert.exports import check_export, export_detector
    from keras_cv_course.convert.open_detector import open_detector

    check_export(target)
    fetch_weights(source)
    with err.status("Reading ..."):
        detector = open_detector(source, **options)
    note(f"Read {source}: {_describe(detector)}.")
    with err.status("Writing and checking ..."):
        compared = export_detector(detector, target)
    note(
        f"Checked on one picture: the largest difference from the model is {compared.difference:.1e}, of numbers up to "
        f"{compared.largest:.3g}."
    )
    files = [target] if target.is_file() else [path for path in target.rglob("*") if path.is_file()]
    say(f"{target.resolve()} ({sum(path.stat().st_size for path in files) / 1e6:.1f} MB)")


def _describe(detector: "Detector") -> str:
    """Say what was read: layers, parameters, classes, anchors, size."""
    import keras

    layers = detector.model.layers
    convolutions = sum(isinstance(layer, keras.layers.Conv2D) for layer in layers)
    norms = sum(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    height, width = detector.input_size
    return (
        f"{convolutions} convolutions and {norms} batch norms, {detector.model.count_params():,} parameters; "
        f"{len(detector.class_names)} classes, {len(detector.anchors)} anchors; {height} x {width} pixels, "
        f"{detector.resize}"
    )
