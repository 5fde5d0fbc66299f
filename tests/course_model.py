"""The course's car detector with drawn numbers: as its SavedModel folder, and as a Keras 2 `yolo.h5`."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

Numbers = dict[str, dict[str, np.ndarray]]  # layer_with_weights-0 -> kernel -> numbers


def draw_numbers(weight: str, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Draw such that maps keep their size; no two layers, and no two channels of a norm, get the same."""
    match weight:
        case "kernel":
            numbers = draw.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[:3])))
        case "gamma" | "moving_variance":
            numbers = draw.uniform(0.6, 1.4, shape)
        case _:
            numbers = draw.normal(0, 0.2, shape)
    return numbers.astype(np.float32)


def write_model_data(original: Path, folder: Path, seed: int) -> Numbers:
    """Copy the course's folder, which comes without weights, and write a checkpoint for its graph; give the numbers.

    Names and shapes are those that the graph itself lists.
    """
    shutil.copytree(original, folder)
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    nodes = saved.meta_graphs[0].object_graph_def.nodes
    draw = np.random.default_rng(seed)
    numbers: Numbers = {}
    for layer in nodes[0].children:
        if layer.local_name.startswith("layer_with_weights-"):
            numbers[layer.local_name] = {
                child.local_name: draw_numbers(
                    child.local_name, tuple(axis.size for axis in nodes[child.node_id].variable.shape.dim), draw
                )
                for child in nodes[layer.node_id].children
                if nodes[child.node_id].WhichOneof("kind") == "variable"
            }
    write_checkpoint(folder, numbers)
    return numbers


def write_checkpoint(folder: Path, numbers: Numbers) -> None:
    """Write the variables of a SavedModel, under the keys that TensorFlow 2's Keras gives them."""
    layers = {
        layer: tf.train.Checkpoint(**{weight: tf.Variable(array) for weight, array in weights.items()})
        for layer, weights in numbers.items()
    }
    tf.train.Checkpoint(**layers).write(str(folder / "variables" / "variables"))


def write_yolo_h5(path: Path, numbers: Numbers) -> Callable[[np.ndarray], np.ndarray]:
    """Build the same network in Keras 2, its passthrough a Lambda layer as in the original file, and save it whole.

    The weights are put in by the names of the layers, so this knows nothing of the order in which Keras stores them.
    Gives what runs the model.
    """
    import tf_keras
    from tf_keras import layers

    ordered = [numbers[f"layer_with_weights-{place}"] for place in range(len(numbers))]
    kernels = [weights for weights in ordered if "kernel" in weights]
    norms = [weights for weights in ordered if "gamma" in weights]
    # The course's checkpoint has the passthrough's layers (1x1, 512 -> 64) before the second 3x3 over 1024 channels;
    # here they are built after it.
    kernels[19], kernels[20] = kernels[20], kernels[19]
    norms[19], norms[20] = norms[20], norms[19]
    values: dict[str, list[np.ndarray]] = {}

    def conv(x: Any, name: str) -> Any:
        kernel, norm = kernels[len(values) // 2], norms[len(values) // 2]
        size, _, _, filters = kernel["kernel"].shape
        x = layers.Conv2D(filters, size, padding="same", use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        values[name] = [kernel["kernel"]]
        values[f"{name}_bn"] = [norm[weight] for weight in ("gamma", "beta", "moving_mean", "moving_variance")]
        return layers.LeakyReLU(0.1)(x)

    x = image = layers.Input((608, 608, 3))
    for number in range(1, 14):
        x = conv(x, f"body{number}")
        if number in (1, 2, 5, 8):
            x = layers.MaxPooling2D()(x)
    fine = x
    x = layers.MaxPooling2D()(x)
    for number in range(14, 21):
        x = conv(x, f"body{number}")
    passed = layers.Lambda(lambda t: tf.nn.space_to_depth(t, 2), (19, 19, 256))(conv(fine, "squeeze"))
    x = conv(layers.concatenate([passed, x]), "joined")
    x = layers.Conv2D(kernels[-1]["kernel"].shape[-1], 1, name="output")(x)
    values["output"] = [kernels[-1]["kernel"], kernels[-1]["bias"]]

    model = tf_keras.Model(image, x)
    for name, arrays in values.items():
        model.get_layer(name).set_weights(arrays)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*saving your model as an HDF5 file.*")
        model.save(path, save_format="h5")
    return lambda images: np.asarray(model(images))
