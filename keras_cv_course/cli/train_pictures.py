"""Which pictures a run of `kcc train` learns from and which it is measured by, read or drawn behind a bar."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from keras_cv_course.cli.console import note, progress_bar
from keras_cv_course.cli.options import KEPT_ASIDE_SEED, parse_size
from keras_cv_course.errors import DataContentError, RunError

if TYPE_CHECKING:
    from keras_cv_course.data.boxed_images import BoxedImages
    from keras_cv_course.data.equal_pictures import EqualPictures

Boxed = TypeVar("Boxed", bound="BoxedImages")
Read = TypeVar("Read", bound="EqualPictures")
Drawn = TypeVar("Drawn")

HELD_OUT = 0.2
TRAINING_LISTS = ("train", "trainval")
VALIDATION_LISTS = ("val", "valid", "validation")

ShareKeptAside = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=0.9,
        help="Share of the set's pictures kept to measure by, whatever its lists say. "
        f"[dim]Default: {HELD_OUT} where it has no lists train and val[/]",
    ),
]
PicturesSeed = Annotated[
    int | None,
    typer.Option(min=0, max=2**32 - 1, help="Of the pictures, the split and all random numbers. [dim]Default: 0[/]"),
]


def check_options(path: Path | None, validation: float | None, pictures: int | None) -> None:
    """Make sure that a set comes without what only drawn pictures have, and the other way round.

    Raises:
        RunError: an option that has nothing to act on.
    """
    if path is None and validation is not None:
        raise RunError("--validation is a share of a set. Received: it without a set. Name the set, or leave it out.")
    if path is not None and pictures is not None:
        raise RunError("--pictures are drawn. Received: it with a set. Leave one of them out.")


def describe(path: Path | None, defaults: dict[str, Any], own: dict[str, Any], fit: dict[str, Any]) -> dict[str, Any]:
    """Give the details of a run that begins on a set, or without one on drawn pictures.

    Args:
        path: of the set.
        defaults: of the details: task, input_size, and the number of pictures to draw.
        own: options of the details that were given.
        fit: options of the training that were given.
    """
    details = {**defaults, **own, "fit": fit}
    if path is not None:
        del details["pictures"]
        details["data"] = str(path.resolve())
    if "backbone" in own and Path(own["backbone"]).exists():  # found from any folder when resuming
        details["backbone"] = str(Path(own["backbone"]).resolve())
    return details


def size_of(details: dict[str, Any]) -> tuple[int, int]:
    """Give a run's (height, width) of pictures."""
    size = parse_size(details["input_size"])
    assert size is not None
    return size


def name_of(details: dict[str, Any], drawn: str) -> str:
    """Say what a run's pictures are called; `drawn` without a set."""
    return Path(details["data"]).name if "data" in details else drawn


def read_behind_bar(read: "Callable[..., Read]", data: "BoxedImages", *how: Any) -> Read:
    """Read a set with `read`, which takes it, `how`, and what is told the number done; name the files left out."""
    with progress_bar("Reading pictures", len(data)) as (bar, task):
        pictures = read(data, *how, lambda done: bar.update(task, completed=done))
    for file in pictures.skipped:
        note(f"left out: {file.path}: {file.reason}")
    return pictures


def draw_behind_bar(what: str, draw: Callable[..., Drawn], count: int, seed: int, size: tuple[int, int]) -> Drawn:
    """Draw pictures with `draw`, which takes the rest, and what is told the number done."""
    with progress_bar(f"Drawing {what}", count) as (bar, task):
        return draw(count, seed, size, lambda done: bar.update(task, completed=done))


def to_draw(
    what: str, draw: Callable[..., Drawn], details: dict[str, Any], seed: int, kept_aside: int
) -> tuple[Callable[[], Drawn], Callable[[], Drawn]]:
    """Give functions that draw a run's pictures to train on, and at most `kept_aside` to measure by."""
    count, size = details["pictures"], size_of(details)
    by_seed = partial(draw_behind_bar, what, draw)
    return partial(by_seed, count, seed, size), partial(by_seed, min(kept_aside, count), KEPT_ASIDE_SEED, size)


