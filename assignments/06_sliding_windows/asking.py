"""Calls a submission's functions, compares, and says more of the cause where it can be found."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from keras_cv_course.grading import Array, Model, Named, Subject, compare

from .inputs import draw_image
from .reference import Found, Network, Size, box_of, corners, to_kernel
from .typical_mistakes import box_mistakes, network_mistakes

LEAST_AGREEING = 2  # wrong answers: a single one may agree with a mistake by chance
CLOSE = {"rtol": 1e-3, "atol": 1e-5}  # float32 sums of some hundred products in another order

_SIZES_DIFFER = "must have the same shape"  # np.stack of crops
_BEYOND = (
    "The crops differ in size, so some of them reach beyond the picture: a crop is image[top : top + window[0], "
    "left : left + window[1]]."
)
_DO_NOT_FIT = re.compile(r"weight shape \((\d+, \d+), .* provided weight shape \((\d+, \d+), ")


def with_cause(wrong: compare.Wrong, cause: str) -> compare.Wrong:
    """Add a sentence to what is told."""
    if isinstance(wrong, compare.NotCompared):
        return compare.NotCompared(f"{wrong}\n{cause}", wrong.raised)
    return compare.Wrong(f"{wrong}\n{cause}")


def _is_right(compared: Callable[[], None]) -> bool:
    try:
        compared()
    except compare.Wrong:
        return False
    return True


def _as_array(received: Any) -> Any:
    """Make an array of a list or tuple of numbers; leave anything else as it is."""
    if not isinstance(received, list | tuple):
        return received
    parts = [part.values[()] if isinstance(part, Array) and part.values.shape == () else part for part in received]
    if not all(isinstance(part, int | float | np.integer | np.floating) for part in parts):
        return received
    values = np.array(parts)
    return Array(values, values.dtype.name, "array")


# window_corners, classify_windows


def see_corners(
    subject: Subject, image_size: Size, window: Size, stride: int, mistakes: Mapping[str, np.ndarray]
) -> None:
    """Call the submission and compare."""
    received = subject.call("window_corners", image_size, window, stride)
    compare.close(received, corners(image_size, window, stride), "window_corners", mistakes=mistakes)


def see_map(
    subject: Subject,
    image: np.ndarray,
    classify: str,
    window: Size,
    stride: int,
    right: np.ndarray,
    mistakes: Mapping[str, np.ndarray],
) -> None:
    """Call the submission and compare.

    Raises:
        compare.Wrong: it is not right; where `window_corners` is not right for this picture, the message says so.
    """
    try:
        received = subject.call("classify_windows", image, Named(classify), window, stride)
        compare.close(received, right, "classify_windows", mistakes=mistakes, **CLOSE)
    except compare.Wrong as wrong:
        if _SIZES_DIFFER in str(wrong):
            raise with_cause(wrong, _BEYOND) from None
        size = (image.shape[0], image.shape[1])
        if _is_right(lambda: see_corners(subject, size, window, stride, {})):
            raise
        cause = "The cause may be window_corners, which does not give the right result for this picture either."
        raise with_cause(wrong, cause) from None


# to_fully_convolutional


def build(subject: Subject, network: Network) -> tuple[Model, Model]:
    """Make a network with these weights, and let the submission make convolutions of it.

    Returns:
        The network, and what the submission made of it.

    Raises:
        compare.Wrong: it raised, with the reason where two shapes tell it; or it gave no model for pictures of any
            size.
    """
    kernel, bias = network.weights[:2]
    units = [int(weight.shape[1]) for weight in network.dense[::2]]
    given = subject.model(
        "window_network",
        network.window,
        kernel.shape[2],
        len(bias),
        kernel.shape[0],
        network.pool,
        units[:-1],
        units[-1],
    )
    subject.set_weights(given, network.weights)
    try:
        made = subject.model("to_fully_convolutional", given)
    except compare.NotCompared as wrong:
        cause = _why(str(wrong), network) or _blame_kernel(subject, network)
        raise (with_cause(wrong, cause) if cause else wrong) from None
    _see_any_size(made, kernel.shape[2], units[-1])
    return given, made


def _why(message: str, network: Network) -> str:
    """Say why a kernel does not fit, from the shapes that an error tells."""
    found = _DO_NOT_FIT.search(message)
    layer, weights = (found[1], found[2]) if found else ("", "")
    height, width, _ = network.map_shape
    if layer == "1, 1" and weights == f"{height}, {width}":
        return (
            "The dense layer after Flatten becomes a convolution as large as the map that is flattened, not one of "
            "1x1; only the dense layers after it do."
        )
    if weights == "1, 1" or "cannot reshape array" in message:
        return (
            "map_shape belongs to the layer: for the first dense layer it is the map that is flattened, for the others "
            "(1, 1, units of the layer before)."
        )
    if "found ndim=2" in message:
        return "Flatten is left out: what comes after it has to be a map."
    return ""


def _blame_kernel(subject: Subject, network: Network) -> str:
    """Say where the submission's `dense_to_convolution` is wrong already."""

    def compared() -> None:
        received = subject.call("dense_to_convolution", network.dense[0], network.map_shape)
        compare.close(received, to_kernel(network.dense[0], network.map_shape), "dense_to_convolution")

    if _is_right(compared):
        return ""
    return "The cause may be dense_to_convolution, which does not give the right result for this network either."


