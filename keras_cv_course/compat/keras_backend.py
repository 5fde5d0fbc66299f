"""Functions of ``keras.backend`` that Keras 3 does not have, or only under ``tf.keras``."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras.src.legacy import backend as legacy_backend

from keras_cv_course.compat.keras_layers import LearningPhase
from keras_cv_course.compat.keras_modules import in_each_tree
from keras_cv_course.compat.patches import Patches, Shim, public
from keras_cv_course.compat.symbolic_tensors import has_symbolic, insert_layer


def learning_phase() -> int:
    """Give 1 where layers train unless told otherwise, else 0."""
    return int(bool(LearningPhase.training))


def set_learning_phase(value: int) -> None:
    """Let layers train (1) or not (0) unless told otherwise."""
    LearningPhase.training = bool(value)


def placeholder(
    shape: Sequence[int | None] | None = None,
    ndim: int | None = None,
    dtype: str | None = None,
    name: str | None = None,
) -> Any:
    """Give a symbolic tensor, to be fed later."""
    return keras.Input(batch_shape=tuple(shape or [None] * (ndim or 0)), dtype=dtype, name=name)


def function(inputs: Sequence[Any], outputs: Any, **_: Any) -> Any:
    """Give a function of a list of arrays, which computes symbolic tensors from others."""
    return lambda values: Session().run(outputs, dict(zip(inputs, values, strict=False)))


class Session:
    """What is left of TensorFlow 1's session: it computes symbolic tensors from arrays for their inputs."""

    def run(self, fetches: Any, feed_dict: dict[Any, Any] | None = None) -> Any:
        """Give the numbers of tensors.

        Args:
            fetches: tensors, in any nesting.
            feed_dict: arrays, each for an input; what is no tensor, such as the learning phase, is passed over.

        Returns:
            Arrays, nested as `fetches`.
        """
        fed = {tensor: value for tensor, value in (feed_dict or {}).items() if isinstance(tensor, keras.KerasTensor)}
        wanted = keras.tree.flatten(fetches)
        symbolic = [tensor for tensor in wanted if isinstance(tensor, keras.KerasTensor)]
        computed = iter(keras.Function(list(fed), symbolic)(list(fed.values())) if symbolic else [])
        numbers = [np.asarray(next(computed) if isinstance(t, keras.KerasTensor) else t) for t in wanted]
        return keras.tree.pack_sequence_as(fetches, numbers)


def dtype(x: Any) -> str:
    """Name the type of a tensor's numbers."""
    return keras.backend.standardize_dtype(x.dtype)


def ndim(x: Any) -> int:
    """Count the axes of a tensor."""
    return len(x.shape)


def set_value(x: Any, value: Any) -> None:
    """Give a variable other numbers."""
    x.assign(value)


NAMES: dict[str, Any] = {
    "learning_phase": learning_phase,
    "set_learning_phase": set_learning_phase,
    "placeholder": placeholder,
    "function": function,
    "get_session": Session,
    # tf.keras's own do not know Keras 3's symbolic tensors and variables.
    "dtype": dtype,
    "ndim": ndim,
    "set_value": set_value,
}


# These tell something of a tensor and compute nothing.
ABOUT_TENSORS = {"dtype", "int_shape", "ndim", "count_params", "is_sparse", "is_keras_tensor"}


def fill_backend(patches: Patches) -> None:
    """Give ``keras.backend`` what ``tf.keras.backend`` has, and both the functions of the time of graphs."""
    modules = in_each_tree("backend")
    for name, thing in (public(*modules) | NAMES).items():
        if getattr(thing, "__module__", "") == legacy_backend.__name__ and name not in ABOUT_TENSORS:
            thing = _taking_symbolic_tensors(thing)
        for module in modules:
            patches.set(module, name, thing)


def _taking_symbolic_tensors(original: Any) -> Any:
    @functools.wraps(original)
    def compute(*args: Any, **kwargs: Any) -> Any:
        # Parts of these functions ask for what only TensorFlow's tensors have, so they must run whole in one layer.
        return insert_layer(original, args, kwargs) if has_symbolic(args, kwargs) else original(*args, **kwargs)

    return compute


SHIMS = (
    Shim(
        "K.max, K.gather, K.reshape, ...; K.placeholder, K.function, K.get_session, K.learning_phase",
        "Keras 3 keeps some in tf.keras.backend alone, and has none that need a graph or a session",
        fill_backend,
    ),
)
