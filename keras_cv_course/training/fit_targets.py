"""Train a model whose targets are numbers, such as boxes or points, as `fit` trains a classifier."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cv_course.errors import DataContentError, ModelError
from keras_cv_course.models.pixels import white_level
from keras_cv_course.training.batches import Change, Encode, Targets, ordered_batches, shuffled_batches, steps_per_epoch
from keras_cv_course.training.device import check_shared_evenly
from keras_cv_course.training.fit_batches import Feed, fit_batches, measuring_batch
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.run_folder import History, RunFolder, Savable

_ENOUGH_PIXELS = 2**26  # for the statistics of batch norms


@dataclass(frozen=True, eq=False)
class TargetImages:
    """Equally large images, and numbers that lie beside each.

    Attributes:
        images: uint8 (m, height, width, 3), RGB, m >= 1.
        targets: an array (m, ...), or a dictionary of such.

    Raises:
        DataContentError: images of another dtype or shape, none at all, or targets of another number.
    """

    images: np.ndarray
    targets: Targets

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[-1] != 3 or not len(self.images):
            raise DataContentError(
                f"Expected images uint8 (m, height, width, 3), m >= 1. Received: {self.images.dtype} "
                f"{self.images.shape}."
            )
        rows = [len(array) for array in tf.nest.flatten(self.targets)]
        if {*rows} != {len(self.images)}:
            raise DataContentError(f"Expected {len(self.images)} targets, as many as images. Received: {rows}.")

    def __len__(self) -> int:
        return len(self.images)


def fit_targets(
    model: keras.Model,
    train: TargetImages,
    settings: FitSettings,
    *,
    loss: Any,
    change: Change | None = None,
    encode: Encode | None = None,
    make_metrics: Callable[[], Sequence[Any]] = tuple,
    class_names: Sequence[str] = (),
    validation: TargetImages | None = None,
    folder: RunFolder | None = None,
    saved: Savable | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Train `model`, in place; it comes back in float32, compiled for `evaluate`.

    Best epoch, resuming and the run's folder are as with :func:`~keras_cv_course.fit`.

    Args:
        model: a built model from float32 (m, height, width, 3), values as :func:`~keras_cv_course.fit` gives them.
        train: images of the model's size.
        settings: how to train.
        loss: of Keras, for what `encode` makes of the targets.
        change: random changes to images and targets of a batch, drawn from the seed that comes with it alone, so that a
            resumed run repeats them; None for none.
        encode: makes of the (changed) targets what the model is to say, for training and validation; None where they
            are it.
        make_metrics: makes metrics of Keras, measured beside the loss.
        class_names: for the run's config.json.
        validation: images to choose the best epoch by; never trained on.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        saved: the model with what its use needs, to be written into the folder in its stead; None for itself.
        resume: go on from the folder's state; from the beginning where no epoch was finished yet.
        callbacks: further Keras callbacks.

    Returns:
        The history: for each quantity a number for each epoch, those before a resume included.

    Raises:
        ModelError: images of another size than the model takes.
        RunError: as :func:`~keras_cv_course.fit` does.
    """
    for data in (train, validation):
        if data is not None:
            _check_size(model, data)
    shared = {"batch_size": min(settings.batch_size, len(train))}
    if validation is not None:
        shared["the number of validation images"] = len(validation)
    check_shared_evenly(shared)
    white = white_level(model)

    def batches(first_epoch: int) -> tf.data.Dataset:
        return shuffled_batches(
            train.images,
            train.targets,
            settings.batch_size,
            epochs=settings.epochs,
            first_epoch=first_epoch,
            seed=settings.seed,
            change=change,
            encode=encode,
            white=white,
        )

    def measuring(data: TargetImages) -> tf.data.Dataset:
        return ordered_batches(data.images, data.targets, measuring_batch(data.images), encode=encode, white=white)

    at_once = measuring_batch(train.images)
    enough = max(1, _ENOUGH_PIXELS // (at_once * math.prod(train.images.shape[1:3])))
    feed = Feed(
        steps_per_epoch(len(train), settings.batch_size),
        batches,
        shuffled_batches(train.images, train.targets, at_once, epochs=1, seed=settings.seed, white=white).take(enough),
        None if validation is None else measuring(validation),
    )
    return fit_batches(
        model,
        feed,
        settings,
        loss=loss,
        make_metrics=make_metrics,
        class_names=class_names,
        folder=folder,
        saved=saved,
        resume=resume,
        callbacks=callbacks,
    )


def _check_size(model: keras.Model, data: TargetImages) -> None:
    given, taken = data.images.shape[1:], model.input_shape[1:]
    if len(taken) != 3 or any(t not in (None, g) for g, t in zip(given, taken, strict=True)):
        raise ModelError(f"The model takes images of shape {taken}. Received: {given}.")
