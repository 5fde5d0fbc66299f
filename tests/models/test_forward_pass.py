"""The forward pass gives the model's numbers, whatever the model is made of and whatever happens to its weights."""

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from drawn_weights import with_drawn_weights
from keras import layers

from keras_cv_course.models import forward_pass as module
from keras_cv_course.models.forward_pass import forward_pass

# Of the largest number. Both compute in float32, with sums in another order: up to 1e-6 was measured.
TOLERANCE = 5e-6


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give a list of the names of what computes in another way, in the order of the calls."""
    names: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        original = getattr(module, name)

        def note(*args: Any, **kwargs: Any) -> Any:
            names.append(name)
            return original(*args, **kwargs)

        return note

    for name in ("transform_kernel", "convolve", "_fused_norm"):
        monkeypatch.setattr(module, name, noting(name))
    return names


def small_model() -> keras.Model:
    """Give a model with one convolution for Winograd and one batch norm to fuse."""
    inputs = keras.Input((5, 4, 48))
    x = layers.Conv2D(40, 3, padding="same", use_bias=False, name="convolution")(inputs)
    x = layers.LeakyReLU(0.1)(layers.BatchNormalization(name="norm")(x))
    return with_drawn_weights(keras.Model(inputs, layers.Conv2D(3, 1)(x)))


def batch(model: keras.Model, pictures: int = 2) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(pictures, *model.input_shape[1:])).astype(np.float32)


def assert_right(compute: Callable[[np.ndarray], np.ndarray], model: keras.Model, pictures: int = 2) -> None:
    x = batch(model, pictures)
    expected, received = np.asarray(model(x, training=False)), compute(x)
    assert (type(received), received.dtype, received.shape) == (np.ndarray, np.float32, expected.shape)
    assert np.abs(expected - received).max() <= TOLERANCE * np.abs(expected).max()


def test_both_ways_are_taken_and_give_the_model_s_numbers(calls: list[str]) -> None:
    model = small_model()
    compute = forward_pass(model)
    assert_right(compute, model)
    assert calls == ["transform_kernel", "convolve", "_fused_norm"]
    assert_right(compute, model)
    assert len(calls) == 3  # neither compiled nor transformed again
    assert_right(compute, model, pictures=3)
    assert calls[3:] == ["convolve", "_fused_norm"]


def test_what_computes_in_its_own_way_goes_on_so(calls: list[str]) -> None:
    class Own(layers.Conv2D):
        pass

    inputs = x = keras.Input((6, 6, 48))
    for layer in (
        layers.Conv2D(48, 3, padding="valid"),
        layers.Conv2D(48, 3, padding="same", strides=2),
        layers.Conv2D(48, 3, padding="same", dilation_rate=2),
        layers.Conv2D(48, 3, padding="same", groups=2),
        layers.Conv2D(48, 3, padding="same", dtype="mixed_bfloat16"),
        layers.Conv2D(48, 5, padding="same"),
        layers.SeparableConv2D(48, 3, padding="same"),
        Own(48, 3, padding="same"),
        layers.BatchNormalization(axis=1),
        layers.BatchNormalization(scale=False),
        layers.BatchNormalization(center=False),
        layers.BatchNormalization(dtype="mixed_bfloat16"),
        layers.Conv2D(2, 3, padding="same"),  # too few channels to save time
        layers.Flatten(),
        layers.BatchNormalization(),
    ):
        x = layer(x)
    model = with_drawn_weights(keras.Model(inputs, x))
    np.testing.assert_array_equal(forward_pass(model)(batch(model)), model.predict_on_batch(batch(model)))
    assert calls == []


def test_a_norm_that_measures_with_the_batch_goes_on_so(calls: list[str]) -> None:
    inputs = keras.Input((4, 4, 3))
    model = with_drawn_weights(keras.Model(inputs, layers.BatchNormalization()(inputs, training=True)))
    assert_right(forward_pass(model), model)
    assert calls == ["_fused_norm"]


def test_layers_used_twice_and_in_nested_models(calls: list[str]) -> None:
    inner_inputs = keras.Input((5, 4, 48))
    x = layers.Conv2D(48, 3, padding="same", activation="relu")(inner_inputs)
    inner = keras.Model(inner_inputs, layers.BatchNormalization()(x))
    inputs = keras.Input((5, 4, 48))
    x = inner.layers[1](inner(inner(inputs)))
    model = with_drawn_weights(keras.Model(inputs, x))
    assert_right(forward_pass(model), model)
    assert calls == ["transform_kernel", *["convolve", "_fused_norm"] * 2, "convolve"]


def test_models_that_are_not_functional() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.norm = layers.Conv2D(40, 3, padding="same"), layers.BatchNormalization()

        def call(self, x: Any) -> Any:
            return self.norm(self.convolution(x))

    model, x = Own(), np.ones((1, 5, 4, 48), np.float32)
    expected = np.asarray(model(x))
    np.testing.assert_allclose(forward_pass(model)(x), expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def train(model: keras.Model, optimizer: str) -> None:
    x = batch(model, 4)
    model.compile(optimizer, "mse")
    model.fit(x, np.ones((4, 5, 4, 3)), batch_size=2, verbose=0)


def kernel(model: keras.Model) -> Any:
    return model.get_layer("convolution").kernel


CHANGES: dict[str, Callable[[keras.Model], Any]] = {
    "set_weights": lambda model: model.set_weights([2 * weight for weight in model.get_weights()]),
    "assign": lambda model: kernel(model).assign(kernel(model) * 2),
    "assign_add": lambda model: kernel(model).assign_add(np.ones(kernel(model).shape, np.float32)),
    "TensorFlow's own assign_sub": lambda model: kernel(model).value.assign_sub(tf.ones(kernel(model).shape)),
    "some rows": lambda model: kernel(model).value.scatter_update(
        tf.IndexedSlices(tf.ones((1, 3, 48, 40)), tf.constant([1]))
    ),
    "TensorFlow's own training step": lambda model: tf.raw_ops.ResourceApplyGradientDescent(
        var=kernel(model).value.handle, alpha=0.5, delta=tf.ones(kernel(model).shape)
    ),
    "sgd": lambda model: train(model, "sgd"),
    "adam": lambda model: train(model, "adam"),
    "batch norm": lambda model: model.get_layer("norm").moving_variance.assign(np.full(40, 9.0)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_computes_with_the_weights_of_now(change: str) -> None:
    model = small_model()
    compute = forward_pass(model)
    before = compute(batch(model))
    for _ in range(3):  # memory that was given back may be the next that is taken
        CHANGES[change](model)
        assert_right(compute, model)
    assert np.abs(compute(batch(model)) - before).max() > 100 * TOLERANCE * np.abs(before).max()


def test_nothing_stays_in_the_model(tmp_path: Any) -> None:
    model = small_model()
    x = batch(model)
    expected, parts = np.asarray(model(x)), [set(vars(layer)) for layer in model.layers]
    forward_pass(model)(x)
    assert [set(vars(layer)) for layer in model.layers] == parts
    np.testing.assert_array_equal(np.asarray(model(x)), expected)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(keras.saving.load_model(tmp_path / "model.keras")(x)), expected)


def test_nothing_stays_in_a_model_that_fails() -> None:
    class Fails(layers.Layer):
        ready = False

        def call(self, x: Any) -> Any:
            if self.ready:
                raise ValueError("on purpose")
            return x

    inner = small_model()
    parts = [set(vars(layer)) for layer in inner.layers]
    last = Fails()
    model = keras.Model(inner.input, last(inner.output))
    last.ready = True
    with pytest.raises(ValueError, match="on purpose"):
        forward_pass(model)(batch(model))
    assert [set(vars(layer)) for layer in inner.layers] == parts


def test_copies_compute_with_their_own_weights() -> None:
    model = small_model()
    compute = forward_pass(model)
    compute(batch(model))
    for copied_model, copied in (copy.deepcopy((model, compute)), pickle.loads(pickle.dumps((model, compute)))):
        kernel(copied_model).assign(kernel(copied_model) * 2)
        assert_right(copied, copied_model)
    assert_right(compute, model)


def test_elsewhere_it_is_keras_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    with monkeypatch.context() as patch:
        patch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
        assert forward_pass(model) == model.predict_on_batch
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert forward_pass(model) == model.predict_on_batch
