"""Shares of the learning rate, and Muon on kernels: against Keras's own optimizers."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import RunError
from keras_cv_course.training.fit import FitConfig, fit
from keras_cv_course.training.optimizers import make_optimizer

# So large that a different order of multiplying would show in the last bit.
RATE, DECAY, STEPS = 0.3, 0.7, 5
NAMES = ("kernel", "bias", "depthwise_kernel", "gamma", "beta")
PLAIN = {
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=DECAY),
    "adam": lambda rate: keras.optimizers.Adam(rate, weight_decay=DECAY),
    "muon": lambda rate: keras.optimizers.Muon(rate, weight_decay=DECAY, adam_weight_decay=DECAY),
}


def keras_own(name: str, rate: object = RATE) -> keras.optimizers.Optimizer:
    optimizer = PLAIN[name](rate)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def after_steps(optimizer: keras.optimizers.Optimizer, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Take some steps from fixed weights along fixed gradients."""
    draw = np.random.default_rng(0)
    variables = [keras.Variable(draw.normal(size=(3, 4)).astype("f4"), name=name) for name in NAMES]
    for _ in range(STEPS):
        optimizer.apply(
            [keras.ops.convert_to_tensor(scale * draw.normal(size=(3, 4)).astype("f4")) for _ in NAMES], variables
        )
    return {name: variable.numpy() for name, variable in zip(NAMES, variables, strict=True)}


def assert_same(received: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name in NAMES:
        np.testing.assert_array_equal(received[name], expected[name], err_msg=name)


@pytest.mark.parametrize("factors", [None, [1.0] * len(NAMES)], ids=["plain", "factors of 1"])
@pytest.mark.parametrize("name", PLAIN)
def test_whole_rate_is_keras_s_own_optimizer_bit_for_bit(name: str, factors: list[float] | None) -> None:
    schedule = keras.optimizers.schedules.CosineDecay(RATE, 2 * STEPS)
    assert_same(
        after_steps(make_optimizer(name, schedule, DECAY, factors=factors)), after_steps(keras_own(name, schedule))
    )


# Powers of two: multiplying by them rounds nothing, so that the results are equal to the last bit.
@pytest.mark.parametrize("factors", [[0.25] * 5, [1.0, 0.5, 0.25, 0.125, 2.0]], ids=["one", "several"])
@pytest.mark.parametrize("name", PLAIN)
def test_a_factor_is_another_rate_for_that_variable(name: str, factors: list[float]) -> None:
    received = after_steps(make_optimizer(name, RATE, DECAY, factors=factors))
    assert_same(received, {n: after_steps(keras_own(name, RATE * f))[n] for n, f in zip(NAMES, factors, strict=True)})


@pytest.mark.parametrize("name", PLAIN)
def test_decay_spares_biases_and_batch_norms(name: str) -> None:
    decayed, plain = (
        after_steps(make_optimizer(name, RATE, decay, factors=[0.5] * len(NAMES))) for decay in (DECAY, 0.0)
    )
    assert [n for n in NAMES if not np.array_equal(decayed[n], plain[n])] == ["kernel", "depthwise_kernel"]


@pytest.mark.parametrize("factors", [None, [1.0, 0.5, 0.25, 0.125, 2.0]], ids=["plain", "factors"])
@pytest.mark.parametrize("name", PLAIN)
def test_loss_scaling_changes_nothing_and_skips_overflows(name: str, factors: list[float] | None) -> None:
    scaled = make_optimizer(name, RATE, DECAY, factors=factors, scale_loss=True)
    assert isinstance(scaled, keras.optimizers.LossScaleOptimizer)
    expected = after_steps(make_optimizer(name, RATE, DECAY, factors=factors))
    assert_same(after_steps(scaled, scale=float(scaled.initial_scale)), expected)
    overflowing = make_optimizer(name, RATE, DECAY, factors=factors, scale_loss=True)
    draw = np.random.default_rng(0)
    assert_same(after_steps(overflowing, scale=np.inf), {name: draw.normal(size=(3, 4)).astype("f4") for name in NAMES})


def steps_of(optimizer: keras.optimizers.Optimizer, shape: tuple[int, ...]) -> np.ndarray:
    """Take some steps from fixed weights of a shape along fixed gradients."""
    draw = np.random.default_rng(0)
    variable = keras.Variable(draw.normal(size=shape).astype("f4"), name="kernel")
    for _ in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(draw.normal(size=shape).astype("f4"))], [variable])
    return variable.numpy()


def test_muon_takes_a_convolution_s_kernel_as_a_matrix() -> None:
    of_kernel = steps_of(make_optimizer("muon", RATE), (3, 3, 2, 4))
    of_matrix = steps_of(keras.optimizers.Muon(RATE, weight_decay=0), (18, 4))
    np.testing.assert_array_equal(of_kernel.reshape(18, 4), of_matrix)


