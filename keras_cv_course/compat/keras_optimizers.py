"""Optimizers as Keras 2 had them: `lr`, `decay`, and the module ``legacy``."""

import functools
import inspect
from typing import Any

import keras

from keras_cv_course.compat.keras_modules import in_each_tree, optimizer_classes
from keras_cv_course.compat.patches import Patches, Shim


def accept_lr(patches: Patches) -> None:
    """Accept `lr` for `learning_rate`, `decay`, and None as epsilon; give ``optimizer.lr``."""
    for optimizer in optimizer_classes():
        if "__init__" in vars(optimizer):
            patches.set(optimizer, "__init__", _accepting(optimizer.__init__))  # type: ignore[misc]
    rate = property(
        lambda self: self.learning_rate,
        lambda self, value: setattr(self, "learning_rate", value),
        doc="Keras 2's name.",
    )
    patches.add(keras.optimizers.Optimizer, "lr", rate)


def _accepting(original: Any) -> Any:
    names = list(inspect.signature(original).parameters)[1:]  # without self

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if "lr" in kwargs:
            kwargs["learning_rate"] = kwargs.pop("lr")
        if kwargs.get("epsilon", 0) is None:
            del kwargs["epsilon"]  # None stood for the default
        decay = kwargs.pop("decay", None)
        if decay:
            kwargs |= dict(zip(names, args, strict=False))
            args = ()
            rate = kwargs.get("learning_rate", inspect.signature(original).parameters["learning_rate"].default)
            # Keras 2: learning_rate / (1 + decay * step).
            kwargs["learning_rate"] = keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay)
        original(self, *args, **kwargs)

    return init


def fill_legacy(patches: Patches) -> None:
    """Let ``optimizers.legacy.Adam`` be today's Adam."""
    for module in in_each_tree("optimizers.legacy"):
        for optimizer in optimizer_classes():
            patches.set(module, optimizer.__name__, optimizer)


SHIMS = (
    Shim(
        "Adam(lr=0.01, decay=0.001, epsilon=None), optimizer.lr",
        "Keras 3 knows learning_rate only, ignores decay and wants a number as epsilon",
        accept_lr,
    ),
    Shim("tf.keras.optimizers.legacy.Adam", "Keras 3 has no legacy optimizers", fill_legacy),
)
