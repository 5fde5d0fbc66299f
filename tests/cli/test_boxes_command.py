"""`kcc data inspect`, `convert` and `roads`, as a user types them."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from command_line import kcc
from PIL import Image


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roads")
    drawn = kcc("data", "roads", "--count", 6, "--seed", 1, "--size", 256, "--out", folder / "set")
    assert drawn.returncode == 0, drawn.stderr
    assert "6 road scenes (synthetic) in" in drawn.stdout
    return folder / "set"


def test_inspect_says_what_is_there(roads: Path, tmp_path: Path) -> None:
    shown = kcc("data", "inspect", roads, "--html", tmp_path / "page.html")
    assert shown.returncode == 0, shown.stderr
    assert "Format: Pascal VOC (XML files)" in shown.stdout
    assert "Lists: train 5, val 1" in shown.stdout
    assert "traffic light" in shown.stdout
    assert "Nothing wrong was found." in shown.stdout
    assert "road_000003.jpg" in (tmp_path / "page.html").read_text()


def test_inspect_says_what_is_wrong(roads: Path, tmp_path: Path) -> None:
    assert kcc("data", "convert", roads, tmp_path / "set", "--to", "yolo").returncode == 0
    label = tmp_path / "set" / "labels" / "road_000002.txt"
    label.write_text("0 0.5 0.5 1.5 1\n9 0.5 0.5 1 1\n")
    (tmp_path / "set" / "images" / "road_000003.jpg").unlink()
    shown = kcc("data", "inspect", tmp_path / "set", "--html", tmp_path / "page.html").stdout
    assert "picture missing: 1 in 1 place\n    train.txt: no picture './images/road_000003.jpg'" in shown
    assert "box of an unknown class: 1 in 1 place\n    labels/road_000002.txt: class 9" in shown
    assert "box over the picture's edge: 1 in 1 place\n    labels/road_000002.txt: (-64, 0) to (320, 256)" in shown
    assert "3 things are wrong" in (tmp_path / "page.html").read_text()


def test_inspect_masks(tmp_path: Path) -> None:
    """The page shows masks, and not boxes alone, on pictures of one grey."""
    Image.new("RGB", (120, 80), (90, 90, 90)).save(tmp_path / "1.png")
    points = [[20, 20], [100, 20], [100, 60], [20, 60]]
    shapes = [{"label": "tile", "points": points, "shape_type": "polygon"}]
    shapes.append({"label": "tile", "points": points[:2], "shape_type": "line"})
    (tmp_path / "1.json").write_text(json.dumps({"shapes": shapes, "imagePath": "1.png"}))
    shown = kcc("data", "inspect", tmp_path, "--masks", "--html", tmp_path / "page.html")
    assert shown.returncode == 0, shown.stderr
    assert "Format: Labelme (JSON files)\n" in shown.stdout
    assert "Boxes: 1, classes: 1\n" in shown.stdout
    assert "Masks: one for each box\n" in shown.stdout
    assert "annotation cannot be read: 1 in 1 place\n    1.json: 'tile': a line of 2 points" in shown.stdout
    (picture,) = re.findall(r"data:image/[a-z]+;base64,([^\"]+)", (tmp_path / "page.html").read_text())[-1:]
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        middle, outside = (np.array(image.convert("RGB").getpixel(place)) for place in ((60, 45), (10, 70)))
    assert np.abs(outside - 90).max() < 12  # JPEG
    assert np.abs(middle - 90).max() > 40
    assert kcc("data", "inspect", tmp_path).returncode != 0  # there are no boxes in a form that is read without


def test_convert_there_and_back(roads: Path, tmp_path: Path) -> None:
    for source, target, form in (
        (roads, "coco", "coco"),
        (tmp_path / "coco", "csv", "csv"),
        (tmp_path / "csv", "voc", "voc"),
    ):
        done = kcc("data", "convert", source, tmp_path / target, "--to", form)
        assert done.returncode == 0, done.stderr
        assert f"to {form}: {tmp_path / target}" in done.stdout
    files = [{p.relative_to(r): p.read_bytes() for p in r.rglob("*") if p.is_file()} for r in (roads, tmp_path / "voc")]
    assert files[0] == files[1]


def test_convert_refuses_what_would_be_lost_or_replaced(roads: Path, tmp_path: Path) -> None:
    taken = kcc("data", "convert", roads, roads, "--to", "coco")
    assert taken.returncode == 1
    assert "expected a new or an empty folder" in taken.stderr
    (tmp_path / "boxes.csv").write_text(f"{roads}/JPEGImages/road_000000.jpg,car,1,2,3,4\ngone.jpg,car,1,2,3,4\n")
    (tmp_path / "road_000000.jpg").write_bytes((roads / "JPEGImages" / "road_000000.jpg").read_bytes())
    lost = kcc("data", "convert", tmp_path, tmp_path / "out", "--to", "coco")
    assert lost.returncode == 1
    assert "picture missing in boxes.csv: gone.jpg" in lost.stderr
    assert not (tmp_path / "out").exists()


def test_anchors(roads: Path, tmp_path: Path) -> None:
    from keras_cv_course.data.detector_files import read_anchors

    done = kcc(
        *("anchors", roads, "--k", 3, "--input-size", "256x512", "--list", "train"),
        *("--out", tmp_path / "anchors.txt", "--plot", tmp_path / "plot.png"),
    )
    assert done.returncode == 0, done.stderr
    assert "Average IoU with the best anchor: 0." in done.stdout
    anchors = read_anchors(tmp_path / "anchors.txt")
    assert anchors.shape == (3, 2)
    assert f"{anchors[0, 0]:.4f}" in done.stdout
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    again = kcc("anchors", roads, "--k", 3, "--input-size", "256x512", "--list", "train")
    assert again.stdout.splitlines()[:6] == done.stdout.splitlines()[:6]
    assert "multiples of 32" in kcc("anchors", roads, "--input-size", 400).stderr
    assert "expected a list 'test'" in kcc("anchors", roads, "--list", "test").stderr
