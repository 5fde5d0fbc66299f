"""Detectors from wherever they come: the kind of file or folder decides which reader it gets."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_cv_course.convert.darknet import load_darknet
from keras_cv_course.convert.legacy_keras import load_course_model, load_yolo_h5
from keras_cv_course.convert.weights_h5 import SUFFIX, load_weights_h5
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.darknet_layers import VariantName
from keras_cv_course.models.detector import Detector, load_detector
from keras_cv_course.models.yolov2 import NETWORKS


class SourceKind(NamedTuple):
    """A kind of file or folder that detectors come in.

    Attributes:
        name: for people.
        load: reads a detector from a path, with those of the options that are given.
        takes: the options that it can take.
        needs: the options that it cannot do without.
    """

    name: str
    load: Callable[..., Detector]
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def load_any_detector(
    source: str | Path,
    *,
    network: str | Path | None = None,
    class_names: tuple[str, ...] | None = None,
    anchors: np.ndarray | None = None,
    input_size: tuple[int, int] | None = None,
    variant: VariantName | None = None,
) -> Detector:
    """Load a detector from a file or folder of any kind that can be read.

    Args:
        source: Darknet's ``.weights``; the course's ``model_data`` folder; a Keras 2 ``.h5``; a ``.keras`` file that
            :meth:`Detector.save` wrote; a ``.weights.h5`` file of one of our models.
        network: for ``.weights`` and ``.weights.h5``: ``yolov2``, ``yolov2-tiny``, ``yolov2-voc`` or
            ``yolov2-tiny-voc``; or a cfg file. None for a cfg file with the name of ``.weights`` beside them, else
            for the known network that they are named after.
        class_names: one for each class; None for what the source or the network says.
        anchors: (A, 2), width and height in cells of the grid; None for what the source or the network says.
        input_size: (height, width), multiples of 32; None for what the network says, 608 x 608 in the course.
        variant: for ``.weights``: ``"darknet"`` (None) or ``"darknet_gpu"``; for ``.weights.h5``, which need it:
            as the model was built, ``"course"`` or one of those. See
            :class:`~keras_cv_course.models.darknet_layers.Variant`.

    Raises:
        WeightsError: no such source, or one that is damaged, of another kind or of another network.
        ModelError: an option that this kind of source does not take, one that it needs, or one that does not fit.
    """
    source = Path(source)
    kind = source_kind(source)
    options = {
        "network": network,
        "class_names": class_names,
        "anchors": anchors,
        "input_size": input_size,
        "variant": variant,
    }
    if network is None:
        options["network"] = _cfg_beside(source)
    given = {name: value for name, value in options.items() if value is not None}
    too_many, missing = given.keys() - {*kind.takes}, {*kind.needs} - given.keys()
    if too_many or missing:
        advice = [f"Leave out {_words(too_many)}."] if too_many else []
        advice += [f"Name also {_words(missing)}."] if missing else []
        raise ModelError(
            f"{source} is {kind.name}: it takes {_words(kind.takes)}, and needs {_words(kind.needs)}. Received: "
            f"{_words(given)}. {' '.join(advice)}"
        )
    return kind.load(source, **given)


def source_kind(source: Path) -> SourceKind:
    """Recognise what a path is; raise WeightsError where nothing is, or nothing that a detector comes in."""
    if not source.exists():
        raise WeightsError(f"Expected a detector's file or folder at {source}. There is none.")
    if source.is_dir():
        return SourceKind("a SavedModel folder", load_course_model, ("class_names", "anchors", "input_size"))
    if source.name.endswith(SUFFIX):
        takes = ("network", "class_names", "anchors", "input_size", "variant")
        return SourceKind("a file of weights alone", load_weights_h5, takes, ("network", "variant"))
    if source.suffix in (".h5", ".hdf5"):
        return SourceKind(
            "a Keras 2 file", load_yolo_h5, ("class_names", "anchors", "input_size"), ("class_names", "anchors")
        )
    if source.suffix == ".weights":
        return SourceKind(
            "a Darknet file",
            _load_darknet,
            ("network", "class_names", "input_size", "variant"),
            () if source.stem in NETWORKS else ("network",),
        )
    if source.suffix == ".keras":
        return SourceKind("a detector's .keras file", load_detector)
    raise WeightsError(
        f"Expected Darknet's .weights, the course's model_data folder, a Keras 2 .h5, a detector's .keras or "
        f"{SUFFIX}. Received: {str(source)!r}."
    )


def _words(options: Iterable[str]) -> str:
    """Name options for people, who give them on the command line or in Python."""
    return ", ".join(sorted(option.replace("_", " ") for option in options)) or "no option"


def _cfg_beside(source: Path) -> Path | None:
    """Find the cfg file with the name of Darknet's weights."""
    if source.suffix != ".weights" or source.is_dir():
        return None
    cfg = source.with_suffix(".cfg")
    return cfg if cfg.is_file() else None


def _load_darknet(path: Path, *, variant: VariantName = "darknet", **options: Any) -> Detector:
    if variant not in ("darknet", "darknet_gpu"):
        raise ModelError(f"{path}: Darknet's weights expect the variant darknet or darknet_gpu. Received: {variant!r}.")
    network = options.pop("network", path.stem)
    return load_darknet(path, network, batch_norm="gpu" if variant == "darknet_gpu" else "cpu", **options)
