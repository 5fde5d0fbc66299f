"""The forward pass of a model in use: what `predict_on_batch` gives, in less time.

Where Keras runs on TensorFlow and on the processor, the model is traced with two of its layers' ways to compute
replaced, and nothing of it stays in the model:

- Convolutions of 3 x 3 on small maps of many channels, where YOLOv2 spends three quarters of its time, take Winograd's
  method.
- Batch norms take TensorFlow's fused operation, which TensorFlow then computes within the convolution before it. Keras
  makes a batch norm of single operations, and each of them reads the whole map again.

Everywhere else it is `predict_on_batch` itself: cuDNN and XLA on a GPU choose such methods by themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import RLock
from types import MethodType
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers

from keras_cv_course.models.nested_layers import all_layers
from keras_cv_course.models.winograd import convolve, saves_time, transform_kernel

Tensor = Any  # a symbolic or eager tensor of TensorFlow

ForwardPass = Callable[[np.ndarray], np.ndarray]

_TRACING = RLock()  # models may share layers, and a layer computes in the other way for one trace at a time


def forward_pass(model: keras.Model) -> ForwardPass:
    """Give a function from a batch of inputs to the model's output, as NumPy arrays.

    It is compiled when first called, and again for a batch of another size; meanwhile the model must not be called
    elsewhere. It computes with the values that the model's variables have when it is called; a model whose layers
    changed, as by `enable_lora`, needs a new one. What it keeps for the next call is up to twice the size of the
    weights: 344 MB for YOLOv2.

    Args:
        model: built, with one input and one output. Its layers stay as they are.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.list_logical_devices("GPU"):
            return _ProcessorPass(model)
    return model.predict_on_batch


class _ReadyKernel(NamedTuple):
    """A kernel in Winograd's form.

    Attributes:
        source: the kernel that it was made of, in the variable's own memory.
        transformed: (16, in, out).
    """

    source: Tensor
    transformed: Tensor


class _ProcessorPass:
    """The forward pass with TensorFlow on a processor."""

    def __init__(self, model: keras.Model) -> None:
        import tensorflow as tf

        parts = list(dict.fromkeys(all_layers(model)))  # each once, also if nested models share it
        convolutions = [layer for layer in parts if _takes_winograd(layer)]
        norms = [layer for layer in parts if _takes_fused_norm(layer)]

        @tf.function(autograph=False)
        def run(images: Tensor, kernels: Sequence[Tensor]) -> Tensor:
            with _computing_faster(convolutions, kernels, norms):  # while this is traced
                return model(images, training=False)

        self._model = model
        self._run = run
        self._variables = [layer.kernel for layer in convolutions]
        self._kernels: list[_ReadyKernel | None] = [None] * len(convolutions)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        kernels = [self._transformed(number, variable.value) for number, variable in enumerate(self._variables)]
        return self._run(tf.constant(images), kernels).numpy()

    def __reduce__(self) -> tuple[type, tuple[keras.Model]]:
        """Copy and pickle the model alone: what is compiled cannot be, and would stand in a detector's way."""
        return _ProcessorPass, (self._model,)

    def _transformed(self, number: int, variable: Any) -> Tensor:
        """Transform a kernel again only if it changed.

        Reading a variable of TensorFlow copies nothing, and what was read never changes: as long as somebody holds it,
        whatever changes the variable gives it new memory. So the same memory means the same numbers.
        """
        import tensorflow as tf

        source = tf.convert_to_tensor(variable)
        ready = self._kernels[number]
        if ready is None or not np.shares_memory(memoryview(source), memoryview(ready.source)):
            ready = self._kernels[number] = _ReadyKernel(source, transform_kernel(source))
        return ready.transformed


@contextmanager
def _computing_faster(
    convolutions: Sequence[layers.Conv2D], kernels: Sequence[Tensor], norms: Sequence[layers.BatchNormalization]
) -> Iterator[None]:
    """Let the layers compute in the other way within the block, the convolutions with transformed kernels."""
    with _TRACING, ExitStack() as undo:
        for convolution, kernel in zip(convolutions, kernels, strict=True):
            convolution.convolution_op = lambda inputs, _, kernel=kernel: convolve(inputs, kernel)
            undo.callback(delattr, convolution, "convolution_op")
        for norm in norms:
            norm.call = MethodType(_fused_norm, norm)
            undo.callback(delattr, norm, "call")
        yield


def _takes_winograd(layer: keras.Layer) -> bool:
    if not (
        type(layer) is layers.Conv2D
        and (layer.kernel_size, layer.strides, layer.dilation_rate) == ((3, 3), (1, 1), (1, 1))
        and (layer.padding, layer.groups, layer.data_format) == ("same", 1, "channels_last")
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and isinstance(layer.kernel, keras.Variable)  # LoRA makes a kernel of several
        and hasattr(layer, "input")  # a layer of a functional model
    ):
        return False
    _, height, width, channels = layer.input.shape
    return None not in (height, width) and saves_time(height, width, channels, layer.filters)


def _takes_fused_norm(layer: keras.Layer) -> bool:
    return (
        type(layer) is layers.BatchNormalization
        and layer.axis in (-1, 3)
        and layer.input_spec.ndim == 4
        and layer.scale
        and layer.center
        and layer.compute_dtype == "float32"
    )


def _fused_norm(norm: layers.BatchNormalization, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Any:
    """Stand in for `BatchNormalization.call`."""
    import tensorflow as tf

    if training:  # the model asks one of its norms to measure with the batch
        return layers.BatchNormalization.call(norm, inputs, training=training, mask=mask)
    return tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=norm.gamma.value,
        offset=norm.beta.value,
        mean=norm.moving_mean.value,
        variance=norm.moving_variance.value,
        epsilon=norm.epsilon,
        is_training=False,
    ).y
