"""`kcc train detector` and `kcc data preview`, as a user types them."""

import csv
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from command_line import kcc
from PIL import Image

from keras_cv_course.cli.train_pictures import divide
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.errors import DataContentError
from keras_cv_course.models.detector import Detector

FAST = ("--input-size", 64, "--batch-size", 2, "--epochs", 1, "--precision", "float32")


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roads")
    drawn = kcc("data", "roads", "--count", 10, "--seed", 1, "--size", 64, "--out", folder / "set")
    assert drawn.returncode == 0, drawn.stderr
    return folder / "set"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a detector that computes next to nothing, to start from."""
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(keras.layers.AveragePooling2D(32)(inputs))
    model = keras.Model(inputs, keras.layers.Conv2D(6, 1)(x))
    path = tmp_path_factory.mktemp("start") / "start.keras"
    Detector(model, np.ones((1, 2), np.float32), ("thing",), "letterbox").save(path)
    return path


def test_a_run_its_page_and_its_use(roads: Path, start: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained = kcc("train", "detector", roads, "--out", run, "--backbone", start, *FAST)
    assert trained.returncode == 0, trained.stderr
    assert "8 to train on, 2 to measure by" in trained.stderr  # the set's own lists
    assert "on 2 pictures kept aside" in trained.stdout
    names = {path.name for path in run.iterdir()}
    assert names == {
        *("config.json", "environment.json", "history.csv", "logs", "model.keras"),
        *("result.json", "report.html", "curves.png"),
    }
    config = json.loads((run / "config.json").read_text())
    assert config["task"] == "detector"
    assert len(config["train_pictures"]) == 8
    assert len(config["anchor_sizes"]) == 5
    with (run / "history.csv").open() as file:
        assert {"loss", "recall", "val_ap50"} <= {*next(csv.DictReader(file))}
    page = (run / "report.html").read_text()
    assert "8 pictures" in page
    assert "they chose the best epoch" in page

    picture = next((roads / "JPEGImages").iterdir())
    found = kcc("detect", picture, "--weights", run, "--out", tmp_path / "found")
    assert found.returncode == 0, found.stderr
    again = kcc("train", "detector", "--resume", run)
    assert again.returncode == 1
    assert "complete" in again.stderr
    taken = kcc("train", "detector", roads, "--out", run)
    assert taken.returncode == 1
    assert "holds a run already" in taken.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Expected a set of pictures with boxes, or --resume"),
        (("SET", "--val", "SET", "--validation", 0.5), "one of --val and --validation"),
        (("SET", "--resume", "run"), "takes nothing else"),
        (("SET", "--input-size", "wide"), "--input-size must be"),
        (("SET", "--input-size", 400), "must be multiples of 32"),
        (("gone",), "no such path"),
    ],
)
def test_what_cannot_be_is_said_at_once(roads: Path, tmp_path: Path, options: tuple, message: str) -> None:
    refused = kcc("train", "detector", *(roads if option == "SET" else option for option in options), cwd=tmp_path)
    assert refused.returncode == 1
    assert message in refused.stderr
    assert not list(tmp_path.iterdir())


def test_classes_of_a_second_set_must_be_the_first_s(roads: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    picture = next((roads / "JPEGImages").iterdir())
    (other / "a.jpg").write_bytes(picture.read_bytes())
    (other / "boxes.csv").write_text("image,class,x1,y1,x2,y2\na.jpg,bicycle,1,2,30,40\n")
    refused = kcc("train", "detector", roads, "--val", other, "--out", tmp_path / "run", *FAST)
    assert refused.returncode == 1
    assert "Received: bicycle" in refused.stderr
    assert not (tmp_path / "run").exists()


def test_a_set_whose_classes_have_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    data = str(set_with_lists(tmp_path / "set", {"train": "ab"}))
    config = {"task": "detector", "data": data, "class_names": ["a", "b"], "fit": {}}
    (run / "config.json").write_text(json.dumps(config))
    refused = kcc("train", "detector", "--resume", run)
    assert refused.returncode == 1
    assert "started with, a, b. Received: a. Start a new run." in refused.stderr


def set_with_lists(folder: Path, lists: dict[str, str]) -> Path:
    """Write a VOC set of pictures a, b, c ... as the lists name them."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    box = "<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
    for picture in {*"".join(lists.values())}:
        Image.new("RGB", (32, 32)).save(folder / "JPEGImages" / f"{picture}.jpg")
        (folder / "Annotations" / f"{picture}.xml").write_text(
            f"<annotation><filename>{picture}.jpg</filename><object><name>a</name>{box}</object></annotation>"
        )
    for name, pictures in lists.items():
        (folder / "ImageSets" / "Main" / f"{name}.txt").write_text("\n".join(pictures))
    return folder


