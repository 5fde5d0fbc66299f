"""A model's layers in named groups, which are frozen, trained and given learning rates as a whole.

What ``trainable = False`` means in Keras: the layer's weights take no gradient, and a batch norm among them computes
with its moving statistics and keeps them. A dropout still drops. A training step that was compiled before does not
notice the change; :func:`freeze` and :func:`unfreeze` therefore undo the compilation of the model that they are given.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import keras

from keras_cv_course.errors import ModelError
from keras_cv_course.models.nested_layers import all_layers, nested_models

_POOLING = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D, keras.layers.Flatten)

# How the names of layers tell their stage or block: ours and those of keras.applications. The group is named by what
# the pattern's first parts say.
_STAGE_PATTERNS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"(stage\d+)_.+", lambda m: m[1]),  # ResNets of this package
    (r"(block_\d+)_.+", lambda m: m[1]),  # MobileNetV2
    (r"conv_(?:dw|pw|pad)_(\d+)(?:_.+)?", lambda m: f"block_{m[1]}"),  # MobileNet
    (r"expanded_conv(?:_(\d+))?_.+", lambda m: f"block_{m[1] or 0}"),  # MobileNetV3, first block of V2
    (r"(conv\d+_block\d+)_.+", lambda m: m[1]),  # ResNet, ResNetV2, DenseNet
    (r"(block\d+[a-z]?)_.+", lambda m: m[1]),  # EfficientNet, VGG, Xception
    (r".+_(stage_\d+_block_\d+)_.+", lambda m: m[1]),  # ConvNeXt
)


@dataclass(frozen=True)
class LayerGroup:
    """Neighbouring layers of a model under one name.

    Attributes:
        name: unique among the groups of one division.
        layers: in the model's order, never a nested model itself.
    """

    name: str
    layers: tuple[keras.Layer, ...]

    @property
    def parameters(self) -> int:
        """Number of all weights."""
        return sum(layer.count_params() for layer in self.layers)

    @property
    def trainable_parameters(self) -> int:
        """Number of the weights that training changes."""
        return sum(keras.ops.size(w) for layer in self.layers for w in layer.trainable_weights)


Groups = str | LayerGroup | Iterable["str | LayerGroup"]


def groups_by_stage(model: keras.Model) -> tuple[LayerGroup, ...]:
    """Divide a model by the stages or blocks that its layers' names tell.

    Layers before the first stage are the group ``stem``; those after the last one are ``top``, and from the last
    pooling or flattening on ``head``. A layer in between whose name tells nothing goes with the one before it. For
    a ResNet of this package: ``stem``, ``stage2`` ... ``stage5``, ``head``; for MobileNetV2: ``stem``, ``block_0`` ...
    ``block_16``, ``top``; for Keras's ResNet50: ``stem``, ``conv2_block1`` ... ``conv5_block3``. Where no layer's name
    tells a stage, each layer with weights begins a group that has its name.

    Args:
        model: built; nested models are looked into.

    Raises:
        ModelError: the model has no layers with weights.
    """
    layers = _leaves(model)
    head_start = _head_start(layers)
    names = [_stage_of(layer.name) for layer in layers[:head_start]]
    if any(names):
        first, last = (next(i for i in order if names[i]) for order in (range(len(names)), reversed(range(len(names)))))
        current = "stem"
        for i, name in enumerate(names):
            current = "top" if i > last else (name or current) if i >= first else "stem"
            names[i] = current
    else:
        current = None
        for i, layer in enumerate(layers[:head_start]):
            current = layer.name if layer.weights or current is None else current
            names[i] = current
    return _collect(layers, [*names, *["head"] * (len(layers) - head_start)])


def groups_by_pattern(model: keras.Model, patterns: Mapping[str, str]) -> tuple[LayerGroup, ...]:
    """Divide a model by patterns of its layers' names.

    Args:
        model: built; nested models are looked into.
        patterns: group name -> regular expression that a layer's whole name must match. A layer goes to the first
            group that it matches. What matches none is the group ``rest``, where there is such.

    Raises:
        ModelError: a pattern that is no regular expression, or that matches no layer which none before it took; near
            names are listed.
    """
    layers = _leaves(model)
    compiled = {group: _compile(pattern) for group, pattern in patterns.items()}
    names = [next((g for g, p in compiled.items() if p.fullmatch(layer.name)), "rest") for layer in layers]
    for group, pattern in compiled.items():
        if group not in names:
            _fail_without_match(pattern.pattern, "layer of the model (or no layer that is not taken)", _names(layers))
    return _collect(layers, names)


def groups_by_depth(model: keras.Model, fraction: float) -> tuple[LayerGroup, LayerGroup]:
    """Divide a model in two at the border of :func:`groups_by_stage` that is nearest to a fraction of its depth.

    Args:
        model: built; nested models are looked into.
        fraction: of the layers with weights, 0 to 1; a head counts like the rest.

    Returns:
        The groups ``first`` and ``last``, of which one may be empty.

    Raises:
        ModelError: a fraction out of range.
    """
    if not 0 <= fraction <= 1:
        raise ModelError(f"fraction must be from 0 to 1. Received: {fraction!r}.")
    groups = groups_by_stage(model)
    depths = [0]
    for group in groups:
        depths.append(depths[-1] + sum(bool(layer.weights) for layer in group.layers))
    cut = min(range(len(depths)), key=lambda i: abs(depths[i] - fraction * depths[-1]))
    return (
        LayerGroup("first", tuple(layer for group in groups[:cut] for layer in group.layers)),
        LayerGroup("last", tuple(layer for group in groups[cut:] for layer in group.layers)),
    )


def groups_from_layer(model: keras.Model, start: int | str) -> tuple[LayerGroup, LayerGroup]:
    """Divide a model in two at one layer, as the course does with ``fine_tune_at``.

    Args:
        model: built; nested models are looked into.
        start: the first layer of the second group: its name, or its index among all layers, which for a model
            without nested ones is the index into ``model.layers``.

    Returns:
        The groups ``before`` and ``from``, of which one may be empty.

    Raises:
        ModelError: no such layer; near names are listed.
    """
    layers = list(all_layers(model))
    if isinstance(start, str):
        names = _names(layers)
        if start not in names:
            _fail_without_match(start, "layer of the model", names)
        start = names.index(start)
    if not 0 <= start <= len(layers):
        raise ModelError(f"start must be from 0 to {len(layers)}, the number of layers. Received: {start}.")
    before, after = (
        tuple(layer for layer in side if not isinstance(layer, keras.layers.InputLayer))
        for side in (layers[:start], layers[start:])
    )
    return LayerGroup("before", before), LayerGroup("from", after)


def select_groups(model: keras.Model, groups: Groups) -> tuple[LayerGroup, ...]:
    """Look groups up.

    Args:
        model: built.
        groups: one or several; each a group of this module's functions, or a regular expression that whole names of
            :func:`groups_by_stage` must match, such as ``"stage5"`` or ``"block_1[0-6]|top"``.

    Raises:
        ModelError: an expression that matches no group; near names are listed. A group of another model.
    """
    wanted = [groups] if isinstance(groups, str | LayerGroup) else list(groups)
    stages = groups_by_stage(model)
    own = {id(layer) for layer in _leaves(model)}
    selected = []
    for group in wanted:
        if isinstance(group, LayerGroup):
            if not all(id(layer) in own for layer in group.layers):
                raise ModelError(
                    f"Expected a group of the model {model.name!r}. Received: the group {group.name!r} of another one. "
                    "Divide the model that you want to change."
                )
            selected.append(group)
            continue
        pattern = _compile(group)
        matching = [stage for stage in stages if pattern.fullmatch(stage.name)]
        if not matching:
            _fail_without_match(group, "group of the model", [stage.name for stage in stages])
        selected += matching
    return tuple(selected)


def freeze(model: keras.Model, groups: Groups = ".*") -> None:
    """Let training leave the weights of some groups as they are, batch-norm statistics included.

    A compiled model must be compiled again afterwards; until then Keras refuses to train it. If `model` is nested in
    another one that is compiled, freeze through that one, or see :func:`check_compiled`.

    Args:
        model: built; groups that are not named stay as they are.
        groups: see :func:`select_groups`; by default all.

    Raises:
        ModelError: see :func:`select_groups`. Nothing is changed then.
    """
    _set_trainable(model, groups, trainable=False)


def unfreeze(model: keras.Model, groups: Groups = ".*") -> None:
    """Undo :func:`freeze`, with the same arguments, errors and need to compile."""
    _set_trainable(model, groups, trainable=True)


def check_compiled(model: keras.Model) -> None:
    """Make sure that a compiled model trains what is marked as trainable now.

    Setting ``trainable`` after ``compile`` goes unnoticed in Keras: the compiled step trains what was trainable when
    it was made.

    Raises:
        ModelError: the optimizer was built for other variables than those that are trainable now.
    """
    optimizer = model.optimizer if model.compiled else None
    if optimizer is None or not optimizer.built:
        return
    known = {id(variable) for variable in optimizer._trainable_variables}
    now = {id(variable) for variable in model.trainable_variables}
    if known != now:
        raise ModelError(
            f"The model {model.name!r} was compiled before layers were frozen or unfrozen: it would go on to train "
            f"{len(known)} variables, not the {len(now)} that are trainable now. Compile it again."
        )


def learning_rate_factors(model: keras.Model, factors: Mapping[str, float]) -> list[float]:
    """Give each trainable variable its share of the learning rate (discriminative rates).

    Args:
        model: built.
        factors: expression for group names, as in :func:`select_groups` -> factor of the learning rate, above 0. Where
            several match, the last one counts; groups that none matches have 1.

    Returns:
        One factor for each of ``model.trainable_variables``, in that order, as :func:`~keras_cv_course.fit` takes it.

    Raises:
        ModelError: an expression that matches no group, or a factor that is not above 0.
    """
    of_variable: dict[int, float] = {}
    for groups, factor in factors.items():
        if not factor > 0:
            raise ModelError(
                f"A factor of the learning rate must be above 0. Received: {factor} for {groups!r}. Freeze the group."
            )
        for group in select_groups(model, groups):
            of_variable |= {id(weight): factor for layer in group.layers for weight in layer.weights}
    return [of_variable.get(id(variable), 1.0) for variable in model.trainable_variables]


def group_table(groups: Sequence[LayerGroup]) -> str:
    """Show groups as text, a line each: name, layers, parameters, trainable parameters."""
    head = ("group", "layers", "parameters", "trainable")
    rows = [(g.name, len(g.layers), g.parameters, g.trainable_parameters) for g in groups]
    _, layers, parameters, trainable = zip(*rows, strict=True)
    rows.append(("all", sum(layers), sum(parameters), sum(trainable)))
    width = max(len(row[0]) for row in (head, *rows))
    lines = [f"{head[0]:<{width}}{head[1]:>8}{head[2]:>13}{head[3]:>13}"]
    lines += [f"{name:<{width}}{number:>8}{count:>13,}{trained:>13,}" for name, number, count, trained in rows]
    return "\n".join(lines)


def _set_trainable(model: keras.Model, groups: Groups, *, trainable: bool) -> None:
    chosen = {id(layer) for group in select_groups(model, groups) for layer in group.layers}
    flags = [(layer, trainable if id(layer) in chosen else layer.trainable) for layer in all_layers(model)]
    # A frozen nested model freezes whatever is in it. Opening it sets every layer inside, so the flags come last.
    for nested in (model, *nested_models(model)):
        nested.trainable = True
    for layer, flag in flags:
        layer.trainable = flag
    model.compiled = False
    model.train_function = None


def _leaves(model: keras.Model) -> list[keras.Layer]:
    """Give each layer with a part in the computation, once."""
    if not model.built:
        raise ModelError(f"The model {model.name!r} is not built: its layers have no weights yet. Call it once.")
    layers = {id(layer): layer for layer in all_layers(model) if not isinstance(layer, keras.layers.InputLayer)}
    if not any(layer.weights for layer in layers.values()):
        raise ModelError(f"Expected a model with weights. Received: {model.name!r}, which has none.")
    return list(layers.values())


def _head_start(layers: Sequence[keras.Layer]) -> int:
    """Find the last pooling, after which only the classifier comes; a model that does not end so has no head."""
    start = max((i for i, layer in enumerate(layers) if isinstance(layer, _POOLING)), default=len(layers))
    # The pooling of a squeeze-and-excitation block, whose result weighs channels, is none of a head.
    return len(layers) if any(isinstance(layer, keras.layers.Multiply) for layer in layers[start:]) else start


def _stage_of(layer_name: str) -> str:
    for pattern, name in _STAGE_PATTERNS:
        if match := re.fullmatch(pattern, layer_name):
            return name(match)
    return ""


def _collect(layers: Sequence[keras.Layer], names: Sequence[str]) -> tuple[LayerGroup, ...]:
    collected: dict[str, list[keras.Layer]] = {}
    for layer, name in zip(layers, names, strict=True):
        collected.setdefault(name, []).append(layer)
    return tuple(LayerGroup(name, tuple(members)) for name, members in collected.items())


def _names(layers: Sequence[keras.Layer]) -> list[str]:
    return [layer.name for layer in layers]


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ModelError(f"Expected a regular expression. Received: {pattern!r} ({error}).") from error


def _fail_without_match(pattern: str, kind: str, names: Sequence[str]) -> None:
    near = difflib.get_close_matches(pattern, names, n=4, cutoff=0.4) or list(names[:4])
    raise ModelError(f"{pattern!r} matches no {kind}. Near names: {', '.join(near)} (of {len(names)}).")
