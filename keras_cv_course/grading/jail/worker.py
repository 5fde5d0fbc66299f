"""What answers for a submission: it executes cells, calls functions, runs models, and sends back values.

Everything here runs beside the submission's own code, which may replace any of it. So nothing here decides anything:
the grader reads each answer as if an enemy had written it.

A message in either direction is a JSON header and the bytes of arrays, in one frame:

    frame     8 bytes, little-endian: length of the message; then the message
    message   4 bytes, little-endian: length of the header; the header; the arrays' bytes, one after another
    header    {"arrays": [[dtype, shape], ...], "body": ...}

The body of a request is ``{"do": ..., ...}``. The body of an answer has one key: ``value``, ``raised`` (what the
submission's code raised, and where), ``missing`` (a name that nothing has) or ``cell`` (what came of executing one).
"""

import ast
import importlib.abc
import importlib.machinery
import json
import linecache
import os
import re
import struct
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

MAIN = "__main__"
PACKAGE = "keras_cv_course"

# Of one answer. What is beyond is told as "..." or as an object of its type: no honest answer comes near.
_DEPTH = 12
_NODES = 20_000
_TEXT = 2_000
_FRAMES = 20
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)

_MAGIC = re.compile(r"\s*(%|!|\?)|.*\?\s*$|\s*[\w.,\[\]()* ]+=\s*(%|!)")
_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
_CHUNK_START = re.compile(r"(def|class|async|import|from)\b|@|# %%")
# What an assignment may hold that runs in a cell which is not graded: nothing that calls.
_QUIET = (
    *(ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Name, ast.Attribute, ast.Subscript, ast.Slice),
    *(ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context, ast.Starred),
)


def main(channel: int) -> None:
    """Answer the requests that come on a file descriptor until it closes."""
    module = types.ModuleType(MAIN)
    sys.modules[MAIN] = module
    session = Session(module.__dict__)
    session.stand_in()
    while (request := _read_frame(channel)) is not None:
        answer = session.answer(request)
        _write(channel, struct.pack("<Q", len(answer)) + answer)


def _read_frame(channel: int) -> bytes | None:
    header = _read(channel, 8)
    return _read(channel, *struct.unpack("<Q", header)) if header else None


def _read(channel: int, size: int) -> bytes | None:
    """Give exactly `size` bytes; None where the other side has closed."""
    pieces = []
    while size:
        piece = os.read(channel, min(size, 2**20))
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _write(channel: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(channel, rest) :]


class _MissingError(Exception):
    """A request names what nothing has."""


