"""Checks of functions that make models: shapes, values for weights that are set, flags, and a step of training."""

import numpy as np

from keras_cv_course.grading import Input, Model, Named, Subject, check_of, compare

SHAPE, FILTERS, KERNEL = (5, 6, 3), [4, 2, 3], 3


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve (m, h, w, c) with (k, k, c, n), padded with zeros to the same size."""
    size = len(kernel)
    before = (size - 1) // 2
    padded = np.pad(x, ((0, 0), (before, size - 1 - before), (before, size - 1 - before), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))  # (m, h, w, c, k, k)
    return np.einsum("mhwcij,ijcn->mhwn", windows, kernel) + bias


def normalize(x: np.ndarray, weights: list[np.ndarray], training: bool) -> np.ndarray:
    gamma, beta, mean, variance = weights
    if training:
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta


def block(
    x: np.ndarray, weights: list[np.ndarray], *, training: bool, shortcut: bool = True, last: bool = True
) -> np.ndarray:
    """Give the block's output; weights are those of a convolution and a batch norm, three times."""
    y = x
    for stage in range(3):
        kernel, bias, *normal = weights[6 * stage : 6 * stage + 6]
        y = normalize(convolve(y, kernel, bias), normal, training)
        y = np.maximum(y, 0) if stage < 2 else y
    y = x + y if shortcut else y
    return np.maximum(y, 0) if last else y


def build(subject: Subject, draw: np.random.Generator) -> tuple[Model, list[np.ndarray], np.ndarray]:
    """Build the block on a symbolic input, set weights that are drawn, and draw images."""
    model = subject.model("identity_block", Input(SHAPE), KERNEL, FILTERS, initializer=Named("random_uniform"))
    weights = [
        draw.uniform(0.2, 1, weight.shape) if "variance" in weight.path else draw.normal(0, 0.5, weight.shape)
        for weight in model.weights
    ]
    weights = [weight.astype(np.float32) for weight in weights]
    subject.set_weights(model, weights)
    return model, weights, draw.normal(0, 1, (2, *SHAPE)).astype(np.float32)


@check_of(
    "identity_block", title="Shapes of its output and weights", hint="Three convolutions, a batch norm after each."
)
def block_shapes(subject: Subject, draw: np.random.Generator) -> None:
    model, _, _ = build(subject, draw)
    compare.equal(model.outputs, ((None, *SHAPE),), "shape of identity_block's output")
    kernels = [weight.shape for weight in model.weights if len(weight.shape) == 4]
    expected = [(1, 1, 3, 4), (KERNEL, KERNEL, 4, 2), (1, 1, 2, 3)]
    compare.equal(kernels, expected, "shapes of the kernels")
    compare.equal(len(model.weights), 18, "number of weights")


@check_of("identity_block", title="Values with given weights", points=2, hint="Add the input, then the last ReLU.")
def block_values(subject: Subject, draw: np.random.Generator) -> None:
    model, weights, x = build(subject, draw)
    mistakes = {
        "The last ReLU is missing.": block(x, weights, training=False, last=False),
        "The input is not added.": block(x, weights, training=False, shortcut=False),
        "The last ReLU comes before the addition.": x + block(x, weights, training=False, shortcut=False),
    }
    received = subject.predict(model, x)
    compare.close(
        received, block(x, weights, training=False), "identity_block", mistakes=mistakes, rtol=1e-3, atol=1e-4
    )


@check_of("identity_block", title="Values while training")
def block_training(subject: Subject, draw: np.random.Generator) -> None:
    model, weights, x = build(subject, draw)
    received = subject.predict(model, x, training=True)
    compare.close(received, block(x, weights, training=True), "identity_block", rtol=1e-3, atol=1e-4)


@check_of("head_on_frozen", title="What is frozen, and what is not")
def head_flags(subject: Subject, draw: np.random.Generator) -> None:
    model = subject.model("head_on_frozen", (8, 8, 3))
    flags = {layer.type: layer.trainable for layer in model.layers if layer.type in ("Functional", "Dense")}
    compare.equal(flags, {"Functional": False, "Dense": True}, "which layers are trainable")
    compare.equal(sum(weight.trainable for weight in model.weights), 2, "number of trainable weights")


@check_of("head_on_frozen", title="How it is compiled")
def head_compiled(subject: Subject, draw: np.random.Generator) -> None:
    compiled = subject.model("head_on_frozen", (8, 8, 3)).compiled
    if compiled is None:
        raise compare.Wrong("The model is not compiled.")
    compare.equal(compiled["optimizer"], "Adam", "optimizer")
    compare.close(compiled["learning_rate"], 0.01, "learning rate")
    compare.equal(compiled["loss_config"].get("from_logits"), True, "from_logits of the loss")


@check_of("head_on_frozen", title="Training changes the head alone")
def head_fit(subject: Subject, draw: np.random.Generator) -> None:
    model = subject.model("head_on_frozen", (8, 8, 3))
    before = subject.weights(model)
    x, y = draw.normal(0, 1, (8, 8, 8, 3)).astype(np.float32), draw.integers(0, 2, (8, 1)).astype(np.float32)
    history = subject.fit(model, x, y, seed=1, epochs=2, batch_size=4)
    if not isinstance(history, dict) or "loss" not in history:
        raise compare.Wrong("Training has no history of its loss.")
    changed = [not np.array_equal(*pair) for pair in zip(before, subject.weights(model), strict=True)]
    compare.equal(
        changed, [weight.trainable for weight in subject.describe(model).weights], "which weights training changes"
    )
