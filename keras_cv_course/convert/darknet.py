"""Detectors that the Darknet program trained: a .weights file, with its .cfg or a known name, becomes a Keras model.

The file is a header and then nothing but float32 numbers, without names or shapes: for each convolution in the order
of the cfg its bias, with batch normalisation scale, mean and variance, then the kernel as (out, in, height, width). All
that tells one network's file from another's is the length, so every number must find its place.

Source: Darknet's parser.c (load_weights_upto, load_convolutional_weights) and blas.c (normalize_cpu).
"""

import struct
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np

from keras_cv_course.convert.darknet_cfg import read_cfg
from keras_cv_course.errors import ModelError, WeightsError, list_few
from keras_cv_course.models.darknet_layers import (
    DARKNET_CPU_STD_OFFSET,
    Convolution,
    VariantName,
    darknet_model,
    trace_shapes,
)
from keras_cv_course.models.detector import Detector
from keras_cv_course.models.yolov2 import NETWORKS, NUMBERS_PER_BOX, Network

BatchNormArithmetic = Literal["cpu", "gpu"]
VARIANT_OF: dict[str, VariantName] = {"cpu": "darknet", "gpu": "darknet_gpu"}

LARGEST_VERSION = 10_000  # of a number in the header; text or a picture taken for a header gives far larger ones


class _Block(NamedTuple):
    """Numbers that follow each other in the file."""

    layer: str
    weight: str  # as Keras calls it
    shape: tuple[int, ...]  # in the file

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


def load_darknet(
    weights: str | Path,
    network: str | Path,
    *,
    class_names: tuple[str, ...] | None = None,
    input_size: tuple[int, int] | None = None,
    batch_norm: BatchNormArithmetic = "cpu",
) -> Detector:
    """Build the detector that Darknet's weights belong to.

    Args:
        weights: the .weights file.
        network: ``yolov2``, ``yolov2-tiny``, ``yolov2-voc`` or ``yolov2-tiny-voc``; or a cfg file.
        class_names: one for each class; None for the known network's own, also where the cfg describes one, or the
            numbers of the classes.
        input_size: (height, width), multiples of 32; None for the size in the cfg.
        batch_norm: Darknet divides by sqrt(variance) + 1e-6 on a CPU, by sqrt(variance + 1e-5) on a GPU. ``"cpu"``
            gives the numbers of the plain C program. For that the variances are changed, by 2e-6 of their root, to
            what Keras's formula needs; with ``"gpu"`` they are the file's. For more training, take ``"gpu"``: that is
            where weights were trained.

    Returns:
        The detector, with the letterbox of Darknet.

    Raises:
        WeightsError: the file is missing, damaged, too short or too long for the network: with the layer.
        ModelError: no such network, a cfg file that describes none, or class names or a size that do not fit it.
    """
    known = find_network(network)
    if class_names is not None:
        if len(class_names) != len(known.class_names):
            raise ModelError(
                f"{network} has {len(known.class_names)} classes: expected as many names. Received: {len(class_names)}."
            )
        known = replace(known, class_names=tuple(class_names))
    if batch_norm not in VARIANT_OF:
        raise ModelError(f"batch_norm must be one of {list(VARIANT_OF)}. Received: {batch_norm!r}.")

    numbers = _read_numbers(Path(weights), known)
    input_shape = (*(input_size or known.input_shape[:2]), known.input_shape[2])
    name = known.name.replace("-", "_")
    model = darknet_model(known.layers, input_shape, name=name, variant=VARIANT_OF[batch_norm])
    _assign(model, numbers, with_std_offset=batch_norm == "cpu")
    return Detector(model, np.array(known.anchors, np.float32), known.class_names, "letterbox")


def find_network(network: str | Path) -> Network:
    """Give a known network by its name, or read its cfg file; raise ModelError where there is neither.

    A cfg file has no class names: one with the layers and anchors of a known network gets that one's.
    """
    if str(network) in NETWORKS:
        return NETWORKS[str(network)]
    if Path(network).suffix != ".cfg":
        raise ModelError(f"Expected one of {', '.join(NETWORKS)}, or a .cfg file. Received: {str(network)!r}.")
    read = read_cfg(network)
    for known in NETWORKS.values():
        if (read.layers, read.anchors) == (known.layers, known.anchors):
            return replace(read, class_names=known.class_names)
    return read


