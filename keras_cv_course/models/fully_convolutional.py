"""A trained classifier as a network of convolutions: all windows of a picture at once, each as if it were cut out.

A dense layer on a map of h x w cells is a convolution with a kernel of h x w; on a larger map it gives a number for
each place of that kernel, and what neighbouring windows share is computed once. That is exact where no layer sees the
window's edge: zeros that a layer pads a window with would, inside of a picture, be real pixels. A classifier with such
a layer is refused, and so is one with a layer that is not known to be exact.

Source: Sermanet et al., "OverFeat: Integrated Recognition, Localization and Detection using Convolutional Networks",
2014, section 3.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import keras
import numpy as np
from keras import layers

from keras_cv_course.errors import ModelError, first_line

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_POOLING = (layers.MaxPooling2D, layers.AveragePooling2D)
_GLOBAL_POOLING = {
    layers.GlobalMaxPooling2D: layers.MaxPooling2D,
    layers.GlobalAveragePooling2D: layers.AveragePooling2D,
}
_OVER_CHANNELS = (layers.BatchNormalization, layers.LayerNormalization, layers.Softmax)
_MERGING = (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
_BY_NUMBER = (layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Rescaling, layers.Identity)
_IN_TRAINING_ONLY = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.RandomFlip,
    layers.RandomRotation,
    layers.RandomTranslation,
    layers.RandomZoom,
    layers.RandomContrast,
    layers.RandomBrightness,
)


@dataclass(frozen=True, eq=False)
class FullyConvolutional:
    """A classifier that looks at every window of a picture at once.

    Attributes:
        model: from (batch, height, width, channels) of any size from `window` on to (batch, rows, cols, outputs), or to
            several such. Its weights are its own.
        window: (height, width) of the pictures that the classifier was made for.
        stride: pixels from a window to the next, down and across: the product of the layers' strides.
    """

    model: keras.Model
    window: tuple[int, int]
    stride: tuple[int, int]


def to_fully_convolutional(model: keras.Model) -> FullyConvolutional:
    """Turn the dense layers of a classifier into convolutions with the same weights.

    The cell (row, col) of the result's output is what `model` gives for the window whose top left corner is at
    (row, col) times the stride, up to float32's rounding. Pictures are best of the window's size plus a multiple of the
    stride, down and across: what is over belongs to no whole window. Layers keep their names, less those that join a
    map to a vector or only work in training.

    Args:
        model: a Sequential or functional model from (None, height, width, channels) of a fixed size to (None, outputs),
            or to several such, as classes and a box. Its layers may be models themselves. It stays as it is.

    Raises:
        ModelError: a layer that would compute something else inside of a picture than in a window by itself, or that is
            not known not to; the message names it and says why.
    """
    if not isinstance(model, keras.Model) or not (isinstance(model, keras.Sequential) or hasattr(model, "operations")):
        raise ModelError(f"Expected a Sequential or functional classifier. Received: {type(model).__name__}.")
    taken: Any = model.input_shape if model.built else "a model that is not built"
    if not isinstance(taken, tuple) or len(taken) != 4 or None in taken[1:]:
        raise ModelError(
            f"{model.name}: expected a classifier of images (None, height, width, channels) of a fixed size. "
            f"Received: {taken}."
        )
    window = (taken[1], taken[2])
    try:
        converted, outputs = _convert(model, _Map(window, (1, 1)), taken[3])
    except ValueError as error:  # of Keras, where one name would stand for two layers
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{model.name} cannot be turned into convolutions: {first_line(error)}") from error
    if any(one.size != (1, 1) or one.stride != outputs[0].stride for one in outputs):
        sizes = ", ".join(f"{one.size[0]} x {one.size[1]} cells {one.stride[0]} pixels apart" for one in outputs)
        raise ModelError(f"{model.name}: expected outputs of one cell, equally far apart. Received: {sizes}.")
    return FullyConvolutional(converted, window, outputs[0].stride)


@dataclass(frozen=True)
class _Map:
    """What a tensor of the classifier is.

    Attributes:
        size: (rows, cols) of the map that a single window gives.
        stride: pixels of the picture from one cell to the next.
        is_vector: the classifier joins the map to (batch, numbers); the new model keeps it as a map.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    is_vector: bool = False

    @property
    def is_joined(self) -> bool:
        """A vector of several cells, each number of which has a place of its own."""
        return self.is_vector and self.size != (1, 1)

    @property
    def last_axis(self) -> int:
        return 1 if self.is_vector else 3


