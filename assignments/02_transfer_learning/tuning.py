"""Asks a submission's `fine_tune` to prepare a model, and sees what one step of training then does."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cv_course.grading import Model, Subject, compare

from .reference import SmallModel, cross_entropy, cross_entropy_of_probabilities, layer_of_weights

HEAD = ("kernel", "bias")
STATISTICS = ("moving_mean", "moving_variance")  # never trained


@dataclass(frozen=True)
class TuningCase:
    """A model to fine-tune, as given.py makes it.

    Attributes:
        blocks: of its base, which has 3 * blocks + 3 layers.
        fine_tune_at: first layer of the base that shall be trained.
    """

    blocks: int
    fine_tune_at: int

    def trained(self, fine_tune_at: int | None = None, *, before: bool = False) -> tuple[bool, ...]:
        """Tell of each weight of the model whether it shall be trained.

        Args:
            fine_tune_at: None for the right one.
            before: of the base, those before that layer in place of those from it on.
        """
        first = self.fine_tune_at if fine_tune_at is None else fine_tune_at
        kinds = ["kernel", "gamma", "beta", *STATISTICS] * self.blocks + ["kernel"]
        of_base = [
            kind not in STATISTICS and (layer >= first) is not before
            for kind, layer in zip(kinds, layer_of_weights(self.blocks), strict=True)
        ]
        return (*of_base, *(True for _ in HEAD))

    def make(self, subject: Subject) -> Model:
        """Make the model, frozen and compiled as before fine-tuning."""
        return subject.model("model_to_fine_tune", self.blocks)

    def see_trained(self, model: Model) -> None:
        """See which weights of a model are trained.

        Raises:
            compare.Wrong: others than those from `fine_tune_at` on, and the head.
        """
        received, right = tuple(weight.trainable for weight in model.weights), self.trained()
        if received == right:
            return
        layers = 3 * self.blocks + 3
        mistakes = {
            "The whole base is still frozen: base_model.trainable = True comes first.": self.trained(layers),
            "The whole base is trained: the layers before fine_tune_at must be frozen.": self.trained(0),
            "The layers before fine_tune_at are trained, and those from it on frozen: the other way round.": (
                self.trained(before=True)
            ),
            "One layer too many is trained: base_model.layers[:fine_tune_at] are frozen.": self.trained(
                self.fine_tune_at - 1
            ),
            "One layer too few is trained: layer number fine_tune_at is the first that is.": self.trained(
                self.fine_tune_at + 1
            ),
            "The last fine_tune_at layers are trained: it counts from the input.": self.trained(
                layers - self.fine_tune_at
            ),
            "Nothing is trained any more.": (False,) * len(right),
        }
        told = next((f"{text}\n" for text, trained in mistakes.items() if trained == received), "")
        raise compare.Wrong(
            f"{told}With fine_tune_at={self.fine_tune_at} and a base of {layers} layers: expected {sum(right)} weights "
            f"to train, the new layer's 2 among them. Received: {sum(received)}"
            f"{', but of other layers' if sum(received) == sum(right) else ''}."
        )


def tune(subject: Subject, model: Model, *arguments: Any, **keywords: Any) -> Model:
    """Let the submission prepare a model.

    Raises:
        compare.Wrong: it raised, or did not give that model back.
    """
    received = compare.is_model(subject.call("fine_tune", model, *arguments, **keywords), "fine_tune")
    if received.handle != model.handle:
        raise compare.Wrong("fine_tune: expected the model that was given, prepared. Received: another model.")
    return received


def see_step(subject: Subject, draw: np.random.Generator, case: TuningCase, rate: float) -> None:
    """Train for one step, and see by what it changes the loss, the optimizer, its rate, and what is trained.

    Adam's first step moves every number by the learning rate, whatever the loss: so the rate can be read off.

    Raises:
        compare.Wrong: one of them is not right.
    """
    model = case.make(subject)
    weights = _draw_weights(draw, model)
    subject.set_weights(model, weights)
    model = tune(subject, model, fine_tune_at=case.fine_tune_at, base_learning_rate=rate)
    if model.compiled is None:
        raise compare.Wrong("The model is not compiled.")
    pictures = draw.uniform(0, 255, (8, 1, 1, 3)) + draw.uniform(-40, 40, (8, 8, 8, 3))
    pictures = np.clip(pictures, 0, 255).astype(np.float32)
    labels = (np.arange(8) % 2).astype(np.float32)[:, None]
    history = subject.fit(model, pictures, labels, seed=int(draw.integers(2**31)), batch_size=8, epochs=1)
    _see_loss(history, SmallModel(case.blocks, weights).logits(pictures), labels)
    steps = [after - before for after, before in zip(subject.weights(model), weights, strict=True)]
    _see_rate(steps[-1], steps[-2], rate, model.compiled)
    if not any("acc" in str(name) for name in history):
        raise compare.Wrong(f"The training tells no accuracy, only: {', '.join(map(str, history))}. It is a metric.")
    moved = tuple(bool(np.any(step)) for step in steps)
    if moved != case.trained():
        raise compare.Wrong(
            f"A step of training: expected {sum(case.trained())} weights to move. Received: {sum(moved)}. Compile the "
            f"model after freezing and unfreezing."
        )


def _draw_weights(draw: np.random.Generator, model: Model) -> list[np.ndarray]:
    drawn = []
    for weight in model.weights:
        kind = weight.path.rsplit("/", 1)[-1]
        if kind == "kernel":
            scale = 2 / np.sqrt(np.prod(weight.shape[:-1]))
            drawn.append(draw.choice([-1, 1], weight.shape) * draw.uniform(0.5, 1, weight.shape) * scale)
        else:
            low = 0.5 if kind in ("gamma", "moving_variance") else 0.1
            drawn.append(draw.uniform(low, low + 0.5, weight.shape))
    return [weight.astype(np.float32) for weight in drawn]


def _see_loss(history: Any, logits: np.ndarray, labels: np.ndarray) -> None:
    received = history.get("loss") if isinstance(history, dict) else None
    if not isinstance(received, list) or len(received) != 1 or not isinstance(received[0], float):
        raise compare.Wrong("The training tells no loss.")
    mistakes = {
        "The loss takes logits for probabilities: BinaryCrossentropy(from_logits=True).": (
            cross_entropy_of_probabilities(logits, labels)
        ),
        "The model is not compiled again, or is a gap not filled in? It has the loss of the training before.": (
            float(np.mean((logits - labels) ** 2))
        ),
    }
    right = cross_entropy(logits, labels)
    compare.close(received[0], right, "loss of the first step", mistakes=mistakes, rtol=1e-3, atol=1e-4)


def _see_rate(of_bias: np.ndarray, of_kernel: np.ndarray, rate: float, compiled: dict[str, Any]) -> None:
    """See that a step moved every number of the head by a tenth of the rate, as Adam does."""
    sizes = np.abs(np.concatenate([np.ravel(of_bias), np.ravel(of_kernel)]))
    sizes = sizes[sizes > 0]  # of a channel that is 0 for all pictures, the weight stays
    expected = rate / 10

    def are(size: float) -> bool:
        # Not all: where a gradient happens to be almost 0, Adam's epsilon makes its step smaller.
        return bool(np.isclose(sizes, size, rtol=0.01, atol=0).sum() > len(sizes) / 2)

    if are(expected):
        return
    told = ""
    for factor, reason in {
        rate: "The learning rate is not lowered: fine-tuning takes a tenth of base_learning_rate.",
        0.0001: "base_learning_rate is not used: the rate is always 0.0001.",
        0.001: "base_learning_rate is not used: the rate is always 0.001, Adam's own.",
    }.items():
        if are(factor):
            told = f"{reason}\n"
            break
    raise compare.Wrong(
        f"{told}The first step of Adam(learning_rate={expected:g}) moves each number by {expected:g}. Received: by "
        f"{sizes.min() if len(sizes) else 0:g} to {sizes.max(initial=0):g}, with "
        f"{compiled.get('optimizer')} at {compiled.get('learning_rate')}."
    )
