"""A classifier of windows that needs no training: it sees red and green squares of its own size on black."""

import keras
import numpy as np
from keras import layers

from keras_cv_course.models.window_classifier import WindowClassifier

SIDE = 8
CLASSES = ("red", "nothing", "green")


def square_windows(padding: str = "valid", box: bool = False) -> WindowClassifier:
    """Give the classifier, of windows of 8 x 8, 2 pixels apart; with padding="same" it can only see crops.

    Red and green count where the window is full of them, and more so where its surroundings, here its edge, are.
    """
    inputs = keras.Input((SIDE, SIDE, 3))
    means = layers.AveragePooling2D(2)(layers.Conv2D(3, 1, padding=padding, name="copy")(inputs))  # (m, 4, 4, 3)
    if padding == "same":
        means = layers.Conv2D(3, 3, padding="same", name="smooth")(means)
    flat = layers.Flatten()(means)
    outputs = [layers.Dense(3, "softmax", name="class")(flat), layers.Dense(4, name="box")(flat)]
    model = keras.Model(inputs, outputs if box else outputs[0])
    kernel = np.tile(np.array([[40, 0, -40], [-40, 0, 40], [-40, 0, -40]]) / 16, (16, 1))  # of 16 cells, 3 colours each
    model.get_layer("class").set_weights([kernel, np.array([-30, 0, -30])])
    model.get_layer("copy").set_weights([np.eye(3).reshape(1, 1, 3, 3), np.zeros(3)])
    if padding == "same":
        middle = np.zeros((3, 3, 3, 3))
        middle[1, 1] = np.eye(3)
        model.get_layer("smooth").set_weights([middle, np.zeros(3)])
    if box:  # the middle half of the window, a quarter higher
        model.get_layer("box").set_weights([np.zeros((48, 4)), np.array([0.5, 0.25, 0.5, 0.5])])
    return WindowClassifier(model, CLASSES, ("nothing",), "squares")


def picture(size: tuple[int, int], *squares: tuple[str, int, int, int]) -> np.ndarray:
    """Draw squares (colour, x, y, side) on black, uint8 (*size, 3)."""
    image = np.zeros((*size, 3), np.uint8)
    for colour, x, y, side in squares:
        image[y : y + side, x : x + side, ("red", "green").index(colour)] = 255
    return image
