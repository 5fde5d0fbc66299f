"""Train a localizer: pictures that move with their boxes, the loss of the notes, all else as `fit_targets` does it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, get_args

import keras
import tensorflow as tf

from keras_cv_course.boxes import sort_corners, xywh_to_xyxy, xyxy_to_xywh
from keras_cv_course.data.localized_images import LocalizedImages
from keras_cv_course.errors import ModelError
from keras_cv_course.models.localizer import NUMBERS_BEFORE_CLASSES, LocalizationLoss, Variant, encode_target
from keras_cv_course.training.augment import Augmentation, random_light, random_transforms, warp
from keras_cv_course.training.device import Precision
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.fit_targets import TargetImages, fit_targets
from keras_cv_course.training.optimizers import OptimizerName
from keras_cv_course.training.run_folder import History, RunFolder


@dataclass(frozen=True, kw_only=True)
class LocalizerSettings(FitSettings):
    """How to train a localizer, beside what every training is told. These defaults are those of `kcc train localizer`.

    Attributes:
        loss: variant of :class:`~keras_cv_course.models.localizer.LocalizationLoss`.
        augmentation: random changes to the training pictures and their boxes, without rotation; None for none.
    """

    epochs: int = 40
    batch_size: int = 32
    optimizer: OptimizerName = "adam"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    precision: Precision = "float32"  # rounded to 16 bits, four numbers of a box are some tenths of a pixel off
    loss: Variant = "notes"
    augmentation: Augmentation | None = field(default_factory=lambda: Augmentation(rotation=0.0))

    NESTED: ClassVar[dict[str, type]] = {"augmentation": Augmentation}

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require("loss", self.loss in get_args(Variant), f"one of {', '.join(get_args(Variant))}")
        upright = self.augmentation is None or self.augmentation.rotation == 0
        self._require("augmentation", upright, "without rotation, which the box of a turned object does not tell")


def fit_localizer(
    model: keras.Model,
    train: LocalizedImages,
    settings: LocalizerSettings,
    *,
    validation: LocalizedImages | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Train `model`, in place; all as :func:`~.fit_targets.fit_targets` does it.

    Args:
        model: a built model from pictures to rows (m, 5 + classes), such as one of
            :func:`~keras_cv_course.models.localizer.localizer` or of
            :func:`~keras_cv_course.transfer.localizers.localizer_on`.
        train: pictures of the model's size.
        settings: how to train.
        validation: pictures to choose the best epoch by; never trained on.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        resume: go on from the folder's state; from the beginning where no epoch was finished yet.
        callbacks: further Keras callbacks.

    Returns:
        The history: for each quantity a number for each epoch, those before a resume included.

    Raises:
        ModelError: a model of other classes or another picture size.
        RunError: as :func:`~keras_cv_course.fit` does.
    """
    outputs = NUMBERS_BEFORE_CLASSES + len(train.class_names)
    if model.output_shape != (None, outputs):
        raise ModelError(
            f"Expected a model with {outputs} outputs, p_c, the box and {len(train.class_names)} classes. Received: "
            f"output shape {model.output_shape}."
        )
    augmentation = settings.augmentation

    def change(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        assert augmentation is not None
        return augment_localized(images, targets, augmentation, seed)

    return fit_targets(
        model,
        _targets(train),
        settings,
        loss=LocalizationLoss(settings.loss),
        change=None if augmentation is None else change,
        class_names=train.class_names,
        validation=None if validation is None else _targets(validation),
        folder=folder,
        resume=resume,
        callbacks=callbacks,
    )


def augment_localized(
    images: tf.Tensor, targets: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Apply one random flip, zoom and shift, and one change of the light, to each picture of a batch.

    Args:
        images: float32 (batch, height, width, 3), values 0..1.
        targets: float32 (batch, 5 + classes), as of :func:`~keras_cv_course.models.localizer.encode_target`.
        augmentation: the ranges; without rotation.
        seed: int (2,); equal seeds give equal results.

    Returns:
        The pictures as :func:`~.augment.augment_batch` changes them, and targets whose boxes have moved along, cut off
        at the edges: only zeros where nothing of the object is left. The box of a picture without an object means
        nothing, before and after.
    """
    geometry_seed, light_seed = tf.unstack(tf.random.split(seed, 2))
    transforms = random_transforms(tf.shape(images), augmentation, geometry_seed)
    size = tf.cast(tf.shape(images)[1:3], tf.float32)
    moved = move_boxes(targets[:, 1:NUMBERS_BEFORE_CLASSES], transforms, size)
    changed = random_light(warp(images, transforms), augmentation, light_seed)
    y = tf.concat([targets[:, :1], moved, targets[:, NUMBERS_BEFORE_CLASSES:]], axis=1)
    seen = tf.reduce_min(moved[:, 2:], axis=1) > 0  # height and width
    return changed, tf.where(seen[:, None], y, 0.0)


def move_boxes(boxes: tf.Tensor, transforms: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Move boxes to where :func:`~.augment.warp` shows what is in them.

    Args:
        boxes: float32 (batch, 4), b_x, b_y, b_h, b_w, parts of the picture.
        transforms: float32 (batch, 8), from pixels of the result to those of the source, without rotation.
        size: float32 (2,), height and width in pixels.

    Returns:
        float32 (batch, 4), what of each lies within the picture.
    """
    height, width = size[0], size[1]
    x, y, box_height, box_width = tf.unstack(boxes, axis=1)
    corners = xywh_to_xyxy(tf.stack([x * width, y * height, box_width * width, box_height * height], axis=1))
    x1, y1, x2, y2 = tf.unstack(corners - 0.5, axis=1)  # counted from the middle of the first pixel
    a0, _, a2, _, b1, b2, *_ = tf.unstack(transforms, axis=1)
    moved = tf.stack([(x1 - a2) / a0, (y1 - b2) / b1, (x2 - a2) / a0, (y2 - b2) / b1], axis=1) + 0.5
    limits = tf.stack([width, height, width, height])
    inside = tf.clip_by_value(sort_corners(moved), 0.0, limits) / limits
    x, y, box_width, box_height = tf.unstack(xyxy_to_xywh(inside), axis=1)
    return tf.stack([x, y, box_height, box_width], axis=1)


def _targets(data: LocalizedImages) -> TargetImages:
    return TargetImages(data.images, encode_target(data.boxes, data.class_ids, data.size, len(data.class_names)))
