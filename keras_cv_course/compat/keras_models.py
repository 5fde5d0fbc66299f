"""Methods of models that Keras 3 does not have any more, or with fewer arguments."""

import functools
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_cv_course.compat.patches import Patches, Shim
from keras_cv_course.files import atomic_path

# How batches were fetched by several threads; Keras 3 has this in its PyDataset and not in `fit`.
OF_THREADS = ("max_queue_size", "workers", "use_multiprocessing", "max_q_size", "pickle_safe")


def accept_generator_methods(patches: Patches) -> None:
    """Give models ``fit_generator`` and its siblings, and accept the arguments about threads."""
    for name in ("fit", "evaluate", "predict"):
        accepting = _without_threads(getattr(keras.Model, name))
        patches.set(keras.Model, name, accepting)
        patches.add(keras.Model, f"{name}_generator", accepting)


def _without_threads(original: Any) -> Any:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in OF_THREADS:
            kwargs.pop(name, None)
        return original(self, *args, **kwargs)

    return method


def add_predict_classes(patches: Patches) -> None:
    """Give models ``predict_classes`` and ``predict_proba``."""

    def predict_classes(self: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """Give the class of each example: the largest output, or whether the only one is over a half."""
        probabilities = self.predict(*args, **kwargs)
        if probabilities.shape[-1] > 1:
            return probabilities.argmax(axis=-1)
        return (probabilities > 0.5).astype("int32")

    patches.add(keras.Model, "predict_classes", predict_classes)
    patches.add(keras.Model, "predict_proba", lambda self, *args, **kwargs: self.predict(*args, **kwargs))


def accept_weights_h5(patches: Patches) -> None:
    """Let ``save_weights`` write any .h5 file in Keras 2's form, as ``load_weights`` reads it by that name."""
    from keras.src.legacy.saving import legacy_h5_format

    original = keras.Model.save_weights

    @functools.wraps(original)
    def save_weights(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        name = str(filepath)
        kwargs.pop("save_format", None)
        if name.endswith(".weights.h5") or not name.endswith((".h5", ".hdf5")):
            return original(self, filepath, *args, **kwargs)
        with atomic_path(Path(name)) as temporary, h5py.File(temporary, "w") as file:
            return legacy_h5_format.save_weights_to_hdf5_group(file, self)

    patches.set(keras.Model, "save_weights", save_weights)


SHIMS = (
    Shim(
        "model.fit_generator(...), model.fit(..., workers=4)",
        "Keras 3 has fit, evaluate and predict for generators too, without arguments about threads",
        accept_generator_methods,
    ),
    Shim("model.predict_classes(x), model.predict_proba(x)", "removed from Keras", add_predict_classes),
    Shim('model.save_weights("weights.h5")', "Keras 3 wants names that end in .weights.h5", accept_weights_h5),
)
