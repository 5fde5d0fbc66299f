"""`kcc landmarks`: the points of the face on anyone's pictures."""

import json
from collections.abc import Iterator
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import check_folder, err, note, out, printable, progress_bar, start_keras
from keras_cv_course.cli.detect_files import Source, find_sources
from keras_cv_course.cli.options import ModelSource
from keras_cv_course.errors import DataContentError, ImageFileError, RunError
from keras_cv_course.files import write_text_atomically

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.models.landmark_finder import FoundPoints, LandmarkFinder

DEFAULT_LANDMARKS = "face-landmarks"
_LARGE = 512  # pixels, up to which a picture is enlarged before its points are drawn


def landmarks(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Pictures, folders of them, or patterns such as 'photos/*.jpg'."),
    ],
    model: ModelSource = DEFAULT_LANDMARKS,
    wear: Annotated[
        Literal["glasses", "crown"] | None,
        typer.Option(help="Put this on the face, instead of drawing the points."),
    ] = None,
    least: Annotated[
        float, typer.Option("--probability", min=0, max=1, help="From which on a picture shows a face.")
    ] = 0.5,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the drawn pictures.")] = Path(
        "landmarks"
    ),
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write all points here.")] = None,
) -> None:
    """Find the points of a face on pictures and draw them, or glasses or a crown.

    A picture should show one face that fills about half of it. The shipped model learned from drawn faces only: on
    photographs it goes wrong. A file or face that cannot be used is reported by name and the others go on; the exit
    status is 1 then.
    """
    sources = find_sources(paths, folder)
    if any(source.is_video for source in sources):
        raise RunError("Points are found on pictures. Received: a video. Name pictures only.")
    for place in (folder, *([json_file.parent] if json_file else [])):
        check_folder(place)
    start_keras()
    with err.status("Loading the model ..."):
        from keras_cv_course.models.landmark_finder import load_landmark_finder

        finder = load_landmark_finder(model)
    if wear is not None and finder.scheme.count != 68:
        raise RunError(f"--wear needs the 68 points of a face. Received: a model of {finder.scheme.name}.")
    with progress_bar("Looking", len(sources)) as (bar, task):
        results = []
        for result in _look(finder, sources, wear, least):
            results.append(result)
            bar.advance(task)
    order = {str(source.path): number for number, source in enumerate(sources)}
    results.sort(key=lambda result: order[result["file"]])
    if json_file is not None:
        settings = {"model": model, "scheme": finder.scheme.name, "probability": least}
        write_text_atomically(json_file, json.dumps({**settings, "files": results}, indent=1) + "\n")
    out.print(_table(results, least))
    if any("probability" in result for result in results):
        note(f"Drawn: {folder.resolve()}")
    if any("error" in result for result in results):
        raise typer.Exit(1)


def _look(finder: "LandmarkFinder", sources: list[Source], wear: str | None, least: float) -> Iterator[dict[str, Any]]:
    """Read, look at and draw pictures, batch by batch; yields what JSON says of each as soon as it is there."""
    from keras_cv_course.data.image_files import read_image

    broken: list[dict[str, Any]] = []

    def readable() -> Iterator[tuple[Source, "np.ndarray"]]:
        for source in sources:
            try:
                yield source, read_image(source.path)
            except ImageFileError as error:
                note(str(error))
                broken.append({"file": str(source.path), "error": str(error).removeprefix(f"{source.path}: ")})

    pairs, copies = tee(readable())  # which holds a batch, what `find` is ahead by
    for (source, image), found in zip(pairs, finder.find(image for _, image in copies), strict=True):
        is_there = found.probability >= least
        try:
            drawn = _draw(image, found, finder, wear) if is_there else image
        except DataContentError as error:  # points that are no face's
            note(f"{source.path}: {error}")
            broken.append({"file": str(source.path), "error": str(error)})
        else:
            _save(drawn, source.target)
            points = [[round(side, 2) for side in point] for point in found.points.tolist()]
            yield {"file": str(source.path), "probability": found.probability, "points": points if is_there else []}
        while broken:
            yield broken.pop()
    yield from broken


def _draw(image: "np.ndarray", found: "FoundPoints", finder: "LandmarkFinder", wear: str | None) -> "np.ndarray":
    from keras_cv_course.landmarks.draw import draw_points
    from keras_cv_course.landmarks.wear import wear_crown, wear_glasses

    factor = max(1, _LARGE // max(image.shape[:2]))
    large, points = image.repeat(factor, axis=0).repeat(factor, axis=1), found.points * factor
    if wear is not None:
        return (wear_glasses if wear == "glasses" else wear_crown)(large, points)
    return draw_points(large, points, finder.scheme)


def _save(image: "np.ndarray", target: Path) -> None:
    from PIL import Image

    from keras_cv_course.files import atomic_path

    with atomic_path(target) as temporary:
        Image.fromarray(image).save(temporary, quality=95)  # of JPEG and WebP


def _table(results: list[dict[str, Any]], least: float) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "face", "probability"):
        table.add_column(heading, overflow="fold")
    for result in results:
        file = escape(printable(result["file"]))
        if "error" in result:
            table.add_row(file, "[red]error[/]", escape(printable(result["error"])))
        else:
            there = "[bold]yes[/]" if result["probability"] >= least else "no"
            table.add_row(file, there, f"{result['probability']:.1%}")
    return table
