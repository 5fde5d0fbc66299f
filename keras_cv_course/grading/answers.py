"""Reads what a submission answers; `jail/worker.py` describes the format.

An answer may have been forged: it is JSON and plain bytes, and whatever is not exactly as it should be is a
:class:`~keras_cv_course.grading.wire.ProtocolError`.
"""

import json
import math
import re
import struct
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from keras_cv_course.grading.wire import (
    Answer,
    Array,
    Executed,
    Layer,
    Missing,
    Model,
    Other,
    ProtocolError,
    Raised,
    Value,
    Weight,
)

_MOST_HEADER = 4 * 2**20  # bytes
_MOST_NODES = 200_000  # with descriptions of models; the worker stops itself long before
_MOST_DEPTH = 40
_MOST_ARRAYS = 4_096
_MOST_TEXT = 4_000
_MOST_PROBLEMS = 50  # of one cell
_MOST_DROPPED = 1_000  # lines of one cell
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
_KINDS = ("array", "tensor", "variable")
_COLOURS = re.compile(r"\x1b\[[\d;]*m")  # as Keras writes them in its messages


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
    try:
        return _read_header(header, message, 4 + length)
    except ProtocolError:
        raise
    except Exception as error:  # what is forged well enough to be a defect here is not a defect of a check
        raise ProtocolError("an answer that cannot be read") from error


def _read_header(header: Any, message: bytes, arrays_start: int) -> Answer:
    header = _keys(header, "arrays", "body")
    reader = _AnswerReader(_read_arrays(header["arrays"], message, arrays_start))
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
        problems, dropped = _list(content["problems"]), _list(content["dropped"])
        if len(problems) > _MOST_PROBLEMS or len(dropped) > _MOST_DROPPED:
            raise ProtocolError("more problems of a cell than are told")
        return Executed(tuple(map(_raised, problems)), tuple(map(_size, dropped)))
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
        self._count(depth)
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

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _MOST_DEPTH:
            raise ProtocolError("a value of too many parts")

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
        self._count(depth)
        content = _keys(content, "name", "type", "trainable", "output", "parameters", "config", "layers")
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
        self._count(depth)
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
        for character in _COLOURS.sub("", content).replace("\t", " ")
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found
