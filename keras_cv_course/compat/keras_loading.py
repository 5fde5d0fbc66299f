"""``load_model`` for what Keras 2 stored: the course's SavedModel folder, ``yolo.h5`` and other HDF5 files."""

import functools
import json
import re
import shutil
import tempfile
from collections.abc import Container
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf

from keras_cv_course.compat.keras_modules import in_each_tree
from keras_cv_course.compat.patches import Patches, Shim
from keras_cv_course.compat.symbolic_tensors import check_module
from keras_cv_course.convert.legacy_keras import load_course_model, load_yolo_h5
from keras_cv_course.errors import WeightsError

CONFIGS = ("model_config", "training_config")  # what Keras 2 describes in a file's attributes, as JSON
ANCHORS = 5  # of the course's detectors; a model is the same whatever the anchors' sizes are
BIAS_KEY = re.compile(r"layer_with_weights-\d+/bias/\.ATTRIBUTES/VARIABLE_VALUE")


def load_keras2_files(patches: Patches) -> None:
    """Let ``load_model`` read folders and HDF5 files of Keras 2."""
    original = keras.models.load_model

    @functools.wraps(original)
    def load_model(filepath: Any, *args: Any, **kwargs: Any) -> Any:
        path = Path(filepath) if isinstance(filepath, (str, Path)) else None
        if path is not None and path.is_dir():
            return _load_folder(path)
        if path is None or not path.is_file() or not h5py.is_hdf5(path):
            return original(filepath, *args, **kwargs)
        with h5py.File(path, "r") as file:
            version = str(file.attrs.get("keras_version", "2"))
            stored = {name: json.loads(file.attrs[name]) for name in CONFIGS if name in file.attrs}
        if version.startswith("3"):
            return original(filepath, *args, **kwargs)
        if "Lambda" in _class_names(stored):
            return _load_detector(path)
        translated = {name: translate_config(config) for name, config in stored.items()}
        if translated == stored:
            return original(filepath, *args, **kwargs)
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copyfile(path, Path(folder) / path.name)
            with h5py.File(copy, "r+") as file:
                file.attrs.update({name: json.dumps(config) for name, config in translated.items()})
            return original(copy, *args, **kwargs)

    for name in ("models", "saving"):
        for module in in_each_tree(name):
            patches.set(module, "load_model", load_model)
    patches.set_item(keras.saving.get_custom_objects(), "TFOpLambda", TFOpLambda)


def translate_config(config: Any) -> Any:
    """Write the description of a model, or of its training, that Keras 2 stored as Keras 3 reads it.

    These things differ. A layer that is called on one tensor with further arguments may stand without its list of
    tensors. A model inside of a model has its own inputs as call 0 in Keras 2, so that calls of it count from 1. One
    input or output stands in a list. Losses have the function that they call, and ``auto`` as reduction. Metrics that
    were named by a word became wrappers of a function.
    """
    if isinstance(config, list):
        return [translate_config(part) for part in config]
    if not isinstance(config, dict):
        return config
    config = {key: translate_config(part) for key, part in config.items()}
    if config.get("reduction") == "auto":
        config = {key: part for key, part in config.items() if key != "fn"} | {"reduction": "sum_over_batch_size"}
    if config.get("class_name") == "MeanMetricWrapper":
        name, function = config["config"]["name"], config["config"]["fn"]
        return name if name in ("accuracy", "acc") else function
    layers = config.get("layers")
    if not isinstance(layers, list) or "output_layers" not in config:
        return config
    inner = {
        layer["config"].get("name"): layer["class_name"] for layer in layers if "layers" in layer.get("config", {})
    }
    for layer in layers:
        nodes = [[node] if node and isinstance(node[0], str) else node for node in layer["inbound_nodes"]]
        layer["inbound_nodes"] = [[_counted_from_0(call, inner) for call in node] for node in nodes]
    # Of a Functional that gives an output, Keras 3 itself counts from 1.
    sequentials = {name for name, kind in inner.items() if kind == "Sequential"}
    config["output_layers"] = [_counted_from_0(call, sequentials) for call in config["output_layers"]]
    for side in ("input_layers", "output_layers"):
        if len(config[side]) == 1:
            config[side] = config[side][0]  # in Keras 3 a list of one is another structure than one
    return config


def _counted_from_0(call: list[Any], models: Container[str]) -> list[Any]:
    """Count the calls of a layer from 0, where it is an inner model; a call is [layer, number, tensor, ...]."""
    name, number, *rest = call
    return [name, number - 1 if name in models and number > 0 else number, *rest]


def _load_folder(folder: Path) -> Any:
    try:
        shapes = dict(tf.train.list_variables(str(folder / "variables" / "variables")))
    except (ValueError, tf.errors.OpError):
        shapes = {}  # the reader says better what is wrong
    classes = _count_classes([shape for key, shape in shapes.items() if BIAS_KEY.fullmatch(key)])
    return load_course_model(folder, class_names=_numbered(classes), anchors=np.ones((ANCHORS, 2), np.float32)).model


def _class_names(config: Any) -> list[str]:
    if isinstance(config, list):
        return [name for part in config for name in _class_names(part)]
    if not isinstance(config, dict):
        return []
    own = [config["class_name"]] if isinstance(config.get("class_name"), str) else []
    return own + [name for part in config.values() for name in _class_names(part)]


def _load_detector(path: Path) -> Any:
    biases: list[tuple[int, ...]] = []
    with h5py.File(path, "r") as file:
        group = file.get("model_weights", file)
        group.visititems(
            lambda name, thing: (
                biases.append(thing.shape)
                if isinstance(thing, h5py.Dataset) and name.split("/")[-1].split(":")[0] == "bias"
                else None
            )
        )
    classes = _count_classes(biases)
    try:
        return load_yolo_h5(path, _numbered(classes), np.ones((ANCHORS, 2), np.float32)).model
    except WeightsError as error:
        raise WeightsError(
            f"{path}: expected a model without Lambda layers, or the course's yolo.h5. Received: a Lambda layer, whose "
            f"code is stored as a pickle, which could do anything and is not opened. Build the model in code and use "
            f"load_weights. (As yolo.h5: {error})"
        ) from error


def _count_classes(biases: list[Any]) -> int:
    """Tell the number of classes from the bias of the output, which is YOLOv2's only one; else as in the course."""
    outputs = biases[0][0] if len(biases) == 1 and len(biases[0]) == 1 else 0
    classes = outputs // ANCHORS - 5
    return classes if classes > 0 else 80


def _numbered(classes: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(classes))


class TFOpLambda(keras.layers.Layer):
    """A function of TensorFlow in a model, as TensorFlow 2.4 and later stored it.

    Args:
        function: its name in TensorFlow, such as ``math.truediv``.

    Raises:
        WeightsError: the function does more than compute.
    """

    def __init__(self, function: str, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, autocast=False)
        self.function = function
        self._run = functools.reduce(getattr, function.split("."), tf)
        check_module(getattr(self._run, "__module__", ""), function)
        self._allow_non_tensor_positional_args = True

    def call(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the function."""
        kwargs.pop("name", None)
        return self._run(x, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Describe the layer for saving and cloning."""
        return {"name": self.name, "function": self.function}


SHIMS = (
    Shim(
        'load_model("model_data/"), load_model("yolo.h5"), load_model("resnet50.h5")',
        "Keras 3 opens no SavedModel folders, no pickled Lambda layers and not all HDF5 files of Keras 2",
        load_keras2_files,
    ),
)
