"""What Keras 2 gave, against what Keras 3 gives with the shims; tf_keras is Keras 2 as it goes on."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from keras_cv_course.compat import activate, deactivate

Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def _shims() -> Iterator[None]:
    activate()
    yield
    deactivate()


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(5)


def rows_of(model: Any) -> Rows:
    """Describe a model's layers as notebooks of Keras 2 do."""
    rows = []
    for layer in model.layers:
        row = [type(layer).__name__, layer.output_shape, layer.count_params()]
        row += [getattr(layer, name) for name in ("padding", "pool_size", "strides", "rate") if hasattr(layer, name)]
        if hasattr(layer, "kernel_initializer"):
            row += [type(layer.kernel_initializer).__name__, layer.activation.__name__]
        rows.append(tuple(row))
    return rows


def residual_network(library: Any) -> Any:
    layers, start = library.layers, library.initializers
    image = layers.Input((32, 32, 3))
    x = layers.ZeroPadding2D((3, 3))(image)
    x = layers.Conv2D(8, (7, 7), strides=(2, 2), kernel_initializer=start.glorot_uniform(seed=0))(x)
    x = layers.BatchNormalization(axis=3)(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D((3, 3), strides=(2, 2))(x)
    shortcut = layers.Conv2D(16, 1, strides=(2, 2), kernel_initializer=start.random_uniform(seed=0))(x)
    x = layers.Conv2D(16, 3, strides=(2, 2), padding="same")(x)
    x = layers.BatchNormalization(axis=3)(x)
    x = layers.Add()([x, layers.BatchNormalization(axis=3)(shortcut)])
    x = layers.ReLU()(x)
    x = layers.AveragePooling2D((2, 2))(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    return library.Model(image, layers.Dense(6, activation="softmax")(x))


def test_rows_of_a_residual_network() -> None:
    rows, expected = rows_of(residual_network(tf.keras)), rows_of(residual_network(tf_keras))
    assert rows == expected
    assert rows[0] == ("InputLayer", [(None, 32, 32, 3)], 0)


def test_output_shape_of_a_layer_that_was_not_called_once() -> None:
    dense = keras.layers.Dense(2)
    with pytest.raises(AttributeError, match="no call"):
        _ = dense.output_shape
    dense(keras.Input((4,)))
    assert (dense.input_shape, dense.output_shape) == ((None, 4), (None, 2))
    keras.layers.Flatten()(keras.Input((4, 4)))
    lstm = keras.layers.Reshape((2, -1))
    lstm(keras.Input((4,)))
    lstm(keras.Input((8,)))
    with pytest.raises(AttributeError, match="different shapes"):
        _ = lstm.output_shape


def test_a_layer_may_have_an_attribute_of_that_name() -> None:
    class Own(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.output_shape = "mine"

    assert Own().output_shape == "mine"


def test_rows_of_a_transfer_model(draw: np.random.Generator) -> None:
    augment = tf.keras.Sequential(
        [keras.layers.experimental.preprocessing.RandomFlip("horizontal"), keras.layers.RandomRotation(0.2)]
    )
    augment(tf.zeros((1, 32, 32, 3)))  # as when a notebook looks at one picture first
    base = tf.keras.applications.MobileNetV2((32, 32, 3), include_top=False, weights=None)
    image = tf.keras.Input((32, 32, 3))
    x = base(tf.keras.applications.mobilenet_v2.preprocess_input(augment(image)), training=False)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    model = tf.keras.Model(image, keras.layers.Dense(1)(x))
    assert rows_of(model) == [  # of TensorFlow 2.3
        ("InputLayer", [(None, 32, 32, 3)], 0),
        ("Sequential", (None, 32, 32, 3), 0),
        ("TensorFlowOpLayer", [(None, 32, 32, 3)], 0),
        ("TensorFlowOpLayer", [(None, 32, 32, 3)], 0),
        ("Functional", (None, 1, 1, 1280), 2257984),
        ("GlobalAveragePooling2D", (None, 1280), 0),
        ("Dropout", (None, 1280), 0, 0.2),
        ("Dense", (None, 1), 1281, "GlorotUniform", "linear"),
    ]
    scaling = keras.Model(model.input, model.layers[3].output)
    pictures = draw.uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(scaling(pictures, training=False), pictures / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda x, lib: 1 - x / 2 + x * np.float32(3), id="arithmetic"),
        pytest.param(lambda x, lib: np.float32(2) * x, id="NumPy's number first"),
        pytest.param(lambda x, lib: tf.constant(2.0) - x, id="TensorFlow's number first"),
        pytest.param(lambda x, lib: x[:1, 1:, ..., 0], id="slices"),
        pytest.param(lambda x, lib: tf.math.truediv(x, 127.5), id="truediv"),
        pytest.param(lambda x, lib: tf.concat([x, x + 1], axis=-1), id="concat"),
        pytest.param(lambda x, lib: tf.reduce_max(x, axis=-1) > 0.5, id="comparison"),
        pytest.param(lambda x, lib: tf.boolean_mask(x, x > 0.5), id="boolean_mask"),
        pytest.param(lambda x, lib: tf.image.resize(x, (3, 5)), id="resize"),
        pytest.param(lambda x, lib: tf.nn.space_to_depth(x, 2), id="space_to_depth"),
        pytest.param(lambda x, lib: tf.split(x, 2, axis=1)[1], id="split"),
        pytest.param(lambda x, lib: lib.activations.relu(x - 0.5), id="activation"),
        pytest.param(lambda x, lib: lib.backend.softmax(x) + lib.backend.max(x), id="backend"),
        pytest.param(lambda x, lib: lib.backend.arange(0, stop=lib.backend.shape(x)[1]), id="size as a number"),
        pytest.param(lambda x, lib: tf.cast(x * 9, "int32"), id="cast"),
    ],
)
def test_tensorflow_on_symbolic_tensors(compute: Any, draw: np.random.Generator) -> None:
    numbers = draw.uniform(size=(2, 4, 6, 4)).astype(np.float32)
    expected = compute(tf.constant(numbers), tf_keras)
    x = tf.keras.Input((4, 6, 4))
    model = tf.keras.Model(x, compute(x, tf.keras))
    np.testing.assert_allclose(model(numbers), expected, rtol=1e-6)
    assert {type(layer).__name__ for layer in model.layers} == {"InputLayer", "TensorFlowOpLayer"}
    np.testing.assert_allclose(keras.models.clone_model(model)(numbers), expected, rtol=1e-6)


def test_symbolic_operations_are_saved(tmp_path: Any, draw: np.random.Generator) -> None:
    x = tf.keras.Input((4,))
    y = tf.concat([x / 2, tf.math.subtract(x, 1), keras.backend.sigmoid(x[:, 1:3])], axis=-1)
    model = tf.keras.Model(x, keras.layers.Dense(2)(y))
    numbers = draw.normal(size=(3, 4)).astype(np.float32)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        again = tf.keras.models.load_model(tmp_path / name, compile=False)
        np.testing.assert_array_equal(again(numbers), model(numbers))


def test_get_shape() -> None:
    assert tf.keras.Input((4, 6)).get_shape().as_list() == [None, 4, 6]


def test_factor_is_the_number_given(draw: np.random.Generator) -> None:
    rotation = keras.layers.RandomRotation(0.2, seed=1)
    assert rotation.factor == 0.2
    assert isinstance(rotation.factor, float)
    assert keras.layers.RandomRotation((-0.1, 0.3)).factor == (-0.1, 0.3)
    again = keras.layers.RandomRotation.from_config(rotation.get_config())
    assert again.factor == 0.2
    pictures = draw.uniform(size=(2, 8, 8, 3)).astype(np.float32)
    with_shim = rotation(pictures)
    deactivate()
    np.testing.assert_array_equal(keras.layers.RandomRotation(0.2, seed=1)(pictures), with_shim)


def test_batch_norm_arguments_of_keras_2() -> None:
    norm = keras.layers.BatchNormalization(axis=[3], fused=True, virtual_batch_size=None)
    assert norm.axis == 3
    with pytest.raises(ValueError, match="virtual_batch_size"):  # it would change the results
        keras.layers.BatchNormalization(virtual_batch_size=4)


def test_learning_phase(draw: np.random.Generator) -> None:
    numbers = draw.normal(5, 2, (64, 3)).astype(np.float32)
    norm = keras.layers.BatchNormalization(momentum=1.0)
    model = keras.Sequential([norm])
    backend = tf.keras.backend
    np.testing.assert_allclose(model(numbers), numbers, rtol=1e-2)  # no training yet: mean 0, variance 1
    backend.set_learning_phase(True)
    assert backend.learning_phase() == 1
    np.testing.assert_allclose(np.mean(np.asarray(model(numbers)), axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.mean(np.asarray(norm(numbers)), axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(norm(numbers, training=False), numbers, rtol=1e-2)
    np.testing.assert_allclose(model.predict(numbers, verbose=0), numbers, rtol=1e-2)
    backend.set_learning_phase(0)
    np.testing.assert_allclose(norm(numbers), numbers, rtol=1e-2)


def test_lr() -> None:
    optimizer = tf.keras.optimizers.Adam(lr=0.001 * 0.1)
    assert type(optimizer) is tf.keras.optimizers.Adam
    assert optimizer.lr == 0.001 * 0.1
    optimizer.lr = 0.5
    assert keras.backend.get_value(optimizer.lr) == 0.5
    keras.backend.set_value(optimizer.lr, 0.25)
    assert float(optimizer.learning_rate) == 0.25
    assert keras.optimizers.Adam(lr=0.1, epsilon=None).epsilon == 1e-7
    assert keras.optimizers.legacy.SGD is keras.optimizers.SGD
    assert keras.optimizers.Adam.from_config(optimizer.get_config()).lr == 0.25


@pytest.mark.parametrize(("name", "positional"), [("SGD", (0.1,)), ("Adam", ())])
def test_decay_is_that_of_keras_2(name: str, positional: tuple[float, ...]) -> None:
    def steps(library: Any, optimizer: Any) -> np.ndarray:
        variable = library.Variable(np.ones(3, np.float32))
        for step in range(5):
            optimizer.apply_gradients([(tf.constant([0.1, 0.2, 0.3]) * (step + 1), variable)])
        return np.asarray(variable)

    expected = steps(tf, getattr(tf_keras.optimizers.legacy, name)(*positional, decay=0.5))
    received = steps(keras, getattr(keras.optimizers, name)(*positional, decay=0.5))
    # They compute Adam's step in another order: the last bits differ.
    np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_methods_of_keras_2(tmp_path: Any, draw: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw.normal(size=(8, 4)).astype(np.float32), np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    batches = ((x, y) for _ in range(20))
    history = model.fit_generator(batches, steps_per_epoch=2, epochs=2, verbose=0, workers=3, max_queue_size=4)
    assert len(history.history["loss"]) == 2
    model.fit(x, y, verbose=0, use_multiprocessing=False)
    assert len(model.evaluate_generator(batches, steps=1, verbose=0)) == 2
    np.testing.assert_array_equal(
        model.predict_generator(((x,) for _ in range(2)), steps=1, verbose=0), model.predict_proba(x)
    )
    np.testing.assert_array_equal(model.predict_classes(x, verbose=0), np.argmax(model(x), axis=1))
    monkeypatch.chdir(tmp_path)
    model.save_weights("weights.h5")
    before = model(x)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights("weights.h5")
    np.testing.assert_array_equal(model(x), before)
    keras2 = tf_keras.Sequential([tf_keras.layers.Dense(3, activation="softmax", input_shape=(4,))])
    keras2.load_weights("weights.h5")
    np.testing.assert_allclose(keras2(x), before, rtol=1e-5)


def test_classes_of_one_output() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Activation("sigmoid")])
    assert model.predict_classes(np.array([[-1.0], [2.0]]), verbose=0).tolist() == [[0], [1]]


def decode(K: Any, features: Any, anchors: np.ndarray, classes: int) -> list[Any]:
    """Decode a detector's output with the backend's functions; (1, H, W, A (5 + C)), H not W."""
    anchors_tensor = K.reshape(K.variable(anchors), [1, 1, 1, len(anchors), 2])
    size = K.shape(features)[1:3]
    rows = K.tile(K.expand_dims(K.arange(0, stop=size[0]), 1), [1, size[1]])
    columns = K.tile(K.expand_dims(K.arange(0, stop=size[1]), 0), [size[0], 1])
    cells = K.cast(K.stack([columns, rows], axis=-1), K.dtype(features))
    cells = K.reshape(cells, [1, size[0], size[1], 1, 2])
    features = K.reshape(features, [-1, size[0], size[1], len(anchors), 5 + classes])
    scale = K.constant([[1.0, 1.0]])
    xy = (K.sigmoid(features[..., :2]) + cells) * scale
    wh = K.exp(features[..., 2:4]) * anchors_tensor
    scores = K.max(K.softmax(features[..., 5:]) * K.sigmoid(features[..., 4:5]), axis=-1)
    best = K.argmax(features[..., 5:], axis=-1)
    return [K.concatenate([xy, wh]), scores, best, K.gather(K.flatten(scores), K.constant([0, 3], dtype="int32"))]


def test_backend_with_and_without_a_session(draw: np.random.Generator) -> None:
    anchors = draw.uniform(1, 3, (2, 2)).astype(np.float32)
    features = draw.normal(size=(1, 3, 4, 16)).astype(np.float32)
    K = keras.backend
    expected = decode(tf_keras.backend, tf.constant(features), anchors, 3)
    eager = decode(K, tf.constant(features), anchors, 3)
    x = K.placeholder((None, 3, 4, 16))
    symbolic = decode(K, x, anchors, 3)
    by_session = K.get_session().run(symbolic, feed_dict={x: features, K.learning_phase(): 0})
    by_function = K.function([x, K.learning_phase()], symbolic)([features, 0])
    for received in (eager, by_session, by_function):
        for ours, theirs in zip(received, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert K.get_session().run(tf.constant(3.0)) == 3.0
    assert (K.int_shape(x), K.ndim(x), K.dtype(x)) == ((None, 3, 4, 16), 4, "float32")
