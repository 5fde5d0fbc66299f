"""What is asked of a submission's whole network, and the mistakes that are told by name."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from keras_cv_course.grading import Layer, Model, Subject, compare

from .blocks import CLOSE, draw_down, draw_up, is_close, see_down_values, see_up_values
from .reference import DROPOUT, LEVELS, DrawnWeights, Network, Weight, count_weights, with_other_order
from .weights import kinds_of, see_weights, set_weights

Shape = tuple[int, int, int]


def build_network(subject: Subject, shape: Shape, filters: int, classes: int) -> Model:
    """Build the submission's network, and see what goes in and out.

    Args:
        subject: the submission.
        shape: (height, width, channels) of an image.
        filters: of the highest level.
        classes: number of classes.

    Raises:
        compare.Wrong: it raised, or something else goes in or out.
    """
    try:
        model = subject.model("unet_model", shape, n_filters=filters, n_classes=classes)
    except compare.NotCompared as wrong:
        raise compare.NotCompared(f"{wrong}{_misfit(str(wrong))}", wrong.raised) from None
    if model.inputs != ((None, *shape),):
        raise compare.Wrong(f"input_size is not used: expected the input {(None, *shape)}. Received: {model.inputs}.")
    if model.outputs != ((None, *shape[:2], classes),):
        received = model.outputs[0] if len(model.outputs) == 1 else model.outputs
        reason = ""
        if len(model.outputs) == 1 and received[1:3] == shape[:2]:
            reason = "The last convolution has n_classes filters, one for each class.\n"
        raise compare.Wrong(
            f"{reason}Shape of unet_model's output: expected {(None, *shape[:2], classes)}. Received: {received}."
        )
    return model


def _misfit(message: str) -> str:
    """Say why two maps cannot be joined, from what an error tells."""
    bottom = "the lowest level does not pool, max_pooling=False."
    if "MaxPooling2D" in message:
        return f"\nNothing is left of the map. Four levels pool, and {bottom}"
    if "matching shapes except for the concatenation axis" not in message:
        return ""
    return (
        "\nTwo maps of different height and width are joined. Each level of the way up gets what comes across at its "
        f"own level, block[1], from the lowest to the highest; and {bottom}"
    )


def see_network_weights(model: Model, channels: int, filters: int, classes: int) -> None:
    """See that the network has all convolutions."""
    right = Network(filters, classes)

    def weights_of(network: Network) -> Counter[Weight]:
        return count_weights(lambda weights: network(np.zeros((1, 16, 16, channels), np.float32), weights))

    expected = weights_of(right)
    if Counter(kinds_of(model)) == expected:
        return
    mistakes = {
        "The number of filters stays the same: each level has twice as many as the one above it.": weights_of(
            replace(right, widths=(1,) * LEVELS)
        ),
        "The number of filters grows by n_filters: each level has twice as many as the one above it.": weights_of(
            replace(right, widths=(1, 2, 3, 4, 5))
        ),
        "A level is missing: there are four with pooling and one below them.": weights_of(
            replace(right, widths=(1, 2, 4, 8))
        ),
        "n_filters is not used: the highest level has 32 filters whatever it is.": weights_of(
            replace(right, filters=32)
        ),
        "The convolution of 3x3 before the outputs is missing.": weights_of(replace(right, last_block=False)),
        "The outputs' kernel is 3x3: it is 1x1, for each pixel by itself.": weights_of(replace(right, last_size=3)),
        "Nothing goes across: upsampling_block joins what comes from below with what comes across.": weights_of(
            replace(right, order="up alone")
        ),
    }
    see_weights(model, expected, mistakes)


def see_network_dropout(model: Model, shape: Shape, filters: int) -> None:
    """See on which levels the network has a dropout, and how strong it is."""
    found = Counter(
        (layer.output[1:], round(float(layer.config.get("rate", 0)), 4))
        for layer in _all_layers(model.layers)
        if layer.type == "Dropout" and layer.output and layer.config.get("rate")
    )
    expected = Counter(
        ((shape[0] >> level, shape[1] >> level, filters << level), DROPOUT) for level in (LEVELS - 2, LEVELS - 1)
    )
    if found == expected:
        return
    told = ", ".join(f"{rate:g} on maps of {size}" for size, rate in found.elements()) or "none"
    raise compare.Wrong(
        f"Expected a dropout of {DROPOUT} on the two lowest levels of the way down, on maps of "
        f"{' and '.join(str(size) for size, _ in expected)}. Received: {told}."
    )


def _all_layers(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        yield from _all_layers(layer.layers)


def network_mistakes(network: Network) -> Iterator[tuple[str, Network]]:
    """Give the network with each mistake that does not show in the shapes."""
    yield (
        "The outputs are probabilities: here they are logits, without an activation; the loss makes the softmax.",
        replace(network, activation="softmax"),
    )
    yield "The outputs have a sigmoid: they are logits, without an activation.", replace(network, activation="sigmoid")
    yield "The outputs have a ReLU: they are logits, without an activation.", replace(network, activation="relu")
    yield "The convolution before the outputs has no ReLU.", replace(network, last_activated=False)


def see_network_values(subject: Subject, draw: np.random.Generator, model: Model, network: Network) -> None:
    """Compare the logits of images, in use, with weights that are set."""
    weights, x = DrawnWeights(draw), draw.uniform(0, 1, (2, *model.inputs[0][1:])).astype(np.float32)
    set_weights(subject, model, weights)
    received = subject.predict(model, x)
    orders = network, with_other_order(network)
    if not any(is_close(received, each(x, weights)) for each in orders):
        named = [(text, wrong(x, weights)) for each in orders for text, wrong in network_mistakes(each)]
        mistakes = {text: values for text, values in named if is_close(received, values)}
        compare.close(received, network(x, weights), "unet_model", mistakes=mistakes, **CLOSE)


def blame(subject: Subject, see: Callable[[], None]) -> None:
    """Compare the network; where it is wrong, say which of the submission's blocks is wrong already.

    What the network's own lines raise, no block is the cause of.
    """
    try:
        see()
    except compare.NotCompared as wrong:
        if wrong.raised is None or len(wrong.raised.frames) < 2:
            raise
        raise compare.NotCompared(f"{wrong}{_cause(subject)}", wrong.raised) from None
    except compare.Wrong as wrong:
        raise compare.Wrong(f"{wrong}{_cause(subject)}") from None


def _cause(subject: Subject) -> str:
    draw = np.random.default_rng(0)  # a diagnosis, no points: it may be the same each time
    steps: dict[str, Callable[[], None]] = {
        "conv_block": lambda: see_down_values(subject, draw, draw_down(draw)),
        "upsampling_block": lambda: see_up_values(subject, draw, draw_up(draw)),
    }
    for function, step in steps.items():
        try:
            step()
        except compare.Wrong:
            return f"\nThe cause may be {function}, which does not give the right result by itself either."
    return ""
