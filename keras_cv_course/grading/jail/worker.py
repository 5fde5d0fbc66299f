"""What answers for a submission: it executes cells, calls functions, runs models, and sends back values.

Everything here runs beside the submission's own code, which may replace any of it. So nothing here decides anything:
the grader reads each answer as if an enemy had written it.

A message in either direction is a JSON header and the bytes of arrays, in one frame:

    frame     8 bytes, little-endian: length of the message; of a request also 8 bytes of a double: seconds for its
              answer; then the message
    message   4 bytes, little-endian: length of the header; the header; the arrays' bytes, one after another
    header    {"arrays": [[dtype, shape], ...], "body": ...}

The body of a request is ``{"do": ..., ...}``. The body of an answer has one key: ``value``, ``raised`` (what the
submission's code raised, and where), ``missing`` (a name that nothing has) or ``cell`` (what came of executing one).

When the seconds are over and there is no answer yet, one of ``raised`` says in which line the code is.
"""

import ast
import importlib.abc
import importlib.machinery
import linecache
import os
import re
import signal
import struct
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# Relative, for there is no package of this name where the server of workers has loaded these files.
from .cell_source import is_definition, parsable_chunks, parse, without_magics
from .values import Encoder, MissingError, Reader, pack, text_of, unpack

MAIN = "__main__"
PACKAGE = "keras_cv_course"

_FRAMES = 20  # of one traceback
_MESSAGE = 20_000  # characters of it that are looked at
# Where TensorFlow's message lists the lines of libraries, before it comes to what is wrong.
_LIBRARIES = re.compile(r"\n+Detected at node .* \(most recent call last\):\n(?:(?:  File .*)?\n)+")
_PROBLEMS, _DROPPED = 50, 1_000  # of one cell; the grader reads no more


def main(channel: int) -> None:
    """Answer the requests that come on a file descriptor until it closes."""
    module = types.ModuleType(MAIN)
    sys.modules[MAIN] = module
    session = Session(module.__dict__)
    session.stand_in()
    set_timer = signal.setitimer  # which a submission may replace

    def tell_where(number: int, frame: types.FrameType | None) -> None:
        _write_frame(channel, session.place(frame))

    while header := _read(channel, 16):
        length, seconds = struct.unpack("<Qd", header)
        request = _read(channel, length)
        if request is None:
            return
        signal.signal(signal.SIGALRM, tell_where)
        set_timer(signal.ITIMER_REAL, seconds)
        answer = session.answer(request)
        set_timer(signal.ITIMER_REAL, 0)
        _write_frame(channel, answer)


def _write_frame(channel: int, message: bytes) -> None:
    _write(channel, struct.pack("<Q", len(message)) + message)


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
        body, arrays = unpack(request)
        encoder = Encoder(self._models, body["bytes"])
        try:
            if body["do"] == "execute":
                return pack({"cell": self._execute(**body["cell"])}, [])
            if body["do"] == "names":
                return encoder.message([name for name, value in self._namespace.items() if callable(value)])
            reader = Reader(self._namespace, self._models, arrays)
            operation: Callable[..., Any] = getattr(self, "_" + body["do"])
            arguments = [reader.value(node) for node in body["arguments"]]
            keywords = {name: reader.value(node) for name, node in body["keywords"].items()}
            encoder.inputs = reader.inputs
            return encoder.message(operation(*arguments, **keywords))
        except MissingError as error:
            return pack({"missing": str(error)}, [])
        except BaseException as error:  # also SystemExit and what else a submission may raise
            return pack({"raised": self._describe(error)}, [])

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
        source, dropped = without_magics(source)
        lines = [""] * (first_line - 1) + source.split("\n")
        text = "\n".join(lines) + "\n"
        # None for the time of its last change: `linecache` then never looks for the file.
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        problems = []
        try:
            parts = [parse(text, file)]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            problems.append(self._describe(error))
            parts, whole = list(parsable_chunks(lines, first_line - 1)), False
        if not whole:
            parts = [
                ast.Module(body=[node], type_ignores=[])
                for part in parts
                for node in part.body
                if is_definition(node, names)
            ]
        for part in parts:
            try:
                exec(compile(part, file, "exec", dont_inherit=True), self._namespace)
            except BaseException as error:
                problems.append(self._describe(error))
        lines_dropped = [line + first_line - 1 for line in dropped]
        return {"problems": problems[:_PROBLEMS], "dropped": lines_dropped[:_DROPPED]}

    def place(self, frame: types.FrameType | None) -> bytes:
        """Write an answer that says in which line of a cell the code is that runs in a frame."""
        while frame is not None and frame.f_code.co_filename not in self._cells:
            frame = frame.f_back
        frames = [] if frame is None else [[self._cells[frame.f_code.co_filename], frame.f_lineno]]
        return pack({"raised": {"type": "TimeoutError", "message": "", "frames": frames}}, [])

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
        message = _LIBRARIES.sub("\n", message[:_MESSAGE])
        return {"type": text_of(type(error).__name__), "message": text_of(message), "frames": frames[-_FRAMES:]}

    # Functions

    def _call(self, function: str, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        found = self._namespace.get(function)
        if not callable(found):
            raise MissingError(function)
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
