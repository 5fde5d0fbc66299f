"""Chains of elementwise operations in one pass over the memory, where TensorFlow alone would read it for each."""

import sys
from collections.abc import Callable
from typing import Any

import keras


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let XLA compile a function of tensors; its gradient too.

    On TensorFlow alone: JAX compiles the whole step. Not on a Mac, where TensorFlow's GPU knows no XLA. XLA's
    convolutions are slower on a CPU than TensorFlow's own, so that functions of single pixels are what this is for.

    Args:
        function: of arrays or tensors, in `keras.ops`; traced and compiled once for each shape and dtype.
    """
    if keras.backend.backend() != "tensorflow" or sys.platform == "darwin":
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)
