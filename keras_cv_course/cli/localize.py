"""`kcc localize`: which one thing a picture shows, and where."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import check_folder, err, note, out, printable, progress_bar, start_keras
from keras_cv_course.cli.detect_files import Source, find_sources
from keras_cv_course.cli.options import DEFAULT_LOCALIZER, AsJson, ModelSource
from keras_cv_course.errors import ImageFileError, RunError

if TYPE_CHECKING:
    from keras_cv_course.models.trained_localizer import Localizer


def localize(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Pictures, folders of them, or patterns such as 'photos/*.jpg'."),
    ],
    model: ModelSource = DEFAULT_LOCALIZER,
    threshold: Annotated[
        float, typer.Option("--probability", min=0, max=1, help="Least p_c with which a picture shows something.")
    ] = 0.5,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures with boxes.")] = Path(
        "localizations"
    ),
    as_json: AsJson = False,
) -> None:
    """Say which one thing each picture shows, or that it shows nothing, and draw a box around it.

    The shipped model knows pedestrians, cars and motorcycles, from drawn roads only: on photographs it goes wrong. A
    file that cannot be used is reported by name and the others go on; the exit status is 1 then.
    """
    sources = find_sources(images, folder)
    if any(source.is_video for source in sources):
        raise RunError("Pictures are looked at one by one. Received: a video. Take kcc detect.")
    check_folder(folder)
    start_keras()
    with err.status("Loading the model ..."):
        from keras_cv_course.models.trained_localizer import load_localizer

        localizer = load_localizer(model)
    with progress_bar("Looking", len(sources)) as (bar, task):
        results = []
        for source in sources:
            results.append(_look(localizer, source, threshold))
            bar.advance(task)
    if as_json:
        print(json.dumps(results, indent=2))  # ASCII: any file name can be written
    else:
        out.print(_table(results))
    if any("error" not in result for result in results):
        note(f"Drawn: {folder.resolve()}")
    if any("error" in result for result in results):
        raise typer.Exit(1)


def _look(localizer: "Localizer", source: Source, threshold: float) -> dict[str, Any]:
    """Read, look at and draw one picture; give what JSON says of it."""
    import numpy as np
    from PIL import Image

    from keras_cv_course.boxes import scale_xyxy
    from keras_cv_course.data.image_files import read_image, resize_image
    from keras_cv_course.data.localized_images import NO_OBJECT
    from keras_cv_course.detection.draw import draw_detections
    from keras_cv_course.detections import Detections
    from keras_cv_course.files import atomic_path

    try:
        image = read_image(source.path)
    except ImageFileError as error:
        return {"file": str(source.path), "error": str(error).removeprefix(f"{source.path}: ")}
    height, width = image.shape[:2]
    found = localizer.predict(resize_image(image, localizer.input_size)[None], threshold)
    factors = height / localizer.input_size[0], width / localizer.input_size[1]
    there = found.class_ids != NO_OBJECT
    boxes = Detections(
        scale_xyxy(found.boxes, factors)[there].astype(np.float32),
        found.scores[there],
        found.class_ids[there],
        localizer.class_names,
        (height, width),
    )
    with atomic_path(source.target) as temporary:
        Image.fromarray(draw_detections(image, boxes)).save(temporary, quality=95)  # of JPEG and WebP
    return {
        "file": str(source.path),
        "class": localizer.class_names[boxes.class_ids[0]] if len(boxes) else None,
        "p_c": float(found.scores[0]),
        "box": [round(side, 2) for side in boxes.boxes[0].tolist()] if len(boxes) else None,
        "classes": {name: float(p) for name, p in zip(localizer.class_names, found.class_scores[0], strict=True)},
    }


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "class", "p_c", "box (x1, y1, x2, y2)"):
        table.add_column(heading, overflow="fold")
    for result in results:
        file = escape(printable(result["file"]))
        if "error" in result:
            table.add_row(file, "[red]error[/]", "", escape(printable(result["error"])))
        else:
            found = "[dim]nothing[/]" if result["class"] is None else f"[bold]{escape(printable(result['class']))}[/]"
            box = ", ".join(f"{side:.0f}" for side in result["box"] or ())
            table.add_row(file, found, f"{result['p_c']:.2f}", box)
    return table
