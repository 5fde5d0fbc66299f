"""Train the network that makes small faces large, with or without heatmaps of their components."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cv_course.data.landmarks import FACE_68
from keras_cv_course.data.synthetic.landmark_set import LandmarkImages
from keras_cv_course.errors import DataContentError
from keras_cv_course.landmarks.component_maps import component_maps
from keras_cv_course.models.super_resolution import FACTOR, MAPS_STRIDE, MapsLoss
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.fit_targets import TargetImages, fit_targets
from keras_cv_course.training.optimizers import OptimizerName
from keras_cv_course.training.run_folder import History

MAPS_SPREAD = 1.0  # pixels of the maps


@dataclass(frozen=True, kw_only=True)
class SuperResolutionFitConfig(FitSettings):
    """How to train; see :class:`FitSettings` for what it shares with other trainings.

    Attributes:
        maps_weight: of the loss on the component maps beside that on pixels; 0 for training without them.
    """

    epochs: int = 8
    batch_size: int = 16
    optimizer: OptimizerName = "adam"
    learning_rate: float = 2e-3
    warmup_epochs: float = 0.5
    weight_decay: float = 0.0
    maps_weight: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require("maps_weight", self.maps_weight >= 0, "0 or more")


def fit_super_resolution(
    model: keras.Model,
    train: LandmarkImages,
    config: SuperResolutionFitConfig,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Train `model`, of :func:`~keras_cv_course.models.super_resolution.face_super_resolution`, in place.

    Args:
        model: for pictures an eighth as high and wide as those of `train`.
        train: large pictures with the 68 points of a face; where there is none, the maps are to be empty.
        config: how to train.
        callbacks: further Keras callbacks.

    Returns:
        The history: for each quantity a number for each epoch.

    Raises:
        DataContentError: pictures that do not divide by 8, or with other points.
        ModelError: a model for pictures of another size.
        RunError: a loss that is not finite.
    """
    if train.scheme is not FACE_68:
        raise DataContentError(f"Expected pictures with {FACE_68.name}. Received: {train.scheme.name}.")
    height, width = train.image_size
    size = height // MAPS_STRIDE, width // MAPS_STRIDE

    def encode(targets: Any) -> Any:
        maps = component_maps(targets["points"] / MAPS_STRIDE, size, MAPS_SPREAD)
        maps = tf.where(targets["is_there"][..., None, None, None], maps, 0.0)
        return {"picture": tf.cast(targets["picture"], tf.float32) / 255.0, "maps": maps}

    return fit_targets(
        model,
        TargetImages(
            shrink(train.images), {"picture": train.images, "points": train.points, "is_there": train.is_there}
        ),
        config,
        loss={"picture": "mean_absolute_error", "maps": MapsLoss(config.maps_weight)},
        encode=encode,
        callbacks=callbacks,
    )


def shrink(images: np.ndarray) -> np.ndarray:
    """Average squares of 8 x 8 pixels: uint8 (m, height, width, 3) to (m, height / 8, width / 8, 3).

    Raises:
        DataContentError: other pictures, or sides that do not divide by 8.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] % FACTOR or images.shape[2] % FACTOR:
        raise DataContentError(
            f"Expected pictures uint8 (m, height, width, 3) whose sides are multiples of {FACTOR}. Received: "
            f"{images.dtype} {images.shape}."
        )
    number, height, width, channels = images.shape
    squares = images.reshape(number, height // FACTOR, FACTOR, width // FACTOR, FACTOR, channels)
    return np.rint(squares.mean(axis=(2, 4))).astype(np.uint8)
