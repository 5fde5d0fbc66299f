"""Detectors of the course that Keras 2 stored: its ``model_data`` folder, and ``yolo.h5``.

Neither opens in Keras 3. Of the folder, a SavedModel of TensorFlow 2.3, only the checkpoint is read and not the graph.
Of the HDF5 file, only the weights: its description of the model has Python code in it, pickled, for a Lambda layer, and
could do anything. Both become our YOLOv2, in the course's variant.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf

from keras_cv_course.convert.keras2_layers import StoredLayer, detector_of_stored_layers
from keras_cv_course.data.detector_files import read_anchors, read_classes
from keras_cv_course.errors import WeightsError, first_line, list_few
from keras_cv_course.models.detector import Detector

INPUT_SIZE = (608, 608)  # of the course's model
# As they are called in the course's folder.
CLASSES_FILE = "coco_classes.txt"
ANCHORS_FILE = "yolo_anchors.txt"

KEY = re.compile(r"layer_with_weights-(\d+)/(\w+)/\.ATTRIBUTES/VARIABLE_VALUE")
# Keys of training and book-keeping, which take no part in what the network computes.
NO_WEIGHTS = re.compile(
    r"_CHECKPOINTABLE_OBJECT_GRAPH|save_counter/.*|optimizer/.*|keras_api/.*|.*/\.OPTIMIZER_SLOT/.*"
)

FLOATS = ("float16", "float32", "float64")


def load_course_model(
    folder: str | Path,
    *,
    class_names: tuple[str, ...] | None = None,
    anchors: np.ndarray | None = None,
    input_size: tuple[int, int] = INPUT_SIZE,
) -> Detector:
    """Load the course's car detector, or another YOLOv2 that TensorFlow 2's Keras saved in the same way.

    Args:
        folder: the SavedModel: ``model_data`` of the course, with ``variables/`` in it.
        class_names: one for each class; None for those in the folder's ``coco_classes.txt``.
        anchors: (A, 2), width and height in cells of the grid; None for those in the folder's ``yolo_anchors.txt``.
        input_size: (height, width), multiples of 32.

    Returns:
        The detector; pictures are stretched to its size, as in the course.

    Raises:
        WeightsError: no such folder, files that are missing or damaged, another network, or another number of classes
            or anchors.
        DataError: a text file in the folder with other contents.
        ModelError: an impossible `input_size`, no class, or impossible anchors.
    """
    folder = Path(folder)
    stored = _layers_in_checkpoint(folder)
    if class_names is None:
        class_names = tuple(read_classes(_beside(folder, CLASSES_FILE, "class names")))
    if anchors is None:
        anchors = read_anchors(_beside(folder, ANCHORS_FILE, "anchors"))
    return detector_of_stored_layers(stored, class_names, anchors, input_size, origin=str(folder))


def load_yolo_h5(
    path: str | Path, class_names: tuple[str, ...], anchors: np.ndarray, *, input_size: tuple[int, int] = INPUT_SIZE
) -> Detector:
    """Load a YOLOv2 that Keras 2 stored as HDF5, whole or its weights alone, such as the course's ``yolo.h5``.

    Args:
        path: the file.
        class_names: one for each class.
        anchors: (A, 2), width and height in cells of the grid.
        input_size: (height, width), multiples of 32.

    Returns:
        The detector; pictures are stretched to its size, as in the course.

    Raises:
        WeightsError: the file is missing or damaged, or has another network, number of classes or anchors.
        ModelError: an impossible `input_size`, no class, or impossible anchors.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"Expected a Keras 2 HDF5 file at {path}. There is no such file.")
    with _reading(path):
        file = h5py.File(path, "r")
    with file:
        stored = _layers_in_h5(path, file)
        return detector_of_stored_layers(stored, class_names, anchors, input_size, origin=str(path))


