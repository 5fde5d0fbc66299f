"""Precision and replication: what they change inside, and that nothing of it stays."""

import json

import keras
import numpy as np
import pytest
from another_backend import run_on
from keras import layers

from keras_cv_course.training import device
from keras_cv_course.training.device import bfloat16_speedup, choose_precision, layer_precision, replicated


def network() -> keras.Model:
    inputs = keras.Input((6,))
    hidden = layers.Dense(5, name="hidden")(inputs)
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="predictions")(hidden))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_inner_layers_compute_in_16_bits_and_outputs_and_variables_in_32(precision: str) -> None:
    model = network()
    x = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    exact = np.asarray(model(x))
    with layer_precision(model, precision):
        assert model.get_layer("hidden").compute_dtype == precision
        assert model.get_layer("predictions").compute_dtype == "float32"
        assert {variable.dtype for variable in model.variables} == {"float32"}
        rounded = np.asarray(model(x))
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.02  # bfloat16 has 8 bits: 0.4 % of values of order one
    np.testing.assert_array_equal(np.asarray(model(x)), exact)


def test_float32_changes_nothing() -> None:
    model = network()
    with layer_precision(model, "float32"):
        assert model.get_layer("hidden").compute_dtype == "float32"


@pytest.mark.parametrize(
    ("gpus", "has_bfloat16", "speedup", "expected"),
    [
        (["GPU:0"], True, 2.0, "float16"),
        ([], True, 2.0, "bfloat16"),
        ([], True, 1.05, "float32"),
        ([], False, 2.0, "float32"),
    ],
)
def test_auto_follows_the_machine(
    monkeypatch: pytest.MonkeyPatch, gpus: list[str], has_bfloat16: bool, speedup: float, expected: str
) -> None:
    monkeypatch.setattr(device, "gpu_names", lambda: gpus)
    monkeypatch.setattr(device, "cpu_has_bfloat16", lambda: has_bfloat16)
    monkeypatch.setattr(device, "bfloat16_speedup", lambda: speedup)
    assert choose_precision("auto") == expected
    assert choose_precision("float32") == "float32"


def test_the_trial_runs_and_gives_a_ratio() -> None:
    assert 0 < bfloat16_speedup() < 100


def test_output_of_a_nested_model_stays_in_32_bits() -> None:
    inputs = keras.Input((6,))
    outer = keras.Model(inputs, network()(inputs))
    with layer_precision(outer, "bfloat16"):
        assert outer.layers[1].get_layer("hidden").compute_dtype == "bfloat16"
        assert outer.layers[1].get_layer("predictions").compute_dtype == "float32"


def test_one_device_trains_the_model_itself() -> None:
    model = network()
    with replicated(model, ["CPU:0"]) as twin:
        assert twin is model


TWO_DEVICES = """
import json, os
import numpy as np
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    names = ["CPU:0", "CPU:1"]
else:
    names = ["cpu:0", "cpu:1"]
from keras_cv_course.training import device
from keras_cv_course.training import fit as fit_module
import small_training as small
from keras_cv_course.training.fit import FitConfig, fit

def train(devices):
    keras.utils.set_random_seed(0)
    model = small.small_model(dropout=0.0)
    first = model.get_weights()
    device.gpu_names = fit_module.gpu_names = lambda: devices
    config = FitConfig(epochs=2, batch_size=16, warmup_epochs=0, precision="float32", augmentation=None)
    rest, held_out = small.colour_squares(64).split(0.25, seed=0)
    history = fit(model, rest, config, validation=held_out)
    return first, model.get_weights(), history

first, together, history = train(names)
same_first, alone, alone_history = train([])
change = max(np.abs(a - b).max() for a, b in zip(first, together))
difference = max(np.abs(a - b).max() for a, b in zip(together, alone))
print(json.dumps({"change": float(change), "difference": float(difference), "loss": history["loss"],
                  "alone": alone_history["loss"]}))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_and_bring_the_weights_back(backend: str) -> None:
    if backend == "jax":
        pytest.importorskip("jax", reason="the jax extra is not installed")
    done = run_on(backend, TWO_DEVICES)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["change"] > 0.01
    # Not equal on TensorFlow, where each replica's batch norm takes the statistics of its own 8 pictures. The gradients
    # are those of the whole batch all the same: were a replica lost or counted twice, six steps would end far apart.
    assert result["difference"] < 0.25 * result["change"]
    np.testing.assert_allclose(result["loss"][0], result["alone"][0], rtol=0.05)
