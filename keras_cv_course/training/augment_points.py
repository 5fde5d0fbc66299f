"""Random changes to pictures with points, for whole batches inside `tf.data`; the points move with the pixels.

Ranges and draws are those of :mod:`.augment`, stateless as there.
"""

from collections.abc import Sequence

import tensorflow as tf

from keras_cv_course.training.augment import Augmentation, random_light, random_transforms, warp


def augment_points(
    images: tf.Tensor, points: tf.Tensor, augmentation: Augmentation, mirror: Sequence[int], seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Apply one random geometric and one random colour change to each picture of a batch.

    Args:
        images: float32 (batch, height, width, channels), values 0..1.
        points: float32 (batch, n, 2), x and y in pixels; (0.5, 0.5) is the middle of the left upper pixel.
        augmentation: the ranges.
        mirror: the permutation of the n points that a flip needs, as of a
            :class:`~keras_cv_course.data.landmarks.PointScheme`.
        seed: int (2,); equal seeds give equal results.

    Returns:
        float32 (batch, height, width, channels), the same pictures as :func:`~.augment.augment_batch` gives, and
        float32 (batch, n, 2); points may come to lie beyond the edges. Those of pictures without a face mean nothing,
        before and after.
    """
    geometry_seed, colour_seed = tf.unstack(tf.random.split(seed, 2))
    transforms = random_transforms(tf.shape(images), augmentation, geometry_seed)
    changed = random_light(warp(images, transforms), augmentation, colour_seed)
    return changed, move_points(points, transforms, mirror)


def move_points(points: tf.Tensor, transforms: tf.Tensor, mirror: Sequence[int]) -> tf.Tensor:
    """Move points to where :func:`~.augment.warp` shows what is under them.

    Args:
        points: float32 (batch, n, 2), as of :func:`augment_points`.
        transforms: float32 (batch, 8), from pixels of the result to those of the source, affine.
        mirror: as of :func:`augment_points`; used where a transform mirrors.

    Returns:
        float32 (batch, n, 2).
    """
    a0, a1, a2, b0, b1, b2, *_ = tf.unstack(transforms[:, :, None], axis=1)  # (batch, 1) each
    determinant = a0 * b1 - a1 * b0
    x, y = points[..., 0] - 0.5 - a2, points[..., 1] - 0.5 - b2  # (batch, n)
    moved = tf.stack([b1 * x - a1 * y, a0 * y - b0 * x], axis=-1) / determinant[..., None] + 0.5
    return tf.where(determinant[..., None] < 0, tf.gather(moved, list(mirror), axis=1), moved)
