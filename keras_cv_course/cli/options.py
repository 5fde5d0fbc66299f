"""Options that several commands share."""

import re
from pathlib import Path
from typing import Annotated

import typer

from keras_cv_course.errors import ModelError

DEFAULT_MODEL = "signs-resnet50"
DEFAULT_DETECTOR = "road-yolov2"

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


def fetch_weights(source: str) -> None:
    """Download the weights of a detector's name if need be: before other signs of work, as it has a bar of its own."""
    from keras_cv_course.pretrained import detectors, weights_path

    if source in detectors():
        weights_path(detectors()[source])
