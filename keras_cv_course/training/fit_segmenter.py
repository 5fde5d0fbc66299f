"""Train a network of a class for every pixel: maps that move with their pictures, all else as `fit_targets` does it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras import ops

from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.data.segmented_images import SegmentedImages
from keras_cv_course.errors import ModelError
from keras_cv_course.models.fused import fused
from keras_cv_course.models.segmentation_losses import SegmentationLoss, balanced_weights
from keras_cv_course.models.segmenter import Colour, Segmenter
from keras_cv_course.training.augment import Augmentation, random_light, random_transforms, warp
from keras_cv_course.training.device import Precision
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.fit_targets import TargetImages, fit_targets
from keras_cv_course.training.optimizers import OptimizerName
from keras_cv_course.training.run_folder import History, RunFolder

# Of `SegmenterSettings`, for drawn roads: each is its own mirrored, zoomed or darker one, and few passes suffice.
DRAWN: dict[str, Any] = {"epochs": 3, "augmentation": None}


@dataclass(frozen=True, kw_only=True)
class SegmenterSettings(FitSettings):
    """How to train a segmenter, beside what every training is told. These defaults are those of `kcc train segmenter`.

    Attributes:
        cross_entropy: weight of the loss's part, as of
            :class:`~keras_cv_course.models.segmentation_losses.SegmentationLoss`.
        dice: likewise.
        focal: likewise.
        balance: how much more pixels of rare classes weigh in cross-entropy and focal loss, 0 to 1, see
            :func:`~keras_cv_course.models.segmentation_losses.balanced_weights`.
        augmentation: random changes to the training pictures and their maps; None for none.
    """

    epochs: int = 12
    batch_size: int = 4
    optimizer: OptimizerName = "muon"
    learning_rate: float = 5e-3
    warmup_epochs: float = 0.5
    weight_decay: float = 1e-3
    precision: Precision = "auto"
    cross_entropy: float = 1.0
    dice: float = 1.0
    focal: float = 0.0
    balance: float = 0.5
    augmentation: Augmentation | None = field(
        default_factory=lambda: Augmentation(rotation=0.0, zoom=0.1, shift=0.05, contrast=0.15, brightness=0.05)
    )

    NESTED: ClassVar[dict[str, type]] = {"augmentation": Augmentation}

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        SegmentationLoss(self.cross_entropy, self.dice, self.focal)
        self._require("balance", 0 <= self.balance <= 1, "0 to 1")


def fit_segmenter(
    model: keras.Model,
    train: SegmentedImages,
    settings: SegmenterSettings,
    *,
    colours: Sequence[Colour],
    validation: SegmentedImages | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[Segmenter, History]:
    """Train `model`, in place; all as :func:`~.fit_targets.fit_targets` does it.

    The history has the mean IoU of each epoch as ``mean_iou``.

    Args:
        model: a built model from pictures to logits (m, height, width, classes), such as one of
            :func:`~keras_cv_course.models.unet.unet_model` or :func:`~keras_cv_course.transfer.segmenters.unet_on`.
        train: pictures of the model's size.
        settings: how to train.
        colours: (red, green, blue) of each class, which the trained segmenter is to have.
        validation: pictures to choose the best epoch by; never trained on.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        resume: go on from the folder's state; from the beginning where no epoch was finished yet.
        callbacks: further Keras callbacks.

    Returns:
        The segmenter, as the folder's model.keras holds it; and the history: for each quantity a number for each epoch,
        those before a resume included.

    Raises:
        ModelError: a model of other classes or another picture size, or validation pictures of other classes.
        RunError: as :func:`~keras_cv_course.fit` does.
    """
    segmenter = Segmenter(model, train.class_names, tuple(colours), model.name)
    if segmenter.input_size != train.size:
        raise ModelError(f"Expected pictures of the model's size, {segmenter.input_size}. Received: {train.size}.")
    if validation is not None and validation.class_names != train.class_names:
        raise ModelError(
            f"Expected validation pictures of the classes {', '.join(train.class_names)}. Received: "
            f"{', '.join(validation.class_names)}."
        )
    augmentation, classes = settings.augmentation, len(train.class_names)

    def change(images: tf.Tensor, class_maps: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        assert augmentation is not None
        return augment_segmented(images, class_maps, augmentation, seed)

    class_weights = balanced_weights(train.class_maps, classes, settings.balance) if settings.balance else None
    history = fit_targets(
        model,
        TargetImages(train.images, train.class_maps),
        settings,
        loss=SegmentationLoss(settings.cross_entropy, settings.dice, settings.focal, class_weights),
        make_metrics=lambda: [MeanIoU(classes)],
        change=None if augmentation is None else change,
        class_names=train.class_names,
        validation=None if validation is None else TargetImages(validation.images, validation.class_maps),
        folder=folder,
        saved=segmenter,
        resume=resume,
        callbacks=callbacks,
    )
    return segmenter, history


@keras.saving.register_keras_serializable(package="keras_cv_course")
class MeanIoU(keras.metrics.MeanIoU):
    """The IoU of all pixels so far that count, the mean of the classes; of class maps and logits.

    Keras's own, but for how pixels are counted, which would take a tenth of a training's time. A pixel whose class is
    none of them counts nowhere, as `IGNORED` does.

    Args:
        num_classes: their number.
    """

    def __init__(self, num_classes: int, name: str = "mean_iou", dtype: Any = None) -> None:
        super().__init__(num_classes, name=name, dtype=dtype)
        self._fused_places = fused(self._places)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count the pixels of a batch; all of them weigh the same.

        Raises:
            ModelError: weights.
        """
        if sample_weight is not None:
            raise ModelError("Expected pixels that weigh the same in the mean IoU. Received: sample_weight.")
        places = ops.reshape(self._fused_places(y_true, y_pred), [-1])
        ones, cells = ops.ones_like(places), self.num_classes**2
        counts = ops.segment_sum(ones, places, num_segments=cells + 1)[:cells]
        self.total_cm.assign_add(ops.cast(ops.reshape(counts, self.total_cm.shape), self.total_cm.dtype))

    def _places(self, class_maps: Any, logits: Any) -> Any:
        """Give each pixel its place in the confusion matrix, row by row; behind its end where it counts nowhere."""
        there, said = ops.cast(class_maps, "int32"), ops.cast(ops.argmax(logits, axis=-1), "int32")
        return ops.where(there < self.num_classes, self.num_classes * there + said, self.num_classes**2)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {"num_classes": self.num_classes, "name": self.name, "dtype": self.dtype}


def augment_segmented(
    images: tf.Tensor, class_maps: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Apply one random flip, turn, zoom and shift, and one change of the light, to each picture of a batch.

    Args:
        images: float32 (batch, height, width, 3), values 0..1.
        class_maps: uint8 (batch, height, width).
        augmentation: the ranges.
        seed: int (2,); equal seeds give equal results.

    Returns:
        The pictures as :func:`~.augment.augment_batch` changes them, and the maps moved along, each place with the
        class of the pixel nearest to where it comes from; places that come from outside a picture count nowhere.
    """
    geometry_seed, light_seed = tf.unstack(tf.random.split(seed, 2))
    transforms = random_transforms(tf.shape(images), augmentation, geometry_seed)
    changed = random_light(warp(images, transforms), augmentation, light_seed)
    return changed, warp_class_maps(class_maps, transforms)


def warp_class_maps(class_maps: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Show class maps uint8 (batch, height, width) through transforms (batch, 8), as :func:`~.augment.warp` does."""
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=class_maps[..., None],
        transforms=transforms,
        output_shape=tf.shape(class_maps)[1:],
        interpolation="NEAREST",
        fill_mode="CONSTANT",
        fill_value=float(IGNORED),
    )
    return moved[..., 0]
