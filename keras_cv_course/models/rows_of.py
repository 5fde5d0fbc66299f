"""Rows of a batch by number, in one gathering: `take_along_axis` would number every single value."""

from typing import Any

from keras import ops

Tensor = Any


def rows_of(x: Tensor, numbers: Tensor) -> Tensor:
    """Take rows of each picture.

    Args:
        x: (batch, n, ...); n and what follows are known.
        numbers: integers (batch, k), each 0 to n - 1.

    Returns:
        (batch, k, ...).
    """
    n, rest = x.shape[1], x.shape[2:]
    starts = ops.arange(ops.shape(x)[0], dtype="int32")[:, None] * n
    return ops.take(ops.reshape(x, (-1, *rest)), ops.cast(numbers, "int32") + starts, axis=0)
