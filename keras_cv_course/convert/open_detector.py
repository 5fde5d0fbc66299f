"""The detectors that `kcc detect` takes: those of the registry by name, those of runs, and every kind of file."""

from pathlib import Path

from keras_cv_course.convert.sources import load_any_detector
from keras_cv_course.convert.weights_h5 import SUFFIX
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.detector import Detector
from keras_cv_course.pretrained import detectors, weights_path


def open_detector(
    source: str | Path, *, network: str | Path | None = None, class_names: tuple[str, ...] | None = None
) -> Detector:
    """Load a detector by its name, or from whatever holds one.

    Args:
        source: a name in the registry, such as ``yolov2``, whose file is downloaded if need be; a run folder with
            ``model.keras``; or what :func:`~keras_cv_course.convert.sources.load_any_detector` takes, but a file of
            weights alone.
        network: of Darknet's weights: the name of a known network, or a cfg file. None for a cfg file with their name
            beside them, else for the known network that they are named after.
        class_names: one for each class; None for what the source or the network says.

    Raises:
        WeightsError: there is no such thing, or it is damaged.
        ModelError: parts that do not fit together, or an option that this kind of source does not take or lacks.
    """
    path = Path(source)
    entry = detectors().get(str(source))
    if entry is not None:
        return load_any_detector(weights_path(entry), network=network or entry.network, class_names=class_names)
    if not path.exists():
        raise WeightsError(
            f"Expected a detector: {', '.join(detectors())}, a run folder, a .keras file, Darknet's .weights, or the "
            f"course's model_data folder. Received: {str(source)!r}, and there is no such file or folder."
        )
    if (path / "model.keras").is_file():
        path /= "model.keras"
    if path.name.endswith(SUFFIX):
        raise ModelError(
            f"{path}: weights alone do not say whose arithmetic they are for. Make a .keras file of them with "
            f"kcc convert and its --variant."
        )
    return load_any_detector(path, network=network, class_names=class_names)
