"""A segmenter's file, and pictures of any size."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.segmenter import DESCRIPTION, Segmenter, load_segmenter

NAMES, COLOURS = ("red", "green", "blue"), ((255, 0, 0), (0, 255, 0), (0, 0, 255))


@pytest.fixture(scope="module")
def brightest() -> Segmenter:
    """Give a model whose logits are the pixels: each pixel's class is its strongest colour."""
    inputs = keras.Input((8, 12, 3))
    model = keras.Model(inputs, layers.Activation("linear")(inputs))
    return Segmenter(model, NAMES, COLOURS, "here")


def test_each_pixel_gets_its_class(brightest: Segmenter) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 3)).astype(np.uint8)
    found = brightest.predict(images)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, images.argmax(axis=-1))
    np.testing.assert_array_equal(brightest.segment(images[0]), found[0])
    assert brightest.predict(images[:0]).shape == (0, 8, 12)


def test_a_picture_of_another_size_gets_a_map_of_its_own(brightest: Segmenter) -> None:
    image = np.zeros((80, 60, 3), np.uint8)
    image[:40, :, 0], image[40:, :30, 1], image[40:, 30:, 2] = 200, 200, 200
    found = brightest.segment(image)
    assert found.shape == (80, 60)
    expected = image.argmax(axis=-1)
    inner = np.ones((80, 60), bool)  # a pixel of the model is 10 high and 5 wide
    inner[35:45] = inner[:, 27:33] = False
    np.testing.assert_array_equal(found[inner], expected[inner])


def test_one_file_holds_all(brightest: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "s.keras"
    brightest.save(path)
    loaded = load_segmenter(path)
    assert (loaded.class_names, loaded.colours, loaded.input_size) == (NAMES, COLOURS, (8, 12))
    assert isinstance(keras.saving.load_model(path), keras.Model)
    with pytest.raises(ModelError, match=r"a \.keras file\. Received"):
        brightest.save(tmp_path / "s.h5")
    bare = tmp_path / "bare.keras"
    brightest.model.save(bare)
    with pytest.raises(WeightsError, match=r"bare\.keras: expected a model with segmenter\.json"):
        load_segmenter(bare)
    with zipfile.ZipFile(bare, "a") as archive:
        archive.writestr(DESCRIPTION, json.dumps({"class_names": ["red"], "colours": 3}))
    with pytest.raises(WeightsError, match="expected class_names and colours"):
        load_segmenter(bare)
    with pytest.raises(WeightsError, match="no-such-model"):
        load_segmenter("no-such-model")


def test_what_does_not_fit_is_refused(brightest: Segmenter) -> None:
    with pytest.raises(ModelError, match=r"classes: 2\. Received"):
        Segmenter(brightest.model, NAMES[:2], COLOURS[:2], "x")
    for colours in (COLOURS[:2], (*COLOURS[:2], (0, 0, 256)), (*COLOURS[:2], (0, 0))):
        with pytest.raises(ModelError, match="3 colours"):
            Segmenter(brightest.model, NAMES, colours, "x")
    with pytest.raises(ModelError, match=r"uint8 \(m, 8, 12, 3\)"):
        brightest.predict(np.zeros((1, 8, 13, 3), np.uint8))
