"""The grader's side of what crosses the boundary: requests are written here, and answers are read.

`jail/worker.py` describes the format. An answer may have been forged by a submission: it is JSON and plain bytes, and
whatever is not exactly as it should be is a :class:`ProtocolError`.
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

_MOST_HEADER = 4 * 2**20  # bytes
_MOST_NODES = 200_000  # with descriptions of models; the worker stops itself long before
_MOST_DEPTH = 40
_MOST_ARRAYS = 4_096
_MOST_TEXT = 4_000
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
_KINDS = ("array", "tensor", "variable")


class ProtocolError(Exception):
    """An answer is not of the format; the message says in what."""


# What a request can hold beside plain Python and NumPy arrays


@dataclass(frozen=True)
class Tensor:
    """A TensorFlow tensor on the other side."""

    values: np.ndarray


@dataclass(frozen=True)
class Input:
    """A symbolic Keras tensor on the other side: (height, width, channels) and the like, without the batch."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Named:
    """Whatever the submission, or what the assignment gives it, calls by this name."""

    name: str


# What an answer can hold beside plain Python


@dataclass(frozen=True)
class Array:
    """A received array.

    Attributes:
        values: read-only; of another dtype than `dtype` where NumPy does not have that.
        dtype: by name, such as ``"float32"`` or ``"bfloat16"``.
        kind: ``"array"`` of NumPy, ``"tensor"`` or ``"variable"``.
    """

    values: np.ndarray
    dtype: str
    kind: str


@dataclass(frozen=True)
class Other:
    """An object that is none of the values that can be sent; `text` says what it was."""

    text: str


@dataclass(frozen=True)
class Layer:
    """A layer of a received model.

    Attributes:
        name: that it has in its model.
        type: name of its class.
        trainable: whether training changes it.
        output: shape of what it gives, None for an unknown size; None where Keras does not know it.
        parameters: their number.
        config: what it was made with; empty where it has layers itself.
        layers: of a model inside the model.
    """

    name: str
    type: str
    trainable: bool
    output: tuple[int | None, ...] | None
    parameters: int
    config: dict[str, Any]
    layers: tuple["Layer", ...]


