"""A detector for other programs: TensorFlow Serving, ONNX Runtime, LiteRT on phones; or as our own .keras file.

What another program gets is the model alone: from float32 pictures (batch, height, width, 3), 0..1, to the raw output.
The anchors and class names to decode it with stay in the .keras file. Each export is run on one picture and compared
with the model before its file gets its name.
"""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_cv_course.errors import MissingExtraError, ModelError
from keras_cv_course.files import atomic_path
from keras_cv_course.models.detector import Detector, load_detector

# Of the largest number in the output. Exporters join layers, and other kernels sum in another order: up to 6e-6 was
# measured, with YOLOv2 at 608 x 608 in LiteRT.
TOLERANCE = 1e-4

Output = np.ndarray  # float32 (1, rows, cols, channels)


class Comparison(NamedTuple):
    """How near an export comes to the Keras model, on one picture of noise.

    Attributes:
        difference: the largest between two numbers of the raw output.
        largest: the largest number of the raw output.
    """

    difference: float
    largest: float


class _Format(NamedTuple):
    """A kind of file or folder.

    Attributes:
        write: writes a detector to a path.
        run: opens what was written and runs it on float32 pictures (1, height, width, 3).
        packages: that it needs beside TensorFlow.
        backend: that Keras must have, or "any".
    """

    write: Callable[[Detector, Path], None]
    run: Callable[[Path, np.ndarray], Output]
    packages: tuple[str, ...] = ()
    backend: str = "tensorflow"


def export_detector(detector: Detector, target: str | Path) -> Comparison:
    """Write a detector in the format that the target's name asks for, once the export has been found to be right.

    Args:
        detector: the detector.
        target: ``.keras``, for this package and for Keras; ``.onnx``; ``.tflite`` for LiteRT; a name without suffix for
            a SavedModel folder as TensorFlow Serving takes it. A file that is there is replaced, a folder is not.

    Returns:
        How near the export comes to the model.

    Raises:
        ModelError: another suffix, a folder that is there already, or an export that gives other numbers.
        MissingExtraError: a format needs packages or a backend that are not there.
    """
    target = Path(target)
    check_export(target)
    export = FORMATS[target.suffix]
    picture = np.random.default_rng(0).random((1, *detector.input_size, 3), np.float32)
    expected = np.asarray(detector.model.predict_on_batch(picture))
    with _atomic_folder(target) if target.suffix == "" else atomic_path(target) as temporary:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*np.object.*", category=FutureWarning)  # tf2onnx's, of NumPy 2
            export.write(detector, temporary)
        received = export.run(temporary, picture)
        difference, largest = float(np.abs(received - expected).max()), float(np.abs(expected).max())
        if not difference <= TOLERANCE * largest:  # NaN fails as well
            raise ModelError(
                f"{target}: expected the export to give the numbers of the model within {TOLERANCE * largest:.1e}. "
                f"Received: a difference of {difference:.1e}, so nothing was written. Export in another format."
            )
    return Comparison(difference, largest)


def check_export(target: str | Path) -> None:
    """Make sure, before any work, that an export to `target` is possible; errors as of :func:`export_detector`."""
    target = Path(target)
    if target.suffix not in FORMATS:
        raise ModelError(
            f"Expected a target {', '.join(filter(None, FORMATS))}, or a folder's name without a suffix for a "
            f"SavedModel. Received: {str(target)!r}."
        )
    if target.is_dir() or (target.suffix == "" and target.exists()):
        raise ModelError(f"{target} is there already and is not replaced. Name another target, or remove it.")
    export = FORMATS[target.suffix]
    missing = [package for package in export.packages if find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"An export as {target.suffix} needs {' and '.join(missing)}. Install it with "
            f"`pip install '.[export]'` in the checkout."
        )
    if export.backend not in ("any", keras.backend.backend()):
        raise MissingExtraError(
            f"An export as {target.suffix or 'SavedModel'} needs the Keras backend {export.backend}. Received: "
            f"{keras.backend.backend()}. Set KERAS_BACKEND={export.backend}."
        )


def _run_keras(path: Path, picture: np.ndarray) -> Output:
    return np.asarray(load_detector(path).model.predict_on_batch(picture))


def _write_saved_model(detector: Detector, path: Path) -> None:
    """Write the signature serving_default alone; Keras's own export writes every weight twice."""
    import tensorflow as tf

    served = tf.Module()
    served.weights = [variable.value for variable in detector.model.weights]
    image = tf.TensorSpec((None, *detector.input_size, 3), tf.float32, "image")
    run = tf.function(lambda image: {"raw": detector.model(image, training=False)}, input_signature=[image])
    tf.saved_model.save(served, str(path), signatures=run)


def _run_saved_model(path: Path, picture: np.ndarray) -> Output:
    import tensorflow as tf

    served = tf.saved_model.load(str(path))  # its variables last as long as it does
    return served.signatures["serving_default"](image=tf.constant(picture))["raw"].numpy()


def _run_onnx(path: Path, picture: np.ndarray) -> Output:
    session = import_module("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    (name,) = (taken.name for taken in session.get_inputs())
    (output,) = session.run(None, {name: picture})
    return output


def _run_litert(path: Path, picture: np.ndarray) -> Output:
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated.*")
        interpreter = tf.lite.Interpreter(str(path))
    run = interpreter.get_signature_runner()
    (name,) = run.get_input_details()
    (output,) = run(**{name: picture}).values()
    return output


def _write_with_keras(kind: str) -> Callable[[Detector, Path], None]:
    return lambda detector, path: detector.model.export(path, format=kind, verbose=False)


# By the target's suffix.
FORMATS = {
    ".keras": _Format(Detector.save, _run_keras, backend="any"),
    ".onnx": _Format(_write_with_keras("onnx"), _run_onnx, ("tf2onnx", "onnxruntime")),
    ".tflite": _Format(_write_with_keras("litert"), _run_litert),
    "": _Format(_write_saved_model, _run_saved_model),
}


@contextmanager
def _atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary path for a folder; rename it to `path`, which must not exist, when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield hidden / path.name
        (hidden / path.name).rename(path)
    finally:
        shutil.rmtree(hidden)
