"""Compares what a submission gave with what was expected, and says the difference in words a learner can use."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np

from keras_cv_course.grading.wire import Array, Layer, Model, Other, Raised

Expected = Any  # a number, an array, or a dict name -> array for a function that returns several

_FEW = 6  # values that are shown in full
_COARSE = ("float16", "bfloat16")
_MOST_PERMUTED = 4  # results that are tried in every order
_KINDS = {
    "b": "true or false",
    "i": "whole numbers",
    "u": "whole numbers",
    "f": "floating-point numbers",
    "c": "complex",
}
_SAME_KIND = {"b": "b", "i": "iu", "u": "iu", "f": "f", "c": "c"}
_GAP = " Is a gap not filled in?"
_NOUNS = {"tensor": "a tensor", "array": "a NumPy array", "variable": "a variable"}


class Wrong(Exception):  # noqa: N818 - a verdict, not an error
    """What was received is wrong; the message says in what."""


# What code raises for other reasons than a wrong way to compute something: a check's hint would lead astray.
_NOT_OF_THE_METHOD = (
    *("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError"),
    *("SystemExit", "KeyboardInterrupt", "MemoryError", "RecursionError"),
)


class NotCompared(Wrong):
    """Nothing was compared, for the submission's code raised or is not there: a check's hint may not apply.

    Args:
        message: for the learner.
        raised: what the code raised; None where it is not there, or where a hint would lead astray.
    """

    def __init__(self, message: str, raised: Raised | None = None) -> None:
        super().__init__(message)
        self.raised = raised

    @property
    def hint_helps(self) -> bool:
        """Tell whether a check's hint can help: a line of a cell raised, on its way to a result."""
        raised = self.raised
        return raised is not None and bool(raised.frames) and raised.type not in _NOT_OF_THE_METHOD


class Partly(Exception):  # noqa: N818
    """What was received deserves a part of the points.

    Args:
        credit: from 0 to 1.
        message: what is missing.
    """

    def __init__(self, credit: float, message: str) -> None:
        super().__init__(message)
        self.credit = credit


