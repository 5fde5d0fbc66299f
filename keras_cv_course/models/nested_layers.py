"""The layers of a model whose layers may be models themselves, and what it gives."""

from collections.abc import Iterator
from typing import Any

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


def outputs_in_structure(model: keras.Model) -> Any:
    """Give the symbolic outputs of `model` as it gives them: a tensor, or a list or dictionary of such.

    A `Sequential` that was loaded and never called has no `output`, and the `output_shape` of a dictionary with one
    entry is that of the entry.
    """
    return model.outputs[0] if isinstance(model, keras.Sequential) else model.output


def answering_variables(model: keras.Model) -> set[str]:
    """Give the paths of the variables of those layers with weights that are nearest to what `model` gives.

    Behind them stand at most layers without weights. A model that is no graph of layers has none that could be told.
    """
    found: set[str] = set()

    def go_back(tensor: Any) -> None:
        layer, node, _ = tensor._keras_history
        if isinstance(layer, keras.Model):
            before = layer.outputs
        elif getattr(layer, "variables", None):
            found.update(variable.path for variable in layer.variables)
            return
        else:
            before = layer._inbound_nodes[node].input_tensors
        for one in before:
            go_back(one)

    for tensor in getattr(model, "outputs", None) or ():
        go_back(tensor)
    return found


def output_ids(model: keras.Model) -> set[int]:
    """Give the identities of the symbolic outputs of `model` and of the models nested in it."""
    return {id(tensor) for part in (model, *nested_models(model)) for tensor in part.outputs}
