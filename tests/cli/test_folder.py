"""`kcc train folder` and its like, as a user types them, on small pictures of two colours."""

import json
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from command_line import interrupt, kcc, kcc_from_scratch
from keras import layers
from PIL import Image

COLOURS = {"green": (30, 200, 40), "red": (210, 40, 30)}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small classifier to start from: a ResNet50 takes a minute to begin training."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("network") / "small.keras"
    blocks = [layers.Conv2D(16, 3, 2, activation="relu"), layers.BatchNormalization(), layers.Conv2D(32, 3, 2)]
    ends = [layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")]
    keras.Sequential([keras.Input((32, 32, 3)), *blocks, layers.ReLU(), *ends]).save(path)
    return path


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Give a folder with 12 noisy pictures of each colour, a text file and a broken picture."""
    draw = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        folder = tmp_path / "colours" / name
        folder.mkdir(parents=True)
        for number in range(12):
            noise = draw.integers(-25, 26, (40, 60, 3))
            Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    (tmp_path / "colours" / "red" / "notes.txt").write_text("about red")
    (tmp_path / "colours" / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    return tmp_path / "colours"


def train(folder: Path, network: Path, *options: object) -> subprocess.CompletedProcess[str]:
    cache = folder.parent / "cache"
    command = ["train", "folder", folder, "--backbone", network, "--out", "run", *options]
    return kcc(*command, cwd=folder.parent, KERAS_CV_COURSE_CACHE=str(cache))


def figures_without_seconds(history: Path) -> list[str]:
    return [line.rpartition(",")[0] for line in history.read_text().splitlines()]


def test_train_predict_evaluate(colours: Path, network: Path) -> None:
    trained = train(colours, network, "--epochs", 20)
    assert trained.returncode == 0, trained.stderr
    assert "100.0% of 5 pictures right, kept aside before the training." in trained.stdout
    assert "notes.txt" in trained.stderr
    assert "broken.jpg" in trained.stderr
    run = colours.parent / "run"
    assert {path.name for path in run.iterdir()} == {
        "config.json",
        "environment.json",
        "history.csv",
        "model.keras",
        "curves.png",
        "confusion.png",
        "report.html",
        "result.json",
    }
    page = (run / "report.html").read_text()
    assert "broken.jpg" in page
    assert "What the model looks at" in page

    Image.new("RGB", (300, 80), COLOURS["red"]).save(colours.parent / "new.jpg")
    predicted = kcc("predict", "folder", "--model", "run", "new.jpg", "gone.jpg", "--json", cwd=colours.parent)
    assert predicted.returncode == 1
    first, second = json.loads(predicted.stdout)
    assert first["class"] == "red"
    assert first["probabilities"]["red"] == first["probability"] > 0.5
    assert "gone.jpg" in second["error"]

    options = ["--model", "run", "--report", "page.html", "--json"]
    measured = kcc("evaluate", "folder", "colours", *options, cwd=run.parent)
    assert measured.returncode == 0, measured.stderr
    assert "19 of these pictures are among those that the model was trained on" in measured.stderr
    figures = json.loads(measured.stdout)
    assert figures["test_images"] == 24
    assert figures["skipped"] == 2
    assert np.trace(figures["confusion"]) == figures["test_accuracy"] * 24
    assert (run.parent / "page.html").exists()

    (colours / "green").rename(colours / "gren")
    other = kcc("evaluate", "folder", "colours", "--model", "run", cwd=run.parent)
    assert other.returncode == 1
    assert "gren" in other.stderr

    again = train(colours, network)
    assert again.returncode == 1
    assert "holds a run already" in again.stderr
    done = kcc("train", "folder", "--resume", "run", cwd=run.parent)
    assert done.returncode == 1


def test_fine_tuning_stops_on_ctrl_c_and_resumes(colours: Path, network: Path) -> None:
    # Epochs enough that none of these machines is through before the key is pressed.
    options = ["--recipe", "finetune", "--epochs", 16, "--batch-size", 1, "--out", "run"]
    history = colours.parent / "run" / "history.csv"
    command = ["train", "folder", "colours", "--backbone", network, *options]
    status, said = interrupt(*command, cwd=colours.parent, when=history)
    assert status == 130, said
    before = figures_without_seconds(history)
    Image.new("RGB", (50, 50), COLOURS["red"]).save(colours / "red" / "added.png")  # is no part of the run
    assert "Stopped. Go on with: kcc train folder --resume run" in said
    trained_on = json.loads((colours.parent / "run" / "config.json").read_text())["train_files"][0]
    (colours / trained_on).rename(colours / "elsewhere.png")
    gone = kcc("train", "folder", "--resume", "run", cwd=colours.parent)
    assert gone.returncode == 1
    assert f"1 pictures of the run are gone, such as {trained_on}" in gone.stderr
    (colours / "elsewhere.png").rename(colours / trained_on)
    resumed = kcc("train", "folder", "--resume", "run", cwd=colours.parent)
    assert resumed.returncode == 0, resumed.stderr
    assert "they chose the best epoch" in resumed.stdout
    lines = figures_without_seconds(history)
    assert len(lines) == 1 + 16
    assert lines[: len(before)] == before  # went on, did not start again
    assert "images: 19 to train on, 5 to measure by" in resumed.stderr
    assert (colours.parent / "run" / "report.html").exists()


def test_three_pictures_altogether(colours: Path, network: Path) -> None:
    for path in [*sorted((colours / "green").iterdir())[2:], *(colours / "red").iterdir()]:
        path.unlink()
    Image.new("RGB", (50, 50), COLOURS["red"]).save(colours / "red" / "only.png")
    trained = train(colours, network, "--epochs", 2)
    assert trained.returncode == 0, trained.stderr
    assert "2 to train on, 1 to measure by" in trained.stderr
    assert "say little" in trained.stderr


def test_nothing_to_measure_by(colours: Path, network: Path) -> None:
    trained = train(colours, network, "--epochs", 2, "--validation", 0)
    assert trained.returncode == 0, trained.stderr
    assert "no picture was kept to measure by" in trained.stdout
    assert not (colours.parent / "run" / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere"),
        (["colours/red"], "one sub-folder"),
        ([], "Expected a folder of pictures, or --resume"),
        (["colours", "--recipe", "tiny"], "--recipe must be one of auto, small"),
        (["colours", "--backbone", "mobilenettv2"], "mobilenetv2"),
        (["colours", "--backbone", "signs-resnet50", "--learning-rate", "0"], "learning_rate must be above 0"),
        (["colours", "--resume", "run"], "takes nothing else"),
    ],
)
def test_impossible_training_leaves_nothing(colours: Path, options: list[str], message: str) -> None:
    failed = kcc("train", "folder", *options, cwd=colours.parent)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("error: ")
    assert message in failed.stderr
    assert [path.name for path in colours.parent.iterdir()] == ["colours"]


def test_missing_weights_name_file_address_and_place(colours: Path) -> None:
    home = colours.parent / "empty"
    closed = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    failed = kcc_from_scratch(
        "train", "folder", "colours", "--backbone", "mobilenet-0.25", cwd=colours.parent, KERAS_HOME=str(home), **closed
    )
    assert failed.returncode == 1
    for part in ("mobilenet_2_5_224_tf_no_top.h5", str(home), "https://", "signs-resnet50"):
        assert part in failed.stderr
