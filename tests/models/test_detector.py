"""A detector in one file: what goes in comes out, and what does not fit is refused."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cv_course.data.letterbox import letterbox, stretch
from keras_cv_course.errors import DataContentError, ModelError, WeightsError
from keras_cv_course.models.darknet_layers import Convolution, MaxPool, darknet_model
from keras_cv_course.models.detector import DESCRIPTION, Detector, load_detector

ANCHORS = np.array([[0.57273, 0.677385], [1.0, 1e-3]], np.float32)


def small_model(channels: int = 14, colours: int = 3) -> keras.Model:
    layers = (Convolution(2, 3), MaxPool(), Convolution(channels, 1, normalized=False, leaky=False))
    return darknet_model(layers, (4, 6, colours), name="small", variant="course")


@pytest.fixture
def detector() -> Detector:
    return Detector(small_model(), ANCHORS, ("cat", "Füße"), "letterbox")


@pytest.fixture
def saved(detector: Detector, tmp_path: Path) -> Path:
    detector.save(tmp_path / "d.keras")
    return tmp_path / "d.keras"


def test_a_saved_detector_is_the_same(detector: Detector, saved: Path) -> None:
    loaded = load_detector(saved)
    assert (loaded.class_names, loaded.resize, loaded.input_size) == (("cat", "Füße"), "letterbox", (4, 6))
    assert loaded.anchors.dtype == np.float32
    np.testing.assert_array_equal(loaded.anchors, ANCHORS)
    x = np.random.default_rng(0).random((2, 4, 6, 3), np.float32)
    np.testing.assert_array_equal(np.asarray(loaded.model(x)), np.asarray(detector.model(x)))


def test_keras_alone_opens_the_file(detector: Detector, saved: Path) -> None:
    x = np.random.default_rng(0).random((2, 4, 6, 3), np.float32)
    model = keras.saving.load_model(saved)
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(detector.model(x)))


def test_saving_leaves_one_file_and_replaces_an_old_one(detector: Detector, saved: Path) -> None:
    replace(detector, resize="stretch").save(saved)
    assert load_detector(saved).resize == "stretch"
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize(("resize", "function"), [("letterbox", letterbox), ("stretch", stretch)])
def test_pictures_come_to_size_as_the_detector_wants_them(
    detector: Detector, resize: str, function: Callable[..., tuple[np.ndarray, object]]
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    pixels, placed = replace(detector, resize=resize).prepare(image)
    expected_pixels, expected_placement = function(image, (4, 6))
    np.testing.assert_array_equal(pixels, expected_pixels)
    assert placed == expected_placement
    with pytest.raises(DataContentError, match="uint8 image"):
        detector.prepare(image[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"anchors": ANCHORS[:1]}, r"7\): 1 anchors x \(5 \+ 2 classes\).*\(None, 2, 3, 14\)"),
        ({"class_names": ("cat",)}, r"12\): 2 anchors x \(5 \+ 1 classes\)"),
        ({"class_names": ()}, "0 classes"),
        ({"anchors": ANCHORS.astype(np.float64)}, r"float32 \(anchors, 2\).*float64 \(2, 2\)"),
        ({"anchors": ANCHORS.ravel()}, r"float32 \(4,\)"),
        ({"anchors": ANCHORS[:0]}, r"float32 \(0, 2\)"),
        ({"anchors": -ANCHORS}, "positive widths"),
        ({"anchors": ANCHORS * np.float32(np.nan)}, "positive widths"),
        ({"resize": "crop"}, r"\['letterbox', 'stretch'\].*'crop'"),
        ({"model": small_model(colours=1)}, r"height, width, 3.*\(None, 4, 6, 1\)"),
        ({"model": small_model(channels=15)}, r"\(None, 2, 3, 15\)"),
        ({"model": keras.Sequential([keras.Input((14,)), keras.layers.Dense(14)])}, r"\(None, 14\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(detector: Detector, change: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        replace(detector, **change)


def test_another_suffix_is_refused(detector: Detector, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"\.keras file.*d\.h5"):
        detector.save(tmp_path / "d.h5")
    assert list(tmp_path.iterdir()) == []


def rewrite(path: Path, description: str | None) -> None:
    """Replace the description in a saved detector; None takes it out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != DESCRIPTION}
    if description is not None:
        members[DESCRIPTION] = description.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


GOOD = {"anchors": ANCHORS.tolist(), "class_names": ["a", "b"], "resize": "stretch"}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (None, r"without detector\.json.*anchors and class names are not known"),
        ("{", "is damaged"),
        ("[]", "expected anchors, class_names and resize"),
        (json.dumps({**GOOD, "anchors": "x"}), "expected anchors, class_names and resize"),
        (json.dumps({**GOOD, "class_names": 3}), "expected anchors, class_names and resize"),
        (json.dumps({"anchors": [], "class_names": []}), "expected anchors, class_names and resize"),
    ],
)
def test_damaged_descriptions(saved: Path, description: str | None, message: str) -> None:
    rewrite(saved, description)
    with pytest.raises(WeightsError, match=rf"d\.keras: .*{message}"):
        load_detector(saved)


@pytest.mark.parametrize(
    "change", [{"class_names": ["a"]}, {"resize": "crop"}, {"resize": ["crop"]}, {"anchors": [[1, -1], [1, 1]]}]
)
def test_descriptions_of_another_model(saved: Path, change: dict[str, object]) -> None:
    rewrite(saved, json.dumps({**GOOD, **change}))
    with pytest.raises(ModelError, match=r"d\.keras: "):
        load_detector(saved)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:2000]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"config.json", b"konfig.json")),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"class_name": "Conv2D"', b'"class_name": "Conv5D"')),
    ],
    ids=["empty", "truncated", "without a config", "unknown layer"],
)
def test_damaged_files(saved: Path, spoil: Callable[[Path], object]) -> None:
    spoil(saved)
    with pytest.raises(WeightsError, match="not a Keras model that loads here"):
        load_detector(saved)


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"d\.keras', and there is no such file"):
        load_detector(tmp_path / "d.keras")
    (tmp_path / "d.h5").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"\.keras file\. Received: .*d\.h5'\."):
        load_detector(tmp_path / "d.h5")
