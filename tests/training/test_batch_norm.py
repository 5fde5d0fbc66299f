"""Re-estimated statistics, and the fused kernel against Keras's own batch norm."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.training.batch_norm import all_layers, fused_batch_norm, reestimate_statistics

on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's kernel")


def network(**options: object) -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 6, 3))
    x = layers.Conv2D(5, 3, name="conv")(inputs)
    x = layers.BatchNormalization(momentum=0.8, name="bn", **options)(x)
    x = layers.GlobalAveragePooling2D()(layers.Activation("relu")(x))
    return keras.Model(inputs, layers.Dense(2, name="dense")(x))


def batch(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1, 2, (7, 8, 6, 3)).astype(np.float32)


@on_tensorflow
@pytest.mark.parametrize("options", [{}, {"epsilon": 1e-2}, {"gamma_initializer": "zeros"}])
def test_fused_output_gradient_and_statistics_equal_keras(options: dict[str, object]) -> None:
    import tensorflow as tf

    def measure(model: keras.Model) -> tuple[list[np.ndarray], list[np.ndarray]]:
        with tf.GradientTape() as tape:
            y = model(batch(), training=True)
            loss = tf.reduce_sum(y**2)
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        return [np.asarray(y), *map(np.asarray, gradients)], [v.numpy() for v in model.non_trainable_variables]

    plain, fused = network(**options), network(**options)
    expected, expected_statistics = measure(plain)
    with fused_batch_norm(fused):
        assert "call" in vars(fused.get_layer("bn"))
        results, statistics = measure(fused)
    # The same sums of 168 float32 values in another order.
    for ours, keras_s in zip([*results, *statistics], [*expected, *expected_statistics], strict=True):
        np.testing.assert_allclose(ours, keras_s, rtol=1e-4, atol=1e-4 * max(1, np.abs(keras_s).max()))
    assert not np.allclose(statistics[0], 0)


@on_tensorflow
def test_nothing_stays_after_the_block_even_after_an_error() -> None:
    model = network()
    with pytest.raises(RuntimeError), fused_batch_norm(model):
        raise RuntimeError
    assert "call" not in vars(model.get_layer("bn"))


@on_tensorflow
@pytest.mark.parametrize("options", [{"axis": 1}, {"scale": False}, {"center": False}, {"epsilon": 1e-6}])
def test_batch_norms_without_a_fused_kernel_keep_keras_s_code(options: dict[str, object]) -> None:
    model = network(**options)
    with fused_batch_norm(model):
        assert "call" not in vars(model.get_layer("bn"))


@on_tensorflow
def test_fused_inference_uses_the_moving_statistics() -> None:
    model = network()
    expected = np.asarray(model(batch()))
    with fused_batch_norm(model):
        np.testing.assert_array_equal(np.asarray(model(batch())), expected)


def test_reestimated_statistics_are_the_plain_averages_over_the_batches() -> None:
    model = network()
    batches = [(batch(seed), None) for seed in range(3)]
    features = keras.Model(model.input, model.get_layer("conv").output)
    seen = [np.asarray(features(images), np.float64) for images, _ in batches]
    reestimate_statistics(model, batches)
    norm = model.get_layer("bn")
    # float32 running means against float64
    np.testing.assert_allclose(norm.moving_mean.numpy(), np.mean([x.mean((0, 1, 2)) for x in seen], 0), rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance.numpy(), np.mean([x.var((0, 1, 2)) for x in seen], 0), rtol=1e-4)
    assert norm.momentum == 0.8


def test_reestimation_leaves_frozen_batch_norms_and_all_weights_alone() -> None:
    model = network()
    model.get_layer("bn").trainable = False
    before = [w.numpy() for w in model.weights]
    reestimate_statistics(model, [(batch(), None)])
    for a, b in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


def test_momentum_comes_back_after_an_error() -> None:
    model = network()

    def failing() -> object:
        yield batch(), None
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        reestimate_statistics(model, failing())
    assert model.get_layer("bn").momentum == 0.8


def test_layers_of_nested_models_are_found() -> None:
    inputs = keras.Input((8, 6, 3))
    outer = keras.Model(inputs, network()(inputs))
    assert {"conv", "bn", "dense"} <= {layer.name for layer in all_layers(outer)}
