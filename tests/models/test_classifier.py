"""Loading a classifier from where people have it, and what is refused."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.classifier import Classifier, load_classifier


def small_model(height: int | None = 8, channels: int = 3) -> keras.Model:
    inputs = keras.Input((height, 8, channels))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(inputs)))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    small_model().save(folder / "model.keras")
    (folder / "config.json").write_text(json.dumps({"class_names": ["no", "yes"]}))
    return folder


def test_run_folder_and_bare_file(run: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3), dtype=np.uint8)
    from_run = load_classifier(run)
    assert from_run.class_names == ("no", "yes")
    assert from_run.input_size == (8, 8)
    (run / "model.keras").rename(tmp_path / "bare.keras")
    bare = load_classifier(tmp_path / "bare.keras")
    assert bare.class_names == ("0", "1")
    expected = np.asarray(from_run.model(images.astype(np.float32) / 255))
    np.testing.assert_allclose(bare.predict(images), expected, rtol=1e-5)  # other batch sizes, other sums
    assert bare.predict(images[:0]).shape == (0, 2)
    assert bare.predict(images[:1]).shape == (1, 2)


def test_shipped_name_loads_the_shipped_weights() -> None:
    classifier = load_classifier("signs-resnet50")
    assert classifier.class_names == tuple("012345")
    assert classifier.input_size == (64, 64)


@pytest.mark.parametrize("source", ["signs-resnet51", "nowhere", "notes.txt"])
def test_what_is_no_model_lists_what_would_be(tmp_path: Path, source: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    path = tmp_path / source if source == "notes.txt" else source
    with pytest.raises(WeightsError, match=r"signs-resnet50.*run folder.*\.keras file"):
        load_classifier(path)


def damage(run: Path) -> None:
    """Overwrite part of the model's own config.json inside the archive."""
    with zipfile.ZipFile(run / "model.keras") as file:
        start = file.getinfo("config.json").header_offset + 30 + len("config.json")
    content = bytearray((run / "model.keras").read_bytes())
    content[start + 20 : start + 60] = b"\xff" * 40
    (run / "model.keras").write_bytes(content)


def other_zip(run: Path) -> None:
    with zipfile.ZipFile(run / "model.keras", "w") as file:
        file.writestr("a", "b")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: (run / "model.keras").write_bytes(b""),
        lambda run: (run / "model.keras").write_bytes((run / "model.keras").read_bytes()[:3000]),
        damage,
        other_zip,
        lambda run: (run / "config.json").write_text("{"),
        lambda run: (run / "config.json").write_text("[]"),
        lambda run: (run / "config.json").write_text('{"a": 1}'),
    ],
    ids=["empty", "truncated", "damaged", "other zip", "config no JSON", "config a list", "config without names"],
)
def test_damaged_run_is_a_weights_error(run: Path, spoil: object) -> None:
    spoil(run)
    with pytest.raises(WeightsError, match=r"model\.keras|config\.json"):
        load_classifier(run)


@pytest.mark.parametrize("shape", [{"height": None}, {"channels": 1}])
def test_model_of_another_kind_is_refused(shape: dict[str, int | None]) -> None:
    with pytest.raises(ModelError, match="of a fixed size"):
        Classifier(small_model(**shape), ("a", "b"), "test")
    with pytest.raises(ModelError, match=r"\(None, 3\)"):
        Classifier(small_model(), ("a", "b", "c"), "test")


@pytest.mark.parametrize("images", [np.zeros((1, 8, 8, 3), np.float32), np.zeros((1, 9, 8, 3), np.uint8)])
def test_wrong_images_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"uint8 \(m, 8, 8, 3\)"):
        Classifier(small_model(), ("a", "b"), "test").predict(images)


def test_numbers_that_are_none_are_no_probabilities() -> None:
    model = small_model()
    model.layers[-1].bias.assign([np.nan, 0])
    with pytest.raises(ModelError, match="here: expected finite numbers"):
        Classifier(model, ("no", "yes"), "here").predict(np.zeros((1, 8, 8, 3), np.uint8))