class Session:
    """One namespace, and the models that came out of it.

    Args:
        namespace: where cells run and functions are looked up.
        files: Python's names of the files whose lines are told -> their numbers.
    """

    def __init__(self, namespace: dict[str, Any], files: dict[str, int] | None = None) -> None:
        self._namespace = namespace
        self._models: list[Any] = []
        self._cells = dict(files or {})
        self._given: dict[str, Any] = {}

    def answer(self, request: bytes) -> bytes:
        """Do what a request says."""
        body, arrays = _unpack(request)
        encoder = _Encoder(self._models, body["bytes"])
        try:
            if body["do"] == "execute":
                return _pack({"cell": self._execute(**body["cell"])}, [])
            if body["do"] == "names":
                return encoder.message([name for name, value in self._namespace.items() if callable(value)])
            reader = _Reader(self._namespace, self._models, arrays)
            operation: Callable[..., Any] = getattr(self, "_" + body["do"])
            arguments = [reader.value(node) for node in body["arguments"]]
            keywords = {name: reader.value(node) for name, node in body["keywords"].items()}
            encoder.inputs = reader.inputs
            return encoder.message(operation(*arguments, **keywords))
        except _MissingError as error:
            return _pack({"missing": str(error)}, [])
        except BaseException as error:  # also SystemExit and what else a submission may raise
            return _pack({"raised": self._describe(error)}, [])

    # Cells

    def _execute(self, number: int, name: str, source: str, first_line: int, whole: bool, names: list[str]) -> Any:
        """Run a cell: all of it, or imports, definitions and plain assignments, each by itself.

        Args:
            number: that frames of tracebacks are told with.
            name: of the cell in tracebacks.
            source: its text, Jupyter's own lines included.
            first_line: number of its first line, for the learner.
            whole: whether all of it runs.
            names: that may be assigned anything, if not all of it runs.
        """
        file = f"<{name}>"
        self._cells[file] = number
        source, dropped = _without_magics(source)
        lines = [""] * (first_line - 1) + source.split("\n")
        text = "\n".join(lines) + "\n"
        # None for the time of its last change: `linecache` then never looks for the file.
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        problems = []
        try:
            parts = [_parse(text, file)]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            problems.append(self._describe(error))
            parts, whole = list(_parsable_chunks(lines, first_line - 1)), False
        if not whole:
            parts = [
                ast.Module(body=[node], type_ignores=[])
                for part in parts
                for node in part.body
                if _is_definition(node, names)
            ]
        for part in parts:
            try:
                exec(compile(part, file, "exec", dont_inherit=True), self._namespace)
            except BaseException as error:
                problems.append(self._describe(error))
        return {"problems": problems, "dropped": [line + first_line - 1 for line in dropped]}

    def _give(self) -> None:
        """Take what is there now for what the assignment gives."""
        for name, value in self._namespace.items():
            if not name.startswith("_") and not isinstance(value, types.ModuleType):
                self._given[name] = value

    def stand_in(self) -> None:
        """Let `keras_cv_course` be imported here, with nothing in it but what the assignment gives.

        The package itself cannot be reached, and a notebook that takes its helpers from there must run.
        """
        self._given["check"] = lambda function: None

        def __getattr__(name: str) -> Any:  # noqa: N807
            if name.startswith("__"):
                raise AttributeError(name)
            if name in self._given:
                return self._given[name]
            # Not an AttributeError, for which `from ... import` would look for a module of that name.
            raise ImportError(f"while grading, {PACKAGE} has only {', '.join(sorted(self._given))}")

        class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            @staticmethod
            def find_spec(name: str, path: Any, target: Any = None) -> Any:
                is_ours = name == PACKAGE or name.startswith(PACKAGE + ".")
                return importlib.machinery.ModuleSpec(name, StandIn(), is_package=True) if is_ours else None

            def exec_module(self, module: types.ModuleType) -> None:
                module.__dict__["__getattr__"] = __getattr__

        sys.meta_path.insert(0, StandIn())

    def _describe(self, error: BaseException) -> dict[str, Any]:
        """Tell an exception: type, message, and the lines of cells that it came through, the innermost last."""
        frames = []
        step = error.__traceback__
        while step is not None:
            number = self._cells.get(step.tb_frame.f_code.co_filename)
            if number is not None:
                frames.append([number, step.tb_lineno])
            step = step.tb_next
        if isinstance(error, SyntaxError) and error.filename in self._cells and error.lineno:
            frames.append([self._cells[error.filename], error.lineno])
        try:
            message = error.msg if isinstance(error, SyntaxError) else str(error)
        except BaseException:
            message = ""
        return {"type": _text(type(error).__name__), "message": _text(message), "frames": frames[-_FRAMES:]}

    # Functions

    def _call(self, function: str, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        found = self._namespace.get(function)
        if not callable(found):
            raise _MissingError(function)
        return found(*arguments, **keywords)

    # Models

    def _describe_model(self, model: Any) -> Any:
        return model

    def _get_weights(self, model: Any) -> Any:
        return model.get_weights()

    def _set_weights(self, model: Any, weights: Sequence[np.ndarray]) -> None:
        model.set_weights(weights)

    def _run_model(self, model: Any, inputs: Any, training: bool) -> Any:
        return model(inputs, training=training)

    def _fit_model(self, model: Any, x: Any, y: Any, seed: int, options: dict[str, Any]) -> Any:
        import keras

        keras.utils.set_random_seed(seed)
        return model.fit(x, y, verbose=0, **options).history


def _parse(text: str, file: str = "<cell>") -> ast.Module:
    return ast.parse(text, file)


def _without_magics(source: str) -> tuple[str, list[int]]:
    """Replace lines that only Jupyter understands by `pass`; give the text and the numbers of these lines from 1."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(_PYTHON_CELL_MAGICS):
        return "\n" * (len(lines) - 1), [number for number, line in enumerate(lines, 1) if line.strip()]
    dropped: list[int] = []
    while True:
        try:
            _parse("\n".join(lines))
        except SyntaxError as error:
            # Only where Python cannot read it: a line of a string, or of a division, may begin in the same way.
            number = error.lineno or 0
            if number in dropped or not 1 <= number <= len(lines) or not _MAGIC.match(lines[number - 1]):
                return "\n".join(lines), dropped
            line = lines[number - 1]
            lines[number - 1] = line[: len(line) - len(line.lstrip())] + "pass"
            dropped.append(number)
        except (ValueError, RecursionError, MemoryError):
            return "\n".join(lines), dropped
        else:
            return "\n".join(lines), dropped


def _parsable_chunks(lines: list[str], start: int) -> Iterator[ast.Module]:
    """Give what can be parsed of a text that cannot: one broken function does not take the others with it."""
    starts = [number for number in range(start, len(lines)) if _CHUNK_START.match(lines[number])]
    starts = [number for number in starts if not (number - 1 in starts and lines[number - 1].startswith("@"))]
    for begin, end in zip([start, *starts], [*starts, len(lines)], strict=True):
        try:
            yield _parse("\n" * begin + "\n".join(lines[begin:end]) + "\n")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue


def _is_definition(node: ast.stmt, names: list[str]) -> bool:
    """Say whether a statement only brings in names."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Pass):
        return True
    if isinstance(node, ast.Try):
        parts = [*node.body, *node.orelse, *node.finalbody, *(part for each in node.handlers for part in each.body)]
        return all(_is_definition(part, names) for part in parts)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        is_graded = any(isinstance(target, ast.Name) and target.id in names for target in targets)
        sides = [node.value, *targets]
        return is_graded or all(
            isinstance(part, ast.Lambda) or all(isinstance(inner, _QUIET) for inner in ast.walk(part)) for part in sides
        )
    return False


class _Reader:
    """Turns what a request holds into values.

    Attributes:
        inputs: the symbolic inputs that were made, in their order.
    """

    def __init__(self, namespace: dict[str, Any], models: list[Any], arrays: list[np.ndarray]) -> None:
        self._namespace, self._models, self._arrays = namespace, models, arrays
        self.inputs: list[Any] = []

    def value(self, node: Any) -> Any:
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
                raise _MissingError(content)
            return self._namespace[content]
        import keras

        self.inputs.append(keras.Input(tuple(content["shape"]), dtype=content["dtype"]))
        return self.inputs[-1]


class _Encoder:
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
        return _pack({"value": self._node(value, 0)}, self._arrays)

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
            return _text(value)
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
        "type": _text(type(model).__name__),
        "inputs": [_shape(part) for part in _flat(getattr(model, "inputs", None))],
        "outputs": [_shape(part) for part in _flat(getattr(model, "outputs", None))],
        "layers": [_describe_layer(layer, 0) for layer in model.layers[:_NODES]],
        "parameters": model.count_params(),
        "weights": [
            [_text(weight.path), list(weight.shape), str(weight.dtype), id(weight) in weights]
            for weight in model.weights
        ],
        "compiled": _describe_compiled(model),
    }


