"""Attributes and arguments that layers had in Keras 2, and its learning phase."""

import functools
from collections.abc import Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional

from keras_cv_course.compat.patches import Patches, Shim

# Of Keras 2's BatchNormalization: `fused` chose a kernel, and the others are off with None.
WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "fused": (None, True, False),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
}


class LearningPhase:
    """Whether layers that are called without `training` train; None: as each layer's own default says."""

    training: bool | None = None


class _Shapes:
    """An attribute that gives the shapes of a layer's inputs or outputs.

    Without ``__set__``, so that a layer of the user's may have an attribute of this name.
    """

    def __init__(self, tensors: str) -> None:
        self.tensors = tensors

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        nodes = [_shapes(getattr(node, self.tensors)) for node in layer._inbound_nodes]
        if not nodes and isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            side = layer.outputs if self.tensors == "output_tensors" else layer.inputs
            nodes = [_shapes(side)]
        if not nodes or any(shapes != nodes[0] for shapes in nodes):
            number = "no call" if not nodes else "calls with different shapes"
            raise AttributeError(f"Expected one shape of the layer {layer.name}. Received: {number}.")
        # In TensorFlow 2.3 these two kept their tensors in a list even where there was one.
        always_list = isinstance(layer, keras.layers.InputLayer) or type(layer).__name__ == "TensorFlowOpLayer"
        return nodes[0] if always_list or len(nodes[0]) > 1 else nodes[0][0]


def _shapes(tensors: Any) -> list[tuple[int | None, ...]]:
    return [tuple(tensor.shape) for tensor in tensors]


def add_shapes(patches: Patches) -> None:
    """Give layers ``output_shape`` and ``input_shape``."""
    patches.add(keras.layers.Layer, "output_shape", _Shapes("output_tensors"))
    patches.add(keras.layers.Layer, "input_shape", _Shapes("input_tensors"))
    # Models have them in Keras 3 too, but those tell how a model was built, not how it is called in another one.
    for model in (Functional, keras.Sequential):
        for name, tensors in (("output_shape", "output_tensors"), ("input_shape", "input_tensors")):
            patches.set(model, name, _Shapes(tensors))


class GivenFactor(float):
    """The number that was given as a factor, which is also the range that Keras 3 makes of it."""

    def __new__(cls, given: float, ends: tuple[float, float]) -> "GivenFactor":
        """Keep the number as the value and the range's ends beside it."""
        self = super().__new__(cls, given)
        self.ends = ends
        return self

    ends: tuple[float, float]

    def __getitem__(self, place: int) -> float:
        return self.ends[place]

    def __iter__(self) -> Iterator[float]:
        return iter(self.ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __bool__(self) -> bool:
        return float(self) != 0.0

    def __reduce__(self) -> tuple[type["GivenFactor"], tuple[float, tuple[float, float]]]:
        return GivenFactor, (float(self), self.ends)


def keep_factors(patches: Patches) -> None:
    """Let ``RandomRotation(0.2).factor`` be 0.2."""
    # Also of Keras's random layers with their own `_set_factor`: those have no attribute `factor` that it sets.
    base = keras.layers.RandomRotation.__mro__[1]
    original = base._set_factor

    @functools.wraps(original)
    def set_factor(self: Any, factor: Any) -> None:
        original(self, factor)
        if isinstance(factor, (int, float)) and isinstance(self.factor, tuple):
            self.factor = GivenFactor(factor, self.factor)

    patches.set(base, "_set_factor", set_factor)

    original_init = base.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("rng_type", None)  # which random generator Keras 2.9 and later took; it is in their files
        original_init(self, *args, **kwargs)

    patches.set(base, "__init__", init)


def accept_batch_norm_arguments(patches: Patches) -> None:
    """Accept a list of one axis, as Keras 2 stored it, and arguments that changed no result."""
    original = keras.layers.BatchNormalization.__init__

    # Without functools.wraps, with which Keras sees two different signatures of a layer's __init__.
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        axis = kwargs.get("axis")
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            kwargs["axis"] = axis[0]
        for name, values in WITHOUT_EFFECT.items():
            if name in kwargs and kwargs[name] in values:
                del kwargs[name]
        original(self, *args, **kwargs)

    patches.set(keras.layers.BatchNormalization, "__init__", init)


def obey_learning_phase(patches: Patches) -> None:
    """Let the learning phase stand for `training` where a call says nothing of it."""
    original = keras.layers.Layer._get_call_context

    @functools.wraps(original)
    def get_call_context(self: Any) -> Any:
        context = original(self)
        # Only the outermost call: inside, the outer call's `training` holds.
        if LearningPhase.training is not None and context.entry_layer is self and context.get_value("training") is None:
            context.set_value("training", LearningPhase.training)
        return context

    patches.set(keras.layers.Layer, "_get_call_context", get_call_context)
    patches.on_undo(functools.partial(setattr, LearningPhase, "training", None))


SHIMS = (
    Shim(
        "layer.output_shape, layer.input_shape",
        "Keras 3 has no such attributes; of input layers TensorFlow 2.3 gave a list",
        add_shapes,
    ),
    Shim("RandomRotation(0.2).factor", "Keras 3 makes a range (-0.2, 0.2) of it", keep_factors),
    Shim(
        "BatchNormalization(axis=[3], fused=True)",
        "Keras 3 wants a number as axis and has no fused, virtual_batch_size, adjustment",
        accept_batch_norm_arguments,
    ),
    Shim(
        "K.set_learning_phase(True)", "Keras 3 has no learning phase: layers are told in each call", obey_learning_phase
    ),
)
