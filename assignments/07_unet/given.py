"""What the notebook may use without defining it, and what the checks pass to its functions."""

import keras  # noqa: F401 - as the notebook imports it
import numpy as np  # noqa: F401 - as the notebook imports it
import tensorflow as tf
from keras.layers import Conv2D, Conv2DTranspose, Dropout, Input, MaxPooling2D, concatenate  # noqa: F401 - likewise


def gradient_of(measure, y_true, y_pred):
    """Give the gradient of a measure, summed over the pictures, with respect to the prediction; None without one."""
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        total = tf.reduce_sum(measure(y_true, y_pred))
    return tape.gradient(total, y_pred)