def _describe_layer(layer: Any, depth: int) -> dict[str, Any]:
    inner = getattr(layer, "layers", [])[:_NODES] if depth < 4 else []
    output = getattr(layer, "output", None) if getattr(layer, "_inbound_nodes", None) else None
    return {
        "name": _text(layer.name),
        "type": _text(type(layer).__name__),
        "trainable": bool(layer.trainable),
        "output": _shape(output) if hasattr(output, "shape") else None,
        "parameters": layer.count_params() if layer.built else 0,
        "config": {} if inner else _plain(layer.get_config(), 0),
        "layers": [_describe_layer(each, depth + 1) for each in inner],
    }


def _describe_compiled(model: Any) -> dict[str, Any] | None:
    if not getattr(model, "compiled", False):
        return None
    config = model.get_compile_config() or {}
    optimizer, loss = model.optimizer, model.loss
    return {
        "optimizer": _text(type(optimizer).__name__),
        "learning_rate": float(np.asarray(optimizer.learning_rate)),
        "loss": loss if isinstance(loss, str) else _text(getattr(loss, "name", type(loss).__name__)),
        "loss_config": _plain(loss.get_config(), 0) if hasattr(loss, "get_config") else {},
        "metrics": _plain(config.get("metrics"), 0),
    }


def _flat(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors] if tensors is not None else []


def _shape(tensor: Any) -> list[int | None]:
    return [None if size is None else int(size) for size in tensor.shape]


def _plain(value: Any, depth: int) -> Any:
    """Give what JSON can hold of a layer's config."""
    if value is None or isinstance(value, bool | str):
        return value if not isinstance(value, str) else _text(value)
    if isinstance(value, int | float):
        return value if np.isfinite(value) else str(value)
    if depth < 5 and isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value[:100]]
    if depth < 5 and isinstance(value, dict):
        return {_text(str(key)): _plain(item, depth + 1) for key, item in list(value.items())[:100]}
    return _other(value)["v"]


def _other(value: Any, text: str | None = None) -> dict[str, Any]:
    """Name an object that cannot be sent, by its type and a short text."""
    if text is None:
        try:
            text = repr(value)
        except BaseException:
            text = ""
    return {"t": "other", "v": f"{type(value).__name__}: {text[:200]}" if text else type(value).__name__}


def _text(text: str) -> str:
    return str(text)[:_TEXT].encode("utf-8", "replace").decode()


def _pack(body: Any, arrays: list[np.ndarray]) -> bytes:
    header = json.dumps({"arrays": [[_dtype(array), array.shape] for array in arrays], "body": body}).encode()
    return b"".join([struct.pack("<I", len(header)), header, *(array.tobytes() for array in arrays)])


def _dtype(array: np.ndarray) -> str:
    return array.dtype.name


def _unpack(message: bytes) -> tuple[Any, list[np.ndarray]]:
    (length,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + length])
    arrays, start = [], 4 + length
    for dtype, shape in header["arrays"]:
        array = np.frombuffer(message, dtype, int(np.prod(shape)), start).reshape(shape)
        arrays.append(array)
        start += array.nbytes
    return header["body"], arrays