def both_of(details: dict[str, Any], find: "Callable[[str], Boxed]", *, resume: bool) -> "tuple[Boxed, Boxed]":
    """Find a run's pictures in its set; the arguments are those of :func:`divide`.

    Raises:
        DataContentError: none to measure by.
    """
    train, held_out = (pictures_of_run if resume else divide)(details, find)
    if held_out is None:
        raise DataContentError(f"{details['data']}: expected pictures to measure by. Received: none. Add some.")
    return train, held_out


def divide(details: dict[str, Any], find: "Callable[[str], Boxed]") -> "tuple[Boxed, Boxed | None]":
    """Read the set, choose what is trained on and what is measured by, and write their names down in `details`.

    Args:
        details: of the run.
        find: reads a set of boxes, or of masks.
    """
    data = find(details["data"])
    if data.problems:
        note(f"{len(data.problems)} things in {details['data']} could not be read: kcc data inspect tells them.")
    listed, kept_aside = (
        [name for name in names if name in data.splits] for names in (TRAINING_LISTS, VALIDATION_LISTS)
    )
    # A list test, where there is one, is no more to be trained on than val.
    train, held_out = data.part(listed[0]) if listed else data, None
    seed = details["fit"].get("seed", 0)
    if "val" in details:
        held_out = _with_classes(find(details["val"]), data.class_names)
        _check_apart(train, held_out, "Leave --val out to keep a share of the set aside.")
    elif "validation" in details:
        train, held_out = _keep_aside(data, details["validation"], seed)
    elif "train" in listed and kept_aside:
        held_out = data.part(kept_aside[0])
        _check_apart(train, held_out, f"Mend the lists, or keep a share of the set aside: --validation {HELD_OUT}.")
    else:
        train, held_out = _keep_aside(train, HELD_OUT, seed)
    details["train_pictures"], details["held_out_pictures"] = (
        [image.name for image in part.images] if part else [] for part in (train, held_out)
    )
    return train, held_out


def _keep_aside(data: "Boxed", share: float, seed: int) -> "tuple[Boxed, Boxed | None]":
    if not share:
        return data, None
    try:
        return data.split(share, seed)
    except DataContentError as error:
        remedy = "Choose another --validation, 0 to measure nothing, or name a set to measure by with --val."
        raise DataContentError(f"{error} {remedy}") from error


def _check_apart(train: "BoxedImages", held_out: "BoxedImages", remedy: str) -> None:
    both = {image.path.resolve() for image in train.images} & {image.path.resolve() for image in held_out.images}
    if both:
        raise DataContentError(
            f"{held_out.root}: expected pictures to measure by that are not trained on. Received: {len(both)} that "
            f"are, such as {min(both)}. {remedy}"
        )


def pictures_of_run(details: dict[str, Any], find: "Callable[[str], Boxed]") -> "tuple[Boxed, Boxed | None]":
    """Read the pictures that a run started with; the arguments are those of :func:`divide`."""
    data = find(details["data"])
    if [*data.class_names] != details["class_names"]:
        raise RunError(
            f"{data.root}: expected the classes that the run started with, {', '.join(details['class_names'])}. "
            f"Received: {', '.join(data.class_names)}. Start a new run."
        )
    held_out = _with_classes(find(details["val"]), data.class_names) if "val" in details else data
    parts = []
    for part, names in ((data, details["train_pictures"]), (held_out, details["held_out_pictures"])):
        numbers = {image.name: number for number, image in enumerate(part.images)}
        missing = [name for name in names if name not in numbers]
        if missing:
            raise RunError(
                f"{part.root}: {len(missing)} pictures of the run are gone, such as {missing[0]}. Start a new run."
            )
        parts.append(part.take(numbers[name] for name in names))
    return parts[0], parts[1] if len(parts[1]) else None


def _with_classes(data: "Boxed", class_names: tuple[str, ...]) -> "Boxed":
    """Number the classes of a set as another one does."""
    import numpy as np

    if {*data.class_names} - {*class_names}:
        raise DataContentError(
            f"{data.root}: expected the classes of the set to train on, {', '.join(class_names)}. Received: "
            f"{', '.join(data.class_names)}. Names must be equal to the letter."
        )
    numbers = np.array([class_names.index(name) for name in data.class_names], np.int64)
    images = tuple(replace(image, class_ids=numbers[image.class_ids]) for image in data.images)
    return replace(data, images=images, class_names=class_names, category_ids=tuple(range(1, len(class_names) + 1)))