@pytest.mark.parametrize("shape", [(), (4,), (1, 4), (3, 3, 2, 1)], ids=["number", "vector", "row", "depthwise"])
def test_muon_leaves_to_adam_what_is_no_matrix(shape: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(
        steps_of(make_optimizer("muon", RATE), shape), steps_of(make_optimizer("adam", RATE), shape)
    )


def test_muon_leaves_to_adam_what_answers(colour_squares: LabelledImages) -> None:
    config = FitConfig(
        epochs=1,
        batch_size=len(colour_squares),
        optimizer="muon",
        learning_rate=0.01,
        warmup_epochs=0,
        weight_decay=0,
        precision="float32",
    )
    model = two_layers()
    before = {v.path: v.numpy() for v in model.trainable_variables}
    fit(model, colour_squares, config)
    moved = {v.path: v.numpy() - before[v.path] for v in model.trainable_variables}
    # Adam's first step is the rate for each weight; Muon's has a fifth of it as its root mean square.
    np.testing.assert_allclose(np.abs(moved["predictions/kernel"]), 0.01, rtol=1e-3)
    assert 0.1 * 0.01 < np.sqrt((moved["conv/kernel"] ** 2).mean()) < 0.3 * 0.01


def test_a_step_of_muon_is_about_as_long_in_all_directions() -> None:
    draw = np.random.default_rng(0)
    gradient = (draw.normal(size=(24, 6)) * 0.5 ** np.arange(6)).astype("f4")
    variable = keras.Variable(np.zeros((2, 3, 4, 6), "f4"), name="kernel")
    make_optimizer("muon", RATE).apply([keras.ops.convert_to_tensor(gradient.reshape(2, 3, 4, 6))], [variable])
    lengths = np.linalg.svd(variable.numpy().reshape(24, 6), compute_uv=False)
    given = np.linalg.svd(gradient, compute_uv=False)
    assert given.max() > 20 * given.min()
    whole = RATE * 0.2 * np.sqrt(24)  # as Adam's: about 0.2 of the rate for each weight
    # Five steps of Newton and Schulz are no more exact.
    assert 0.6 * whole < lengths.min() < lengths.max() < 1.3 * whole


def two_layers() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = layers.Dense(3, activation="softmax", name="predictions")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("optimizer", PLAIN)
def test_fit_with_a_tiny_factor_leaves_a_layer_still(
    colour_squares: LabelledImages, optimizer: str, precision: str
) -> None:
    model = two_layers()
    before = {v.path: v.numpy() for v in model.trainable_variables}
    config = FitConfig(epochs=2, batch_size=16, optimizer=optimizer, learning_rate=0.01, precision=precision)
    fit(model, colour_squares, config, learning_rate_factors=[1e-9, 1e-9, 1, 1])
    moved = {v.path: np.abs(v.numpy() - before[v.path]).max() for v in model.trainable_variables}
    assert moved["conv/kernel"] < 1e-6  # 6 steps of 1e-11
    assert moved["conv/bias"] < 1e-6
    assert moved["predictions/kernel"] > 1e-3
    assert moved["predictions/bias"] > 1e-5


def test_fit_refuses_factors_of_another_model(colour_squares: LabelledImages) -> None:
    with pytest.raises(RunError, match=r"each of the 4 trainable variables. Received: 3"):
        fit(two_layers(), colour_squares, FitConfig(epochs=1, precision="float32"), learning_rate_factors=[1, 1, 1])


@pytest.mark.parametrize("optimizer", PLAIN)
def test_optimizer_survives_the_run_s_config(optimizer: str) -> None:
    config = FitConfig(optimizer=optimizer)
    assert FitConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_runs_of_before_were_trained_with_sgd() -> None:
    settings = FitConfig().to_json()
    del settings["optimizer"]
    assert FitConfig.from_json(settings).optimizer == "sgd"


def test_unknown_optimizer_is_refused() -> None:
    with pytest.raises(RunError, match=r"optimizer must be one of sgd, adam, muon. Received: 'rmsprop'"):
        FitConfig(optimizer="rmsprop")
    with pytest.raises(RunError, match="rmsprop"):
        FitConfig.from_json({**FitConfig().to_json(), "optimizer": "rmsprop"})


@pytest.mark.parametrize("factors", [None, [1.0]], ids=["plain", "with factors"])
def test_the_moving_average_follows_closely_at_first(factors: list[float] | None) -> None:
    draw = np.random.default_rng(0)
    variable = keras.Variable(draw.normal(size=(3, 4)).astype("f4"), name="kernel")
    optimizer = make_optimizer("sgd", 0.5, average=0.8, factors=factors)
    expected = np.zeros((3, 4))
    for step in range(60):
        optimizer.apply([keras.ops.convert_to_tensor(draw.normal(size=(3, 4)).astype("f4"))], [variable])
        kept = min(0.8, step / (9 + step))  # 0.8 from step 36 on
        expected = kept * expected + (1 - kept) * variable.numpy()
    optimizer.finalize_variable_values([variable])
    # float32 against float64, numbers up to about 20.
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-5)
