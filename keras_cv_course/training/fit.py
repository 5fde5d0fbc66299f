"""Train a classifier with what an expert would set up by hand around `model.fit`.

One function, :func:`fit`: input pipeline, 16-bit arithmetic where it pays, all GPUs, learning-rate schedule, weight
decay, best checkpoint, a state after each epoch from which a killed run goes on, CSV and TensorBoard logs, and
batch-norm statistics that fit the final weights. Why each default is what it is: docs/training.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import keras
import tensorflow as tf

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import ModelError, RunError
from keras_cv_course.models.pixels import white_level
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.training.batches import measuring_batches, steps_per_epoch, training_batches
from keras_cv_course.training.device import check_shared_evenly
from keras_cv_course.training.fit_batches import Feed, fit_batches, measuring_batch
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.optimizers import OptimizerName
from keras_cv_course.training.run_folder import History, RunFolder


@dataclass(frozen=True, kw_only=True)
class FitConfig(FitSettings):
    """How to train a classifier.

    Attributes:
        label_smoothing: share of the target that is spread over all classes, 0 to 1.
        augmentation: random changes to the training images; None for none.
        patience: with validation, epochs without a better one after which to stop; None to go on to the end.

    The others are those of :class:`~keras_cv_course.training.fit_settings.FitSettings`.
    """

    epochs: int = 60
    batch_size: int = 32
    optimizer: OptimizerName = "sgd"
    learning_rate: float = 0.1
    label_smoothing: float = 0.1
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    patience: int | None = None

    NESTED: ClassVar[dict[str, type]] = {"augmentation": Augmentation}

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require("label_smoothing", 0 <= self.label_smoothing < 1, "from 0 to below 1")
        self._require("patience", self.patience is None or self.patience >= 1, "at least 1")


def fit(
    model: keras.Model,
    train: LabelledImages,
    config: FitConfig,
    *,
    validation: LabelledImages | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    learning_rate_factors: Sequence[float] | None = None,
) -> History:
    """Train `model`, in place; it comes back in float32, compiled for `evaluate`.

    With validation the weights of the epoch with the lowest validation loss are kept, else those of the last epoch.
    Whatever stops the process, a call with ``resume=True`` and the same arguments goes on after the last whole epoch
    and gives the same epochs as an unbroken run would have given. Call :func:`prepare_devices` before building the
    model.

    Args:
        model: a built classifier from float32 (m, height, width, 3) to probabilities (m, classes). It gets values 0..1,
            or 0..255 if it begins with a layer that scales them (:func:`~keras_cv_course.models.pixels.white_level`).
        train: images of the model's size.
        config: how to train.
        validation: images to choose the best epoch by; never trained on.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        resume: go on from the folder's state; from the beginning where no epoch was finished yet.
        callbacks: further Keras callbacks. Without one that shows progress, training says nothing.
        learning_rate_factors: for each of ``model.trainable_variables`` its share of the learning rate; None for the
            whole rate everywhere. :func:`~keras_cv_course.learning_rate_factors` makes them from layer groups.

    Returns:
        The history: for each quantity a number for each epoch, those before a resume included.

    Raises:
        ModelError: a model that does not fit the images or their classes.
        RunError: validation missing for `patience`; a folder that holds a run already, or with `resume` none that can
            go on; a batch or validation set that several JAX devices cannot share evenly; a loss that is not finite.
    """
    _check_fit(model, train, validation, config, learning_rate_factors)
    white = white_level(model)

    def augmented(first_epoch: int) -> tf.data.Dataset:
        return training_batches(
            train,
            config.batch_size,
            epochs=config.epochs,
            first_epoch=first_epoch,
            seed=config.seed,
            augmentation=config.augmentation,
            white=white,
        )

    feed = Feed(
        steps_per_epoch(len(train), config.batch_size),
        augmented,
        training_batches(train, measuring_batch(train.images), epochs=1, seed=config.seed, white=white),
        None if validation is None else measuring_batches(validation, measuring_batch(validation.images), white=white),
    )
    return fit_batches(
        model,
        feed,
        config,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        make_metrics=lambda: [keras.metrics.CategoricalAccuracy("accuracy")],
        class_names=train.class_names,
        folder=folder,
        resume=resume,
        callbacks=callbacks,
        patience=config.patience,
        learning_rate_factors=learning_rate_factors,
    )


def _check_fit(
    model: keras.Model,
    train: LabelledImages,
    validation: LabelledImages | None,
    config: FitConfig,
    learning_rate_factors: Sequence[float] | None,
) -> None:
    for data in (train, validation):
        if data is None:
            continue
        given, taken = data.images.shape[1:], model.input_shape[1:]
        if len(taken) != 3 or any(t not in (None, g) for g, t in zip(given, taken, strict=True)):
            raise ModelError(f"{data.origin}: the model takes images of shape {taken}. Received: {given}.")
        if model.output_shape != (None, len(data.class_names)):
            raise ModelError(
                f"{data.origin}: expected a model with {len(data.class_names)} outputs, one for each class. "
                f"Received: output shape {model.output_shape}."
            )
    if config.patience is not None and validation is None:
        raise RunError("patience needs validation images to judge an epoch by. Received: none.")
    if learning_rate_factors is not None and len(learning_rate_factors) != len(model.trainable_variables):
        raise RunError(
            f"Expected a learning-rate factor for each of the {len(model.trainable_variables)} trainable variables. "
            f"Received: {len(learning_rate_factors)}. Make them after freezing, from the same model."
        )
    shared = {"batch_size": min(config.batch_size, len(train))}
    if validation is not None:
        shared["the number of validation images"] = len(validation)
    check_shared_evenly(shared)
