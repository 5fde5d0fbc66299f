"""Turns requests into values, and values into answers, on the submission's side.

Beside the submission's own code, as `worker.py`, which describes the format, and loaded with it.
"""

import json
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

# Of one answer. What is beyond is told as "..." or as an object of its type: no honest answer comes near.
_DEPTH = 12
_NODES = 20_000
_TEXT = 2_000
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)


class MissingError(Exception):
    """A request names what nothing has."""


class Reader:
    """Turns what a request holds into values.

    Attributes:
        inputs: the symbolic inputs that were made, in their order.
    """

    def __init__(self, namespace: dict[str, Any], models: list[Any], arrays: list[np.ndarray]) -> None:
        self._namespace, self._models, self._arrays = namespace, models, arrays
        self.inputs: list[Any] = []

    def value(self, node: Any) -> Any:
        """Turn a node of JSON into a value."""
        if not isinstance(node, dict):
            return node
        kind, content = node["t"], node["v"]
        if kind in ("list", "tuple"):
            return {"list": list, "tuple": tuple}[kind](self.value(item) for item in content)
        if kind == "dict":
            return {self.value(key): self.value(item) for key, item in content}
        if kind == "float":
            return float(content)
        if kind == "array":
            return self._arrays[content].copy()  # an array that may be written to
        if kind == "tensor":
            import tensorflow as tf

            return tf.constant(self._arrays[content])
        if kind == "model":
            return self._models[content]
        if kind == "named":
            if content not in self._namespace:
                raise MissingError(content)
            return self._namespace[content]
        import keras

        self.inputs.append(keras.Input(tuple(content["shape"]), dtype=content["dtype"]))
        return self.inputs[-1]


class Encoder:
    """Turns values into nodes of JSON and arrays.

    Attributes:
        inputs: symbolic inputs; a symbolic result is told as the model from them to it.
    """

    def __init__(self, models: list[Any], most_bytes: int) -> None:
        self._models, self._most_bytes = models, most_bytes
        self._arrays: list[np.ndarray] = []
        self._nodes = 0
        self.inputs: list[Any] = []

    def message(self, value: Any) -> bytes:
        """Write the answer that holds a value."""
        return pack({"value": self._node(value, 0)}, self._arrays)

    def _node(self, value: Any, depth: int) -> Any:
        self._nodes += 1
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int and -(2**63) <= value < 2**63:
            return value
        if kind is float:
            return value if np.isfinite(value) else {"t": "float", "v": str(value)}
        if kind is str:
            return text_of(value)
        if depth >= _DEPTH or self._nodes > _NODES:
            return _other(value)
        if isinstance(value, tuple | list) and len(value) <= _NODES:  # a namedtuple as a tuple
            name = "tuple" if isinstance(value, tuple) else "list"
            return {"t": name, "v": [self._node(item, depth + 1) for item in value]}
        if isinstance(value, dict) and len(value) <= _NODES:
            pairs = [[self._node(key, depth + 1), self._node(item, depth + 1)] for key, item in value.items()]
            return {"t": "dict", "v": pairs}
        if isinstance(value, np.ndarray | np.generic):
            return self._array(value, value, "array")
        return self._of_keras(value)

    def _of_keras(self, value: Any) -> Any:
        """Encode a tensor or a model; anything else as an object of its type."""
        keras = sys.modules.get("keras")
        if keras is not None:
            if isinstance(value, keras.KerasTensor) and self.inputs:
                value = keras.Model(self.inputs[0] if len(self.inputs) == 1 else self.inputs, value)
            if isinstance(value, keras.Model):
                if not any(value is known for known in self._models):
                    self._models.append(value)
                handle = next(number for number, known in enumerate(self._models) if known is value)
                return {"t": "model", "v": {"handle": handle, **_describe_model(value)}}
            if isinstance(value, keras.Variable):
                return self._array(np.asarray(value), value, "variable")
        tf = sys.modules.get("tensorflow")
        if tf is not None and isinstance(value, tf.Tensor | tf.Variable) and hasattr(value, "numpy"):
            return self._array(value.numpy(), value, "tensor" if isinstance(value, tf.Tensor) else "variable")
        return _other(value)

    def _array(self, array: Any, value: Any, kind: str) -> Any:
        array = np.asarray(array)
        dtype = array.dtype.name
        if array.dtype.kind in "OSU" and array.size <= _NODES:  # a tensor of strings holds bytes
            return self._node(_with_text(array.tolist()), _DEPTH - 4)
        if dtype not in _DTYPES:
            try:
                array = array.astype(np.float32)  # bfloat16 and its kin
            except (TypeError, ValueError):
                return _other(value)
        if array.nbytes > self._most_bytes:
            return _other(value, f"an array of shape {array.shape}, too large to be looked at")
        self._most_bytes -= array.nbytes
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        self._arrays.append(array)
        return {"t": kind, "v": len(self._arrays) - 1, "dtype": dtype}


