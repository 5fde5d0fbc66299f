"""`kcc detect --method sliding-window`, as a user types it, with a classifier that sees red and green squares."""

import json
from pathlib import Path

import pytest
from command_line import kcc
from PIL import Image
from square_windows import CLASSES, picture, square_windows

SLIDING = ("detect", "a.png", "--method", "sliding-window")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a picture and runs of classifiers."""
    folder = tmp_path_factory.mktemp("windows")
    Image.fromarray(picture((40, 60), ("red", 10, 20, 8), ("green", 40, 8, 12))).save(folder / "a.png")
    for padding in ("valid", "same"):
        run = folder / padding
        run.mkdir()
        square_windows(padding).model.save(run / "model.keras")
        (run / "config.json").write_text(json.dumps({"class_names": CLASSES}))
    return folder


def test_by_convolutions_and_by_crops_it_finds_the_same(folder: Path) -> None:
    options = ["--window-heights", "8,12", "--score", "0.5", "--iou", "0.1"]
    found = {}
    for run, said in {"valid": "by convolutions.", "same": "cut out one by one: The layer 'smooth'"}.items():
        done = kcc(*SLIDING, "--weights", run, *options, "--json", f"{run}.json", "--out", run, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert f"8 x 8 windows, 2 x 2 pixels apart, {said}" in done.stderr
        found[run] = json.loads((folder / f"{run}.json").read_text())
        assert Image.open(folder / run / "a.png").size == (60, 40)
    settings = {name: value for name, value in found["valid"].items() if name != "files"}
    assert settings == {
        "method": "sliding-window",
        "weights": "valid",
        "background": ["nothing"],
        "window_heights": [8, 12],
        "stride": [2, 2],
        "by_convolutions": True,
        "score": 0.5,
        "iou": 0.1,
        "max_boxes": None,
        "classes": None,
    }
    boxes, others = (one["files"][0]["boxes"] for one in (found["valid"], found["same"]))
    assert {box["class"] for box in boxes} == {"red", "green"}
    for box, other in zip(boxes, others, strict=True):
        assert box["class"] == other["class"]
        assert box["box"] == pytest.approx(other["box"], abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resize", "stretch"], "--resize means nothing with --method sliding-window"),
        (["--batch-size", "2"], "--batch-size means nothing with --method sliding-window"),
        (["--window-heights", "8,x"], "such as 64,96. Received: '8,x'"),
        (
            ["--weights", "valid", "--background", "sky"],
            "background as some of the classes red, nothing, green",
        ),
        (["--weights", "valid", "--classes", "gren"], "Near names: green"),
    ],
)
def test_what_is_refused(folder: Path, options: list[str], message: str) -> None:
    failed = kcc(*SLIDING, *options, "--out", "none", cwd=folder)
    assert failed.returncode == 1
    assert message in failed.stderr
    assert not (folder / "none").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stride", 4], "--stride means nothing with --method yolo"),
        (["--weights", "road-windows"], "Add --method sliding-window"),
    ],
)
def test_what_yolo_refuses(folder: Path, options: list[object], message: str) -> None:
    failed = kcc("detect", "a.png", *options, cwd=folder)
    assert failed.returncode == 1
    assert message in failed.stderr
