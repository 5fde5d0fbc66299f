"""Options that several commands share."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from keras_cv_course.cli.console import err
from keras_cv_course.errors import ModelError

if TYPE_CHECKING:
    from keras_cv_course.models.detector import Detector, Resize

DEFAULT_MODEL = "signs-resnet50"
DEFAULT_DETECTOR = "road-yolov2"
DEFAULT_WINDOWS = "road-windows"
DEFAULT_LOCALIZER = "road-localizer"
DEFAULT_SEGMENTER = "road-segmenter"

# Of drawn pictures to measure by. No --seed comes near it: of [seed, index] NumPy takes words of 32 bits, and 2**32
# with index 0 is 0 with index 1.
KEPT_ASIDE_SEED = 2**64

DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder with train_signs.h5 and test_signs.h5 (to measure, the second is enough). "
        "[dim]Default: $KERAS_CV_COURSE_DATA, else ./datasets[/]",
    ),
]
ModelSource = Annotated[str, typer.Option("--model", help="A shipped model's name, a run folder, or a .keras file.")]
TrainedModel = Annotated[str, typer.Option("--model", help="A run folder, a .keras file, or a shipped model's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DetectorWeights = Annotated[
    str,
    typer.Option(
        help="The detector: a name (road-yolov2 is shipped, yolov2 and its like are downloaded once), a .keras "
        "file, a run folder, Darknet's .weights, or model_data."
    ),
]
NetworkOfWeights = Annotated[
    str | None,
    typer.Option(
        help="Of a .weights file: yolov2, yolov2-tiny, yolov2-voc, yolov2-tiny-voc or a .cfg file. "
        "[dim]Default: the file's own name, or a .cfg file beside it[/]"
    ),
]
ClassNames = Annotated[
    Path | None,
    typer.Option(help="Text file with a class name on each line. [dim]Default: as the detector says[/]"),
]
HowToResize = Annotated[
    Literal["stretch", "letterbox"] | None,
    typer.Option(
        help="How pictures come to the detector's size: stretched, as in the course, or with grey beside them, as "
        "in Darknet. [dim]Default: as it was trained[/]"
    ),
]
BatchSize = Annotated[int, typer.Option(min=1, help="Pictures that go through the model together: more for a GPU.")]
InputSize = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE|HEIGHTxWIDTH",
        help="Of the network's pictures, in pixels, multiples of 32. [dim]Default: as the detector says, else 608[/]",
    ),
]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Read an `InputSize`; raise ModelError where it is none."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if match is None:
        raise ModelError(
            f"--input-size must be a size such as 416, or height x width such as 384x640. Received: {text!r}."
        )
    return int(match[1]), int(match[2] or match[1])


def parse_grid_size(text: str) -> tuple[int, int]:
    """Read the size of a YOLOv2 network to be; raise ModelError where it is none."""
    from keras_cv_course.detection.anchors import STRIDE

    size = parse_size(text)
    if size is None or min(size) < STRIDE or any(side % STRIDE for side in size):
        raise ModelError(f"--input-size must be multiples of {STRIDE}, such as 416 or 384x640. Received: {text}.")
    return size


def load_detector(
    weights: str, network: str | None, names: Path | None, resize: "Resize | None", input_size: tuple[int, int] | None
) -> "Detector":
    """Load the detector that the options name, with a spinner."""
    from keras_cv_course.convert.open_detector import open_detector
    from keras_cv_course.data.detector_files import read_classes

    fetch_weights(weights)
    class_names = None if names is None else tuple(read_classes(names))
    with err.status("Loading the detector ..."):
        detector = open_detector(weights, network=network, class_names=class_names, input_size=input_size)
    return detector if resize is None else replace(detector, resize=resize)


def fetch_weights(source: str) -> None:
    """Download the weights of a detector's name if need be: before other signs of work, as it has a bar of its own."""
    from keras_cv_course.pretrained import detectors, weights_path

    if source in detectors():
        weights_path(detectors()[source])


def run_settings(model: str) -> dict[str, Any]:
    """Read the settings of the run that a model is of, named by the folder or a file in it; empty if it is of none."""
    path = Path(model)
    config = (path if path.is_dir() else path.parent) / "config.json"
    return json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
