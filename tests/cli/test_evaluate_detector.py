"""`kcc evaluate detector`, as a user types it."""

import json
from pathlib import Path

import pytest
from colour_detector import colour_detector, picture
from command_line import kcc
from PIL import Image

from keras_cv_course.cli.evaluate_detector import seen_in_training
from keras_cv_course.data.detection_datasets import find_boxes

RED, GREEN, BLUE = range(3)


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a COCO set of three squares in two lists, one of a class that the detector lacks, and the detector."""
    root = tmp_path_factory.mktemp("squares")
    (root / "images").mkdir()
    categories = [{"id": 10 + number, "name": name} for number, name in enumerate(("red", "green", "blue"))]
    pictures = [{"id": 7, "file_name": "a.png"}, {"id": 5, "file_name": "b.png"}, {"id": 6, "file_name": "c.png"}]
    boxes = [(7, RED, 0), (5, GREEN, 1), (6, BLUE, 2)]
    annotations = [
        {"id": number, "image_id": image_id, "category_id": 10 + class_id, "bbox": [32 * col, 0, 32, 32]}
        for number, (image_id, class_id, col) in enumerate(boxes, 1)
    ]
    for (_, class_id, col), one in zip(boxes, pictures, strict=True):
        # On the last picture a red square is called blue.
        drawn = picture((64, 96), {(0, col): ("red", "green", "red")[class_id]})
        Image.fromarray(drawn).save(root / "images" / one["file_name"])
    for name, some in (("train", pictures[:1]), ("val", pictures[1:])):
        ids = {one["id"] for one in some}
        content = {
            "images": some,
            "annotations": [one for one in annotations if one["image_id"] in ids],
            "categories": categories,
        }
        (root / f"instances_{name}.json").write_text(json.dumps(content))
    results = [{**one, "score": 0.9} for one in annotations]
    (root / "results.txt").write_text(json.dumps(results))
    colour_detector().save(root / "colours.keras")
    return root


def test_measures_a_detector_and_writes_a_page(squares: Path, tmp_path: Path) -> None:
    shown = kcc(
        "evaluate", "detector", squares, "--weights", squares / "colours.keras", "--report", tmp_path / "p.html"
    )
    assert shown.returncode == 0, shown.stderr
    assert "Left out, as only the set has them: blue" in shown.stderr
    # Red: the square that is called blue has the same score, and comes after the right one.
    assert "red          1  1.000   1.000     1.000     1.000      0.500   1.000" in shown.stdout
    assert "COCO AP: .50:.95 1.000, .50 1.000, .75 1.000\n  by size: small" in shown.stdout
    page = (tmp_path / "p.html").read_text()
    assert "Classes that the detector lacks" in page
    assert "0 missed, 1 wrong" in page


def test_measures_anyone_s_boxes(squares: Path) -> None:
    shown = kcc("evaluate", "detector", squares, "--predictions", squares / "results.txt", "--split", "val", "--json")
    assert shown.returncode == 0, shown.stderr
    assert "Left out, boxes on other pictures than the set's: 1" in shown.stderr
    figures = json.loads(shown.stdout)
    assert figures["pictures"] == 2
    assert figures["objects"] == {"red": 0, "green": 1, "blue": 1}
    assert figures["coco"]["ap"] == pytest.approx(1)
    assert figures["coco"]["class_ap"]["red"] is None
    assert figures["confusion"]["counts"] == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_what_cannot_be_measured_is_said_at_once(squares: Path) -> None:
    for options, message in (
        (("--predictions", squares / "results.txt", "--weights", "yolov2"), "Leave out one of the two"),
        (("--split", "test"), "expected a list 'test'"),
        (("--predictions", squares / "instances_val.json"), "expected COCO results, a list of boxes"),
    ):
        refused = kcc("evaluate", "detector", squares, *options)
        assert refused.returncode == 1
        assert message in refused.stderr


def test_pictures_that_a_run_was_trained_on_are_counted(squares: Path, tmp_path: Path) -> None:
    data = find_boxes(squares)
    names = [image.name for image in data.images]
    (tmp_path / "config.json").write_text(json.dumps({"data": str(squares.resolve()), "train_pictures": names[1:]}))
    assert seen_in_training(str(tmp_path), squares, data) == len(names) - 1
    assert seen_in_training(str(tmp_path / "model.keras"), squares, data.take([0])) == 0
    assert seen_in_training(str(tmp_path), tmp_path, data) == 0  # a run on another set
    assert seen_in_training("road-yolov2", squares, data) == 0
