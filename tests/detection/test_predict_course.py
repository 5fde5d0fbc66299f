"""The course's functions around its detector."""

from pathlib import Path

import numpy as np
import pytest
from colour_detector import CLASSES, colour_detector, picture
from PIL import Image

from keras_cv_course.detection.predict_course import predict, preprocess_image
from keras_cv_course.errors import DataContentError, ImageFileError, ModelError

ANCHORS = np.ones((1, 2))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Give a picture file of 128 x 192 pixels with a green and a red square."""
    Image.fromarray(picture((128, 192), {(0, 1): "red", (1, 2): "green"})).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_preprocess_image_is_the_course_s(photo: Path) -> None:
    image, image_data = preprocess_image(photo, model_image_size=(32, 96))
    assert (image.mode, image.size) == ("RGB", (192, 128))
    assert (image_data.dtype, image_data.shape) == (np.float32, (1, 32, 96, 3))
    resized = Image.open(photo).resize((96, 32), Image.Resampling.BICUBIC)  # Pillow's sizes are (width, height)
    np.testing.assert_array_equal(image_data[0], np.array(resized, np.float32) / 255)


def test_preprocess_image_on_a_real_photo(real_data: Path) -> None:
    path = real_data / "drive_ai" / "images" / "test.jpg"
    image, image_data = preprocess_image(path, (608, 608))
    assert image.size == (1280, 720)
    resized = Image.open(path).resize((608, 608), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(image_data[0], np.array(resized, np.float32) / 255)


def test_preprocess_image_turns_and_colours(tmp_path: Path) -> None:
    sideways = Image.new("L", (40, 20), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # hold the camera upright
    sideways.save(tmp_path / "grey.jpg", exif=exif)
    image, image_data = preprocess_image(tmp_path / "grey.jpg", (8, 8))
    assert image.size == (20, 40)
    np.testing.assert_array_equal(image_data, np.ones((1, 8, 8, 3), np.float32))


def test_predict_prints_draws_and_returns(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / "photo.jpg"
    scores, boxes, classes = predict(photo, colour_detector("stretch").model, CLASSES, ANCHORS, out=out)
    by_class = np.argsort(classes)
    np.testing.assert_allclose(np.asarray(boxes)[by_class], [[0, 64, 64, 128], [64, 128, 128, 192]], atol=1e-3)
    assert np.asarray(classes).dtype == np.int64
    assert (np.asarray(scores) > 0.9).all()
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"Found 2 boxes for {photo}"
    assert sorted(lines) == ["green 1.00 (128, 64) (192, 128)", "red 1.00 (64, 0) (128, 64)"]

    drawn = np.array(Image.open(out)).astype(int)
    assert drawn.shape == (128, 192, 3)
    assert np.abs(drawn - np.array(Image.open(photo))).max() > 100

    predict(photo, colour_detector("stretch").model, CLASSES, ANCHORS, max_boxes=1, score_threshold=0.1)
    assert capsys.readouterr().out.startswith("Found 1 boxes")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photo.png"]


def test_predict_with_nothing_to_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (5, 3)).save(tmp_path / "black.png")
    scores, boxes, classes = predict(tmp_path / "black.png", colour_detector().model, CLASSES, ANCHORS)
    assert (scores.shape, boxes.shape, classes.shape) == ((0,), (0, 4), (0,))
    assert capsys.readouterr().out == f"Found 0 boxes for {tmp_path / 'black.png'}\n"


def test_what_predict_refuses(photo: Path, tmp_path: Path) -> None:
    model = colour_detector().model
    (tmp_path / "broken.jpg").write_bytes(photo.read_bytes()[:100])
    for name in ("gone.jpg", "broken.jpg"):
        with pytest.raises(ImageFileError, match=name):
            predict(tmp_path / name, model, CLASSES, ANCHORS)
    with pytest.raises(ModelError, match="classes"):
        predict(photo, model, ("red",), ANCHORS)
    with pytest.raises(ModelError, match="anchors"):
        predict(photo, model, CLASSES, np.ones((2, 2)))
    with pytest.raises(ModelError, match="suffix"):
        predict(photo, model, CLASSES, ANCHORS, out=tmp_path / "drawn")
    with pytest.raises(DataContentError, match="input_size"):
        preprocess_image(photo, (0, 8))