@dataclass(frozen=True)
class _Step:
    """What stands for a step of the classifier: a layer, what it gives, and its weights where it has some."""

    layer: keras.Layer
    gives: list[_Map]
    weights: list[np.ndarray] | None = None


def _convert(model: keras.Model, taken: _Map, channels: int) -> tuple[keras.Model, list[_Map]]:
    """Give the model for pictures of any size, and what its outputs are."""
    inputs = keras.Input((None, None, channels), dtype=model.inputs[0].dtype)
    known = {id(inputs): taken}
    made: dict[tuple[int, tuple[int, int]], _Step] = {}  # a layer that is used twice has its weights once

    def call(step: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, keras.KerasTensor)]
        maps = [known[id(tensor)] for tensor in tensors]
        key = (id(step), maps[0].size)
        if key not in made:
            made[key] = _replace(step, maps, tensors[0].shape[-1])
        new = made[key]
        outputs = new.layer(*args, **kwargs)
        if new.weights is not None:
            new.layer.set_weights(new.weights)
        known.update(zip(map(id, keras.tree.flatten(outputs)), new.gives, strict=True))
        return outputs

    if isinstance(model, keras.Sequential):
        outputs = inputs
        for layer in model.layers:
            outputs = call(layer, outputs)
        converted = keras.Model(inputs, outputs, name=model.name)
    else:
        pictures = keras.tree.map_structure(lambda _: inputs, model.input)
        converted = keras.models.clone_model(model, pictures, clone_function=lambda step: step, call_function=call)
    return converted, [known[id(output)] for output in converted.outputs]


def _replace(step: keras.Operation, maps: Sequence[_Map], channels: int) -> _Step:
    """Find what computes for each window of a picture what `step` computes for one by itself."""
    taken = maps[0]
    if isinstance(step, keras.Model):
        if len(maps) > 1:
            _refuse(step, f"it takes {len(maps)} inputs, and a model of one is expected")
        return _Step(*_convert(step, taken, channels))
    kind = type(step)
    if kind in _MERGING or kind is layers.Concatenate:
        return _merging(step, maps)
    if kind is layers.Dense:
        return _dense(step, taken)
    if kind is layers.Flatten or kind is layers.Reshape:
        return _reshaped(step, taken)
    if kind in _IN_TRAINING_ONLY:
        return _Step(layers.Identity(name=step.name), [taken])
    if kind in _BY_NUMBER or kind is layers.Activation:
        _check_activation(step, taken)
        return _copy(step, [taken])
    if taken.is_joined:
        _refuse(step, "it tells places of the window apart, and is not a Dense layer")
    if kind in _OVER_CHANNELS:
        return _over_channels(step, taken)
    if kind in _CONVOLUTIONS or kind in _POOLING:
        return _windowed(step, taken)
    if kind in _GLOBAL_POOLING:
        _check_channels_last(step)
        pooling = _GLOBAL_POOLING[kind](taken.size, strides=1, name=step.name, dtype=step.dtype_policy)
        return _Step(pooling, [_Map((1, 1), taken.stride, is_vector=not step.keepdims)])
    if kind is layers.ZeroPadding2D:
        _refuse(step, "it puts zeros around a window, where a picture has pixels")
    _refuse(step, f"a {kind.__name__} is not known to compute the same inside of a picture as in a window by itself")


