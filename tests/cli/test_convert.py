"""`kcc convert` as a user types it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import kcc
from course_model import write_checkpoint
from darknet_files import drawn_floats, header, tiniest, write_darknet_files
from typer.testing import CliRunner, Result

from keras_cv_course.cli.app import app
from keras_cv_course.models.detector import load_detector

SMALL = tiniest()


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Path]:
    """Give a folder with right and wrong sources, and go there."""
    weights, _ = write_darknet_files(tmp_path, SMALL, drawn_floats(SMALL, seed=1))
    whole = weights.read_bytes()
    (tmp_path / "short.weights").write_bytes(whole[:-4])
    (tmp_path / "long.weights").write_bytes(whole + bytes(8))
    (tmp_path / "text.weights").write_text("<!DOCTYPE html><html>not found</html>")
    (tmp_path / "nan.weights").write_bytes(header() + np.full((len(whole) - 20) // 4, np.nan, "<f4").tobytes())
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    (tmp_path / "alone.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    (tmp_path / "two.txt").write_text("cat\ndog\n")
    (tmp_path / "three.txt").write_text("cat\ndog\nhen\n")
    (tmp_path / "gap.txt").write_text("cat\n\nhen\n")
    (tmp_path / "anchors.txt").write_text("1.5, 2.5")
    (tmp_path / "odd.txt").write_text("1.5, 2.5, 3")
    (tmp_path / "empty").mkdir()
    kernel = {"kernel": np.zeros((3, 3, 3, 32), np.float32)}
    write_checkpoint(tmp_path / "other", {"layer_with_weights-0": kernel})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        yield tmp_path


def convert(*arguments: str) -> Result:
    """Run the command in this process: TensorFlow starts once for all cases."""
    return CliRunner().invoke(app, ["convert", *arguments])


def test_from_darknet_to_keras_and_on(real_data: Path, tmp_path: Path) -> None:
    files = real_data / "darknet"
    options = ("--network", files / "yolov2-thin.cfg", "--input-size", "64x96")
    done = kcc("convert", files / "yolov2-thin.weights", "car.keras", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "yolov2-thin.weights: 23 convolutions and 22 batch norms, 802,168 parameters" in done.stderr
    assert "7 classes, 5 anchors; 64 x 96 pixels, letterbox" in done.stderr
    assert "largest difference from the model is 0.0e+00" in done.stderr
    assert done.stdout == f"{(tmp_path / 'car.keras').resolve()} (3.5 MB)\n"
    assert load_detector(tmp_path / "car.keras").input_size == (64, 96)
    assert [path.name for path in tmp_path.iterdir()] == ["car.keras"]


def test_names_of_the_classes(sources: Path) -> None:
    done = convert("tiniest.weights", "out/a.keras", "--names", "two.txt")  # tiniest.cfg is beside it
    assert done.exit_code == 0, done.output
    assert load_detector("out/a.keras").class_names == ("cat", "dog")
    done = convert("out/a.keras", "out/served")
    assert done.exit_code == 0, done.output
    assert (sources / "out" / "served" / "saved_model.pb").is_file()
    assert sorted(path.name for path in (sources / "out").iterdir()) == ["a.keras", "served"]


def test_a_shipped_detector_by_its_name_and_of_another_size(tmp_path: Path) -> None:
    target = tmp_path / "road.keras"
    done = convert("road-yolov2", str(target), "--input-size", "96x160")
    assert done.exit_code == 0, done.output
    assert "Read road-yolov2: 23 convolutions" in done.stderr
    assert load_detector(target).input_size == (96, 160)


NETWORK = ("--network", "tiniest.cfg")
LISTS = ("--names", "two.txt", "--anchors", "anchors.txt")
WRONG = [
    # arguments, and what the message says
    (
        ("short.weights", "a.keras", *NETWORK),
        "expected 431 numbers for tiniest with 2 classes. Received: 430. They end",
    ),
    (("long.weights", "a.keras", *NETWORK), "Received: 433. 2 of them are left over"),
    (("text.weights", "a.keras", *NETWORK), "expected a Darknet weights file. Received: one that starts with"),
    (("nan.weights", "a.keras", *NETWORK), "NaN or infinity in beta of conv1_bn"),
    (("none.weights", "a.keras", *NETWORK), "'none.weights', and there is no such file"),
    (("text.weights", "a.keras"), "Name also network"),
    (("alone.weights.h5", "a.keras", *NETWORK), "kcc convert and its --variant"),
    (("tiniest.weights", "a.keras", "--network", "yolov3"), "Expected one of yolov2, yolov2-tiny"),
    (("tiniest.weights", "a.keras", "--network", "none.cfg"), "none.cfg: expected a Darknet cfg file"),
    (("tiniest.weights", "a.keras", *NETWORK, "--names", "three.txt"), "has 2 classes: expected as many names"),
    (("tiniest.weights", "a.keras", *NETWORK, "--names", "gap.txt"), "Received: an empty line 2"),
    (("tiniest.weights", "a.keras", *NETWORK, "--names", "none.txt"), "none.txt: expected a text file"),
    (("tiniest.weights", "a.keras", *NETWORK, "--anchors", "anchors.txt"), "Leave out anchors"),
    (("tiniest.weights", "a.keras", *NETWORK, "--input-size", "30"), "must be multiples of 4"),
    (("tiniest.weights", "a.keras", *NETWORK, "--input-size", "0"), "each a positive whole number"),
    (("tiniest.weights", "a.keras", *NETWORK, "--input-size", "8,12"), "--input-size must be a size such as 416"),
    (("tiniest.weights", "a.keras", *NETWORK, "--variant", "tpu"), "--variant must be one of course, darknet"),
    (("tiniest.weights", "a.keras", *NETWORK, "--variant", "course"), "expect the variant darknet or darknet_gpu"),
    (("tiniest.weights", "a.pb", *NETWORK), "a folder's name without a suffix"),
    (("tiniest.weights", "empty", *NETWORK), "empty is there already"),
    (("tiniest.weights", "two.txt/a.keras", *NETWORK), "Expected a folder to write into"),
    (("broken.keras", "a.keras"), "broken.keras: not a Keras model that loads here"),
    (("broken.h5", "a.keras", *LISTS), "broken.h5: the weights cannot be read"),
    (("broken.h5", "a.keras"), "Name also anchors, class names"),
    (("broken.h5", "a.keras", "--names", "two.txt", "--anchors", "odd.txt"), "odd.txt: expected anchors"),
    (("empty", "a.keras"), "no variables/variables.index"),
    (("other", "a.keras"), "expected the class names in coco_classes.txt"),
    (("other", "a.keras", "--names", "two.txt"), "expected the anchors in yolo_anchors.txt"),
    (("other", "a.keras", *LISTS), "expected YOLOv2, 23 convolutions and 22 batch norms. Received: 1, 0"),
    (("road-yolov2", "a.keras", "--variant", "darknet"), "leave out network, anchors and variant"),
    (("two.txt", "a.keras"), "Expected Darknet's .weights, the course's model_data folder"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_wrong_inputs(sources: Path, arguments: tuple[str, ...], message: str) -> None:
    before = sorted(sources.rglob("*"))
    done = convert(*arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert sorted(sources.rglob("*")) == before
