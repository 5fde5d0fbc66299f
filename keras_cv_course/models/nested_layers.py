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


def nested_models(model: keras.Model) -> Iterator[keras.Model]:
    """Give the models among the layers of `model`, outer ones first."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield layer
            yield from nested_models(layer)


def output_ids(model: keras.Model) -> set[int]:
    """Give the identities of the symbolic outputs of `model` and of the models nested in it."""
    return {id(tensor) for part in (model, *nested_models(model)) for tensor in part.outputs}