def _see_any_size(model: Model, channels: int, classes: int) -> None:
    """See that a model takes pictures of any size and gives a map."""
    if model.inputs != ((None, None, None, channels),):
        raise compare.Wrong(
            f"The model takes pictures of one size only: keras.Input((None, None, channels)) leaves height and width "
            f"open. Expected the input {(None, None, None, channels)}. Received: {model.inputs}."
        )
    if model.outputs != ((None, None, None, classes),):
        flat = "The map is gone: no pooling over the whole map and no Flatten, for each window has its own answer.\n"
        reason = flat if len(model.outputs) == 1 and len(model.outputs[0]) == 2 else ""
        raise compare.Wrong(
            f"{reason}Expected the output {(None, None, None, classes)}: probabilities for each window. Received: "
            f"{model.outputs}."
        )


def see_network(
    subject: Subject, draw: np.random.Generator, network: Network, sizes: list[Size], *, named: bool = True
) -> None:
    """Compare what the submission makes of a network with the network on every window of some pictures.

    Raises:
        compare.Wrong: it is not right; the message names the mistake where it is a known one.
    """
    _, made = build(subject, network)
    for size in sizes:
        images = draw_image(draw, size, network.weights[0].shape[2])[np.newaxis]
        right = network.probabilities(images)
        received = subject.predict(made, images)
        _see_map_size(received, right, network, size)
        mistakes = network_mistakes(network, images) if named else None
        name = f"map for a picture of {size[0]} x {size[1]} pixels"
        try:
            compare.close(received, right, name, mistakes=mistakes, **CLOSE)
        except compare.Wrong as wrong:
            cause = _blame_kernel(subject, network) or _lost_weights(subject, made, network)
            raise (with_cause(wrong, cause) if cause else wrong) from None


