"""Pooled features of images, computed once for each pair of data and backbone, and kept on disk.

While a backbone is frozen and the pictures do not change, every epoch computes the same numbers in it. A head that is
trained on the numbers themselves costs seconds.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.cache import CACHE_VARIABLE, cache_folder
from keras_cv_course.errors import ModelError, RunError
from keras_cv_course.files import atomic_path
from keras_cv_course.training.augment import Augmentation, augment_batch

BATCH = 32


def feature_cache() -> Path:
    """Give the folder of cached features: below ``$KERAS_CV_COURSE_CACHE``, else below the user's cache folder.

    Raises:
        RunError: the folder cannot be made.
    """
    folder = cache_folder("features")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"Expected a folder for cached features. Received: {folder} ({error.strerror}). Name another one with the "
            f"environment variable {CACHE_VARIABLE}."
        ) from error
    return folder


def cached_features(
    extractor: keras.Model,
    images: np.ndarray,
    folder: Path,
    *,
    views: int = 1,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Compute the features of images, or read them where they were computed before.

    Each view lies in a file whose name is a hash of the extractor's layers and weights, of the images, of the view's
    random changes, of the Keras backend and of the versions of Keras and this package. A file that cannot be read is
    computed again; one that cannot be written costs only the time of another run.

    Args:
        extractor: from float32 (m, height, width, 3), values 0..255, to (m, n); run in inference mode.
        images: uint8 (m, height, width, 3), m >= 1.
        folder: where the files lie; see :func:`feature_cache`.
        views: how often each image is looked at: once as it is, then with random changes.
        augmentation: the changes; needed for more than one view.
        seed: of the changes.
        progress: called with the number of images done so far, `views` times m in the end.

    Returns:
        float32 (views, m, n).

    Raises:
        ModelError: images that the extractor does not take, or several views without changes.
    """
    if views > 1 and augmentation is None:
        raise ModelError(f"{views} views of an image need an augmentation to differ. Received: None.")
    if images.dtype != np.uint8 or extractor.input_shape[1:] != images.shape[1:]:
        raise ModelError(
            f"Expected images uint8 (m, {', '.join(map(str, extractor.input_shape[1:]))}). "
            f"Received: {images.dtype} {images.shape}."
        )
    features = np.empty((views, len(images), extractor.output_shape[1]), np.float32)
    base = _hash(extractor, images)
    for view in range(views):
        changes = f"{augmentation} {seed} {view}" if view else "as it is"
        path = folder / f"{hashlib.sha256(f'{base} {changes}'.encode()).hexdigest()}.npy"
        stored = _read(path)
        if stored is not None and (stored.shape, stored.dtype) == (features.shape[1:], features.dtype):
            features[view] = stored
            if progress:
                progress((view + 1) * len(images))
        else:
            for start in range(0, len(images), BATCH):
                batch = images[start : start + BATCH].astype(np.float32)
                if view and augmentation is not None:
                    batch = augment_batch(batch / 255, augmentation, np.array([seed, view * len(images) + start])) * 255
                features[view, start : start + BATCH] = extractor.predict_on_batch(np.asarray(batch))
                if progress:
                    progress(view * len(images) + start + len(batch))
            with suppress(OSError), atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, features[view])
    return features


def _hash(extractor: keras.Model, images: np.ndarray) -> str:
    software = (keras.backend.backend(), keras.__version__, version("keras-cv-course"))
    digest = hashlib.sha256(repr(software).encode())
    digest.update(_layers_without_names(extractor).encode())
    for weight in extractor.weights:
        digest.update(keras.ops.convert_to_numpy(weight).tobytes())
    digest.update(repr(images.shape).encode())
    for start in range(0, len(images), BATCH):
        digest.update(images[start : start + BATCH].tobytes())
    return digest.hexdigest()


def _layers_without_names(model: keras.Model) -> str:
    """Describe a model so that building it again gives the same text: Keras numbers the names on."""
    description = model.to_json()
    order = {
        name: str(number) for number, name in enumerate(dict.fromkeys(re.findall(r'"name": "(.*?)"', description)))
    }
    return re.sub(r'"(.*?)"', lambda match: order.get(match[1], match[0]), description)


def _read(path: Path) -> np.ndarray | None:
    """Give a stored array; None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file)  # np.load would also open a zip file
    except (OSError, ValueError, EOFError):
        return None
