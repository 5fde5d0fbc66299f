"""`tf.data` pipelines of images with targets, for training and for measuring.

TensorFlow's input pipelines serve every Keras backend. The training pipeline is a pure function of the seed and the
epoch at which it starts: what it yields in epoch 7 does not depend on whether epochs 0 to 6 were drawn in the same
process.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.training.augment import Augmentation, augment_batch

# Targets are an array or a dictionary of arrays, each with a row for each image.
Targets = Any
# From (images float32 (batch, height, width, 3) of values 0..1, targets, seed int (2,)) to changed images and targets.
Change = Callable[[tf.Tensor, Targets, tf.Tensor], tuple[tf.Tensor, Targets]]
# From what lies beside the images to what the model is to say.
Encode = Callable[[Targets], Targets]


def one_hot_targets(data: LabelledImages) -> tf.Tensor:
    """Give float32 (m, classes), a single 1 in each row."""
    return tf.one_hot(data.labels, len(data.class_names))


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Count the batches of an epoch: only whole ones, but at least one."""
    return max(1, images // batch_size)


def training_batches(
    data: LabelledImages,
    batch_size: int,
    *,
    epochs: int,
    first_epoch: int = 0,
    seed: int = 0,
    augmentation: Augmentation | None = None,
    white: float = 1.0,
) -> tf.data.Dataset:
    """Give :func:`shuffled_batches` of labelled images, changed by `augmentation`; targets float32 (batch, classes)."""

    def change(images: tf.Tensor, targets: tf.Tensor, batch_seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        assert augmentation is not None
        return augment_batch(images, augmentation, batch_seed), targets

    return shuffled_batches(
        data.images,
        one_hot_targets(data),
        batch_size,
        epochs=epochs,
        first_epoch=first_epoch,
        seed=seed,
        change=None if augmentation is None else change,
        white=white,
    )


def measuring_batches(data: LabelledImages, batch_size: int, *, white: float = 1.0) -> tf.data.Dataset:
    """Give :func:`ordered_batches` of labelled images, the targets as of :func:`training_batches`."""
    return ordered_batches(data.images, one_hot_targets(data), batch_size, white=white)


def shuffled_batches(
    images: np.ndarray,
    targets: Targets,
    batch_size: int,
    *,
    epochs: int,
    first_epoch: int = 0,
    seed: int = 0,
    change: Change | None = None,
    encode: Encode | None = None,
    white: float = 1.0,
) -> tf.data.Dataset:
    """Give the batches of several epochs, one after the other.

    Each epoch is a fresh permutation. Batches are whole, so that shapes are static and no batch norm sees a tiny one;
    the up to ``batch_size - 1`` images that are left over differ from epoch to epoch. The decoded uint8 images are the
    cache: batches are gathered from one array, which may be mapped from a file larger than the memory.

    Args:
        images: uint8 (m, height, width, 3).
        targets: an array (m, ...), or a dictionary of such.
        batch_size: images a batch; m where there are fewer.
        epochs: number of the epoch to stop before.
        first_epoch: number of the epoch to start with.
        seed: of order and changes.
        change: random changes to a batch's images and targets, drawn from its seed alone; None for none.
        encode: makes of the (changed) targets what the model is to say; None where they are it.
        white: the value that 255 becomes; see :func:`~keras_cv_course.models.pixels.white_level`.

    Returns:
        Batches (images float32 (batch, height, width, 3) with values 0..white, targets).
    """
    count = len(images)
    batch_size = min(batch_size, count)
    steps = steps_per_epoch(count, batch_size)
    targets = tf.nest.map_structure(tf.convert_to_tensor, targets)

    def batches_of_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.random.fold_in(tf.constant([seed, 0]), epoch)
        order = tf.random.experimental.stateless_shuffle(tf.range(count), epoch_seed)
        rows = tf.reshape(order[: steps * batch_size], (steps, batch_size))
        seeds = tf.random.split(tf.random.fold_in(tf.constant([seed, 1]), epoch), steps)
        return tf.data.Dataset.from_tensor_slices((rows, seeds))

    def load(rows: tf.Tensor, batch_seed: tf.Tensor) -> tuple[tf.Tensor, Targets]:
        batch, answers = _gather(images, rows), _rows_of(targets, rows)
        if change is not None:
            batch, answers = change(batch, answers, batch_seed)
        batch.set_shape((batch_size, *images.shape[1:]))
        return batch * white, answers if encode is None else encode(answers)

    order_of_batches = tf.data.Dataset.range(first_epoch, epochs).flat_map(batches_of_epoch)
    return order_of_batches.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def ordered_batches(
    images: np.ndarray, targets: Targets, batch_size: int, *, encode: Encode | None = None, white: float = 1.0
) -> tf.data.Dataset:
    """Give every image once, in order, unchanged, as :func:`shuffled_batches` does; the last batch may be shorter."""
    targets = tf.nest.map_structure(tf.convert_to_tensor, targets)

    def load(rows: tf.Tensor) -> tuple[tf.Tensor, Targets]:
        answers = _rows_of(targets, rows)
        return _gather(images, rows) * white, answers if encode is None else encode(answers)

    return tf.data.Dataset.range(len(images)).batch(batch_size).map(load).prefetch(tf.data.AUTOTUNE)


def _rows_of(targets: Targets, rows: tf.Tensor) -> Targets:
    return tf.nest.map_structure(lambda all_rows: tf.gather(all_rows, rows), targets)


def _gather(images: np.ndarray, rows: tf.Tensor) -> tf.Tensor:
    """Take images by number as float32 with values 0..1, as the course does."""
    batch = tf.numpy_function(lambda numbers: np.asarray(images[numbers]), [rows], tf.uint8)
    batch.set_shape((None, *images.shape[1:]))
    return tf.cast(batch, tf.float32) / 255.0
