"""Writes requests to a submission; `jail/worker.py` describes the format."""

import json
import struct
from typing import Any

import numpy as np

from keras_cv_course.grading.wire import Input, Model, Named, Tensor


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
