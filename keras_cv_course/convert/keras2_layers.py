"""YOLOv2's layers as Keras 2 stored them, found again by their order and shapes.

Names tell nothing: they count the layers of a session (conv2d_1 here, conv2d_24 there). Order does: Keras 2 stores
layers by their distance from the output, so layers that follow each other in the network follow each other in the file.
Only where the passthrough runs beside the main line may either come first; but its convolution is the last with its
shape, and its batch norm the last with 64 channels. With these two set aside, the rest is one line.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from keras_cv_course.errors import WeightsError
from keras_cv_course.models.darknet_layers import Convolution, trace_shapes
from keras_cv_course.models.detector import Detector
from keras_cv_course.models.yolov2 import NUMBERS_PER_BOX, PASSTHROUGH_FILTERS, head_filters, yolov2, yolov2_layers

Shapes = dict[str, tuple[int, ...]]  # by the names that Keras gives to a layer's weights

CONVOLUTIONS, NORMS = 23, 22
NORM_WEIGHTS = ("gamma", "beta", "moving_mean", "moving_variance")
# Of the weights by which the passthrough's convolution and its batch norm are known.
BRANCH_SHAPES: Shapes = {"kernel": (1, 1, 512, PASSTHROUGH_FILTERS), "gamma": (PASSTHROUGH_FILTERS,)}


class StoredLayer(NamedTuple):
    """A layer in a file, whose numbers are not read yet.

    Attributes:
        name: in the file, for messages.
        shapes: of its weights.
        read: gives the numbers of one weight.
    """

    name: str
    shapes: Shapes
    read: Callable[[str], np.ndarray]


class _OurLayer(NamedTuple):
    """A layer of our model."""

    name: str
    shapes: Shapes


AnyLayer = TypeVar("AnyLayer", StoredLayer, _OurLayer)


def detector_of_stored_layers(
    stored: Sequence[StoredLayer],
    class_names: tuple[str, ...],
    anchors: np.ndarray,
    input_size: tuple[int, int],
    *,
    origin: str,
) -> Detector:
    """Build the course's YOLOv2 with the weights of stored layers.

    Args:
        stored: all layers that have weights, in the order of the file.
        class_names: one for each class.
        anchors: (A, 2), width and height in cells.
        input_size: (height, width), multiples of 32.
        origin: where the layers come from, for messages.

    Returns:
        The detector; pictures are stretched to its size, as in the course.

    Raises:
        WeightsError: layers of another network, another number of classes or anchors, or damaged numbers.
        ModelError: an impossible `input_size`, no class, or impossible anchors.
    """
    wanted = head_filters(len(class_names), len(anchors))
    head = stored[-1].shapes.get("kernel", ()) if stored else ()  # the output is stored last
    found = head[-1] if head else wanted
    places = _find_places(stored, found, origin)
    if found != wanted:
        raise WeightsError(_explain_outputs(found, len(class_names), len(anchors), origin))

    model = yolov2((*input_size, 3), len(class_names), len(anchors), variant="course")
    detector = Detector(model, np.asarray(anchors, np.float32), class_names, "stretch")
    for variable in model.weights:
        layer, weight = variable.path.split("/")
        variable.assign(_read_sound(places[layer], weight, origin))
    return detector


def _find_places(stored: Sequence[StoredLayer], num_outputs: int, origin: str) -> dict[str, StoredLayer]:
    """Give the stored layer for each of ours; raise WeightsError unless all are there, with the shapes expected."""
    expected = _expected_layers(num_outputs)
    convolutions = [layer for layer in stored if "kernel" in layer.shapes]
    norms = [layer for layer in stored if "gamma" in layer.shapes]
    others = len(stored) - len(convolutions) - len(norms)
    received = _one_line(convolutions, "kernel") + _one_line(norms, "gamma")

    pairs = list(zip(expected, received, strict=False))
    differing = [(ours, theirs) for ours, theirs in pairs if ours.shapes != theirs.shapes]
    if differing or others or len(convolutions) != CONVOLUTIONS or len(norms) != NORMS:
        first = ""
        if differing:
            ours, theirs = differing[0]
            first = f" The first difference is {theirs.name}: expected {ours.shapes}, received {theirs.shapes}."
        raise WeightsError(
            f"{origin}: expected YOLOv2, {CONVOLUTIONS} convolutions and {NORMS} batch norms. Received: "
            f"{len(convolutions)}, {len(norms)} and {others} other layers with weights.{first} Only YOLOv2 can be read "
            f"from files of this kind."
        )
    return {ours.name: theirs for ours, theirs in pairs}


def _expected_layers(num_outputs: int) -> list[_OurLayer]:
    """List our convolutions and then our batch norms, each in one line."""
    convolutions: list[_OurLayer] = []
    norms: list[_OurLayer] = []
    layers = yolov2_layers(num_outputs)
    channels = 3
    for layer, (_, _, next_channels) in zip(layers, trace_shapes(layers, (32, 32, 3)), strict=True):
        if isinstance(layer, Convolution):
            name = f"conv{len(convolutions) + 1}" if layer.normalized else "head"
            shapes: Shapes = {"kernel": (layer.size, layer.size, channels, layer.filters)}
            per_filter: Shapes = dict.fromkeys(NORM_WEIGHTS if layer.normalized else ("bias",), (layer.filters,))
            if layer.normalized:
                norms.append(_OurLayer(f"{name}_bn", per_filter))
            else:
                shapes |= per_filter
            convolutions.append(_OurLayer(name, shapes))
        channels = next_channels
    return _one_line(convolutions, "kernel") + _one_line(norms, "gamma")


def _one_line(layers: Sequence[AnyLayer], weight: str) -> list[AnyLayer]:
    """Move the passthrough's layer to the end, wherever it came."""
    places = [place for place, layer in enumerate(layers) if layer.shapes[weight] == BRANCH_SHAPES[weight]]
    if not places:
        return list(layers)
    return list(layers[: places[-1]]) + list(layers[places[-1] + 1 :]) + [layers[places[-1]]]


def _explain_outputs(found: int, classes: int, anchors: int, origin: str) -> str:
    """Say for how many classes the file is."""
    outputs, rest = divmod(found, anchors)
    fitting = f"With {anchors} anchors they are for {outputs - NUMBERS_PER_BOX} classes: name the right class names"
    return (
        f"{origin}: expected {anchors * (NUMBERS_PER_BOX + classes)} outputs, {anchors} anchors x ({NUMBERS_PER_BOX} + "
        f"{classes} classes). Received: {found}. "
        f"{fitting if rest == 0 and outputs > NUMBERS_PER_BOX else 'Name the right class names'} and anchors."
    )


def _read_sound(layer: StoredLayer, weight: str, origin: str) -> np.ndarray:
    """Read the numbers of one weight; raise WeightsError where no network can have them."""
    numbers = layer.read(weight)
    problem = ""
    if not np.isfinite(numbers).all():
        problem = "NaN or infinity"
    elif weight == "moving_variance" and numbers.min() < 0:
        problem = f"{numbers.min():g}"
    if problem:
        raise WeightsError(
            f"{origin}: expected finite numbers and no negative variance. Received: {problem} in {weight} of "
            f"{layer.name}. The file is damaged: get it again."
        )
    return numbers
