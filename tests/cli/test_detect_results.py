"""What was found, as files for other programs."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from keras_cv_course.cli.detect_results import FileResult, results_table, write_coco, write_csv, write_json
from keras_cv_course.data.class_names import COCO_CLASSES
from keras_cv_course.detections import Detections


def found(*names: str) -> Detections:
    boxes = np.tile(np.array([[1, 2, 4, 8]], np.float32), (len(names), 1))
    ids = np.array([COCO_CLASSES.index(name) for name in names], np.int64)
    return Detections(boxes, np.linspace(0.9, 0.5, len(names), dtype=np.float32), ids, COCO_CLASSES, (10, 20))


def pictures(*paths: str) -> list[FileResult]:
    return [FileResult(Path(path), frames=[(0.0, found("person", "toothbrush"))]) for path in paths]


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["a/000000000139.jpg", "a/000000000007.jpg"], [139, 7]),
        (["a/1.jpg", "b/01.jpg"], [1, 2]),  # the same number twice
        (["a/5.jpg", "a/test.jpg"], [1, 2]),
        (["a/\N{SUPERSCRIPT TWO}.jpg"], [1]),
    ],
)
def test_coco_takes_the_numbers_of_files_and_its_own_categories(
    tmp_path: Path, paths: list[str], ids: list[int]
) -> None:
    write_coco(tmp_path / "c.json", pictures(*paths))
    entries = json.loads((tmp_path / "c.json").read_text())
    assert [entry["image_id"] for entry in entries] == [number for number in ids for _ in range(2)]
    assert [entry["category_id"] for entry in entries[:2]] == [1, 90]  # as in instances_val2017.json
    assert entries[0]["bbox"] == [1, 2, 3, 6]


def test_a_broken_file_keeps_its_place_in_coco(tmp_path: Path) -> None:
    write_coco(tmp_path / "c.json", [FileResult(Path("x.jpg"), error="broken"), *pictures("y.jpg")])
    assert {entry["image_id"] for entry in json.loads((tmp_path / "c.json").read_text())} == {2}


def test_nothing_at_all_is_still_a_file(tmp_path: Path) -> None:
    for write in (write_coco, write_csv):
        write(tmp_path / "file", [])
    write_json(tmp_path / "b.json", [], {"score": 0.6})
    assert json.loads((tmp_path / "b.json").read_text()) == {"score": 0.6, "files": []}
    assert (tmp_path / "file").read_text().count("\n") == 1


def test_names_with_commas_and_of_any_letters(tmp_path: Path) -> None:
    write_csv(tmp_path / "b.csv", pictures('Straße, "1".jpg'))
    rows = list(csv.DictReader((tmp_path / "b.csv").open(encoding="utf-8")))
    assert [row["file"] for row in rows] == ['Straße, "1".jpg'] * 2


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    results = pictures(os.fsdecode(b"\xff.jpg"))
    write_csv(tmp_path / "b.csv", results)
    rows = list(csv.DictReader((tmp_path / "b.csv").open(encoding="utf-8")))
    assert [row["file"] for row in rows] == [r"\udcff.jpg"] * 2
    write_json(tmp_path / "b.json", results, {})
    assert r'"\udcff.jpg"' in (tmp_path / "b.json").read_text(encoding="utf-8")


def test_the_table_shows_names_as_they_are() -> None:
    video = FileResult(Path("film.mp4"), is_video=True, frames=[(0.0, found("car", "car")), (0.1, found())])
    console = Console(width=120)
    with console.capture() as shown:
        console.print(results_table([*pictures("[red]\x1b.jpg"), video, FileResult(Path("x"), error="[bold]gone")]))
    lines = [" ".join(line.split()) for line in shown.get().splitlines()]
    assert lines[1:] == [
        "[red]\N{REPLACEMENT CHARACTER}.jpg person 0.90 1, 2, 4, 8",
        "toothbrush 0.50 1, 2, 4, 8",
        "film.mp4 car 0.90 on 1 of 2 frames",
        "x error [bold]gone",
    ]
