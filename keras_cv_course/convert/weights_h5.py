"""The weights alone of one of our own detectors, as ``model.save_weights`` writes them."""

import warnings
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_cv_course.convert.darknet import find_network
from keras_cv_course.errors import ModelError, WeightsError, first_line, list_few
from keras_cv_course.models.darknet_layers import Convolution, VariantName, darknet_model
from keras_cv_course.models.detector import Detector
from keras_cv_course.models.yolov2 import Network, head_filters

SUFFIX = ".weights.h5"


def load_weights_h5(
    path: str | Path,
    network: str | Path,
    *,
    variant: VariantName,
    class_names: tuple[str, ...] | None = None,
    anchors: np.ndarray | None = None,
    input_size: tuple[int, int] | None = None,
) -> Detector:
    """Build the detector that a .weights.h5 file of Keras 3 belongs to.

    Such a file has neither class names nor anchors nor what tells the variants apart: it must be said as it was.

    Args:
        path: the file.
        network: ``yolov2``, ``yolov2-tiny``, ``yolov2-voc`` or ``yolov2-tiny-voc``; or a cfg file.
        variant: whose arithmetic the model follows: see :class:`~keras_cv_course.models.darknet_layers.Variant`.
        class_names: one for each class; None for the known network's own, or the numbers of the classes.
        anchors: (A, 2), width and height in cells of the grid; None for the network's own.
        input_size: (height, width), multiples of 32; None for the network's own.

    Returns:
        The detector; pictures are stretched to its size in the course's variant, letterboxed in Darknet's.

    Raises:
        WeightsError: the file is missing or damaged, or of another network.
        ModelError: no such network or variant, or a size, class names or anchors that do not fit it.
    """
    path = Path(path)
    if not path.is_file() or not path.name.endswith(SUFFIX):
        problem = "" if path.is_file() else ", and there is no such file"
        raise WeightsError(f"Expected a {SUFFIX} file of Keras 3. Received: {str(path)!r}{problem}.")
    known = _with_outputs(find_network(network), class_names, anchors)
    input_shape = (*(input_size or known.input_shape[:2]), known.input_shape[2])
    model = darknet_model(known.layers, input_shape, name=known.name.replace("-", "_"), variant=variant)
    for variable in model.weights:
        variable.assign(np.full(variable.shape, np.nan))  # shows which ones Keras passes over
    try:
        stored = _count_numbers(path)
        if stored == model.count_params():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an optimizer in the file, for which a model has no use here
                model.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: not the weights of {known.name} ({first_line(error)}). Name its network."
        ) from error
    if stored != model.count_params():
        raise WeightsError(
            f"{path}: expected {model.count_params():,} numbers for {known.name} with {len(known.class_names)} classes "
            f"and {len(known.anchors)} anchors. Received: {stored:,}. Name its network, class names and anchors."
        )
    unsound = [variable.path for variable in model.weights if not _is_sound(variable)]
    if unsound:
        raise WeightsError(
            f"{path}: expected finite numbers for each weight of {known.name}, and no negative variance. Received "
            f"others for {list_few(unsound)}. Name its network, or get the file again."
        )
    sizes = np.array(known.anchors, np.float32)
    return Detector(model, sizes, known.class_names, "stretch" if variant == "course" else "letterbox")


def _with_outputs(network: Network, class_names: tuple[str, ...] | None, anchors: np.ndarray | None) -> Network:
    """Give the network with a head for these classes and anchors."""
    names = network.class_names if class_names is None else class_names
    sizes = network.anchors
    if anchors is not None:
        if np.ndim(anchors) != 2 or np.shape(anchors)[1] != 2:
            raise ModelError(f"anchors must be (A, 2), width and height of each. Received: shape {np.shape(anchors)}.")
        sizes = tuple(map(tuple, np.asarray(anchors, float).tolist()))
    head = network.layers[-1]
    assert isinstance(head, Convolution)  # every Network has checked that
    head = head._replace(filters=head_filters(len(names), len(sizes)))
    return replace(network, layers=(*network.layers[:-1], head), class_names=names, anchors=sizes)


def _is_sound(variable: keras.Variable) -> bool:
    numbers = np.asarray(variable)
    return bool(np.isfinite(numbers).all()) and not (variable.name == "moving_variance" and (numbers < 0).any())


def _count_numbers(path: Path) -> int:
    """Count the numbers of all layers; an optimizer's are none of the model's."""
    sizes: list[int] = []
    with h5py.File(path, "r") as file:
        file["layers"].visititems(
            lambda _, thing: sizes.append(thing.size) if isinstance(thing, h5py.Dataset) else None
        )
    return sum(sizes)
