"""`tf.data` pipelines of labelled images, one for training and one for measuring.

TensorFlow's input pipelines serve every Keras backend. The training pipeline is a pure function of the seed and the
epoch at which it starts: what it yields in epoch 7 does not depend on whether epochs 0 to 6 were drawn in the same
process.
"""

import numpy as np
import tensorflow as tf

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.training.augment import Augmentation, augment_batch


def one_hot_targets(data: LabelledImages) -> tf.Tensor:
    """Give float32 (m, classes), a single 1 in each row."""
    return tf.one_hot(data.labels, len(data.class_names))


def steps_per_epoch(data: LabelledImages, batch_size: int) -> int:
    """Count the batches of an epoch: only whole ones, but at least one."""
    return max(1, len(data) // batch_size)


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
    """Give the batches of several epochs, one after the other.

    Each epoch is a fresh permutation. Batches are whole, so that shapes are static and no batch norm sees a tiny one;
    the up to ``batch_size - 1`` images that are left over differ from epoch to epoch. The decoded uint8 images are the
    cache: batches are gathered from one array, which may be mapped from a file larger than the memory.

    Args:
        data: m images.
        batch_size: images a batch; m where there are fewer.
        epochs: number of the epoch to stop before.
        first_epoch: number of the epoch to start with.
        seed: of order and augmentation.
        augmentation: random changes to each image; None for none.
        white: the value that 255 becomes; see :func:`~keras_cv_course.models.pixels.white_level`.

    Returns:
        Batches (images float32 (batch, height, width, 3) with values 0..white, targets float32
        (batch, classes)).
    """
    batch_size = min(batch_size, len(data))
    steps = steps_per_epoch(data, batch_size)
    targets = one_hot_targets(data)

    def batches_of_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.random.fold_in(tf.constant([seed, 0]), epoch)
        order = tf.random.experimental.stateless_shuffle(tf.range(len(data)), epoch_seed)
        rows = tf.reshape(order[: steps * batch_size], (steps, batch_size))
        seeds = tf.random.split(tf.random.fold_in(tf.constant([seed, 1]), epoch), steps)
        return tf.data.Dataset.from_tensor_slices((rows, seeds))

    def load(rows: tf.Tensor, batch_seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = _gather(data, rows)
        if augmentation is not None:
            batch = augment_batch(batch, augmentation, batch_seed)
        batch.set_shape((batch_size, *data.images.shape[1:]))
        return batch * white, tf.gather(targets, rows)

    order_of_batches = tf.data.Dataset.range(first_epoch, epochs).flat_map(batches_of_epoch)
    return order_of_batches.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def measuring_batches(data: LabelledImages, batch_size: int, *, white: float = 1.0) -> tf.data.Dataset:
    """Give every image once, in order, unchanged, as :func:`training_batches` does; the last batch may be shorter."""
    targets = one_hot_targets(data)

    def load(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _gather(data, rows) * white, tf.gather(targets, rows)

    return tf.data.Dataset.range(len(data)).batch(batch_size).map(load).prefetch(tf.data.AUTOTUNE)


def _gather(data: LabelledImages, rows: tf.Tensor) -> tf.Tensor:
    """Take images by number as float32 with values 0..1, as the course does."""
    images = tf.numpy_function(lambda numbers: np.asarray(data.images[numbers]), [rows], tf.uint8)
    images.set_shape((None, *data.images.shape[1:]))
    return tf.cast(images, tf.float32) / 255.0