@dataclass(frozen=True)
class Weight:
    """A weight of a received model."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool


@dataclass(frozen=True)
class Model:
    """A Keras model on the other side.

    Attributes:
        handle: its number there.
        type: name of its class.
        inputs: shapes, None for an unknown size.
        outputs: shapes.
        layers: in their order.
        parameters: their number.
        weights: in the order of `get_weights`.
        compiled: optimizer, learning_rate, loss, loss_config and metrics; None where it is not compiled.
    """

    handle: int
    type: str
    inputs: tuple[tuple[int | None, ...], ...]
    outputs: tuple[tuple[int | None, ...], ...]
    layers: tuple[Layer, ...]
    parameters: int
    weights: tuple[Weight, ...]
    compiled: dict[str, Any] | None


# Answers


@dataclass(frozen=True)
class Value:
    """A value came back."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """The submission's code raised.

    Attributes:
        type: name of the exception's class.
        message: of the exception.
        frames: (number of a cell, line) that it came through, the innermost last.
    """

    type: str
    message: str
    frames: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Missing:
    """Nothing has this name."""

    name: str


@dataclass(frozen=True)
class Executed:
    """A cell was executed.

    Attributes:
        problems: what went wrong; several where its statements ran each by itself.
        dropped: numbers of lines that only Jupyter understands.
    """

    problems: tuple[Raised, ...]
    dropped: tuple[int, ...]


Answer = Value | Raised | Missing | Executed


def write_request(do: str, *, most_bytes: int, **body: Any) -> bytes:
    """Write a request.

    Args:
        do: what to do, as `jail/worker.py` knows it.
        most_bytes: of the arrays in the answer.
        body: for ``"execute"`` a cell; for operations `arguments` and `keywords`, whose values are encoded.
    """
    arrays: list[np.ndarray] = []
    if "arguments" in body:
        body["arguments"] = [_encode(value, arrays) for value in body["arguments"]]
        body["keywords"] = {name: _encode(value, arrays) for name, value in body["keywords"].items()}
    body = {"do": do, "bytes": most_bytes, **body}
    header = {"arrays": [[array.dtype.name, array.shape] for array in arrays], "body": body}
    text = json.dumps(header).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(array.tobytes() for array in arrays)])


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"t": "float", "v": repr(value)}
    if isinstance(value, np.ndarray):
        arrays.append(value.astype(value.dtype.newbyteorder("="), copy=False))
        return {"t": "array", "v": len(arrays) - 1}
    if isinstance(value, Tensor):
        return {**_encode(np.asarray(value.values), arrays), "t": "tensor"}
    if isinstance(value, Input):
        return {"t": "input", "v": {"shape": value.shape, "dtype": value.dtype}}
    if isinstance(value, Named):
        return {"t": "named", "v": value.name}
    if isinstance(value, Model):
        return {"t": "model", "v": value.handle}
    if isinstance(value, list | tuple):
        return {"t": type(value).__name__, "v": [_encode(item, arrays) for item in value]}
    if isinstance(value, dict):
        return {"t": "dict", "v": [[_encode(key, arrays), _encode(item, arrays)] for key, item in value.items()]}
    raise TypeError(f"A {type(value).__name__} cannot be sent to a submission.")


def read_answer(message: bytes) -> Answer:
    """Read an answer.

    Raises:
        ProtocolError: it is not of the format, in whatever way.
    """
    if len(message) < 4:
        raise ProtocolError("an answer of less than 4 bytes")
    (length,) = struct.unpack_from("<I", message)
    if length > min(_MOST_HEADER, len(message) - 4):
        raise ProtocolError("a header larger than it may be")
    try:
        header = json.loads(
            message[4 : 4 + length].decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a header that is not JSON") from error
    header = _keys(header, "arrays", "body")
    reader = _AnswerReader(_read_arrays(header["arrays"], message, 4 + length))
    body = header["body"]
    if not isinstance(body, dict) or len(body) != 1:
        raise ProtocolError("an answer that says not exactly one thing")
    ((what, content),) = body.items()
    if what == "value":
        return Value(reader.value(content, 0))
    if what == "raised":
        return _raised(content)
    if what == "missing":
        return Missing(_text(content))
    if what == "cell":
        content = _keys(content, "problems", "dropped")
        return Executed(tuple(map(_raised, _list(content["problems"]))), tuple(map(_size, _list(content["dropped"]))))
    raise ProtocolError("an answer of an unknown kind")


def _read_arrays(descriptions: Any, message: bytes, start: int) -> list[tuple[np.ndarray, str]]:
    """Read all arrays; their bytes must fill the rest of the message exactly."""
    arrays = []
    if len(_list(descriptions)) > _MOST_ARRAYS:
        raise ProtocolError("too many arrays")
    for description in descriptions:
        dtype, shape = _pair(description)
        if dtype not in _DTYPES:
            raise ProtocolError("an array of an unknown dtype")
        sizes = tuple(map(_size, _list(shape)))
        if len(sizes) > 32 or math.prod(max(size, 1) for size in sizes) > 2**40:
            raise ProtocolError("an array of an impossible shape")
        count = math.prod(sizes)
        # A bool of any byte but 0 and 1 would behave as no bool does.
        stored = np.dtype("uint8" if dtype == "bool" else dtype)
        if start + count * stored.itemsize > len(message):
            raise ProtocolError("an array longer than the answer")
        values = np.frombuffer(message, stored, count, start).reshape(sizes)
        start += count * stored.itemsize
        values = np.asarray(values != 0) if dtype == "bool" else values
        values.flags.writeable = False
        arrays.append((values, dtype))
    if start != len(message):
        raise ProtocolError("bytes that belong to no array")
    return arrays


class _AnswerReader:
    def __init__(self, arrays: list[tuple[np.ndarray, str]]) -> None:
        self._arrays = arrays
        self._nodes = 0

    def value(self, node: Any, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _MOST_DEPTH:
            raise ProtocolError("a value of too many parts")
        if node is None or isinstance(node, bool | float):
            return node
        if isinstance(node, str):
            return _text(node)
        if isinstance(node, int):
            if not -(2**63) <= node < 2**63:
                raise ProtocolError("an integer of more than 64 bits")
            return node
        if not isinstance(node, dict):
            raise ProtocolError("a value of an unknown kind")
        kind, content = node.get("t"), node.get("v")
        if kind in _KINDS:
            node = _keys(node, "t", "v", "dtype")
            number = _size(content)
            if number >= len(self._arrays):
                raise ProtocolError("an array that is not there")
            return Array(self._arrays[number][0], _text(node["dtype"]), kind)
        _keys(node, "t", "v")
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind == "list":
            return [self.value(item, depth + 1) for item in _list(content)]
        if kind == "tuple":
            return tuple(self.value(item, depth + 1) for item in _list(content))
        if kind == "dict":
            return self._dict(content, depth)
        if kind == "model":
            return self._model(content, depth)
        if kind == "other":
            return Other(_text(content))
        raise ProtocolError("a value of an unknown kind")

    def _dict(self, content: Any, depth: int) -> dict[Any, Any]:
        pairs = {}
        for item in _list(content):
            key, value = _pair(item)
            read = self.value(key, depth + 1)
            try:
                pairs[read] = self.value(value, depth + 1)
            except TypeError as error:  # a list as a key
                raise ProtocolError("a key that cannot be one") from error
        return pairs

    def _model(self, content: Any, depth: int) -> Model:
        names = ("handle", "type", "inputs", "outputs", "layers", "parameters", "weights", "compiled")
        content = _keys(content, *names)
        compiled = content["compiled"]
        return Model(
            handle=_size(content["handle"]),
            type=_text(content["type"]),
            inputs=tuple(map(_shape, _list(content["inputs"]))),
            outputs=tuple(map(_shape, _list(content["outputs"]))),
            layers=tuple(self._layer(layer, depth + 1) for layer in _list(content["layers"])),
            parameters=_size(content["parameters"]),
            weights=tuple(map(_weight, _list(content["weights"]))),
            compiled=None if compiled is None else self._plain_dict(compiled, depth),
        )

    def _layer(self, content: Any, depth: int) -> Layer:
        content = _keys(content, "name", "type", "trainable", "output", "parameters", "config", "layers")
        if depth > _MOST_DEPTH:
            raise ProtocolError("models within models too deep")
        return Layer(
            name=_text(content["name"]),
            type=_text(content["type"]),
            trainable=_bool(content["trainable"]),
            output=None if content["output"] is None else _shape(content["output"]),
            parameters=_size(content["parameters"]),
            config=self._plain_dict(content["config"], depth),
            layers=tuple(self._layer(layer, depth + 1) for layer in _list(content["layers"])),
        )

    def _plain_dict(self, content: Any, depth: int) -> dict[str, Any]:
        if not isinstance(content, dict):
            raise ProtocolError("a config that is none")
        return {name: self._plain(value, depth + 1) for name, value in content.items()}

    def _plain(self, content: Any, depth: int) -> Any:
        """Read JSON that stands for itself."""
        if isinstance(content, list):
            return [self._plain(item, depth + 1) for item in content]
        if isinstance(content, dict):
            return self._plain_dict(content, depth)
        return self.value(content, depth)


def _raised(content: Any) -> Raised:
    content = _keys(content, "type", "message", "frames")
    frames = []
    for frame in _list(content["frames"]):
        cell, line = _pair(frame)
        frames.append((_size(cell), _size(line)))
    return Raised(_text(content["type"]), _text(content["message"]), tuple(frames))


def _weight(content: Any) -> Weight:
    items = _list(content)
    if len(items) != 4:
        raise ProtocolError("a weight that is none")
    path, shape, dtype, trainable = items
    return Weight(_text(path), tuple(map(_size, _list(shape))), _text(dtype), _bool(trainable))


def _shape(content: Any) -> tuple[int | None, ...]:
    return tuple(None if size is None else _size(size) for size in _list(content))


def _keys(content: Any, *names: str) -> dict[str, Any]:
    if not isinstance(content, dict) or set(content) != set(names):
        raise ProtocolError(f"a part that has not exactly {', '.join(names)}")
    return content


def _list(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise ProtocolError("no list where one must be")
    return content


def _pair(content: Any) -> Sequence[Any]:
    if len(_list(content)) != 2:
        raise ProtocolError("no pair where one must be")
    return content


def _size(content: Any) -> int:
    if type(content) is not int or not 0 <= content < 2**40:
        raise ProtocolError("no size where one must be")
    return content


def _bool(content: Any) -> bool:
    if not isinstance(content, bool):
        raise ProtocolError("no truth where one must be")
    return content


def _text(content: Any) -> str:
    """Read a text, without what a terminal or a page would take for an order."""
    if not isinstance(content, str) or len(content) > _MOST_TEXT:
        raise ProtocolError("no text where one must be")
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}"
        for character in content
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found