def _with_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _describe_model(model: Any) -> dict[str, Any]:
    """Describe a Keras model in plain data."""
    weights = {id(weight) for weight in model.trainable_weights}
    return {
        "type": text_of(type(model).__name__),
        "inputs": [_shape(part) for part in _flat(getattr(model, "inputs", None))],
        "outputs": [_shape(part) for part in _flat(getattr(model, "outputs", None))],
        "layers": [_describe_layer(layer, 0) for layer in model.layers[:_NODES]],
        "parameters": model.count_params(),
        "weights": [
            [text_of(weight.path), list(weight.shape), str(weight.dtype), id(weight) in weights]
            for weight in model.weights
        ],
        "compiled": _describe_compiled(model),
    }


def _describe_layer(layer: Any, depth: int) -> dict[str, Any]:
    inner = getattr(layer, "layers", [])[:_NODES] if depth < 4 else []
    output = getattr(layer, "output", None) if getattr(layer, "_inbound_nodes", None) else None
    return {
        "name": text_of(layer.name),
        "type": text_of(type(layer).__name__),
        "trainable": bool(layer.trainable),
        "output": _shape(output) if hasattr(output, "shape") else None,
        "parameters": layer.count_params() if layer.built else 0,
        "config": {} if inner else _config(layer.get_config),
        "layers": [_describe_layer(each, depth + 1) for each in inner],
    }


def _config(get: Callable[[], Any]) -> Any:
    try:
        return _plain(get(), 0)
    except Exception:  # of a layer, a loss or a metric of the submission's own that cannot be saved
        return {}


def _describe_compiled(model: Any) -> dict[str, Any] | None:
    if not getattr(model, "compiled", False):
        return None
    optimizer, loss = model.optimizer, model.loss
    return {
        "optimizer": text_of(type(optimizer).__name__),
        "learning_rate": None if optimizer is None else float(np.asarray(optimizer.learning_rate)),
        "loss": loss if isinstance(loss, str) else text_of(getattr(loss, "name", type(loss).__name__)),
        "loss_config": _config(loss.get_config) if hasattr(loss, "get_config") else {},
        "metrics": _config(lambda: (model.get_compile_config() or {}).get("metrics")),
    }


def _flat(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors] if tensors is not None else []


def _shape(tensor: Any) -> list[int | None]:
    return [None if size is None else int(size) for size in tensor.shape]


def _plain(value: Any, depth: int) -> Any:
    """Give what JSON can hold of a layer's config."""
    if value is None or isinstance(value, bool | str):
        return value if not isinstance(value, str) else text_of(value)
    if isinstance(value, int | float):
        return value if np.isfinite(value) else str(value)
    if depth < 5 and isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value[:100]]
    if depth < 5 and isinstance(value, dict):
        return {text_of(str(key)): _plain(item, depth + 1) for key, item in list(value.items())[:100]}
    return _other(value)["v"]


def _other(value: Any, text: str | None = None) -> dict[str, Any]:
    """Name an object that cannot be sent, by its type and a short text."""
    if text is None:
        try:
            text = repr(value)
        except BaseException:
            text = ""
    return {"t": "other", "v": f"{type(value).__name__}: {text[:200]}" if text else type(value).__name__}


def text_of(text: str) -> str:
    """Give a text that is short enough, and that UTF-8 can hold."""
    return str(text)[:_TEXT].encode("utf-8", "replace").decode()


def pack(body: Any, arrays: list[np.ndarray]) -> bytes:
    """Write a message."""
    header = json.dumps({"arrays": [[array.dtype.name, array.shape] for array in arrays], "body": body}).encode()
    return b"".join([struct.pack("<I", len(header)), header, *(array.tobytes() for array in arrays)])


def unpack(message: bytes) -> tuple[Any, list[np.ndarray]]:
    """Read a message: its body and its arrays."""
    (length,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + length])
    arrays, start = [], 4 + length
    for dtype, shape in header["arrays"]:
        array = np.frombuffer(message, dtype, int(np.prod(shape)), start).reshape(shape)
        arrays.append(array)
        start += array.nbytes
    return header["body"], arrays
