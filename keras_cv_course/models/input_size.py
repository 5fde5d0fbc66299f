"""A detection network for pictures of another size, or of any: the same weights in a new model.

Training on several sizes needs a network that takes them all, use needs one of a fixed size. What stands between the
two is the passthrough, whose plain layers know the size; everything else is copied as it is.
"""

from typing import Any

import keras

from keras_cv_course.errors import ModelError
from keras_cv_course.models.passthrough import AnySizePassthrough, Kind, reorg, space_to_depth

# What reorg and space_to_depth name the layers before their last one.
_STEPS = ("_channels_first", "_split", "_order", "_join")


def any_size(model: keras.Model) -> keras.Model:
    """Copy a detection network of this package, with its weights, into one for pictures of any multiple of 32.

    Args:
        model: built of functional layers, none of which but the passthrough knows the picture's size.

    Returns:
        A model from (batch, None, None, channels); its weights are its own.

    Raises:
        ModelError: another layer of the model works on one size only.
    """
    names = {layer.name for layer in model.layers}
    passthroughs = {name for name in names if f"{name}_order" in names}

    def call(layer: keras.Layer, x: Any, *others: Any, **options: Any) -> Any:
        if any(layer.name == f"{name}{step}" for name in passthroughs for step in _STEPS):
            return x
        if layer.name in passthroughs:
            kind: Kind = "reorg" if f"{layer.name}_channels_first" in names else "space_to_depth"
            return AnySizePassthrough(kind, name=layer.name)(x)
        return layer(x, *others, **options)

    try:
        return _copy(model, (None, None), call)
    except ValueError as error:
        raise ModelError(f"{model.name}: expected a network that can take pictures of any size. {error}") from error


def fixed_size(model: keras.Model, size: tuple[int, int]) -> keras.Model:
    """Copy a network of :func:`any_size`, with its weights, into one of plain layers for pictures of one size.

    Args:
        model: the network.
        size: (height, width), multiples of 32.
    """

    def call(layer: keras.Layer, x: Any, *others: Any, **options: Any) -> Any:
        if isinstance(layer, AnySizePassthrough):
            return (reorg if layer.kind == "reorg" else space_to_depth)(x, layer.name)
        return layer(x, *others, **options)

    return _copy(model, size, call)


def _copy(model: keras.Model, size: tuple[int | None, int | None], call: Any) -> keras.Model:
    inputs = keras.Input((*size, model.input_shape[-1]), name="image")
    copied = keras.models.clone_model(model, input_tensors=inputs, call_function=call)
    copy_weights(model, copied)
    for layer in copied.layers:
        if layer.weights:
            layer.trainable = model.get_layer(layer.name).trainable
    return copied


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Give a copy of a network the weights that its origin has now, layer by layer of the same name.

    The passthroughs of :func:`any_size` and :func:`fixed_size` order the layers in different ways; the names tell which
    is which.
    """
    for layer in target.layers:
        if layer.weights:
            layer.set_weights(source.get_layer(layer.name).get_weights())
