"""`kcc segment`: what each pixel of anyone's pictures shows, or a mask for each object."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import check_folder, err, note, out, printable, progress_bar, start_keras
from keras_cv_course.cli.detect_files import Source, find_sources
from keras_cv_course.cli.options import DEFAULT_SEGMENTER, ModelSource
from keras_cv_course.errors import ImageFileError, RunError

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.detections import InstanceDetections
    from keras_cv_course.models.instance_segmenter import InstanceSegmenter
    from keras_cv_course.models.segmenter import Segmenter

LEAST_SCORE = 0.5


def segment(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Pictures, folders of them, or patterns such as 'photos/*.jpg'."),
    ],
    model: ModelSource = DEFAULT_SEGMENTER,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="Also cut out what is of this class, each object by itself where the model finds objects; may be "
            "given again.",
        ),
    ] = None,
    score: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help=f"With a model that finds objects: least score. [dim]Default: {LEAST_SCORE}[/]"
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the coloured pictures.")] = Path(
        "segmentations"
    ),
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write all masks here, as COCO's run lengths.")
    ] = None,
) -> None:
    """Say what each pixel of each picture shows: lay colours over it, say how much there is of each, cut parts out.

    The shipped model knows the surfaces of drawn roads only: on photographs it goes wrong. With a model of `kcc
    train segmenter --model mask-rcnn` each object has a box and a mask of its own. A file that cannot be used is
    reported by name and the others go on; the exit status is 1 then.
    """
    sources = find_sources(images, folder)
    if any(source.is_video for source in sources):
        raise RunError("Pictures are looked at one by one. Received: a video. Take its frames.")
    for place in (folder, *([json_file.parent] if json_file else [])):
        check_folder(place)
    start_keras()
    from keras_cv_course.files import write_text_atomically

    with err.status("Loading the model ..."):
        from keras_cv_course.models.segmenter import Segmenter

        trained = load_segmenter(model)
    wanted = tuple(classes or ())
    unknown = [name for name in wanted if name not in trained.class_names]
    if unknown:
        raise RunError(
            f"--class must be one of the model's classes {', '.join(trained.class_names)}. Received: {unknown[0]!r}."
        )
    if score is not None and isinstance(trained, Segmenter):
        raise RunError("--score is of models that find objects. Received: it with one of classes for pixels.")
    results = []
    with progress_bar("Looking", len(sources)) as (bar, task):
        for source in sources:
            results.append(_look(trained, source, wanted, LEAST_SCORE if score is None else score))
            bar.advance(task)
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(results, indent=1) + "\n")
    out.print(_table(results))
    if any("error" not in result for result in results):
        note(f"Drawn: {folder.resolve()}")
    if any("error" in result for result in results):
        raise typer.Exit(1)


def load_segmenter(source: str) -> "Segmenter | InstanceSegmenter":
    """Open a model of either kind, by what its file says.

    Raises:
        WeightsError: an unknown name, a missing or damaged file, or a model of another kind.
    """
    from keras_cv_course.models import instance_segmenter, segmenter
    from keras_cv_course.models.described_model import is_described

    path = Path(source) / "model.keras" if Path(source).is_dir() else Path(source)
    if is_described(path, instance_segmenter.DESCRIPTION):
        return instance_segmenter.load_instance_segmenter(source)
    return segmenter.load_segmenter(source)


class _Part(NamedTuple):
    """What can be cut out of a picture: bool (height, width), and its part of the file's name."""

    class_name: str
    in_file: str
    mask: "np.ndarray"


def _look(
    trained: "Segmenter | InstanceSegmenter", source: Source, wanted: Sequence[str], score: float
) -> dict[str, Any]:
    """Read, look at and draw one picture, cut out what is wanted; give what JSON says of it."""
    from keras_cv_course.data.image_files import read_image
    from keras_cv_course.detection.draw_masks import cut_out
    from keras_cv_course.models.segmenter import Segmenter

    try:
        image = read_image(source.path)
    except ImageFileError as error:
        return {"file": str(source.path), "error": str(error).removeprefix(f"{source.path}: ")}
    if isinstance(trained, Segmenter):
        drawn, parts, said = _surfaces(trained, image)
    else:
        drawn, parts, said = _objects(trained.segment(image, score_threshold=score), image)
    _save(drawn, source.target)
    for part in parts:
        if part.class_name in wanted:
            _save(cut_out(image, part.mask), source.target.with_name(f"{source.target.name}-{part.in_file}.png"))
    return {"file": str(source.path), "height": image.shape[0], "width": image.shape[1], **said}


