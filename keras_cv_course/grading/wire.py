"""What crosses the boundary between grader and submission, as the grader's side holds it.

`requests.py` writes what goes there, and `answers.py` reads what comes back.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


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
        config: what it was made with; empty where it has layers itself, or does not tell.
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
        compiled: optimizer, learning_rate (None without one), loss, loss_config and metrics; None where it is not
            compiled.
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
