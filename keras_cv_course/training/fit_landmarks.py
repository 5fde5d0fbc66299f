"""Train a network that finds points, by heatmaps or by coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
import tensorflow as tf

from keras_cv_course.data.synthetic.landmark_set import LandmarkImages
from keras_cv_course.errors import ModelError
from keras_cv_course.models.landmarks import CoordinatesLoss, HeatmapsLoss, encode_landmarks
from keras_cv_course.models.nested_layers import outputs_in_structure
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.training.augment_points import augment_points
from keras_cv_course.training.batches import Change
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.fit_targets import TargetImages, fit_targets
from keras_cv_course.training.optimizers import OptimizerName
from keras_cv_course.training.run_folder import History, RunFolder


def _mild() -> Augmentation:
    return Augmentation(rotation=15.0, zoom=0.15, shift=0.06)


@dataclass(frozen=True, kw_only=True)
class LandmarkFitConfig(FitSettings):
    """How to train; see :class:`FitSettings` for what it shares with other trainings.

    Attributes:
        augmentation: random changes to pictures and points; None for none.
    """

    epochs: int = 12
    batch_size: int = 16
    optimizer: OptimizerName = "adam"
    learning_rate: float = 2e-3
    warmup_epochs: float = 0.5
    weight_decay: float = 0.0
    augmentation: Augmentation | None = field(default_factory=_mild)

    NESTED: ClassVar[dict[str, type]] = {"augmentation": Augmentation}


def fit_landmarks(
    model: keras.Model,
    train: LandmarkImages,
    config: LandmarkFitConfig,
    *,
    folder: RunFolder | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Train `model`, in place, with :func:`~.fit_targets.fit_targets`.

    Args:
        model: of :func:`~keras_cv_course.models.hourglass.stacked_hourglass` or
            :func:`~keras_cv_course.models.landmarks.landmark_regressor`, for the number of points of `train`.
        train: pictures of the model's size.
        config: how to train.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        resume: go on from the folder's state.
        callbacks: further Keras callbacks.

    Returns:
        The history: for each quantity a number for each epoch, those before a resume included.

    Raises:
        ModelError: a model for other pictures or another number of points.
        RunError: as :func:`~keras_cv_course.fit` does.
    """
    output, number = outputs_in_structure(model), train.scheme.count
    gives_heatmaps = isinstance(output, dict)
    received = output["heatmaps"].shape[-1] if gives_heatmaps else (output.shape[-1] - 1) / 2
    if received != number:
        raise ModelError(f"Expected a model for {number} points, {train.scheme.name}. Received: one for {received:g}.")
    loss: Any = CoordinatesLoss()
    if gives_heatmaps:
        loss = {"face": "binary_crossentropy", "heatmaps": HeatmapsLoss()}
    return fit_targets(
        model,
        TargetImages(train.images, encode_landmarks(train.points, train.is_there, train.image_size)),
        config,
        loss=loss,
        change=None if config.augmentation is None else _change(train, config.augmentation),
        encode=_for_both_outputs if gives_heatmaps else None,
        folder=folder,
        resume=resume,
        callbacks=callbacks,
    )


def _for_both_outputs(targets: tf.Tensor) -> dict[str, tf.Tensor]:
    """Give targets (batch, 1 + 2 n) to the outputs of a model of heatmaps; its loss draws the maps."""
    return {"face": targets[:, :1], "heatmaps": targets}


def _change(data: LandmarkImages, augmentation: Augmentation) -> Change:
    """Make the function that moves pictures and targets (batch, 1 + 2 n)."""
    number = data.scheme.count
    size = tf.constant(data.image_size[::-1], tf.float32)  # width, height

    def change(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        points = tf.reshape(targets[:, 1:], (-1, number, 2)) * size
        images, points = augment_points(images, points, augmentation, data.scheme.mirror, seed)
        parts = tf.reshape(points / size, (-1, 2 * number))
        return images, tf.concat([targets[:, :1], parts], axis=1)

    return change
