"""Train Mask R-CNN on pictures with masks, or Faster R-CNN on pictures with boxes; all else as `fit` does it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
import tensorflow as tf

from keras_cv_course.boxes import scale_xyxy, xywh_to_xyxy
from keras_cv_course.data.instance_pixels import InstancePixels
from keras_cv_course.detection.mask_rcnn_losses import LOSSES, sum_of_losses, training_model
from keras_cv_course.errors import ModelError
from keras_cv_course.models.instance_segmenter import InstanceSegmenter
from keras_cv_course.models.mask_rcnn import MaskRcnn
from keras_cv_course.training.augment import Augmentation, random_light
from keras_cv_course.training.augment_boxes import BoxAugmentation
from keras_cv_course.training.batches import Targets, shuffled_batches, steps_per_epoch
from keras_cv_course.training.detector_batches import PLAIN, BoxedPixels, detector_batches, detector_steps
from keras_cv_course.training.device import Precision, check_shared_evenly
from keras_cv_course.training.fit_batches import Feed, fit_batches
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.optimizers import OptimizerName
from keras_cv_course.training.run_folder import History, RunFolder

_STATISTICS_BATCHES = 20  # of batch norms


@dataclass(frozen=True, kw_only=True)
class MaskRcnnSettings(FitSettings):
    """How to train, beside what every training is told. These defaults are those of `kcc train segmenter`.

    Attributes:
        anchors: that the loss of proposals looks at on each picture, at most half of them on objects.
        regions: of each picture that class and box are trained on, at most a quarter of them on objects.
        light: random changes of the light of pictures with masks, of which half are also mirrored; None for neither.
        augmentation: random changes to pictures with boxes, without mosaics.
    """

    epochs: int = 16
    batch_size: int = 8
    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-3
    warmup_epochs: float = 0.5
    weight_decay: float = 5e-4
    precision: Precision = "float32"
    anchors: int = 128
    regions: int = 32
    light: Augmentation | None = field(default_factory=lambda: Augmentation(contrast=0.2, brightness=0.1))
    augmentation: BoxAugmentation = field(default_factory=BoxAugmentation)

    NESTED: ClassVar[dict[str, type]] = {"light": Augmentation, "augmentation": BoxAugmentation}

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require("anchors", self.anchors >= 2, "at least 2")
        self._require("regions", self.regions >= 4, "at least 4")
        self._require("augmentation", self.augmentation.mosaic == 0, "without mosaics")


def fit_mask_rcnn(
    network: MaskRcnn,
    train: InstancePixels | BoxedPixels,
    settings: MaskRcnnSettings,
    *,
    folder: RunFolder | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[InstanceSegmenter, History]:
    """Train the parts of `network`, in place.

    Resuming and the run's folder are as with :func:`~keras_cv_course.fit`. The history has each of `LOSSES`.

    Args:
        network: to train; with a mask head on pictures with masks, without one on pictures with boxes alone.
        train: pictures of the network's size.
        settings: how to train.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        resume: go on from the folder's state; from the beginning where no epoch was finished yet.
        callbacks: further Keras callbacks.

    Returns:
        The trained model for use, as the folder's model.keras holds it; and the history: for each quantity a number for
        each epoch, those before a resume included.

    Raises:
        ModelError: a network of other classes or another picture size, or with masks where `train` has none.
        RunError: as :func:`~keras_cv_course.fit` does.
    """
    _check(network, train)
    check_shared_evenly({"batch_size": min(settings.batch_size, len(train))})
    with_masks = isinstance(train, InstancePixels)
    objects = (train.class_ids if isinstance(train, InstancePixels) else train.truth).shape[1]
    model = training_model(network, objects, anchors=settings.anchors, regions=settings.regions, seed=settings.seed)
    segmenter = InstanceSegmenter(network.inference_model(), train.class_names, network.pyramid.name)
    feed = _masked_feed(train, settings) if isinstance(train, InstancePixels) else boxed_feed(train, settings)
    names = LOSSES if with_masks else LOSSES[:-1]
    history = fit_batches(
        model,
        feed,
        settings,
        loss=sum_of_losses,
        make_metrics=lambda: [LossPart(number, name=name) for number, name in enumerate(names)],
        class_names=train.class_names,
        folder=folder,
        saved=segmenter,
        resume=resume,
        callbacks=callbacks,
    )
    return segmenter, history


class LossPart(keras.metrics.Mean):
    """The mean of one of the losses (m, losses) that a training model gives."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(name=name)
        self.number = number

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch."""
        super().update_state(y_pred[:, self.number])


def _check(network: MaskRcnn, train: InstancePixels | BoxedPixels) -> None:
    if network.plan.classes != len(train.class_names):
        raise ModelError(
            f"Expected pictures with the network's {network.plan.classes} classes. Received: "
            f"{', '.join(train.class_names)}."
        )
    if train.images.shape[1:3] != network.image_size:
        raise ModelError(
            f"Expected pictures of the network's size, {network.image_size}. Received: {train.images.shape[1:3]}."
        )
    if (network.mask_head is not None) != isinstance(train, InstancePixels):
        raise ModelError(
            "Expected pictures with masks for a network with a mask head, and with boxes alone for one without. "
            f"Received: {type(train).__name__}. Choose masks in the plan of the network."
        )


def _masked_feed(train: InstancePixels, settings: MaskRcnnSettings) -> Feed:
    targets = {"boxes": train.boxes, "class_ids": train.class_ids, "mini_masks": train.mini_masks}
    light = settings.light

    def changed(images: tf.Tensor, objects: Targets, seed: tf.Tensor) -> tuple[tf.Tensor, Targets]:
        assert light is not None
        mirror_seed, light_seed = tf.unstack(tf.random.split(seed, 2))
        mirrored = tf.random.stateless_uniform((tf.shape(images)[0],), mirror_seed) < 0.5
        images, objects = mirror(images, objects, mirrored)
        return random_light(images, light, light_seed), objects

    def batches(first_epoch: int, epochs: int, batch_change: Any) -> tf.data.Dataset:
        return shuffled_batches(
            train.images,
            targets,
            settings.batch_size,
            epochs=epochs,
            first_epoch=first_epoch,
            seed=settings.seed,
            change=batch_change,
            white=255.0,
        ).map(lambda images, objects: _as_inputs({"image": images, **objects}))

    return Feed(
        steps_per_epoch(len(train), settings.batch_size),
        lambda first_epoch: batches(first_epoch, settings.epochs, None if light is None else changed),
        batches(0, 1, None).take(_STATISTICS_BATCHES),
        None,
    )


def mirror(images: tf.Tensor, objects: Targets, mirrored: tf.Tensor) -> tuple[tf.Tensor, Targets]:
    """Turn some pictures of a batch left to right, with their boxes and masks.

    Args:
        images: (batch, height, width, 3).
        objects: boxes (batch, rows, 4), xyxy in pixels; class_ids; mini_masks (batch, rows, s, s).
        mirrored: bool (batch,).
    """
    width = tf.cast(tf.shape(images)[2], tf.float32)
    left, top, right, bottom = tf.unstack(objects["boxes"], axis=-1)
    boxes = tf.stack([width - right, top, width - left, bottom], axis=-1)
    chosen = mirrored[:, None, None]
    turned = {
        **objects,
        "boxes": tf.where(chosen, boxes, objects["boxes"]),
        "mini_masks": tf.where(chosen[..., None], tf.reverse(objects["mini_masks"], [3]), objects["mini_masks"]),
    }
    return tf.where(chosen[..., None], tf.reverse(images, [2]), images), turned


def boxed_feed(train: BoxedPixels, settings: MaskRcnnSettings) -> Feed:
    """Give the batches of pictures with boxes as a training model without masks takes them."""
    height, width = train.images.shape[1:3]

    def as_inputs(images: tf.Tensor, truth: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        truth = tf.ensure_shape(truth, (None, train.truth.shape[1], truth.shape[2]))
        boxes = scale_xyxy(xywh_to_xyxy(truth[..., :4]), (height, width))
        exists = tf.reduce_all(truth[..., 2:4] > 0, axis=-1)
        class_ids = tf.where(exists, tf.cast(truth[..., 4], tf.int32), -1)
        return _as_inputs({"image": images * 255.0, "boxes": boxes, "class_ids": class_ids})

    def batches(first_epoch: int, epochs: int, augmentation: BoxAugmentation) -> tf.data.Dataset:
        return detector_batches(
            train,
            settings.batch_size,
            [(height, width)],
            epochs=epochs,
            first_epoch=first_epoch,
            seed=settings.seed,
            augmentation=augmentation,
        ).map(as_inputs)

    return Feed(
        detector_steps(train, settings.batch_size),
        lambda first_epoch: batches(first_epoch, settings.epochs, settings.augmentation),
        batches(0, 1, PLAIN).take(_STATISTICS_BATCHES),
        None,
    )


def _as_inputs(inputs: dict[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Give a batch as `fit` takes it: what a training model is compared with is in its inputs."""
    return inputs, tf.zeros(tf.shape(inputs["image"])[:1])