def _blocks(network: Network) -> list[_Block]:
    """List what the file of a network holds, in order."""
    blocks = []
    channels = network.input_shape[2]
    convolutions = 0
    shapes = trace_shapes(network.layers, network.input_shape)
    for number, (layer, (_, _, next_channels)) in enumerate(zip(network.layers, shapes, strict=True), start=1):
        if isinstance(layer, Convolution):
            convolutions += 1
            name = "head" if number == len(network.layers) else f"conv{convolutions}"
            per_filter = [(name, "bias")]
            if layer.normalized:
                norm = f"{name}_bn"
                per_filter = [(norm, "beta"), (norm, "gamma"), (norm, "moving_mean"), (norm, "moving_variance")]
            blocks += [_Block(owner, weight, (layer.filters,)) for owner, weight in per_filter]
            blocks.append(_Block(name, "kernel", (layer.filters, channels, layer.size, layer.size)))
        channels = next_channels
    return blocks


def _read_numbers(path: Path, network: Network) -> dict[_Block, np.ndarray]:
    """Read the whole file, once its length has been found to be the network's."""
    try:
        with path.open("rb") as file:
            start = file.read(20)
        length = path.stat().st_size
    except OSError as error:
        raise WeightsError(f"{path}: expected a Darknet weights file, received: {error.strerror}.") from error
    header = _header_length(path, start)
    blocks = _blocks(network)
    _check_length(path, network, blocks, length - header)

    numbers = np.fromfile(path, "<f4", offset=header)
    pieces = np.split(numbers, np.cumsum([block.size for block in blocks])[:-1])
    arrays = {block: piece.reshape(block.shape) for block, piece in zip(blocks, pieces, strict=True)}
    for block, array in arrays.items():
        if not np.isfinite(array).all():
            problem = "NaN or infinity"
        elif block.weight == "moving_variance" and array.min() < 0:
            problem = f"{array.min():g}"
        else:
            continue
        raise WeightsError(
            f"{path}: expected finite numbers and no negative variance. Received: {problem} in {block.weight} of "
            f"{block.layer}. The file is damaged, or of another network with as many numbers as {network.name}."
        )
    return arrays


def _header_length(path: Path, start: bytes) -> int:
    """Tell the length of the header from its version: major, minor, revision, then the images seen in 4 or 8 bytes."""
    if len(start) < 16:
        raise WeightsError(f"{path}: expected a Darknet weights file. Received: {len(start)} bytes.")
    version = struct.unpack("<3i", start[:12])
    if not all(0 <= number < LARGEST_VERSION for number in version):
        raise WeightsError(f"{path}: expected a Darknet weights file. Received: one that starts with {start[:12]!r}.")
    major, minor, _ = version
    return 20 if 10 * major + minor >= 2 and major < 1000 and minor < 1000 else 16


def _check_length(path: Path, network: Network, blocks: list[_Block], length: int) -> None:
    """Raise WeightsError unless `length` bytes are exactly the numbers of `blocks`."""
    expected = sum(block.size for block in blocks)
    found, odd_bytes = divmod(length, 4)
    if (found, odd_bytes) == (expected, 0):
        return
    received = f"{found:,}" + (f" and {odd_bytes} bytes more" if odd_bytes else "")
    where = f"{found - expected:,} of them are left over after the last layer, {blocks[-1].layer}"
    left = found
    for block in blocks:
        if left < block.size:
            where = f"They end in {block.layer}: {left:,} of the {block.size:,} of its {block.weight}"
            break
        left -= block.size
    raise WeightsError(
        f"{path}: expected {expected:,} numbers for {network.name} with {len(network.class_names)} classes. Received: "
        f"{received}. {where}. {_explanation(network, blocks, found)}"
    )


def _explanation(network: Network, blocks: list[_Block], found: int) -> str:
    for other in NETWORKS.values():
        if found == sum(block.size for block in _blocks(other)):
            return f"This is the length of {other.name}."
    filters, *kernel = blocks[-1].shape
    for_filter = int(np.prod(kernel)) + 1
    filters_found, rest = divmod(found - sum(block.size for block in blocks) + filters * for_filter, for_filter)
    outputs, remainder = divmod(filters_found, len(network.anchors))
    if rest == remainder == 0 and outputs > NUMBERS_PER_BOX:
        return f"This is the length for {outputs - NUMBERS_PER_BOX} classes: set classes and filters in the cfg file."
    return "The file is damaged or of another network."


def _assign(model: keras.Model, arrays: dict[_Block, np.ndarray], *, with_std_offset: bool) -> None:
    variables = {variable.path: variable for variable in model.weights}
    for block, array in arrays.items():
        if block.weight == "kernel":
            array = array.transpose(2, 3, 1, 0)  # (out, in, height, width) -> (height, width, in, out)
        elif block.weight == "moving_variance" and with_std_offset:
            # (sqrt(v) + offset)^2 less the epsilon of the model, which is offset^2; in float64, rounded once.
            variance = array.astype(np.float64)
            array = variance + 2 * DARKNET_CPU_STD_OFFSET * np.sqrt(variance)
        variables.pop(f"{block.layer}/{block.weight}").assign(array)
    if variables:
        raise ModelError(f"Expected weights for each variable. Received none for {list_few(variables)}.")