@pytest.mark.parametrize(
    ("lists", "options", "train", "held_out"),
    [
        ({"train": "abcd", "val": "ef", "test": "gh"}, {}, "abcd", "ef"),
        ({"train": "abcde", "test": "fgh"}, {}, 4, 1),  # a fifth of train
        ({"trainval": "abcde", "test": "fgh"}, {}, 4, 1),
        ({"train": "abcd", "val": "ef"}, {"validation": 0.5}, 3, 3),
        ({"train": "abcd", "val": "ef"}, {"validation": 0.0}, "abcdef", ""),
    ],
)
def test_lists_say_what_is_trained_on(
    tmp_path: Path, lists: dict[str, str], options: dict[str, float], train: str | int, held_out: str | int
) -> None:
    details = {"data": str(set_with_lists(tmp_path / "set", lists)), "fit": {}, **options}
    divide(details, find_boxes)
    parts = ["".join(Path(name).stem for name in details[f"{part}_pictures"]) for part in ("train", "held_out")]
    assert not {*parts[0]} & {*parts[1]}
    if isinstance(train, str):
        assert parts == [train, held_out]
    else:
        assert [len(part) for part in parts] == [train, held_out]
        assert not {*lists.get("test", "")} & {*parts[0], *parts[1]}


def test_pictures_trained_on_are_not_measured_by(tmp_path: Path) -> None:
    folder = str(set_with_lists(tmp_path / "set", {"train": "ab"}))
    with pytest.raises(DataContentError, match=r"Received: 2 that are, such as .*a\.jpg"):
        divide({"data": folder, "val": folder, "fit": {}}, find_boxes)
    with pytest.raises(DataContentError, match=r"0\.2 of 2\. Choose another --validation, 0 to measure nothing"):
        divide({"data": folder, "fit": {}}, find_boxes)
    lists = str(set_with_lists(tmp_path / "lists", {"train": "abc", "val": "cd"}))
    with pytest.raises(DataContentError, match=r"Received: 1 that are, such as .*c\.jpg. Mend the lists, or"):
        divide({"data": lists, "fit": {}}, find_boxes)


def test_one_picture_with_an_odd_class_trains(start: Path, tmp_path: Path) -> None:
    """Fewer pictures than a batch, fewer different boxes than anchors, a difficult box, a name of traps."""
    folder = set_with_lists(tmp_path / "set", {"train": "a"})
    annotation = folder / "Annotations" / "a.xml"
    name = "<name>[red]Größe &lt;b&gt; 'x', {0}</name><difficult>1</difficult>"
    annotation.write_text(annotation.read_text().replace("<name>a</name>", name))
    run = tmp_path / "run"
    trained = kcc("train", "detector", folder, "--validation", 0, "--out", run, "--backbone", start, *FAST)
    assert trained.returncode == 0, trained.stderr
    assert "1 anchors, not 5" in trained.stderr
    assert "no picture was kept" in trained.stdout
    measured = kcc("evaluate", "detector", folder, "--weights", run, "--report", tmp_path / "page.html")
    assert measured.returncode == 0, measured.stderr
    assert "[red]Größe <b> 'x', {0}" in measured.stdout
    assert "[red]Größe &lt;b&gt; &#39;x&#39;, {0}" in (tmp_path / "page.html").read_text()


def test_preview(roads: Path, tmp_path: Path) -> None:
    shown = kcc("data", "preview", roads, "--out", tmp_path / "page.html", "--count", 9, "--input-size", 64)
    assert shown.returncode == 0, shown.stderr
    page = (tmp_path / "page.html").read_text()
    assert "Picture 9" in page
    assert "Picture 10" not in page
    assert re.search(r"\d x (car|bus|lorry|pedestrian|traffic light)", page)
    refused = kcc("data", "preview", roads, "--out", tmp_path / "folder")
    assert refused.returncode == 1
    assert "such as preview.html" in refused.stderr
