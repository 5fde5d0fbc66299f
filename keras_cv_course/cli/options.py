"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_MODEL = "signs-resnet50"

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
