"""`load_model` on what Keras 2 wrote: here tf_keras writes it, and says what the model computes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from course_model import write_model_data, write_yolo_h5

from keras_cv_course.compat import activate, deactivate
from keras_cv_course.errors import WeightsError

layers = tf_keras.layers


@pytest.fixture(autouse=True)
def _shims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    activate()
    yield
    deactivate()


def sequential() -> Any:
    return tf_keras.Sequential(
        [
            layers.Conv2D(4, 3, input_shape=(8, 8, 3), kernel_initializer=tf_keras.initializers.random_uniform(seed=0)),
            layers.BatchNormalization(axis=3),
            layers.LeakyReLU(alpha=0.1),
            layers.Flatten(),
            layers.Dense(6, activation="softmax"),
        ]
    )


def functional() -> Any:
    image = layers.Input((8, 8, 3))
    x = shortcut = layers.Conv2D(4, 3)(layers.ZeroPadding2D(1)(image))
    x = layers.Activation("relu")(layers.BatchNormalization(axis=3)(x))
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, shortcut]))
    return tf_keras.Model(image, layers.Dense(6, activation="softmax")(x))


def with_arithmetic() -> Any:
    image = layers.Input((8, 8, 3))
    return tf_keras.Model(image, layers.Dense(6, activation="softmax")(layers.Flatten()(image / 127.5 - 1)))


def nested() -> Any:
    image, inner = layers.Input((8, 8, 3)), layers.Input((8, 8, 3))
    base = tf_keras.Model(inner, layers.Conv2D(2, 1)(inner))
    augment = tf_keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])
    head = tf_keras.Sequential([layers.Input((2,)), layers.Dense(6, activation="softmax")])
    return tf_keras.Model(image, head(layers.GlobalAveragePooling2D()(base(augment(image), training=False))))


@pytest.mark.parametrize("build", [sequential, functional, with_arithmetic, nested])
def test_a_keras_2_file_with_its_training(build: Any) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.uniform(size=(8, 8, 8, 3)).astype(np.float32), np.eye(6, dtype=np.float32)[np.arange(8) % 6]
    old = build()
    optimizer = tf_keras.optimizers.legacy.Adam(learning_rate=0.01, decay=0.001)
    old.compile(optimizer, tf_keras.losses.CategoricalCrossentropy(), metrics=["accuracy"])
    old.fit(x, y, verbose=0)
    with pytest.warns(UserWarning, match="HDF5"):
        old.save("old.h5")
    new = tf.keras.models.load_model("old.h5")
    # The same operations in the same order, but for how convolutions are split among threads.
    np.testing.assert_allclose(new(x, training=False), old(x, training=False), atol=1e-6)
    assert float(new.optimizer.lr) == pytest.approx(0.01, rel=0.01)  # and decays from there
    loss, accuracy = new.evaluate(x, y, verbose=0)
    np.testing.assert_allclose([loss, accuracy], old.evaluate(x, y, verbose=0), rtol=1e-5)
    assert keras.saving.load_model is tf.keras.models.load_model is keras.models.load_model


def test_files_of_keras_3_stay_as_they_are() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    x = np.ones((1, 4), np.float32)
    for name in ("new.keras", "new.h5"):
        model.save(name)
        np.testing.assert_array_equal(tf.keras.models.load_model(name)(x), model(x))


def test_no_file() -> None:
    with pytest.raises((ValueError, OSError), match=r"missing\.h5"):
        tf.keras.models.load_model("missing.h5")
    Path("folder").mkdir()
    with pytest.raises(WeightsError, match="expected a SavedModel such as the course's model_data"):
        tf.keras.models.load_model("folder")


def test_pickled_code_is_not_run() -> None:
    with h5py.File("bad.h5", "w") as file:
        code = {"class_name": "Lambda", "config": {"name": "x", "function": ["gASVHAAAAA==", None, None]}}
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": [code]}})
        file.create_group("model_weights").attrs["layer_names"] = np.array([b"x"])
        file["model_weights"].create_group("x").attrs["weight_names"] = np.array([], "S1")
    with pytest.raises(WeightsError, match="a Lambda layer, whose code is stored as a pickle"):
        tf.keras.models.load_model("bad.h5")


def test_functions_that_do_more_than_compute_are_not_run() -> None:
    stored = {"class_name": "TFOpLambda", "config": {"name": "x", "function": "io.write_file"}}
    with h5py.File("bad.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "y", "layers": [stored]}}
        )
        file.create_group("model_weights").attrs["layer_names"] = np.array([b"x"])
    with pytest.raises(TypeError, match=r"only compute\. Received: io\.write_file"):
        tf.keras.models.load_model("bad.h5")
    layer = keras.saving.get_custom_objects()["TensorFlowOpLayer"]
    with pytest.raises(WeightsError, match="gen_io_ops:write_file"):
        layer.from_config({"name": "x", "function": "tensorflow.python.ops.gen_io_ops:write_file", "arguments": []})


def test_the_course_s_detector(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = write_model_data(real_data / "course_model_data", Path("model_data"), seed=4)
    expected_of = write_yolo_h5(Path("yolo.h5"), numbers)
    for path in Path("model_data").glob("*.txt"):
        path.unlink()  # a model needs no class names
    picture = np.random.default_rng(1).uniform(size=(1, 608, 608, 3))  # float64, as a notebook may have it
    expected = expected_of(picture.astype(np.float32))
    for name, options in (("model_data/", {"compile": False}), ("yolo.h5", {})):
        model = tf.keras.models.load_model(name, **options)
        assert isinstance(model, tf.keras.Model)
        received = model(picture)
        assert tuple(received.shape) == (1, 19, 19, 425)
        # Twenty-three convolutions of up to 11520 float32 products, summed in another order.
        np.testing.assert_allclose(received, expected, atol=2e-4 * np.abs(expected).max())
        model.summary()
        assert "50,98" in capsys.readouterr().out  # 50.98 million parameters
