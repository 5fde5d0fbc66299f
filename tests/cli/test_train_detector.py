"""`kcc train detector` and `kcc data preview`, as a user types them."""

import csv
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from command_line import kcc

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