def _dense(dense: layers.Dense, taken: _Map) -> _Step:
    _check_activation(dense, _Map((1, 1), taken.stride))
    kernel, *bias = dense.get_weights()  # (rows * cols * channels, units)
    rows, cols = taken.size if taken.is_vector else (1, 1)  # on a map it works by itself, on each cell
    convolution = layers.Conv2D(
        dense.units,
        (rows, cols),
        activation=dense.activation,
        use_bias=dense.use_bias,
        name=dense.name,
        dtype=dense.dtype_policy,
    )
    gives = _Map((1, 1), taken.stride, is_vector=True) if taken.is_vector else taken
    return _Step(convolution, [gives], [kernel.reshape(rows, cols, -1, dense.units), *bias])


def _windowed(layer: keras.Layer, taken: _Map) -> _Step:
    """Convolution and pooling, which must fit into their map: so a window's edge does nothing."""
    _check_channels_last(layer)
    if layer.__class__ in _CONVOLUTIONS:
        _check_activation(layer, taken)
    kernel = layer.kernel_size if hasattr(layer, "kernel_size") else layer.pool_size
    dilation = getattr(layer, "dilation_rate", (1, 1))
    size = []
    for n, k, stride, d in zip(taken.size, kernel, layer.strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        if layer.padding != "valid" and (-(-n // stride) - 1) * stride + reach > n:
            _refuse(layer, "it pads a window at its edges, where a picture has pixels; padding='valid' would be exact")
        size.append((n - reach) // stride + 1)
    stride = (taken.stride[0] * layer.strides[0], taken.stride[1] * layer.strides[1])
    return _copy(layer, [_Map((size[0], size[1]), stride)], padding="valid")


def _over_channels(layer: keras.Layer, taken: _Map) -> _Step:
    axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
    if axis not in (-1, taken.last_axis, (-1,), (taken.last_axis,)):
        _refuse(layer, f"its axis is {layer.axis}, and only the last one holds channels")
    return _copy(layer, [taken], axis=-1)


def _reshaped(layer: keras.Layer, taken: _Map) -> _Step:
    """To a vector, or a vector of one cell to a map of one; the new model has maps only."""
    _check_channels_last(layer)
    target = layer.target_shape if isinstance(layer, layers.Reshape) else (-1,)
    to_vector, to_map = len(target) == 1, len(target) == 3 and target[:2] == (1, 1)
    if not to_vector and not (to_map and taken.size == (1, 1)):
        _refuse(layer, f"it gives the shape {target}, neither a vector nor a map of one cell")
    return _Step(layers.Identity(name=layer.name), [replace(taken, is_vector=to_vector)])


def _merging(layer: keras.Layer, maps: Sequence[_Map]) -> _Step:
    taken = maps[0]
    if any(one != taken for one in maps):
        sizes = " and ".join(f"{one.size[0]} x {one.size[1]} cells {one.stride[0]} pixels apart" for one in maps)
        _refuse(layer, f"it joins maps that do not lie on each other in a picture: {sizes}")
    if not isinstance(layer, layers.Concatenate):
        return _copy(layer, [taken])
    if taken.is_joined or layer.axis not in (-1, taken.last_axis):
        _refuse(layer, f"it joins along axis {layer.axis}, and only the last one of single cells holds channels")
    return _copy(layer, [taken], axis=-1)


def _copy(layer: keras.Layer, gives: list[_Map], **changes: Any) -> _Step:
    return _Step(type(layer).from_config({**layer.get_config(), **changes}), gives, layer.get_weights())


def _check_channels_last(layer: keras.Layer) -> None:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        _refuse(layer, "its channels come first, and last is expected")


def _check_activation(layer: keras.Layer, taken: _Map) -> None:
    """Only Keras's own functions are known: they work number by number, or over the channels of a cell."""
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", None)
    if activation is not None and getattr(keras.activations, str(name), None) is not activation:
        _refuse(layer, f"its activation {name} is not one of Keras's own")
    if taken.is_joined and name in ("softmax", "log_softmax", "sparsemax"):
        _refuse(layer, f"{name} compares numbers of several cells")


def _refuse(step: keras.Operation, why: str) -> NoReturn:
    raise ModelError(f"The layer {step.name!r} ({type(step).__name__}) cannot slide over a picture: {why}.")
