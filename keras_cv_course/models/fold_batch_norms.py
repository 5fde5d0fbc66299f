"""Batch norms computed into the convolutions before them: fewer layers for inference, the same numbers."""

import keras
import numpy as np
from keras import layers

from keras_cv_course.errors import ModelError


def fold_batch_norms(model: keras.Model) -> keras.Model:
    """Give a model for inference in which convolutions have taken over the batch norms behind them.

    A convolution's kernel is multiplied by the norm's scale over its deviation, and what the norm adds becomes the
    convolution's bias. A batch norm that does not directly follow a `Conv2D`, as its only reader, stays.

    Args:
        model: a functional model of layers that are each used once; it stays as it is.

    Returns:
        A model with the same layer names, less those of the folded norms, and its own weights. Its results differ by
        float32's rounding: in YOLOv2 by 1e-5 of the largest number.

    Raises:
        ModelError: a layer that is used more than once or is a model itself.
    """
    _check_plain(model)
    folded = _norms_by_convolution(model)
    gone = {norm.name for norm in folded.values()}

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if layer.name in folded:
            config["use_bias"] = True
        return type(layer).from_config(config)

    def call(layer: keras.Layer, *args: object, **kwargs: object) -> object:
        return args[0] if layer.name in gone else layer(*args, **kwargs)

    names = {id(layer.output): layer.name for layer in model.layers if isinstance(layer, layers.InputLayer)}
    inputs = keras.tree.map_structure(  # by itself, Keras would name them anew
        lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=names[id(tensor)]), model.input
    )
    result = keras.models.clone_model(model, inputs, clone_function=clone, call_function=call)
    for layer in result.layers:
        source = model.get_layer(layer.name)
        norm = folded.get(layer.name)
        layer.set_weights(source.get_weights() if norm is None else _folded_weights(source, norm))
    return result


def _check_plain(model: keras.Model) -> None:
    if not isinstance(model, keras.models.Model) or not hasattr(model, "operations"):
        raise ModelError(f"Expected a functional model to fold batch norms in. Received: {type(model).__name__}.")
    for entry in model.get_config()["layers"]:
        nested = isinstance(model.get_layer(entry["name"]), keras.Model)
        if nested or len(entry["inbound_nodes"]) > 1:
            raise ModelError(
                f"Expected layers that are used once and are no models themselves. Received: {entry['name']!r}."
            )


def _norms_by_convolution(model: keras.Model) -> dict[str, layers.BatchNormalization]:
    """Find the convolutions whose only reader is a batch norm over their channels."""
    readers: dict[int, list[keras.Operation]] = {}
    for operation in model.operations:
        for tensor in keras.tree.flatten(operation.input):
            readers.setdefault(id(tensor), []).append(operation)
    outputs = {id(tensor) for tensor in model.outputs}

    found = {}
    for layer in model.layers:
        if type(layer) is not layers.Conv2D or layer.activation is not keras.activations.linear:
            continue
        following = readers.get(id(layer.output), [])
        if len(following) != 1 or id(layer.output) in outputs:
            continue
        norm = following[0]
        if isinstance(norm, layers.BatchNormalization) and norm.axis in (-1, 3):
            found[layer.name] = norm
    return found


def _folded_weights(convolution: layers.Conv2D, norm: layers.BatchNormalization) -> list[np.ndarray]:
    """Compute kernel and bias, in float64 so that only the result is rounded."""
    mean, variance = (np.asarray(w, np.float64) for w in (norm.moving_mean, norm.moving_variance))
    factor = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        factor *= np.asarray(norm.gamma)
    bias = np.asarray(convolution.bias, np.float64) if convolution.use_bias else 0.0
    bias = (bias - mean) * factor
    if norm.center:
        bias += np.asarray(norm.beta)
    kernel = np.asarray(convolution.kernel, np.float64) * factor  # (height, width, in, out) * (out,)
    return [kernel.astype(np.float32), bias.astype(np.float32)]
