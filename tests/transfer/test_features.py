"""Cached features: computed once, and again whenever anything that they depend on is another."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.cache import CACHE_VARIABLE
from keras_cv_course.errors import ModelError, RunError
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.transfer.backbones import Backbone, Preprocessing
from keras_cv_course.transfer.features import BATCH, cached_features, feature_cache
from keras_cv_course.transfer.recipes import transfer_model

IMAGES = np.random.default_rng(0).integers(0, 256, (2 * BATCH + 3, 8, 8, 3), dtype=np.uint8)


def extractor(activation: str = "relu", seed: int = 0, norm: bool = True) -> keras.Model:
    """Build as a recipe does; Keras numbers the names of unnamed layers and operations on."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation=activation)(inputs)
    x = layers.BatchNormalization()(x) if norm else x
    backbone = Backbone("tiny", keras.Model(inputs, x), Preprocessing((0.01, 0.02, 0.03), (-1, 0, 1), bgr=True))
    model = transfer_model(backbone, 2)
    return keras.Model(model.inputs, model.get_layer("avg_pool").output)


def key(folder: Path, model: keras.Model, images: np.ndarray = IMAGES) -> str:
    before = {path.name for path in folder.iterdir()}
    cached_features(model, images, folder)
    new = {path.name for path in folder.iterdir()} - before
    return new.pop() if new else "known"


def never(*arguments: object) -> None:
    raise AssertionError("computed again")


def test_features_are_what_the_extractor_gives(tmp_path: Path) -> None:
    model = extractor()
    features = cached_features(model, IMAGES, tmp_path)
    assert (features.dtype, features.shape) == (np.float32, (1, len(IMAGES), 4))
    # Batches of other sizes, sums in another order.
    np.testing.assert_allclose(features[0], model(IMAGES.astype(np.float32)), rtol=1e-4, atol=1e-5)
    assert len(list(tmp_path.iterdir())) == 1


def test_each_view_is_another_and_has_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = extractor()
    three = cached_features(model, IMAGES, tmp_path, views=3, augmentation=Augmentation(), seed=1)
    np.testing.assert_array_equal(three[:1], cached_features(model, IMAGES, tmp_path))
    assert all(np.abs(three[a] - three[b]).max() > 1e-3 for a, b in ((0, 1), (0, 2), (1, 2)))
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(model, "predict_on_batch", never)
    two = cached_features(model, IMAGES, tmp_path, views=2, augmentation=Augmentation(), seed=1)
    np.testing.assert_array_equal(two, three[:2])
    for other in ({"augmentation": Augmentation(rotation=20), "seed": 1}, {"augmentation": Augmentation(), "seed": 2}):
        with pytest.raises(AssertionError, match="computed again"):
            cached_features(model, IMAGES, tmp_path, views=2, **other)


def test_second_call_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached_features(extractor(), IMAGES, tmp_path)
    again = extractor()
    monkeypatch.setattr(again, "predict_on_batch", never)
    np.testing.assert_array_equal(cached_features(again, IMAGES, tmp_path), first)


def moved_statistics() -> keras.Model:
    model = extractor()
    norm = next(x for layer in model.layers if isinstance(layer, keras.Model) for x in layer.layers if "norm" in x.name)
    norm.moving_mean.assign_add([0, 0, 1e-3, 0])
    return model


@pytest.mark.parametrize(
    ("make", "images"),
    [
        (lambda: extractor(seed=1), IMAGES),
        (lambda: extractor("tanh"), IMAGES),
        (lambda: extractor(norm=False), IMAGES),
        (moved_statistics, IMAGES),
        (extractor, IMAGES[1:]),
        (extractor, IMAGES[::-1]),
        (extractor, IMAGES ^ (np.arange(IMAGES.size) == IMAGES.size - 1).reshape(IMAGES.shape)),
    ],
    ids=["weights", "activation", "layers", "statistics", "fewer", "order", "one bit"],
)
def test_anything_else_has_another_file(make: Callable[[], keras.Model], images: np.ndarray, tmp_path: Path) -> None:
    assert key(tmp_path, extractor()) != "known"
    assert key(tmp_path, extractor()) == "known"
    assert key(tmp_path, make(), images) != "known"


def test_same_bytes_in_another_shape_have_another_file(tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(inputs))
    square, wide = IMAGES, IMAGES.reshape(-1, 4, 16, 3)
    for images in (square, wide):
        fixed = keras.Input(images.shape[1:])
        assert key(tmp_path, keras.Model(fixed, model(fixed)), images) != "known"


def test_images_may_be_mapped_from_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    key(tmp_path, extractor())
    assert key(tmp_path, extractor(), np.load(tmp_path / "images.npy", mmap_mode="r")) == "known"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:20]),
        lambda path: path.write_bytes(b"no numbers" * 100),
        lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)),
        lambda path: np.save(path, np.array([{}], dtype=object)),
        lambda path: np.save(path, np.zeros((3, 4), np.float32)),
        lambda path: np.save(path, np.zeros((len(IMAGES), 4), np.float64)),
    ],
    ids=["empty", "a byte short", "header", "text", "zip", "objects", "shape", "dtype"],
)
def test_damaged_file_is_computed_again(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    model = extractor()
    expected = cached_features(model, IMAGES, tmp_path)
    (path,) = tmp_path.iterdir()
    spoil(path)
    received = cached_features(model, IMAGES, tmp_path)
    assert received.dtype == np.float32
    np.testing.assert_array_equal(received, expected)
    np.testing.assert_array_equal(np.load(path), expected[0])


def test_nothing_is_left_of_an_interrupted_computation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = extractor()
    compute = model.predict_on_batch

    def stop_at_the_last(batch: np.ndarray) -> np.ndarray:
        if len(batch) < BATCH:
            raise KeyboardInterrupt
        return compute(batch)

    monkeypatch.setattr(model, "predict_on_batch", stop_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        cached_features(model, IMAGES, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_images(tmp_path: Path) -> None:
    computed, read = [], []
    cached_features(extractor(), IMAGES, tmp_path, progress=computed.append)
    cached_features(extractor(), IMAGES, tmp_path, progress=read.append)
    assert computed == [BATCH, 2 * BATCH, len(IMAGES)]
    assert read == [len(IMAGES)]
    both = []
    cached_features(extractor(), IMAGES, tmp_path, views=2, augmentation=Augmentation(), progress=both.append)
    assert both == [len(IMAGES), *(len(IMAGES) + number for number in computed)]


@pytest.mark.parametrize("images", [np.zeros((1, 8, 9, 3), np.uint8), np.zeros((1, 8, 8, 3), np.float32)])
def test_other_images_are_refused(images: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Expected images uint8 \(m, 8, 8, 3\). Received"):
        cached_features(extractor(), images, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "a" / "b"))
    assert feature_cache() == tmp_path / "a" / "b" / "features"
    assert feature_cache().is_dir()


def test_without_the_variable_it_is_the_user_s_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name, appauthor: tmp_path / name)
    for value in (None, ""):
        monkeypatch.delenv(CACHE_VARIABLE, raising=False)
        if value is not None:
            monkeypatch.setenv(CACHE_VARIABLE, value)
        assert feature_cache() == tmp_path / "keras_cv_course" / "features"


def test_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(RunError, match=rf"{tmp_path}/file/features.*{CACHE_VARIABLE}"):
        feature_cache()