def _surfaces(trained: "Segmenter", image: "np.ndarray") -> "tuple[np.ndarray, list[_Part], dict[str, Any]]":
    """Give the coloured picture, the mask of each class that is there, and what JSON says of them."""
    import numpy as np

    from keras_cv_course.detection.draw_masks import add_legend, draw_class_map
    from keras_cv_course.run_lengths import encode_masks, to_json

    found = trained.segment(image)
    there = [number for number in range(len(trained.class_names)) if (found == number).any()]
    masks = [(trained.class_names[number], found == number) for number in there]
    drawn = draw_class_map(image, found, trained.colours)
    drawn = add_legend(drawn, [name for name, _ in masks], [trained.colours[number] for number in there])
    said = [
        {"class": name, "share": float(mask.mean()), "segmentation": to_json(run_lengths)}
        for (name, mask), run_lengths in zip(masks, encode_masks(np.stack([mask for _, mask in masks])), strict=True)
    ]
    return drawn, [_Part(name, _in_file(name, trained.class_names), mask) for name, mask in masks], {"classes": said}


def _objects(found: "InstanceDetections", image: "np.ndarray") -> "tuple[np.ndarray, list[_Part], dict[str, Any]]":
    """Give the picture with masks and boxes, the mask of each object, and what JSON says of them."""
    from keras_cv_course.detection.draw import draw_detections, get_colors_for_classes
    from keras_cv_course.detection.draw_masks import draw_masks
    from keras_cv_course.run_lengths import encode_masks, to_json

    boxes = found.detections
    palette = get_colors_for_classes(len(boxes.class_names))
    names = [boxes.class_names[number] for number in boxes.class_ids]
    drawn = draw_detections(draw_masks(image, found.masks, [palette[number] for number in boxes.class_ids]), boxes)
    rows = zip(names, boxes.scores.tolist(), boxes.boxes.tolist(), encode_masks(found.masks), strict=True)
    said = [
        {"class": name, "score": score, "box": [round(side, 2) for side in box], "segmentation": to_json(run_lengths)}
        for name, score, box, run_lengths in rows
    ]
    numbered = enumerate(zip(names, found.masks, strict=True), start=1)
    parts = [
        _Part(name, f"{number}-{_in_file(name, boxes.class_names)}", mask)
        for number, (name, mask) in numbered
        if mask.any()
    ]
    return drawn, parts, {"objects": said}


def _save(picture: "np.ndarray", path: Path) -> None:
    from PIL import Image

    from keras_cv_course.files import atomic_path

    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, quality=95)  # of JPEG and WebP


def _in_file(name: str, class_names: Sequence[str]) -> str:
    """Give a class name as a part of a file's name, with its number where another would give the same file."""
    plain = ["".join(letter if letter.isalnum() else "_" for letter in one) for one in class_names]
    number = class_names.index(name)
    alike = [one for one in plain if one.lower() == plain[number].lower()]  # some disks do not tell a from A
    return plain[number] if len(alike) == 1 else f"{plain[number]}_{number}"


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "there"):
        table.add_column(heading, overflow="fold")
    for result in results:
        file = escape(printable(result["file"]))
        if "error" in result:
            there = f"[red]error[/] {escape(printable(result['error']))}"
        elif "classes" in result:
            parts = sorted(result["classes"], key=lambda part: -part["share"])
            there = escape(printable(", ".join(f"{part['class']} {part['share']:.1%}" for part in parts)))
        else:
            found = ", ".join(f"{part['class']} {part['score']:.2f}" for part in result["objects"])
            there = escape(printable(found)) or "[dim]nothing[/]"
        table.add_row(file, there)
    return table
