"""`kcc train landmarks` and `kcc landmarks`, as a user types them."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from command_line import kcc
from PIL import Image

from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.metrics.landmarks import measure_landmarks


def main_with_few_pictures() -> None:
    """Run `kcc` with a training that measures on few pictures of few pixels."""
    from keras_cv_course.cli import main, train_landmarks
    from keras_cv_course.data.synthetic import landmark_set

    train_landmarks.HELD_OUT = 6
    draw = landmark_set.draw_landmark_images
    landmark_set.draw_landmark_images = lambda kind, count, seed, **options: draw(
        kind, count, seed, (64, 64), **options
    )
    main()


def test_a_run_its_page_and_its_use(tmp_path: Path) -> None:
    run, fast = tmp_path / "run", ("--pictures", 8, "--epochs", 1, "--batch-size", 4, "--precision", "float32")
    trained = kcc(
        "train", "landmarks", "--out", run, "--model", "coordinates", "--points", "body", *fast,
        main=main_with_few_pictures,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert "Normalised mean error (diagonal)" in trained.stdout
    assert {path.name for path in run.iterdir()} == {
        *("config.json", "environment.json", "history.csv", "logs", "model.keras", "result.json", "report.html")
    }
    result = json.loads((run / "result.json").read_text())
    assert result["all_pictures"] == 6
    page = (run / "report.html").read_text()
    assert "learned from drawn pictures only" in page
    assert page.count("<li>") == 12  # six pictures, as the first and as the worst

    again = kcc("train", "landmarks", "--resume", run)
    assert again.returncode == 1
    assert "complete" in again.stderr
    picture = tmp_path / "grey.png"
    Image.new("RGB", (40, 30)).save(picture)
    worn = kcc("landmarks", picture, "--model", run, "--wear", "crown", cwd=tmp_path)
    assert worn.returncode == 1
    assert "needs the 68 points of a face" in worn.stderr


def test_points_of_faces_are_drawn_and_written(tmp_path: Path) -> None:
    faces = list(draw_faces(4, seed=78, image_size=(160, 128), without_face=0))
    for number, face in enumerate(faces):
        Image.fromarray(face.image).save(tmp_path / f"face{number}.png")
    Image.new("RGB", (128, 128), (90, 120, 90)).save(tmp_path / "wall.png")
    (tmp_path / "broken.png").write_text("no picture")
    done = kcc("landmarks", tmp_path, "--json", tmp_path / "found.json", "--out", tmp_path / "drawn", cwd=tmp_path)
    assert done.returncode == 1  # of the broken file
    assert "broken.png" in done.stderr
    content = json.loads((tmp_path / "found.json").read_text())
    assert content["scheme"] == "68 face points"
    files = {Path(entry["file"]).name: entry for entry in content["files"]}
    assert list(files) == ["broken.png", "face0.png", "face1.png", "face2.png", "face3.png", "wall.png"]
    assert files["wall.png"]["probability"] < 0.5
    assert files["wall.png"]["points"] == []
    found = np.array([files[f"face{number}.png"]["points"] for number in range(4)])
    assert measure_landmarks(np.stack([face.points for face in faces]), found).error < 0.1
    drawn = np.asarray(Image.open(tmp_path / "drawn" / "face0.png"))
    assert drawn.shape == (480, 384, 3)  # three times as large, so that points and lines can be seen
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {*files} - {"broken.png"}


def test_a_crown_is_put_on(tmp_path: Path) -> None:
    (face,) = draw_faces(1, seed=78, image_size=(160, 128), without_face=0)
    Image.fromarray(face.image).save(tmp_path / "face.png")
    for thing in ("crown", "glasses"):
        done = kcc("landmarks", tmp_path / "face.png", "--wear", thing, "--out", tmp_path / thing)
        assert done.returncode == 0, done.stderr
    crown, glasses = (np.asarray(Image.open(tmp_path / thing / "face.png"), int) for thing in ("crown", "glasses"))
    assert (np.abs(crown - glasses).max(axis=2) > 60).mean() > 0.01


def test_points_that_are_no_face_s_spoil_one_picture_only(tmp_path: Path) -> None:
    (face,) = draw_faces(1, seed=78, image_size=(32, 32), without_face=0)
    inputs = keras.Input((32, 32, 3))
    red_and_green = keras.layers.GlobalAveragePooling2D()(inputs)[:, :2]
    outputs = keras.layers.Dense(137, use_bias=False, name="points")(red_and_green)
    model = keras.Model(inputs, outputs)  # red: there is a face; green: with its points, else all at one place
    model.get_layer("points").set_weights([np.stack([np.eye(137)[0], np.append(0, face.points.ravel() / 32)])])
    model.save(tmp_path / "model.keras")
    for name, colour in {"a": (255, 0, 0), "b": (255, 255, 0), "c": (0, 0, 0)}.items():
        Image.new("RGB", (32, 32), colour).save(tmp_path / f"{name}.png")
    options = ("--model", "model.keras", "--wear", "glasses", "--json", "found.json", "--out", "worn")
    done = kcc("landmarks", ".", *options, cwd=tmp_path)
    assert done.returncode == 1
    assert "a.png: Expected the points of a face. Received: points on one line" in done.stderr
    assert {path.name for path in (tmp_path / "worn").iterdir()} == {"b.png", "c.png"}
    first, *others = json.loads((tmp_path / "found.json").read_text())["files"]
    assert first.keys() == {"file", "error"}
    assert [len(other["points"]) for other in others] == [68, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("landmarks", "film.mp4"), "Received: a video"),
        (("landmarks", "face.png", "--model", "nothing"), "Expected a trained model's name"),
        (("train", "landmarks", "--resume", "gone"), "holds no run"),
        (("train", "landmarks", "--resume", "gone", "--seed", 1), "takes nothing else"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(options: tuple[object, ...], message: str, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "face.png")
    done = kcc(*options, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "landmarks").exists()
