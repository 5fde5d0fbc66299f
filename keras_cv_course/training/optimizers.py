"""The optimizers of all trainings, with a share of the learning rate for each variable if wanted."""

import math
import re
from collections.abc import Collection, Sequence
from typing import Any, Literal

import keras

OptimizerName = Literal["sgd", "adam", "muon"]

# A learning rate for each group of layers: Howard and Ruder, "Universal Language Model Fine-tuning", 2018, section 3.2.
UNDECAYED = ("bias", "gamma", "beta")

_RAMP = 9


def make_optimizer(
    name: OptimizerName,
    learning_rate: Any,
    weight_decay: float = 0.0,
    *,
    factors: Sequence[float] | None = None,
    scale_loss: bool = False,
    clip_norm: float | None = None,
    average: float | None = None,
    answering: Collection[str] = (),
) -> keras.optimizers.Optimizer:
    """Make an optimizer.

    Args:
        name: a key of `OPTIMIZERS`.
        learning_rate: a number or a Keras schedule.
        weight_decay: subtracted at each step: its product with weight and learning rate. Biases and batch norms are
            exempt.
        factors: for each variable that will be trained its share of the learning rate, and so of the decay; None for
            the whole rate everywhere.
        scale_loss: keep small float16 gradients from vanishing.
        clip_norm: gradients whose norm over all variables is larger are shortened to it.
        average: share of the old value that a moving average of the weights keeps at each step, from the time on when
            it is less than 1 - 9 / (9 + steps done); before, it keeps that. ``model.fit`` puts the averages into the
            model at its end. None for no average.
        answering: paths of the variables of the layers that give the model's answers, see
            :func:`~keras_cv_course.models.nested_layers.answering_variables`. ``muon`` leaves them to Adam, as its
            papers do: a network whose first answers are far off would take long to mend them.
    """
    plain, with_factors = OPTIMIZERS[name]
    options: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    decay: dict[str, float | None] = {"weight_decay": weight_decay} if factors is None else {"weight_decay": None}
    if name == "muon":
        decay["adam_weight_decay"] = decay["weight_decay"]
        options["exclude_layers"] = [f"^{re.escape(path)}$" for path in sorted(answering)]
    options["global_clipnorm"] = clip_norm
    if average is not None:
        options |= {"use_ema": True, "ema_momentum": average}
    if factors is None:
        optimizer = plain(learning_rate, **decay, **options)
        optimizer.exclude_from_weight_decay(var_names=list(UNDECAYED))
    else:
        optimizer = with_factors(learning_rate, **decay, **options)
        optimizer.set_factors(factors, weight_decay)
    return keras.optimizers.LossScaleOptimizer(optimizer) if scale_loss else optimizer


class _RampedAverage:
    """Let the moving average follow closely at first; stands before a Keras optimizer among the bases.

    Keras's own begins at the weights after the first step and remembers them for as long as any others: with a share of
    0.99 it is little but them for a hundred steps. This one is over about the last tenth of all steps, until it is over
    as many as `ema_momentum` says. The ramp is that of TensorFlow's ``ExponentialMovingAverage`` with `num_updates`.
    """

    def _update_model_variables_moving_average(self, trainable_variables: Sequence[Any]) -> None:
        step = keras.ops.cast(self.iterations, "float32")  # type: ignore[attr-defined]  # 0 at the first
        kept = keras.ops.minimum(step / (step + _RAMP), self.ema_momentum)  # type: ignore[attr-defined]
        averages = self._model_variables_moving_average  # type: ignore[attr-defined]
        for variable, average in zip(trainable_variables, averages, strict=True):
            average.assign(kept * average + (1 - kept) * variable)


class _Factors:
    """Multiply the learning rate by a number for each variable; stands before a Keras optimizer among the bases."""

    def set_factors(self, factors: Sequence[float], weight_decay: float) -> None:
        # Keras's own decay would go on at the whole rate.
        self.factors, self.decay = tuple(factors), weight_decay

    def build(self, variables: Sequence[Any]) -> None:
        self.decayed = [not any(word in variable.name for word in UNDECAYED) for variable in variables]
        super().build(variables)  # type: ignore[misc]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        number = self._get_variable_index(variable)  # type: ignore[attr-defined]
        rate = learning_rate * self.factors[number]
        if self.decayed[number]:
            # Multiplied in Keras's order: factors of 1 give its own numbers bit for bit.
            decay = variable * keras.ops.cast(self.decay, variable.dtype) * keras.ops.cast(rate, variable.dtype)
            self.assign_sub(variable, decay)  # type: ignore[attr-defined]
        super().update_step(gradient, variable, rate)  # type: ignore[misc]


class SGD(_RampedAverage, keras.optimizers.SGD):
    """Keras's SGD, with another start of the moving average."""


class Adam(_RampedAverage, keras.optimizers.Adam):
    """Keras's Adam, with another start of the moving average."""


class Muon(_RampedAverage, keras.optimizers.Muon):
    """Keras's Muon, with another start of the moving average, and for the kernels of convolutions too.

    A kernel is taken as the matrix that it is at each place of the picture, its last axis against all others together.
    A step makes all directions of the matrix about equally long, also those along which gradients are small (Jordan,
    "Muon: an optimizer for hidden layers in neural networks", 2024), and its weights move by a fifth of the rate in the
    root mean square, about as with Adam (Liu et al., "Muon is scalable for LLM training", 2025, section 2.2). What is
    no matrix is Adam's: numbers, vectors, kernels of a single row or column.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        *others, last = tuple(variable.shape) or (1,)
        if min(math.prod(others), last) == 1 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, gradient + m * (self.momentum - 1))  # in Keras's order: its own numbers bit for bit
        ahead = gradient + self.momentum * m if self.nesterov else m
        step = self.zeropower_via_newtonschulz5(keras.ops.reshape(ahead, (-1, variable.shape[-1])), self.ns_steps)
        self.assign_sub(variable, keras.ops.reshape(self.lr_adjust(lr * step), variable.shape))


class SGDWithFactors(_Factors, SGD):
    """SGD with a share of the learning rate for each variable."""


class AdamWithFactors(_Factors, Adam):
    """Adam with a share of the learning rate for each variable."""


class MuonWithFactors(_Factors, Muon):
    """Muon with a share of the learning rate for each variable."""


OPTIMIZERS: dict[OptimizerName, tuple[Any, Any]] = {  # without factors, with them
    "sgd": (SGD, SGDWithFactors),
    "adam": (Adam, AdamWithFactors),
    "muon": (Muon, MuonWithFactors),
}
