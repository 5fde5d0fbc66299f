"""Weights in a quarter of their size: one HDF5 file, kernels in 8 bits with a scale for each output channel.

Layout: for each variable a group named after its path (``stage2_block1_conv1/kernel``) with the data set ``values``.
A kernel's values are int8 and a second data set ``scale``, float32, one number for each index of the last axis,
multiplies them; all else is float32. The rounding moves a weight by at most half of its channel's scale, which is the
channel's largest weight divided by 127.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras_cv_course.errors import WeightsError, first_line, list_few
from keras_cv_course.files import atomic_path

LAYOUT = "keras_cv_course int8 weights, layout 1"


def write_weights(path: str | Path, variables: list[Any]) -> None:
    """Write Keras variables to one file, whole or not at all.

    Args:
        path: the file, by custom ``.weights.int8.h5``.
        variables: such as ``model.weights``; their paths must differ.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["layout"] = LAYOUT
        for variable in variables:
            group = file.create_group(variable.path)
            values = np.asarray(variable.numpy(), np.float32)
            if values.ndim >= 2:
                values, scale = quantize(values)
                group.create_dataset("scale", data=scale)
            group.create_dataset("values", data=values, compression="gzip", compression_opts=9, shuffle=True)


def read_weights(path: str | Path, variables: list[Any]) -> None:
    """Read a file of :func:`write_weights` into Keras variables: none left over, none missing, every shape equal.

    Raises:
        WeightsError: a file of another layout or damaged, or one made for other variables; both sides are listed.
            No variable is changed then.
    """
    stored = {}
    try:
        with h5py.File(path) as file:
            if file.attrs.get("layout") != LAYOUT:
                raise WeightsError(f"{path}: expected weights of the layout {LAYOUT!r}. Received: another HDF5 file.")

            def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
                if isinstance(item, h5py.Group) and "values" in item:
                    values = item["values"][()]
                    stored[name] = dequantize(values, item["scale"][()]) if "scale" in item else values

            file.visititems(collect)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # h5py raises any, by what is damaged
        raise WeightsError(f"{path}: the weights file is damaged or not HDF5 ({first_line(error)}).") from error

    expected = {variable.path: tuple(variable.shape) for variable in variables}
    received = {name: values.shape for name, values in stored.items()}
    if expected != received:
        differing = [k for k in expected.keys() & received.keys() if expected[k] != received[k]]
        raise WeightsError(
            f"{path} was made for another model. Missing in the file: {list_few(expected.keys() - received.keys())}; "
            f"only in the file: {list_few(received.keys() - expected.keys())}; of another shape: {list_few(differing)}."
        )
    for variable in variables:
        variable.assign(stored[variable.path])


def quantize(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round float32 (..., channels) to int8 (..., channels) and scales float32 (channels,)."""
    largest = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.rint(values / scale).astype(np.int8), scale


def dequantize(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Undo :func:`quantize`, up to its rounding."""
    return values.astype(np.float32) * scale