def _layers_in_checkpoint(folder: Path) -> list[StoredLayer]:
    prefix = folder / "variables" / "variables"
    missing = [name for name in ("index", "data-00000-of-00001") if not prefix.with_suffix(f".{name}").is_file()]
    if missing:
        problem = ", ".join(f"no variables/variables.{name}" for name in missing) if folder.is_dir() else "no folder"
        raise WeightsError(
            f"{folder}: expected a SavedModel such as the course's model_data, with its weights in variables/. "
            f"Received: {problem}. Name the folder that has saved_model.pb and variables/ in it."
        )
    with _reading(folder):
        reader = tf.train.load_checkpoint(str(prefix))
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()

    weights = {key: KEY.fullmatch(key) for key in shapes if not NO_WEIGHTS.fullmatch(key)}
    unknown = [key for key, match in weights.items() if match is None]
    if unknown or not weights:
        raise WeightsError(
            f"{folder}: expected a checkpoint of TensorFlow 2's Keras, with keys as layer_with_weights-0/kernel. "
            f"Received also: {list_few(unknown)}. Only the course's kind of SavedModel can be read."
        )
    _check_floats(folder, {key: dtypes[key].name for key in weights})

    def read(key: str) -> np.ndarray:
        with _reading(folder):
            return np.asarray(reader.get_tensor(key), np.float32)

    layers: dict[int, dict[str, tuple[int, ...]]] = {}
    for key, match in weights.items():
        assert match is not None
        layers.setdefault(int(match[1]), {})[match[2]] = tuple(shapes[key])

    def layer(number: int) -> StoredLayer:
        name = f"layer_with_weights-{number}"
        return StoredLayer(name, layers[number], lambda weight: read(f"{name}/{weight}/.ATTRIBUTES/VARIABLE_VALUE"))

    return [layer(number) for number in sorted(layers)]


def _beside(folder: Path, name: str, what: str) -> Path:
    if not (folder / name).is_file():
        raise WeightsError(
            f"{folder}: expected the {what} in {name}. Received: no such file. Name them, or put it there."
        )
    return folder / name


def _layers_in_h5(path: Path, file: h5py.File) -> list[StoredLayer]:
    with _reading(path):
        group = _own_member(path, file, "model_weights") if "model_weights" in file else file
        if not isinstance(group, h5py.Group) or "layer_names" not in group.attrs:
            raise WeightsError(
                f"{path}: expected the weights of a Keras 2 model, a group with the attribute layer_names. Received: "
                f"{list_few(file)}. Only files of Keras 2, such as yolo.h5, can be read."
            )
        listed = [_layer_in_h5(path, group, name) for name in _names(group.attrs["layer_names"])]
        stored = [layer for layer in listed if layer.shapes]
        left_over = _count_datasets(group) - sum(len(layer.shapes) for layer in stored)
    if left_over:
        raise WeightsError(
            f"{path}: expected each weight once in the attributes layer_names and weight_names. Received: {left_over} "
            f"more. The file is damaged, or holds models inside of the model."
        )
    return stored


def _layer_in_h5(path: Path, group: h5py.Group, name: str) -> StoredLayer:
    own = _own_member(path, group, name)
    # conv2d_1/kernel:0 -> kernel
    datasets = {
        weight.split("/")[-1].split(":")[0]: _own_member(path, own, weight)
        for weight in _names(own.attrs["weight_names"])
    }
    _check_floats(path, {f"{name}/{weight}": dataset.dtype.name for weight, dataset in datasets.items()})

    def read(weight: str) -> np.ndarray:
        with _reading(path):
            return datasets[weight][()].astype(np.float32)

    return StoredLayer(name, {weight: dataset.shape for weight, dataset in datasets.items()}, read)


def _own_member(path: Path, group: h5py.Group, name: str) -> Any:
    """Give what a group holds itself; refuse what would be read from elsewhere, such as another of the user's files."""
    member = group
    for part in filter(None, name.split("/")):
        link = member.get(part, getlink=True)
        if link is not None and not isinstance(link, h5py.HardLink):
            raise WeightsError(
                f"{path}: expected weights in the file itself. Received: {name} as {type(link).__name__}."
            )
        member = member[part]
    if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual):
        kind = "external storage" if member.external else "a virtual dataset"
        raise WeightsError(f"{path}: expected weights in the file itself. Received: {name} as {kind}.")
    return member


def _names(attribute: Any) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in attribute]


def _count_datasets(group: h5py.Group) -> int:
    found: list[str] = []
    group.visititems(lambda name, thing: found.append(name) if isinstance(thing, h5py.Dataset) else None)
    return len(found)


def _check_floats(origin: Path, dtypes: dict[str, str]) -> None:
    others = [f"{weight} ({dtype})" for weight, dtype in dtypes.items() if dtype not in FLOATS]
    if others:
        raise WeightsError(f"{origin}: expected floating-point weights. Received: {list_few(others)}.")


@contextmanager
def _reading(origin: Path) -> Iterator[None]:
    """Turn whatever TensorFlow and HDF5 say of a damaged file into a WeightsError."""
    try:
        yield
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, tf.errors.OpError) as error:
        raise WeightsError(
            f"{origin}: the weights cannot be read ({first_line(error)}). Get the file again."
        ) from error
