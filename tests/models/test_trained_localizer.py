"""Localizers from where people have them, and what is none."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.data.localized_images import NO_OBJECT
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.localizer import localizer
from keras_cv_course.models.trained_localizer import Localizer, load_localizer


def constant(*numbers: float) -> keras.Model:
    """Give a model that says the same of every picture of 16 x 32 pixels."""
    inputs = keras.Input((16, 32, 3))
    outputs = layers.Dense(len(numbers), kernel_initializer="zeros", name="y")(layers.GlobalMaxPooling2D()(inputs))
    model = keras.Model(inputs, outputs)
    model.get_layer("y").bias.assign(numbers)
    return model


def test_run_folder_and_bare_file(tmp_path: Path) -> None:
    localizer((16, 32, 3), 2).save(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 32, 3), dtype=np.uint8)
    bare = load_localizer(tmp_path / "model.keras")
    (tmp_path / "config.json").write_text(json.dumps({"class_names": ["ant", "bee"]}))
    from_run = load_localizer(tmp_path)
    assert (bare.class_names, from_run.class_names) == (("0", "1"), ("ant", "bee"))
    np.testing.assert_array_equal(bare.predict(images).boxes, from_run.predict(images).boxes)
    assert from_run.predict(images[:0]).boxes.shape == (0, 4)
    with pytest.raises(ModelError, match="expected images uint8"):
        from_run.predict(images[:, :8])
    (tmp_path / "model.keras").unlink()
    with pytest.raises(WeightsError, match="not complete"):
        load_localizer(tmp_path)


@pytest.mark.parametrize("outputs", [{"y": 6}, {"y": 6, "z": 6}, 5, 0])
def test_what_is_no_localizer_is_refused(tmp_path: Path, outputs: object) -> None:
    inputs = keras.Input((16, 32, 3))
    flat = layers.Flatten()(inputs)
    given = keras.tree.map_structure(lambda units: layers.Dense(units)(flat) if units else inputs, outputs)
    keras.Model(inputs, given).save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match=r"expected a model from images .* to rows"):
        load_localizer(tmp_path / "other.keras")


def test_numbers_that_are_none_are_no_result() -> None:
    images = np.zeros((1, 16, 32, 3), np.uint8)
    with pytest.raises(ModelError, match=r"here: expected finite numbers of the model\. Received: NaN"):
        Localizer(constant(np.nan, 0, 0, 0, 0, 1), ("ant",), "here").predict(images)
    found = Localizer(constant(0.4, 0.5, 0.5, 0.5, 0.5, 1), ("ant",), "here").predict(images)
    assert found.class_ids.tolist() == [NO_OBJECT]