def close(
    received: Any,
    expected: Expected,
    name: str,
    *,
    mistakes: Mapping[str, Expected] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> None:
    """See that numbers are the expected ones: structure, shape, kind of dtype and values.

    Args:
        received: what a subject gave.
        expected: a number, an array, or a dict name -> array for a tuple.
        name: what it is, such as the function's name.
        mistakes: what to tell a learner -> what a function with that mistake would give on the same inputs.
        rtol: largest difference, relative to the expected value. The default allows for float32 in another order.
        atol: added to it.

    Raises:
        Wrong: a difference. If the values are those of a mistake, the message begins with it.
    """
    difference = _difference(received, expected, name, rtol, atol)
    if difference is None:
        return
    for mistake, value in (mistakes or {}).items():
        if _difference(received, value, name, rtol, atol) is None:
            raise Wrong(f"{mistake}\n{difference}")
    raise Wrong(difference)


def equal(received: Any, expected: Any, name: str) -> None:
    """See that plain values (texts, numbers, truths, None, and lists of them) are the expected ones.

    Raises:
        Wrong: they are not.
    """
    if type(received) is not type(expected) or received != expected:
        told = repr(received) if isinstance(received, tuple) and len(repr(received)) < 100 else describe(received)
        raise Wrong(f"{name}: expected {expected!r}, received {told}.")


def are_tensors(received: Any, count: int, name: str) -> None:
    """See that so many results came back, all of them tensors.

    Raises:
        Wrong: something else did.
    """
    parts = received if isinstance(received, tuple | list) else (received,)
    if len(parts) != count:
        raise Wrong(f"{name}: expected {count} results. Received: {describe(received)}.{_if_none(received)}")
    for part in parts:
        if part is None:
            raise Wrong(f"{name}: expected TensorFlow tensors, received None.{_GAP}")
        if not (isinstance(part, Array) and part.kind == "tensor"):
            raise Wrong(f"{name}: expected TensorFlow tensors, received {describe(part)}. Use TensorFlow's functions.")


def is_model(received: Any, name: str) -> Model:
    """Give a received model.

    Raises:
        Wrong: something else was received.
    """
    if isinstance(received, Other) and received.text.startswith("KerasTensor"):
        raise Wrong(
            f"{name}: expected a Keras model. Received: a Keras tensor. `keras.Model(inputs, outputs)` makes one of it."
        )
    if not isinstance(received, Model):
        raise Wrong(f"{name}: expected a Keras tensor or model, received {describe(received)}.{_if_none(received)}")
    return received


def describe(received: Any) -> str:
    """Say what a received value is, in a few words."""
    if isinstance(received, Array):
        shape = f" of shape {received.values.shape}" if received.values.shape else ""
        value = "" if received.values.shape else f" {_number(received.values[()])}"
        return f"{_NOUNS[received.kind]}{value}{shape} and dtype {received.dtype}"
    if isinstance(received, Model):
        return f"a Keras model from {_shapes(received.inputs)} to {_shapes(received.outputs)}"
    if isinstance(received, Layer):
        return f"a layer {received.type}"
    if isinstance(received, Other):
        return f"an object {received.text}"
    if isinstance(received, tuple | list | dict):
        return f"a {type(received).__name__} of {len(received)}"
    return repr(received) if len(repr(received)) < 100 else f"{repr(received)[:100]}..."


def _difference(received: Any, expected: Expected, name: str, rtol: float, atol: float) -> str | None:
    """Say in what two values differ; None where they are close."""
    if not isinstance(expected, dict):
        return _array_difference(received, np.asarray(expected), name, rtol, atol)
    if not isinstance(received, tuple | list) or len(received) != len(expected):
        return (
            f"{name}: expected {len(expected)} results: {', '.join(expected)}. Received: {describe(received)}."
            f"{_if_none(received)}"
        )
    gaps = [part_name for part_name, part in zip(expected, received, strict=True) if part is None]
    if gaps:
        return f"{name}: expected {', '.join(expected)}. Received None for {', '.join(gaps)}.{_GAP}"
    found = (
        _array_difference(part, np.asarray(value), f"{part_name} of {name}", rtol, atol)
        for (part_name, value), part in zip(expected.items(), received, strict=True)
    )
    difference = next((difference for difference in found if difference), None)
    if difference is None or len(expected) > _MOST_PERMUTED:
        return difference
    for order in permutations(range(len(expected))):
        parts = [received[index] for index in order]
        if all(
            _array_difference(part, np.asarray(value), "", rtol, atol) is None
            for part, value in zip(parts, expected.values(), strict=True)
        ):
            return f"{name}: these are the right results, returned in another order. Return {', '.join(expected)}."
    return difference


def _array_difference(received: Any, expected: np.ndarray, name: str, rtol: float, atol: float) -> str | None:
    is_number = type(received) in (bool, int, float)
    if not isinstance(received, Array) and not (is_number and expected.shape == ()):
        return f"{name}: expected {_wanted(expected)}. Received: {describe(received)}.{_if_none(received)}"
    values = np.asarray(received) if is_number else received.values
    if values.shape != expected.shape:
        what = f"{name}: expected the shape {expected.shape}. Received: {values.shape}."
        return what + _shape_pattern(values, expected, rtol, atol)
    is_whole = expected.dtype.kind == "f" and type(received) is int  # 0 for 0.0
    if values.dtype.kind not in _SAME_KIND[expected.dtype.kind] and not is_whole:
        return (
            f"{name}: expected {_KINDS[expected.dtype.kind]}, such as {expected.dtype}. Received: {describe(received)}."
        )
    is_close = _is_close(values, expected, rtol, atol)
    if is_close.all():
        return None
    difference = (
        f"{name}: {_values_difference(values, expected, is_close)}{_value_pattern(values, expected, rtol, atol)}"
    )
    if isinstance(received, Array) and received.dtype in _COARSE:
        difference += f" They are of dtype {received.dtype}, which is too coarse: use float32."
    return difference


def _wanted(expected: np.ndarray) -> str:
    kind = _KINDS[expected.dtype.kind]
    return f"one number ({expected.dtype})" if expected.shape == () else f"a tensor of {kind} of shape {expected.shape}"


def _if_none(received: Any) -> str:
    return " Is a gap not filled in, or the `return` missing?" if received is None else ""


def _is_close(values: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """Compare each value; NaN is close to nothing."""
    with np.errstate(all="ignore"):
        if expected.dtype.kind in "biu":
            return np.asarray(values == expected)
        gap = np.abs(values.astype(np.float64) - expected.astype(np.float64))
        return np.asarray(gap <= atol + rtol * np.abs(expected.astype(np.float64)))


def _values_difference(values: np.ndarray, expected: np.ndarray, is_close: np.ndarray) -> str:
    if expected.shape == ():
        return f"expected {_number(expected[()])}, received {_number(values[()])}."
    index = np.unravel_index(int(np.argmin(is_close)), is_close.shape)
    where = ", ".join(map(str, map(int, index)))
    text = (
        f"{np.count_nonzero(~is_close)} of {is_close.size} values differ. The first is [{where}]: expected "
        f"{_number(expected[index])}, received {_number(values[index])}."
    )
    if expected.size <= _FEW:
        text += f" All expected: {_short(expected)}, received: {_short(values)}."
    return text


def _shape_pattern(values: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> str:
    """Name a known reason of another shape, where it is certain."""
    if values.size != expected.size or values.size == 0 or values.dtype.kind not in "biuf":
        return ""
    if _is_close(values.reshape(expected.shape), expected, rtol, atol).all():
        return " The values are right, only their shape is not."
    if _reordered_axes(values, expected, rtol, atol):
        return " The values are right, but the axes are in another order."
    return ""


def _value_pattern(values: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> str:
    """Name a known reason of other values, where it is cheap to see and certain."""
    if expected.dtype.kind != "f" or values.dtype.kind != "f" or expected.shape == ():
        return ""
    if not np.isfinite(values).all():
        return f" {np.count_nonzero(~np.isfinite(values))} are not finite."
    if expected.size < 2:
        return ""
    if expected.shape[-1] == 4 and _is_close(values[..., [1, 0, 3, 2]], expected, rtol, atol).all():
        return " These are the right numbers with x and y swapped."
    if _reordered_axes(values, expected, rtol, atol):
        return " The values are right, but the axes are in another order."
    rows = (np.lexsort(part.reshape(len(part), -1).T) for part in (values, expected))
    if _is_close(values[next(rows)], expected[next(rows)], rtol, atol).all():
        return " The values are right, but in another order."
    with np.errstate(all="ignore"):
        factor = float(np.sum(values * expected, dtype=np.float64) / np.sum(expected * expected, dtype=np.float64))
    if np.isfinite(factor) and abs(factor) > 1e-3 and _is_close(values, factor * expected, rtol, atol).all():
        return f" Every value is {factor:.6g} times the expected one."
    return ""


def _reordered_axes(values: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> bool:
    if not 2 <= expected.ndim <= 4 or values.ndim != expected.ndim:
        return False
    orders = [order for order in permutations(range(values.ndim)) if order != tuple(range(values.ndim))]
    turned = [values.transpose(order) for order in orders]
    return any(turn.shape == expected.shape and _is_close(turn, expected, rtol, atol).all() for turn in turned)


def _shapes(shapes: tuple[tuple[int | None, ...], ...]) -> str:
    return ", ".join(map(str, shapes)) or "unknown shapes"


def _number(value: Any) -> str:
    return f"{float(value):.6g}" if isinstance(value, float | np.floating) else str(value)


def _short(values: np.ndarray) -> str:
    return np.array2string(values, precision=5, separator=", ").replace("\n", "")
