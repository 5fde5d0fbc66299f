"""`kcc evaluate detector`: measure a detector on a set of pictures with boxes, as COCO and VOC do."""

import json
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.boxes import BoxSet
from keras_cv_course.cli.console import check_folder, note, out, printable, progress_bar, say, start_keras
from keras_cv_course.cli.options import (
    DEFAULT_DETECTOR,
    AsJson,
    BatchSize,
    ClassNames,
    DetectorWeights,
    HowToResize,
    InputSize,
    NetworkOfWeights,
    load_detector,
    parse_size,
    run_settings,
)
from keras_cv_course.errors import RunError, list_few

if TYPE_CHECKING:
    from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
    from keras_cv_course.metrics.detection_errors import Outcome
    from keras_cv_course.metrics.detector_metrics import DetectorMetrics
    from keras_cv_course.models.detector import Detector
    from keras_cv_course.report.detector_page import MistakenPicture

_WORST = 12
_PICTURE = 900  # pixels, the longer side of a picture on the page


def detector(
    path: BoxSet,
    weights: DetectorWeights = DEFAULT_DETECTOR,
    predictions: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Measure what any detector found, COCO results with the ids of PATH's COCO annotations, instead of "
            "--weights.",
        ),
    ] = None,
    part: Annotated[
        str | None, typer.Option("--split", "--list", metavar="NAME", help="Only pictures of this list, such as val.")
    ] = None,
    score: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Least score of a box for precision, recall, the confusion matrix and the pictures."
        ),
    ] = 0.6,
    network: NetworkOfWeights = None,
    names: ClassNames = None,
    resize: HowToResize = None,
    input_size: InputSize = None,
    batch_size: BatchSize = 8,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write an HTML page with curves and the worst pictures here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a detector on pictures with boxes: COCO's and VOC's average precision, and what it takes for what.

    Classes are matched by name; those that only the set or only the detector has are named and left out.
    """
    from keras_cv_course.data.detection_datasets import find_boxes

    size = parse_size(input_size)
    if predictions is not None and (weights != DEFAULT_DETECTOR or network or names or resize or size):
        raise RunError("--predictions needs no detector. Received: options for one as well. Leave out one of the two.")
    if report is not None:
        check_folder(report.parent)
    data = find_boxes(path)
    data = data if part is None else data.part(part)
    if data.problems:
        note(f"{len(data.problems)} things in {path} could not be read: kcc data inspect tells them.")
    if predictions is not None:
        metrics = _read_predictions(predictions, data, score)
        facts = {"Boxes": str(predictions)}
    else:
        start_keras()
        chosen = load_detector(weights, network, names, resize, size)
        seen = seen_in_training(weights, path, data)
        if seen:
            note(f"{seen} of these pictures are among those that the detector was trained on: the figures flatter it.")
        metrics = _measure(chosen, data, batch_size, score)
        facts = {"Detector": weights, **_describe(chosen, weights)}
    facts = {
        "Set": str(path),
        "List": "all pictures" if part is None else f"those of the list {part}",
        **facts,
        **_left_out(data, metrics),
    }
    if report is not None:
        _write_page(report, metrics, facts, weights if predictions is None else predictions.name)
    if as_json:
        source = {"predictions": str(predictions)} if predictions is not None else {"weights": weights}
        print(json.dumps({"data": str(path), "split": part, **source, **metrics.to_json()}, indent=2))
    else:
        _say(metrics)
    if report is not None:
        note(f"Page: {report.resolve()}")


def seen_in_training(weights: str, path: Path, data: "BoxedImages") -> int:
    """Count the pictures that a run was trained on, as far as its folder tells."""
    settings = run_settings(weights)
    trained_on = settings["train_pictures"] if settings.get("data") == str(path.resolve()) else ()
    return len({image.name for image in data.images} & {*trained_on})


def _measure(chosen: "Detector", data: "BoxedImages", batch_size: int, score: float) -> "DetectorMetrics":
    from keras_cv_course.metrics.measure_detector import measure_detector
    from keras_cv_course.metrics.shared_classes import shared_classes

    shared = shared_classes(chosen.class_names, data.class_names)
    for whose, some in (("set", data.class_names), ("detector", chosen.class_names)):
        alone = [name for name in some if name not in shared]
        if alone:
            note(f"Left out, as only the {whose} has them: {list_few(alone)}")
    with progress_bar("Detecting", len(data)) as (bar, task):
        metrics = measure_detector(
            chosen, data, batch_size, score_threshold=score, progress=lambda done: bar.update(task, completed=done)
        )
    if metrics.unreadable:
        note(f"{len(metrics.unreadable)} pictures could not be read and are left out: {list_few(metrics.unreadable)}")
    return metrics


def _read_predictions(predictions: Path, data: "BoxedImages", score: float) -> "DetectorMetrics":
    from keras_cv_course.data.coco_results import read_coco_results
    from keras_cv_course.metrics.detector_metrics import DetectorMetrics

    results = read_coco_results(predictions, data)
    for number, what in ((results.other_pictures, "on other pictures"), (results.other_classes, "of other classes")):
        if number:
            note(f"Left out, boxes {what} than the set's: {number}")
    return DetectorMetrics(results.found, data.usable(), score)


def _describe(chosen: "Detector", weights: str) -> dict[str, str]:
    from keras_cv_course.detection.predict import IOU_THRESHOLD
    from keras_cv_course.metrics.measure_detector import LEAST_SCORE
    from keras_cv_course.pretrained import pretrained, registry

    height, width = chosen.input_size
    facts = {
        "Its input": f"{height} x {width} (height x width), {chosen.resize}",
        "Its boxes": f"from a score of {LEAST_SCORE} on; one goes that overlaps a better one of its class by an IoU of "
        f"more than {IOU_THRESHOLD}",
    }
    if weights in registry():
        entry = pretrained(weights)
        facts |= {"Trained on": entry.trained_on, "Weights sha256": entry.sha256 or "not known"}
    return facts


def _left_out(data: "BoxedImages", metrics: "DetectorMetrics") -> dict[str, str]:
    """Tell what of the set is not measured."""
    classes = [name for name in data.class_names if name not in metrics.truth.class_names]
    boxes = sum(map(len, data.images)) - sum(map(len, data.usable().images))
    said = {
        "Classes that the detector lacks": ", ".join(classes),
        "Pictures that cannot be read": ", ".join(metrics.unreadable),
        "Boxes left out": f"{boxes}, empty or there twice" if boxes else "",
        "Files": f"{len(data.problems)} things that could not be read" if data.problems else "",
    }
    return {name: text for name, text in said.items() if text}


def _say(metrics: "DetectorMetrics") -> None:
    from keras_cv_course.report.detector_page import class_rows
    from keras_cv_course.report.html import decimals

    table = Table(box=None, pad_edge=False)
    table.add_column("class", overflow="fold")
    for title in ("objects", "AP", "AP .50", "VOC 2007", "VOC 2012", "precision", "recall"):
        table.add_column(title, justify="right")
    for row in class_rows(metrics):
        table.add_row(escape(printable(row["name"])), f"{row['objects']}", *map(decimals, row["figures"]))
    out.print(table)
    out.print()
    coco = metrics.coco
    for title, figures in (
        ("COCO AP", {".50:.95": coco.ap, ".50": coco.ap50, ".75": coco.ap75}),
        ("  by size", {"small": coco.ap_small, "medium": coco.ap_medium, "large": coco.ap_large}),
        ("COCO AR", {"1 box": coco.ar1, "10 boxes": coco.ar10, "100 boxes": coco.ar100}),
        ("  by size", {"small": coco.ar_small, "medium": coco.ar_medium, "large": coco.ar_large}),
    ):
        say(f"{title}: {', '.join(f'{name} {decimals(figure)}' for name, figure in figures.items())}")
    say(f"{len(metrics.truth)} pictures. Precision and recall at IoU .50 and scores from {metrics.score_threshold} on.")


def _write_page(report: Path, metrics: "DetectorMetrics", facts: dict[str, str], detector_name: str) -> None:
    from keras_cv_course.report.detector_page import write_detector_page

    name = Path(facts["Set"]).resolve().name
    write_detector_page(
        report,
        title=f"{name}, found by {detector_name.rpartition('/')[2]}",
        facts={
            **facts,
            "Software": f"keras-cv-course {version('keras-cv-course')}, Python {platform.python_version()}",
        },
        data_note=f"{len(metrics.truth)} pictures of {name}: {facts['List']}.",
        metrics=metrics,
        worst=list(draw_worst(metrics)),
    )


def draw_worst(metrics: "DetectorMetrics") -> "Iterator[MistakenPicture]":
    """Draw the pictures with most mistakes; one that cannot be read is passed over."""
    from keras_cv_course.data.image_files import read_image
    from keras_cv_course.errors import ImageFileError
    from keras_cv_course.metrics.detection_errors import worst_pictures
    from keras_cv_course.report.detector_page import MistakenPicture

    for place in worst_pictures(metrics.outcomes, _WORST):
        image, one = metrics.truth.images[place], metrics.outcomes[place]
        try:
            pixels = read_image(image.path)
        except ImageFileError:  # of --predictions, which needs no pictures
            continue
        drawn = _draw(pixels, image, one, metrics.truth.class_names)
        yield MistakenPicture(image.name, drawn, int(one.missed.sum()), int(one.wrong.sum()))


def _draw(pixels: np.ndarray, image: "BoxedImage", one: "Outcome", class_names: Sequence[str]) -> np.ndarray:
    """Draw missed objects, wrong boxes and right ones on a picture as large as it is shown."""
    from PIL import Image

    from keras_cv_course.boxes import scale_xyxy
    from keras_cv_course.detection.draw import draw_labels
    from keras_cv_course.report.detector_page import MISSED, NOT_COUNTED, RIGHT, WRONG

    picture = Image.fromarray(pixels)
    picture.thumbnail((_PICTURE, _PICTURE))
    missed = image.take(one.missed)
    labels = [class_names[number] for number in missed.class_ids]
    colours, boxes = [MISSED] * len(missed), [missed.boxes]
    rest = ~(one.right | one.wrong)
    for which, word, colour in ((one.wrong, "wrong ", WRONG), (one.right, "", RIGHT), (rest, "", NOT_COUNTED)):
        some = one.found[which]
        labels += [f"{word}{class_names[n]} {s:.2f}" for n, s in zip(some.class_ids, some.scores, strict=True)]
        colours += [colour] * len(some)
        boxes.append(some.boxes)
    height, width = pixels.shape[:2]
    scaled = scale_xyxy(np.concatenate(boxes), (picture.height / height, picture.width / width))
    return draw_labels(picture, scaled, labels, colours)
