"""Classifiers of windows with drawn weights, of three kinds, and what each says of every window by itself."""

import keras
import numpy as np
from drawn_weights import with_drawn_weights
from keras import layers

from keras_cv_course.models.overfeat import overfeat_lecture


def sequential() -> keras.Sequential:
    """Strides that do not divide the window, pooling with an overlap, and an output of two dense layers on a map."""
    return with_drawn_weights(
        keras.Sequential(
            [
                keras.Input((21, 26, 3)),
                layers.Conv2D(6, (5, 4), strides=(2, 1), activation="tanh"),  # (m, 9, 23, 6)
                layers.AveragePooling2D((3, 2), strides=(1, 2)),  # (m, 7, 11, 6)
                layers.DepthwiseConv2D(2, dilation_rate=2),  # (m, 5, 9, 6)
                layers.BatchNormalization(),
                layers.LeakyReLU(),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(7, activation="elu"),
                layers.Reshape((1, 1, 7)),
                layers.Dense(5),
                layers.Flatten(),
                layers.Softmax(),
            ],
            name="sequential",
        )
    )


def functional() -> keras.Model:
    """Branches, nested models, random layers, 'same' where it pads nothing, and global pooling; two outputs."""
    stem = keras.Sequential(
        [keras.Input((22, 26, 3)), layers.RandomFlip(), layers.Rescaling(2.0), layers.SeparableConv2D(8, 3)],
        name="stem",
    )  # (m, 20, 24, 8)
    inputs = keras.Input((22, 26, 3))
    x = layers.MaxPooling2D(2, padding="same")(stem(inputs))  # (m, 10, 12, 8)
    x = layers.Concatenate()([layers.Conv2D(4, 1, padding="same", strides=2)(x), layers.MaxPooling2D(2)(x)])
    x = layers.Add()([x, layers.Conv2D(12, 1, use_bias=False)(x)])  # (m, 5, 6, 12)
    means = layers.GlobalAveragePooling2D()(x)
    most = layers.GlobalMaxPooling2D(keepdims=True)(layers.Conv2D(9, (2, 3))(x))
    joined = layers.BatchNormalization(axis=1)(layers.Concatenate(axis=1)([means, layers.Flatten()(most)]))
    head = keras.Sequential([keras.Input((21,)), layers.Dropout(0.5), layers.Dense(3, "softmax")], name="head")
    box = layers.Dense(4)(layers.Flatten()(x))
    return with_drawn_weights(keras.Model([inputs], [head(joined), box], name="functional"))


def lecture() -> keras.Model:
    return with_drawn_weights(overfeat_lecture())


NETWORKS = (lecture, sequential, functional)


def every_crop(model: keras.Model, picture: np.ndarray, stride: tuple[int, int]) -> list[np.ndarray]:
    """Give each output (rows, cols, numbers) of float32 (height, width, 3), cut and classified window by window."""
    height, width = model.input_shape[1:3]
    tops = range(0, picture.shape[0] - height + 1, stride[0])
    lefts = range(0, picture.shape[1] - width + 1, stride[1])
    crops = np.stack([picture[y : y + height, x : x + width] for y in tops for x in lefts])
    outputs = model.predict(crops, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return [output.reshape(len(tops), len(lefts), -1) for output in outputs]
