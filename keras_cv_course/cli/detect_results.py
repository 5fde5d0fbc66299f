"""What `kcc detect` found, as a table and as files for other programs."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import printable
from keras_cv_course.data.class_names import COCO_CLASSES
from keras_cv_course.detections import Detections
from keras_cv_course.files import write_text_atomically

# COCO numbers its 80 classes up to 90: ten were planned and never labelled.
_COCO_CATEGORY_IDS = [number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]


@dataclass
class FileResult:
    """What one file gave.

    Attributes:
        path: the file.
        is_video: else it has one frame.
        frames: what was found on each, with its time in seconds.
        error: why there is nothing; None where all went well.
    """

    path: Path
    is_video: bool = False
    frames: list[tuple[float, Detections]] = field(default_factory=list)
    error: str | None = None


def results_table(results: Sequence[FileResult]) -> Table:
    """List the boxes of each picture, the classes of each video, and errors."""
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "class", "score", "box (x1, y1, x2, y2)"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "score" else "left")
    for result in results:
        if result.error is not None:
            rows = [("[red]error[/]", "", escape(printable(result.error)))]
        elif result.is_video:
            rows = _video_rows(result)
        else:
            ((_, found),) = result.frames
            rows = [
                (_class(found.class_names[number]), f"{score:.2f}", ", ".join(f"{side:.0f}" for side in box))
                for number, score, box in zip(found.class_ids, found.scores, found.boxes, strict=True)
            ]
        name = escape(printable(str(result.path)))
        for number, row in enumerate(rows or [("[dim]nothing[/]", "", "")]):
            table.add_row("" if number else name, *row)
    return table


def write_json(path: Path, results: Sequence[FileResult], settings: dict[str, Any]) -> None:
    """Write everything: for each file its size and boxes, of a video for each frame, or its error."""
    files: list[dict[str, Any]] = []
    for result in results:
        entry: dict[str, Any] = {"file": str(result.path)}
        if result.error is not None:
            entry["error"] = result.error
        elif result.is_video:
            entry["frames"] = [{"seconds": seconds, **_to_json(found)} for seconds, found in result.frames]
        else:
            entry |= _to_json(result.frames[0][1])
        files.append(entry)
    write_text_atomically(path, json.dumps({**settings, "files": files}, indent=1) + "\n")


def write_csv(path: Path, results: Sequence[FileResult]) -> None:
    r"""Write a line for each box; pictures have the frame 0 and the second 0.

    Bytes of a file's name that are no UTF-8 are written as ``\udcff``, as JSON has them.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "frame", "seconds", "class_id", "class_name", "score", "x1", "y1", "x2", "y2"])
    for result in results:
        for number, (seconds, found) in enumerate(result.frames):
            for row in zip(*found.to_dict().values(), strict=True):
                writer.writerow([result.path, number, round(seconds, 3), *row])
    write_text_atomically(path, text.getvalue().encode("utf-8", "backslashreplace").decode("utf-8"))


def write_coco(path: Path, results: Sequence[FileResult]) -> None:
    """Write COCO results of pictures.

    An image's id is the number that its file is called by, as in COCO's ``000000000139.jpg``, where all are called so
    and no two alike; else its place in `results`, from 1. A category's id is COCO's own for the 80 classes of COCO,
    else the class's place.
    """
    numbers = [int(result.path.stem) if result.path.stem.isdecimal() else None for result in results]
    if None in numbers or len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(results) + 1))
    entries = []
    for number, result in zip(numbers, results, strict=True):
        for _, found in result.frames:
            assert number is not None
            entries += found.to_coco(number, _COCO_CATEGORY_IDS if found.class_names == COCO_CLASSES else None)
    write_text_atomically(path, json.dumps(entries) + "\n")


def _class(name: str) -> str:
    return f"[bold]{escape(printable(name))}[/]"


def _video_rows(result: FileResult) -> list[tuple[str, str, str]]:
    """Give a row for each class of a video, the one on most frames first."""
    scores: dict[str, list[float]] = {}
    for _, found in result.frames:
        for number in set(found.class_ids.tolist()):
            best = float(found.scores[found.class_ids == number].max())
            scores.setdefault(found.class_names[number], []).append(best)
    return [
        (_class(name), f"{max(best):.2f}", f"on {len(best)} of {len(result.frames)} frames")
        for name, best in sorted(scores.items(), key=lambda item: -len(item[1]))
    ]


def _to_json(found: Detections) -> dict[str, Any]:
    boxes = zip(found.class_ids, found.scores.tolist(), found.boxes.tolist(), strict=True)
    height, width = found.image_size
    return {
        "height": height,
        "width": width,
        "boxes": [
            {"class": found.class_names[number], "score": score, "box": [round(side, 2) for side in box]}
            for number, score, box in boxes
        ],
    }
