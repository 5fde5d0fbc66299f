"""The layers of a model whose layers may be models themselves."""

from collections.abc import Iterator

import keras


def all_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Give every layer of `model`, those of nested models in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
        else:
            yield layer


def output_ids(model: keras.Model) -> set[int]:
    """Give the identities of the symbolic outputs of `model` and of the models nested in it."""
    ids = {id(tensor) for tensor in model.outputs}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            ids |= output_ids(layer)
    return ids
