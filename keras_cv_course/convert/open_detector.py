"""The detectors that `kcc` takes: those of the registry by name, those of runs, and every kind of file."""

from pathlib import Path

import numpy as np

from keras_cv_course.convert.sources import load_any_detector
from keras_cv_course.convert.weights_h5 import SUFFIX
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.darknet_layers import VariantName
from keras_cv_course.models.detector import Detector
from keras_cv_course.models.yolov2 import yolov2
from keras_cv_course.pretrained import DarknetDetector, PackedDetector, detectors, weights_path
from keras_cv_course.weights_file import read_weights


def open_detector(
    source: str | Path,
    *,
    network: str | Path | None = None,
    class_names: tuple[str, ...] | None = None,
    anchors: np.ndarray | None = None,
    input_size: tuple[int, int] | None = None,
    variant: VariantName | None = None,
) -> Detector:
    """Load a detector by its name, or from whatever holds one.

    Args:
        source: a name in the registry, such as ``road-yolov2``, which is shipped, or ``yolov2``, whose file is
            downloaded if need be; a run folder with ``model.keras``; or what
            :func:`~keras_cv_course.convert.sources.load_any_detector` takes.
        network: of Darknet's weights: the name of a known network, or a cfg file. None for a cfg file with their name
            beside them, else for the known network that they are named after.
        class_names: one for each class; None for what the source or the network says.
        anchors: (A, 2), width and height in cells of the grid; None for what the source or the network says.
        input_size: (height, width), multiples of 32; None for what the source or the network says.
        variant: of weights alone and of Darknet's, as in `load_any_detector`.

    Raises:
        WeightsError: there is no such thing, or it is damaged.
        ModelError: parts that do not fit together, or an option that this kind of source does not take or lacks.
    """
    path = Path(source)
    entry = detectors().get(str(source))
    if isinstance(entry, PackedDetector):
        if any(option is not None for option in (network, anchors, variant)):
            raise ModelError(f"{entry.name} is shipped whole: leave out network, anchors and variant.")
        if class_names is not None and len(class_names) != len(entry.class_names):
            raise ModelError(
                f"{entry.name} has {len(entry.class_names)} classes: expected as many names. Received: "
                f"{len(class_names)}."
            )
        return _unpack(entry, class_names or entry.class_names, input_size or entry.input_size)
    if isinstance(entry, DarknetDetector):
        path, network = weights_path(entry), network or entry.network
    elif not path.exists():
        raise WeightsError(
            f"Expected a detector: {', '.join(detectors())}, a run folder, a .keras file, Darknet's .weights, or the "
            f"course's model_data folder. Received: {str(source)!r}, and there is no such file or folder."
        )
    elif (path / "model.keras").is_file():
        path /= "model.keras"
    if path.name.endswith(SUFFIX) and variant is None:
        raise ModelError(
            f"{path}: weights alone do not say whose arithmetic they are for. Give the variant course, darknet or "
            f"darknet_gpu, or make a .keras file of them with kcc convert and its --variant."
        )
    return load_any_detector(
        path, network=network, class_names=class_names, anchors=anchors, input_size=input_size, variant=variant
    )


def _unpack(entry: PackedDetector, class_names: tuple[str, ...], input_size: tuple[int, int]) -> Detector:
    """Build a shipped detector and read its weights."""
    model = yolov2((*input_size, 3), len(entry.class_names), len(entry.anchors), width=entry.width)
    read_weights(weights_path(entry), model.weights)
    return Detector(model, np.array(entry.anchors, np.float32), class_names, "letterbox")
