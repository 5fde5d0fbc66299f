"""Pictures with boxes as a network takes them, and `tf.data` pipelines of their augmented batches.

As with :mod:`.batches`, what comes in an epoch is a function of the seed and the epoch's number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.equal_pictures import EqualPictures
from keras_cv_course.data.image_folders import SkippedFile, count_and_first
from keras_cv_course.data.letterbox import letterbox, letterbox_placement, stretch, stretch_placement
from keras_cv_course.data.read_images import decode_pictures
from keras_cv_course.detection.targets import TRUTH_COLUMNS, encode_truth, pad_truth
from keras_cv_course.errors import DataContentError
from keras_cv_course.models.detector import Resize
from keras_cv_course.training.augment_boxes import BoxAugmentation, augment_boxes

Size = tuple[int, int]  # (height, width)

PLAIN = BoxAugmentation(flip=False, zoom=0, aspect=0, hue=0, saturation=0, exposure=0, mosaic=0, least_left=0)
STEPS_OF_A_SIZE = 10


@dataclass(frozen=True, eq=False)
class BoxedPixels(EqualPictures):
    """Decoded pictures, all of one size, with their objects.

    Attributes:
        images: uint8 (m, height, width, 3); may be mapped from a file.
        truth: float32 (m, rows, 5), as of :func:`~keras_cv_course.detection.targets.pad_truth`, rows at least 1.
        class_names: one for each class.
        skipped: the files that could not be read.
    """

    images: np.ndarray
    truth: np.ndarray
    class_names: tuple[str, ...]
    skipped: tuple[SkippedFile, ...] = ()


def read_boxed_pixels(
    data: BoxedImages, size: Size, resize: Resize, progress: Callable[[int], None] | None = None
) -> BoxedPixels:
    """Decode a set to learn from, once, as a detector will see it.

    Boxes that nothing can be learnt from go, and so do those around a crowd.

    Args:
        data: the set.
        size: (height, width) to which each picture is brought.
        resize: how, as in :class:`~keras_cv_course.models.detector.Detector`.
        progress: called with the number of pictures done so far.

    Raises:
        DataContentError: no picture that can be read, or no box on those that can.
        DataError: pictures that fit neither into memory nor on the disk for temporary files.
    """
    bring, place = (letterbox, letterbox_placement) if resize == "letterbox" else (stretch, stretch_placement)
    images = data.usable().images

    def prepare(picture: np.ndarray) -> np.ndarray:
        return np.rint(bring(picture, size)[0] * 255).astype(np.uint8)

    pixels, read, skipped = decode_pictures(
        [image.path for image in images], size, prepare, data.root, progress=progress
    )
    rows = []
    for image in (images[number] for number in read):
        learnt = image.take(~image.flagged("crowd"))
        rows.append(encode_truth(place(image.size, size).boxes_to_input(learnt.boxes), learnt.class_ids, size))
    if not sum(map(len, rows)):
        received = count_and_first(skipped, data.root) if skipped else "none"
        raise DataContentError(
            f"{data.root}: expected at least one usable box on {len(data)} pictures. Received: {received}. "
            "See `kcc data inspect`."
        )
    return BoxedPixels(pixels, pad_truth(rows, max(map(len, rows))), data.class_names, tuple(skipped))


def detector_steps(data: BoxedPixels, batch_size: int) -> int:
    """Count the batches of an epoch: only whole ones, but at least one."""
    return max(1, len(data) // batch_size)


def detector_batches(
    data: BoxedPixels,
    batch_size: int,
    sizes: Sequence[Size],
    *,
    epochs: int,
    first_epoch: int = 0,
    mosaic_epochs: int | None = None,
    seed: int = 0,
    augmentation: BoxAugmentation = PLAIN,
) -> tf.data.Dataset:
    """Give the batches of several epochs, one after the other.

    Args:
        data: m pictures.
        batch_size: pictures a batch; m where there are fewer.
        sizes: (height, width) that batches may have; every `STEPS_OF_A_SIZE` steps another one is drawn.
        epochs: number of the epoch to stop before.
        first_epoch: number of the epoch to start with.
        mosaic_epochs: number of the first epoch without mosaics; None to go on with them.
        seed: of order, sizes and augmentation.
        augmentation: random changes to each picture; by default none.

    Returns:
        Batches (pictures float32 (batch, height, width, 3) with values 0..1, truth float32 (batch, rows, 5)).
    """
    batch_size = min(batch_size, len(data))
    steps = detector_steps(data, batch_size)
    mosaics = round(augmentation.mosaic * batch_size)
    last_mosaic = epochs if mosaic_epochs is None else mosaic_epochs

    def batches_of_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = tf.random.fold_in(tf.constant([seed, 0]), epoch)
        order = tf.random.experimental.stateless_shuffle(tf.range(len(data)), epoch_seed)
        rows = tf.reshape(order[: steps * batch_size], (steps, batch_size))
        seeds = tf.random.split(tf.random.fold_in(tf.constant([seed, 1]), epoch), steps)
        numbers = epoch * steps + tf.range(steps, dtype=tf.int64)
        tiled = tf.repeat(tf.where(epoch < last_mosaic, mosaics, 0), steps)
        return tf.data.Dataset.from_tensor_slices((rows, seeds, numbers, tiled))

    def load(
        rows: tf.Tensor, batch_seed: tf.Tensor, number: tf.Tensor, tiled: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        size_seed = tf.random.fold_in(tf.constant([seed, 2]), number // STEPS_OF_A_SIZE)
        size = tf.constant(sizes)[tf.random.stateless_uniform((), size_seed, 0, len(sizes), tf.int32)]
        draw_seed, change_seed = tf.unstack(tf.random.split(batch_seed, 2))
        others = tf.random.stateless_uniform((3 * tiled,), draw_seed, 0, len(data), tf.int32)
        pictures, truth = augment_boxes(*_gather(data, rows), _gather(data, others), size, augmentation, change_seed)
        height, width = sizes[0] if len({*sizes}) == 1 else (None, None)
        pictures.set_shape((batch_size, height, width, 3))
        truth.set_shape((batch_size, None, TRUTH_COLUMNS))
        return pictures, truth

    order_of_batches = tf.data.Dataset.range(first_epoch, epochs).flat_map(batches_of_epoch)
    return order_of_batches.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _gather(data: BoxedPixels, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Take pictures by number, uint8, and their truth; neither becomes a constant of the graph, however large."""
    images, truth = tf.numpy_function(
        lambda numbers: (np.asarray(data.images[numbers]), data.truth[numbers]), [rows], (tf.uint8, tf.float32)
    )
    images.set_shape((None, *data.images.shape[1:]))
    truth.set_shape((None, *data.truth.shape[1:]))
    return images, truth
