"""`kcc detect`, as a user types it, with a detector that sees red and green squares."""

import csv
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer
from colour_detector import colour_detector, picture
from command_line import interrupt, kcc, kcc_from_scratch
from PIL import Image

from keras_cv_course.cli.detect import detect
from keras_cv_course.detections import Detections

RED, GREEN = {(0, 1): "red"}, {(1, 2): "green"}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the detector's file."""
    path = tmp_path_factory.mktemp("detector") / "squares.keras"
    colour_detector().save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Give a folder with pictures of 64 x 96 pixels, two of them of the same name, and a broken one."""
    folder = tmp_path / "pictures"
    for name, squares in {"a/1.jpg": RED, "b/1.jpg": GREEN, "both.png": RED | GREEN, "none.bmp": {}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture((64, 96), squares)).save(folder / name, quality=95)
    (folder / "b" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_folder_with_all_that_can_be_written(pictures: Path, detector: Path) -> None:
    files = ["--json", "r/boxes.json", "--csv", "r/boxes.csv", "--coco", "r/coco.json"]
    before = {path: path.read_bytes() for path in pictures.rglob("*.*")}
    done = kcc("detect", "pictures", "--weights", detector, "--out", "drawn", *files, cwd=pictures.parent)
    assert done.returncode == 1, done.stderr  # because of the broken one
    assert "broken.jpg: expected a whole picture" in done.stderr or "broken.jpg: expected a picture" in done.stderr
    assert "4 boxes on 4 pictures in" in done.stdout
    assert "1 of 5 files could not be used" in done.stdout
    assert "nothing" in done.stdout
    assert before == {path: path.read_bytes() for path in pictures.rglob("*.*")}

    drawn = pictures.parent / "drawn"
    assert {str(path.relative_to(drawn)) for path in drawn.rglob("*.*")} == {
        "a/1.jpg",
        "b/1.jpg",
        "both.png",
        "none.png",
    }
    changed = np.array(Image.open(drawn / "both.png")) != np.array(Image.open(pictures / "both.png"))
    assert changed.any()
    assert not changed[40:60, 70:90].any()  # inside the green square, which stays visible
    assert not np.array(Image.open(drawn / "none.png")).any()

    boxes = json.loads((pictures.parent / "r" / "boxes.json").read_text())
    assert (boxes["score"], boxes["resize"]) == (0.6, "letterbox")
    by_name = {Path(entry["file"]).relative_to("pictures").as_posix(): entry for entry in boxes["files"]}
    assert list(by_name) == ["a/1.jpg", "b/1.jpg", "b/broken.jpg", "both.png", "none.bmp"]
    assert "error" in by_name["b/broken.jpg"]
    assert by_name["none.bmp"] == {"file": "pictures/none.bmp", "height": 64, "width": 96, "boxes": []}
    (only,) = by_name["a/1.jpg"]["boxes"]
    assert only["class"] == "red"
    assert only["box"] == pytest.approx([32, 0, 64, 32], abs=0.5)  # JPEG's colours move the box a little

    rows = list(csv.DictReader((pictures.parent / "r" / "boxes.csv").open()))
    assert [row["class_name"] for row in rows] == ["red", "green", "red", "green"]
    assert [float(rows[2][side]) for side in ("x1", "y1", "x2", "y2")] == pytest.approx([32, 0, 64, 32], abs=1e-3)
    coco = json.loads((pictures.parent / "r" / "coco.json").read_text())
    assert [(entry["image_id"], entry["category_id"]) for entry in coco] == [(1, 0), (2, 1), (4, 0), (4, 1)]
    assert coco[2]["bbox"] == pytest.approx([32, 0, 32, 32], abs=1e-3)


def test_patterns_names_and_choices(pictures: Path, detector: Path) -> None:
    options = ["--weights", detector, "--classes", "green", "--resize", "stretch", "--batch-size", 1]
    done = kcc("detect", "pictures/*/1.jpg", "pictures/both.png", *options, "--max-boxes", 1, cwd=pictures.parent)
    assert done.returncode == 0, done.stderr
    assert "2 boxes on 3 pictures" in done.stdout
    assert "red" not in done.stdout
    assert {path.name for path in (pictures.parent / "detections").iterdir()} == {"1.jpg", "1-2.jpg", "both.png"}


def test_a_picture_held_sideways_has_boxes_as_it_is_shown(tmp_path: Path, detector: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # show it turned to the right
    shown = picture((64, 96), RED)
    Image.fromarray(np.rot90(shown)).save(tmp_path / "photo.png", exif=exif)
    done = kcc("detect", "photo.png", "--weights", detector, "--json", "b.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads((tmp_path / "b.json").read_text())["files"]
    assert (entry["height"], entry["width"]) == (64, 96)
    assert entry["boxes"][0]["box"] == pytest.approx([32, 0, 64, 32], abs=1e-3)
    drawn = Image.open(tmp_path / "detections" / "photo.png")
    assert drawn.size == (96, 64)
    assert not drawn.getexif()
    assert drawn.getpixel((48, 16)) == (255, 0, 0)


def test_a_video(tmp_path: Path, detector: Path) -> None:
    pytest.importorskip("av")
    from keras_cv_course.data.video import Frame, read_frames, video_info, write_video

    with write_video(tmp_path / "film.mkv", Fraction(10)) as write:
        for number in range(7):
            write(Frame(picture((65, 96), RED if number < 5 else {}), number / 10))
    (tmp_path / "broken.mp4").write_bytes((tmp_path / "film.mkv").read_bytes()[:300])
    options = ["--weights", detector, "--batch-size", 3, "--json", "b.json", "--csv", "b.csv"]
    done = kcc("detect", "film.mkv", "broken.mp4", *options, cwd=tmp_path)
    assert done.returncode == 1
    assert "broken.mp4: expected a video file" in done.stderr
    assert "on 5 of 7 frames" in done.stdout

    drawn = tmp_path / "detections" / "film.mkv"
    assert [path.name for path in drawn.parent.iterdir()] == ["film.mkv"]
    assert video_info(drawn).frame_rate == 10
    frames = list(read_frames(drawn))
    assert [frame.image.shape for frame in frames] == [(66, 96, 3)] * 7
    assert [frame.seconds for frame in frames] == pytest.approx([number / 10 for number in range(7)], abs=1e-3)
    film, _ = json.loads((tmp_path / "b.json").read_text())["files"]
    assert [len(frame["boxes"]) for frame in film["frames"]] == [1] * 5 + [0] * 2
    assert [row["frame"] for row in csv.DictReader((tmp_path / "b.csv").open())] == list("01234")

    coco = kcc("detect", "film.mkv", "--weights", detector, "--coco", "c.json", cwd=tmp_path)
    assert coco.returncode == 1
    assert "COCO results are of pictures" in coco.stderr


def test_ctrl_c_leaves_whole_files_only(tmp_path: Path, detector: Path) -> None:
    (tmp_path / "many").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)
    for number in range(300):
        if number == 0:
            Image.fromarray(noise).save(tmp_path / "many" / "000.png", compress_level=1)
        else:
            (tmp_path / "many" / f"{number:03}.png").hardlink_to(tmp_path / "many" / "000.png")
    command = ["detect", *(f"many/{number:03}.png" for number in range(300))]
    options = ["--weights", detector, "--score", 0, "--json", "b.json", "--batch-size", 1]
    status, said = interrupt(*command, *options, cwd=tmp_path, when=tmp_path / "detections" / "001.png")
    assert status == 130, said
    assert "Stopped after" in said
    assert "Traceback" not in said
    drawn = list((tmp_path / "detections").iterdir())
    assert 2 <= len(drawn) < 300
    files = json.loads((tmp_path / "b.json").read_text())["files"]
    assert 0 <= len(drawn) - len(files) <= 1  # drawn just before the stop
    for path in drawn:  # no hidden folder is left either
        with Image.open(path) as image:
            image.load()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_is_done_is_written_whatever_ends_the_run(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def find(images: Iterator[np.ndarray]) -> Iterator[Detections]:
        box = np.array([[32, 0, 64, 32]], np.float32)
        next(images)
        yield Detections(box, np.array([0.9], np.float32), np.array([0]), ("red", "green"), (64, 96))
        raise error

    monkeypatch.setattr("keras_cv_course.cli.detect.start_keras", lambda: None)
    monkeypatch.setattr("keras_cv_course.cli.detect._load", lambda *_: (find, {}))
    monkeypatch.chdir(pictures)
    json_file, csv_file, coco_file = Path("r.json"), Path("r.csv"), Path("r.coco")
    with pytest.raises(typer.Exit if error is KeyboardInterrupt else error):
        detect(
            ["a/1.jpg", "both.png"],
            weights="d.keras",
            json_file=json_file,
            csv_file=csv_file,
            coco_file=coco_file,
        )
    assert [entry["file"] for entry in json.loads(json_file.read_text())["files"]] == ["a/1.jpg"]
    assert [row["file"] for row in csv.DictReader(csv_file.read_text().splitlines())] == ["a/1.jpg"]
    assert [entry["image_id"] for entry in json.loads(coco_file.read_text())] == [1]


def test_a_video_that_cannot_be_written_is_named_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    from keras_cv_course.data.video import Frame, write_video

    def find(images: Iterator[np.ndarray]) -> Iterator[Detections]:
        for image in images:
            yield Detections.empty(("red",), image.shape[:2])

    names = ["odd[red].mkv", "b.mkv"]  # the first would lose a part as Rich's markup
    for name in names:
        with write_video(tmp_path / name, Fraction(10)) as write:
            write(Frame(picture((64, 96), RED), 0))
    monkeypatch.setattr("keras_cv_course.cli.detect.start_keras", lambda: None)
    monkeypatch.setattr("keras_cv_course.cli.detect._load", lambda *_: (find, {}))
    monkeypatch.chdir(tmp_path)
    detect(names, weights="d.keras", folder=Path("whole"))
    assert {path.name for path in Path("whole").iterdir()} == set(names)
    assert "odd[red].mkv" in capsys.readouterr().err  # beside the bar

    monkeypatch.setattr("keras_cv_course.data.video._ENCODER", "libnone")
    with pytest.raises(typer.Exit):
        detect(names, weights="d.keras", json_file=Path("r.json"))
    entries = json.loads(Path("r.json").read_text())["files"]
    assert [entry["file"] for entry in entries] == names
    assert all("encoder libnone" in entry["error"] for entry in entries)
    assert "odd[red].mkv: " in capsys.readouterr().err


def test_real_photos_through_the_thin_network(real_data: Path, tmp_path: Path) -> None:
    """Random weights: what is found means nothing, but it is found on every picture and drawn on each."""
    weights = real_data / "darknet" / "yolov2-thin.weights"  # its cfg file lies beside it
    options = ["--weights", weights, "--score", 0.15, "--max-boxes", 3, "--coco", "coco.json"]
    done = kcc("detect", real_data / "drive_ai" / "images", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    originals = sorted((real_data / "drive_ai" / "images").iterdir())
    assert f"{3 * len(originals)} boxes on {len(originals)} pictures" in done.stdout
    for path in originals:
        assert Image.open(tmp_path / "detections" / path.name).size == (1280, 720)
    results = json.loads((tmp_path / "coco.json").read_text())
    assert {entry["image_id"] for entry in results} == {*range(1, len(originals) + 1)}  # test.jpg has no number
    for entry in results:
        left, top, width, height = entry["bbox"]
        assert min(left, top) >= 0
        assert left + width <= 1280.001
        assert top + height <= 720.001


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["*.webp", "--weights", "d.keras"], r"Expected files that match '*.webp'. Received: none"),
        (["empty", "--weights", "d.keras"], "empty: expected a folder with pictures or videos"),
        (["both.png", "--classes", " ,"], "Expected names of classes after --classes"),
        (["both.png", "--weights", "d.keras", "--out", "."], "both.png is one of the files to look at"),
        (["both.png", "--weights", "d.keras", "--out", "both.png"], "Expected a folder to write into"),
        (["both.png", "--weights", "d.keras", "--json", "both.png/b.json"], "Expected a folder to write into"),
    ],
)
def test_what_is_refused_before_keras_starts(pictures: Path, arguments: list[str], message: str) -> None:
    (pictures / "empty").mkdir()
    failed = kcc("detect", *arguments, cwd=pictures)
    assert failed.returncode == 1
    assert message in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    assert not (pictures / "detections").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "DETECTOR", "--classes", "red,gren"], "Received: 'gren'. Near names: green"),
        (["--input-size", "100"], "must be multiples of 32"),
        (["--input-size", "3 2"], "--input-size must be a size such as 416"),
        (["--weights", "odd.weights", "--network", "yolov2"], "expected a Darknet weights file. Received: 3 bytes"),
    ],
)
def test_detectors_that_cannot_be(pictures: Path, detector: Path, options: list[str], message: str) -> None:
    (pictures / "odd.weights").write_bytes(b"odd")
    given = [str(detector) if option == "DETECTOR" else option for option in options]
    failed = kcc("detect", "both.png", *given, cwd=pictures)
    assert failed.returncode == 1
    assert message in failed.stderr
    assert not (pictures / "detections").exists()


def test_without_pyav_a_video_names_the_extra(tmp_path: Path, detector: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"film")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "av.py").write_text("raise ImportError('no av here')")
    path = _before_all(tmp_path / "hidden")
    failed = kcc_from_scratch("detect", "film.mp4", "--weights", detector, cwd=tmp_path, PYTHONPATH=path)
    assert failed.returncode == 1
    assert "pip install av" in failed.stderr
    assert "`video`" in failed.stderr


def _before_all(folder: Path) -> str:
    import os

    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_help_states_the_library_s_defaults() -> None:
    from keras_cv_course.detection.predict import IOU_THRESHOLD, SCORE_THRESHOLD

    shown = " ".join(kcc("detect", "--help", COLUMNS="300").stdout.split())
    for option, default in {"--score": SCORE_THRESHOLD, "--iou": IOU_THRESHOLD}.items():
        described = shown[shown.index(f" {option} ") :]
        assert described[described.index("[default: ") :].startswith(f"[default: {default}]")
