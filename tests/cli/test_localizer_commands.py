"""`kcc train localizer` and `kcc localize`, as a user types them."""

import json
from pathlib import Path

import pytest
from command_line import kcc
from PIL import Image

from keras_cv_course.cli.localizer_result import measure_localizer
from keras_cv_course.data.localized_images import draw_localized_images
from keras_cv_course.models.trained_localizer import load_localizer

FAST = ("--input-size", 64, "--batch-size", 4, "--epochs", 1)


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lone")
    drawn = kcc("data", "roads", "--lone", "--count", 10, "--seed", 1, "--size", 64, "--out", folder / "set")
    assert drawn.returncode == 0, drawn.stderr
    return folder / "set"


@pytest.fixture(scope="module")
def run(lone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    trained = kcc("train", "localizer", lone, "--out", run, *FAST)
    assert trained.returncode == 0, trained.stderr
    assert "8 to train on, 2 to measure by" in trained.stderr  # the set's own lists
    assert "of 2 pictures kept aside right" in trained.stdout
    return run


def test_a_run_has_its_files_and_figures(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {
        *("config.json", "environment.json", "history.csv", "logs", "model.keras"),
        *("result.json", "report.html"),
    }
    config = json.loads((run / "config.json").read_text())
    assert (config["task"], config["class_names"]) == ("localizer", ["pedestrian", "car", "motorcycle"])
    assert len(config["train_pictures"]) == 8
    result = json.loads((run / "result.json").read_text())
    assert result["pictures"] == 2
    assert "kept aside from training" in (run / "report.html").read_text()


def test_a_run_stopped_before_its_report_makes_it(run: Path) -> None:
    before = (run / "result.json").read_text()
    for name in ("result.json", "report.html"):
        (run / name).unlink()
    again = kcc("train", "localizer", "--resume", run)
    assert again.returncode == 0, again.stderr
    assert (run / "result.json").read_text() == before
    assert again.stderr.count("Reading pictures") == 1  # not those to train on
    complete = kcc("train", "localizer", "--resume", run)
    assert complete.returncode == 1
    assert "complete" in complete.stderr


def test_drawn_roads_are_the_default(tmp_path: Path) -> None:
    trained = kcc("train", "localizer", "--pictures", 4, "--loss", "squared", "--out", tmp_path / "run", *FAST)
    assert trained.returncode == 0, trained.stderr
    assert "of 4 pictures kept aside right" in trained.stdout


def test_localize_draws_and_says_in_both_ways(run: Path, lone: Path, tmp_path: Path) -> None:
    picture = tmp_path / "wide.png"
    Image.open(next((lone / "JPEGImages").iterdir())).resize((200, 100)).save(picture)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    options = ("--model", run, "--out", tmp_path / "drawn", "--probability", 0)
    said = kcc("localize", picture, *options, "--json")
    assert said.returncode == 0, said.stderr
    (result,) = json.loads(said.stdout)
    assert result["class"] in ("pedestrian", "car", "motorcycle")
    assert 0 <= result["p_c"] <= 1
    assert sum(result["classes"].values()) == pytest.approx(1, abs=1e-5)
    x1, y1, x2, y2 = result["box"]  # in pixels of the picture itself
    assert 0 <= x1 <= x2 <= 200
    assert 0 <= y1 <= y2 <= 100
    assert Image.open(tmp_path / "drawn" / "wide.png").size == (200, 100)
    table = kcc("localize", picture, tmp_path / "broken.png", *options)
    assert table.returncode == 1
    assert result["class"] in table.stdout
    assert "error" in table.stdout
    nothing = kcc("localize", picture, "--model", run, "--out", tmp_path / "drawn", "--probability", 1)
    assert "nothing" in nothing.stdout


def test_shipped_localizer_finds_what_is_drawn() -> None:
    """It stands for the file, its registration and its reading: the figure of its training is in weights/README.md."""
    data = draw_localized_images(40, seed=2**33)
    assert measure_localizer(load_localizer("road-localizer"), data).metrics.correct >= 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("SET", "--pictures", 3), "--pictures are drawn"),
        (("--validation", 0.5), "a share of a set"),
        (("SET", "--resume", "run"), "takes nothing else"),
        (("--input-size", "wide"), "--input-size must be"),
        (("--input-size", 32), "each >= 64 pixels"),
        (("--input-size", 100), "multiples of 16"),
        (("gone",), "no such path"),
        (("CROWDED",), "at most one object on each picture"),
    ],
)
def test_what_cannot_be_is_said_at_once(lone: Path, tmp_path: Path, options: tuple, message: str) -> None:
    if options == ("CROWDED",):
        crowded = tmp_path / "crowded"
        assert kcc("data", "roads", "--count", 5, "--size", 96, "--out", crowded).returncode == 0
        options = (crowded, "--out", tmp_path / "run")
    refused = kcc("train", "localizer", *(lone if option == "SET" else option for option in options), cwd=tmp_path)
    assert refused.returncode == 1
    assert message in refused.stderr
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "run").exists()