def _see_map_size(received: Any, right: np.ndarray, network: Network, size: Size) -> None:
    """Name a mistake that shows in the map's size."""
    if not isinstance(received, Array) or received.values.ndim != 4 or received.values.shape == right.shape:
        return
    kernel, pool = network.weights[0].shape[0], network.pool
    valid = tuple((side - kernel + 1) // pool for side in size)
    without = tuple(side - kernel + 2 - height for side, height in zip(size, network.map_shape[:2], strict=True))
    sizes = {
        "A convolution that was a dense layer has padding 'same': it may only lie where the whole window is, so "
        "padding='valid'.": valid,
        "The convolutions have padding 'same': a window has no border of zeros, so padding='valid'.": tuple(
            side // pool for side in size
        ),
        "The pooling is missing: it stays as it is in the network.": without,
        "The pooling has a stride of 1: it steps as in the network, by its own size.": tuple(
            count - pool + 1 for count in without
        ),
        "A convolution that was a dense layer steps by its own size: its stride is 1.": tuple(
            length // step for length, step in zip(valid, network.map_shape[:2], strict=True)
        ),
    }
    reasons = [text for text, each in sizes.items() if each == received.values.shape[1:3]]
    if len(reasons) == 1:
        raise compare.Wrong(
            f"{reasons[0]}\nMap for a picture of {size[0]} x {size[1]} pixels: expected the shape {right.shape}. "
            f"Received: {received.values.shape}."
        )


def _lost_weights(subject: Subject, made: Model, network: Network) -> str:
    """Say which of the network's weights are nowhere in what was made of it."""
    known = [np.sort(weight, axis=None) for weight in subject.weights(made)]
    lost = [
        f"{'kernel' if weight.ndim > 1 else 'bias'} of shape {weight.shape}"
        for weight in network.weights
        if not any(len(each) == weight.size and np.allclose(each, np.sort(weight, axis=None)) for each in known)
    ]
    if not lost:
        return ""
    return f"These weights of the network are nowhere in the model: {'; '.join(lost)}. set_weights copies them."


# cell_to_box, notes_non_max_suppression


def see_boxes(subject: Subject, cells: Iterable[tuple[int, int, Size]], strides: list[int]) -> None:
    """Ask for the boxes of some cells (row, column, window), and compare.

    Raises:
        compare.Wrong: a box is wrong. Where one mistake explains all wrong boxes, at least two of them, the message
            begins with it.
    """
    wrongs: list[tuple[Any, np.ndarray, str]] = []
    explained: dict[str, np.ndarray] = {}  # mistakes that fit all wrong boxes, with what they give for the first one
    for row, column, window in cells:
        name = f"cell_to_box({row}, {column}, {window}, {strides})"
        received = _as_floats(subject.call("cell_to_box", row, column, window, strides))
        right = box_of(row, column, window, strides)
        if _is_close(received, right):
            continue
        mistakes = box_mistakes(row, column, window, strides)
        fitting = {text: value for text, value in mistakes.items() if _is_close(received, value)}
        explained = {text: value for text, value in explained.items() if text in fitting} if wrongs else fitting
        wrongs.append((received, right, name))
    if wrongs:
        compare.close(*wrongs[0], mistakes=explained if len(wrongs) >= LEAST_AGREEING else {})


def _is_close(received: Any, value: np.ndarray) -> bool:
    return _is_right(lambda: compare.close(received, value, "cell_to_box"))


def _as_floats(received: Any) -> Any:
    """Make an array of four numbers; whole ones are as good as others.

    Raises:
        compare.Wrong: some of them are None.
    """
    if isinstance(received, list | tuple) and None in received:
        raise compare.Wrong("cell_to_box: expected (x1, y1, x2, y2). Received None among them. Is a gap not filled in?")
    received = _as_array(received)
    if isinstance(received, Array) and received.values.dtype.kind in "iu":
        return Array(received.values.astype(np.float64), "float64", received.kind)
    return received


def see_kept(
    subject: Subject, found: Found, right: np.ndarray, mistakes: Mapping[str, np.ndarray], **thresholds: float
) -> None:
    """Call the submission and compare; a list of places is as good as an array."""
    received = _as_array(
        subject.call("notes_non_max_suppression", found.scores, found.boxes, found.classes, **thresholds)
    )
    if isinstance(received, Array) and received.values.shape == (0,):
        received = Array(received.values.astype(np.int64), "int64", received.kind)
    compare.close(received, right, "notes_non_max_suppression", mistakes=mistakes)
