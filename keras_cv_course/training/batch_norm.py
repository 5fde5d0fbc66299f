"""Batch norm in training: statistics that fit the final weights, and TensorFlow's fused kernel.

Why the statistics need care: a batch norm measures with moving averages of what it saw while it trained. With Keras's
momentum of 0.99 they remember about a hundred steps; in a short training the weights have moved far in that time, and
a network with 0.98 training accuracy measures 0.37. docs/training.md tells the story with figures.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_cv_course.models.nested_layers import all_layers

# The smallest epsilon that cuDNN's batch norm takes.
CUDNN_MIN_EPSILON = 1.001e-5


def trainable_batch_norms(model: keras.Model) -> list[layers.BatchNormalization]:
    """Give the batch norms whose statistics training moves: a frozen one keeps its own."""
    return [layer for layer in all_layers(model) if isinstance(layer, layers.BatchNormalization) and layer.trainable]


def reestimate_statistics(model: keras.Model, batches: Any) -> None:
    """Replace the moving statistics by the average over `batches` under the model's present weights.

    The method is that of stochastic weight averaging (Izmailov et al., 2018, section 3.2). Frozen batch norms are left
    alone.

    Args:
        model: a built model.
        batches: an iterable of (images, labels), as the model takes them; enough pictures, batches not tiny.
    """
    norms = trainable_batch_norms(model)
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    try:
        for number, (images, _) in enumerate(batches):
            for norm in norms:
                norm.momentum = number / (number + 1)  # a running mean over all batches so far
            model(keras.tree.map_structure(np.asarray, images), training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


@contextmanager
def fused_batch_norm(model: keras.Model) -> Iterator[None]:
    """Let `model` train through TensorFlow's fused batch-norm kernel; on other backends do nothing.

    Keras computes a batch norm from single operations, each of which reads the whole feature map again, and in 16-bit
    training first converts it to float32. XLA fuses them, but XLA's convolutions on a CPU are slower than TensorFlow's
    own (``benchmarks/train_resnet.py --xla``). The fused kernel gives the same result, gradient and statistics (tested
    against Keras's). Nothing of it stays in the model: a saved one has plain Keras layers. Trace the training step
    inside the block.
    """
    norms = []
    if keras.backend.backend() == "tensorflow":
        norms = [norm for norm in trainable_batch_norms(model) if _has_fused_kernel(norm)]
    for norm in norms:
        norm.call = MethodType(_call_fused, norm)
    try:
        yield
    finally:
        for norm in norms:
            del norm.call


def _has_fused_kernel(norm: layers.BatchNormalization) -> bool:
    return (
        type(norm) is layers.BatchNormalization
        and len(norm.input.shape) == 4
        and norm.axis in (-1, 3)
        and norm.scale
        and norm.center
        and not norm.renorm
        and not norm.synchronized
        and norm.epsilon >= CUDNN_MIN_EPSILON
    )


def _call_fused(norm: layers.BatchNormalization, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Stand in for `BatchNormalization.call` with (batch, height, width, channels) inputs."""
    import tensorflow as tf

    if not training or mask is not None:
        return layers.BatchNormalization.call(norm, inputs, training=training, mask=mask)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=norm.gamma.value,
        offset=norm.beta.value,
        mean=[],
        variance=[],
        epsilon=norm.epsilon,
        is_training=True,
    )
    # The kernel reports the unbiased variance, Keras keeps that of the batch itself.
    count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], variance.dtype)
    variance *= (count - 1) / count
    for moving, seen in ((norm.moving_mean, mean), (norm.moving_variance, variance)):
        moving.assign(moving * norm.momentum + seen * (1.0 - norm.momentum))
    return outputs
