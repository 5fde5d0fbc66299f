"""What the machine offers, and how a training uses it: memory, 16-bit arithmetic, several GPUs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import keras
import numpy as np

from keras_cv_course.cpu import cpu_has_bfloat16
from keras_cv_course.errors import RunError
from keras_cv_course.models.nested_layers import all_layers, output_ids

Precision = Literal["auto", "float32", "bfloat16", "float16"]

# 16-bit training must beat float32 by this factor in the trial, or the rounding is not worth it.
WORTHWHILE_SPEEDUP = 1.2


def gpu_names() -> list[str]:
    """Name the GPUs that the current backend can use; an empty list without one."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return [device.name for device in tf.config.list_physical_devices("GPU")]
    if backend == "jax":
        import jax

        return [str(device) for device in jax.devices() if device.platform == "gpu"]
    import torch

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def limit_gpu_memory() -> None:
    """Let TensorFlow take GPU memory as it needs it, not all at once; under another backend keep it off the GPUs.

    It has to happen before TensorFlow uses a GPU for the first time.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if keras.backend.backend() != "tensorflow":
        tf.config.set_visible_devices([], "GPU")
        return
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)


def prepare_devices(seed: int) -> list[str]:
    """Set seeds and GPU memory up. Call it before the first model is built.

    Args:
        seed: for Python's, NumPy's and the backend's random numbers: first weights, dropout.

    Returns:
        The names of the GPUs.
    """
    limit_gpu_memory()
    keras.utils.set_random_seed(seed)
    return gpu_names()


def check_shared_evenly(numbers: Mapping[str, int]) -> None:
    """Make sure that several JAX devices can share each of `numbers`, by what it is, evenly.

    Raises:
        RunError: one cannot be shared.
    """
    devices = len(gpu_names()) if keras.backend.backend() == "jax" else 1
    for name, number in numbers.items():
        if number % max(1, devices):
            raise RunError(f"On {devices} JAX devices {name} must be a multiple of {devices}. Received: {number}.")


def choose_precision(requested: Precision) -> Literal["float32", "bfloat16", "float16"]:
    """Settle ``"auto"``: float16 on a GPU, bfloat16 on a CPU that has it and is faster with it, else float32."""
    if requested != "auto":
        return requested
    if gpu_names():
        return "float16"
    return "bfloat16" if cpu_has_bfloat16() and bfloat16_speedup() >= WORTHWHILE_SPEEDUP else "float32"


def bfloat16_speedup() -> float:
    """Time one convolution of a ResNet's size in float32 and in bfloat16, in turns; give the ratio of the best."""
    draw = np.random.default_rng(0)
    image = draw.standard_normal((32, 16, 16, 256), dtype=np.float32)
    kernel = draw.standard_normal((3, 3, 256, 256), dtype=np.float32)
    operands = {dtype: [keras.ops.cast(x, dtype) for x in (image, kernel)] for dtype in ("float32", "bfloat16")}
    best = dict.fromkeys(operands, float("inf"))
    for _ in range(4):  # the first of each also compiles
        for dtype, (x, k) in operands.items():
            started = time.perf_counter()
            y = keras.ops.conv(x, k, padding="same")
            float(keras.ops.max(y))  # waits for the result
            best[dtype] = min(best[dtype], time.perf_counter() - started)
    return best["float32"] / best["bfloat16"]


@contextmanager
def layer_precision(model: keras.Model, precision: str) -> Iterator[None]:
    """Let the layers of `model` compute in `precision` inside the block; their variables stay float32.

    Layers that give the model's outputs stay in float32, and so do layers that have a policy other than float32
    already. Trace the training step inside the block.

    Args:
        model: a built model.
        precision: ``"float32"``, ``"bfloat16"`` or ``"float16"``.
    """
    changed = []
    if precision != "float32":
        outputs = output_ids(model)
        for layer in all_layers(model):
            if layer.dtype_policy.name == "float32" and id(layer.output) not in outputs:
                changed.append(layer)
    for layer in changed:
        layer.dtype_policy = f"mixed_{precision}"
    try:
        yield
    finally:
        for layer in changed:
            layer.dtype_policy = "float32"


@contextmanager
def replicated(model: keras.Model, devices: Sequence[str] | None = None) -> Iterator[keras.Model]:
    """Give a model to train that uses every GPU, and bring its weights back at the end, also after an error.

    With fewer than two devices, and on PyTorch, it is `model` itself. Else it is a twin: under TensorFlow's
    ``MirroredStrategy``, or under Keras's data parallelism on JAX, each batch is shared out evenly.

    Args:
        model: a built functional model.
        devices: names as the backend writes them; None for all GPUs.
    """
    devices = gpu_names() if devices is None else list(devices)
    backend = keras.backend.backend()
    if len(devices) < 2 or backend == "torch":
        yield model
        return
    with _data_parallel_scope(backend, devices):
        twin = keras.models.clone_model(model)
        twin.set_weights(model.get_weights())
        try:
            yield twin
        finally:
            model.set_weights(twin.get_weights())


@contextmanager
def _data_parallel_scope(backend: str, devices: Sequence[str]) -> Iterator[Any]:
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.distribute.MirroredStrategy(list(devices)).scope():
            yield
        return
    earlier = keras.distribution.distribution()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=list(devices)))
    try:
        yield
    finally:
        keras.distribution.set_distribution(earlier)
