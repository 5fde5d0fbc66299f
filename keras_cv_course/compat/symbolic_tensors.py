"""TensorFlow's functions and arithmetic on a model's symbolic tensors: layers of their own, as in TensorFlow 2.3."""

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.util import dispatch

from keras_cv_course.compat.patches import Patches, Shim
from keras_cv_course.errors import WeightsError

COMPUTING = (
    *(f"tensorflow.python.ops.{name}_ops" for name in ("array", "clip", "math", "nn")),
    *(f"tensorflow.python.ops.gen_{name}_ops" for name in ("array", "image", "math", "nn")),
    "tensorflow.python.ops.array_ops_stack",
    "tensorflow.python.ops.image_ops_impl",
    "tensorflow.python.ops.nn_impl",
    "tensorflow.python.ops.special_math_ops",
    "keras.src.legacy.backend",
)
TENSOR = "keras_cv_course_tensor"  # in a stored layer: the place of a tensor among the arguments


class TensorFlowOpLayer(keras.layers.Layer):
    """One operation, or function of TensorFlow, whose tensors come from a model and whose other arguments are fixed.

    Args:
        function: the operation of Keras, or TensorFlow's function.
        arguments: (args, kwargs) with a `_Place` for each tensor.
        name: of the layer.
    """

    def __init__(self, function: Any, arguments: Any, name: str | None = None, **kwargs: Any) -> None:
        # Arguments must reach TensorFlow with the type that they have: a function may want 64-bit numbers.
        super().__init__(name=name or _layer_name(function), autocast=False, **kwargs)
        # In a function, so that Keras does not take variables among the arguments for the layer's weights: there are
        # none in TensorFlow 2.3's layer either.
        self._fixed = lambda: (function, arguments)

    def call(self, tensors: list[Any]) -> Any:
        """Run the operation."""
        function, _ = self._fixed()
        args, kwargs = self._fill(tensors)
        return function(*args, **kwargs)

    def _fill(self, tensors: list[Any]) -> tuple[Any, Any]:
        _, arguments = self._fixed()
        return keras.tree.map_structure(lambda leaf: tensors[leaf] if isinstance(leaf, _Place) else leaf, arguments)

    def get_config(self) -> dict[str, Any]:
        """Describe the layer for saving and cloning."""
        function, arguments = self._fixed()
        stored = keras.tree.map_structure(
            lambda leaf: {TENSOR: int(leaf)} if isinstance(leaf, _Place) else leaf, arguments
        )
        if isinstance(function, keras.Operation):
            described = keras.saving.serialize_keras_object(function)
        else:
            described = f"{function.__module__}:{function.__name__}"
        return {
            "name": self.name,
            "function": described,
            "arguments": keras.saving.serialize_keras_object(list(stored)),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TensorFlowOpLayer":
        """Build the layer again."""
        function = config["function"]
        found: Any
        if isinstance(function, str):
            module, _, name = function.partition(":")
            check_module(module, function)
            found = getattr(import_module(module), name)
        else:
            found = keras.saving.deserialize_keras_object(function)
        return cls(found, _restore(config["arguments"]), name=config["name"])


def check_module(module: str, function: str) -> None:
    """Make sure that a stored model asks for a function that only computes: TensorFlow has others, which write files.

    Raises:
        WeightsError: it asks for another.
    """
    if module not in COMPUTING:
        raise WeightsError(
            f"Expected a stored model with functions of TensorFlow that only compute. Received: {function}. "
            f"Build the model in code and use load_weights."
        )


class _Place(int):
    """The place of a tensor in a layer's list of inputs."""


def _restore(stored: Any) -> Any:
    if isinstance(stored, dict):
        if stored.keys() == {TENSOR}:
            return _Place(stored[TENSOR])
        if "class_name" in stored:
            restored = keras.saving.deserialize_keras_object(stored)
            return _restore(restored) if isinstance(restored, (tuple, list, dict)) else restored
        return {key: _restore(value) for key, value in stored.items()}
    if isinstance(stored, (list, tuple)):
        return type(stored)(_restore(value) for value in stored)
    return stored


def _layer_name(function: Any) -> str:
    name = type(function).__name__ if isinstance(function, keras.Operation) else function.__name__
    prefix = f"tf_op_layer_{name.lower().strip('_')}"
    count = keras.backend.get_uid(prefix)
    return prefix if count == 1 else f"{prefix}_{count - 1}"


def has_symbolic(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a model's symbolic tensors are among the arguments, lists in them included."""
    return any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten((args, kwargs)))


def insert_layer(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Put the operation into the model of its tensors."""
    tensors: list[Any] = []

    def place(leaf: Any) -> Any:
        if not isinstance(leaf, keras.KerasTensor):
            return leaf
        tensors.append(leaf)
        return _Place(len(tensors) - 1)

    arguments = keras.tree.map_structure(place, (args, kwargs))
    return TensorFlowOpLayer(function, arguments)(tensors)


def make_operations_layers(patches: Patches) -> None:
    """Make a layer of each operation of Keras on symbolic tensors that is not in a layer, arithmetic included."""
    original = keras.Operation.symbolic_call

    @functools.wraps(original)
    def symbolic_call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self, keras.Function):
            return original(self, *args, **kwargs)
        return insert_layer(self, args, kwargs)

    patches.set(keras.Operation, "symbolic_call", symbolic_call)  # layers have their own
    patches.add(keras.KerasTensor, "__array_priority__", 100)  # so that NumPy's numbers leave `2.0 * x` to the tensor
    patches.add(keras.KerasTensor, "get_shape", lambda self: tf.TensorShape(self.shape))
    patches.set_item(keras.saving.get_custom_objects(), "TensorFlowOpLayer", TensorFlowOpLayer)


class _SymbolicArguments(dispatch.GlobalOpDispatcher):
    """Where TensorFlow refuses the arguments of a function, see whether symbolic tensors are among them."""

    def handle(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer TensorFlow's dispatch."""
        return insert_layer(op, args, kwargs) if has_symbolic(args, kwargs) else self.NOT_SUPPORTED


def let_tensorflow_take_symbolic_tensors(patches: Patches) -> None:
    """Let functions of TensorFlow take a model's symbolic tensors."""
    dispatcher = _SymbolicArguments()
    dispatcher.register()
    patches.on_undo(lambda: dispatch._GLOBAL_DISPATCHERS.remove(dispatcher))  # there is no call that unregisters


SHIMS = (
    Shim(
        "x / 127.5 - 1 on a symbolic tensor, x.get_shape()",
        "Keras 3 makes operations of it that are not in model.layers; TensorFlow 2.3 made a TensorFlowOpLayer",
        make_operations_layers,
    ),
    Shim(
        "tf.math.truediv(x, 127.5), tf.concat([x, y], -1) on symbolic tensors",
        "Keras 3's symbolic tensors cannot be given to TensorFlow's functions",
        let_tensorflow_take_symbolic_tensors,
    ),
)
