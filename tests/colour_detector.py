"""A detector that needs no training: it sees red and green squares of one cell."""

import keras
import numpy as np

from keras_cv_course.models.detector import Detector, Resize

CELL, ROWS, COLS = 32, 2, 3
CLASSES = ("red", "green")
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0)}

# From the mean red, green and blue of a cell to tx, ty, tw, th, to and the two classes. Objectness is sigmoid(10) on
# pure red and green, sigmoid(-10) on black, grey and white.
_KERNEL = np.array(
    [
        [0, 0, 0, 0, 20, 10, 0],
        [0, 0, 0, 0, 20, 0, 10],
        [0, 0, 0, 0, -40, 0, 0],
    ]
)
_BIAS = np.array([0, 0, 0, 0, -10, 0, 0])
SCORE = 1 / (1 + np.exp(-10)) / (1 + np.exp(-10))  # of a pure square: objectness times class probability


def colour_detector(resize: Resize = "letterbox", first: keras.Layer | None = None) -> Detector:
    """Give the detector for inputs of 64 x 96 pixels; `first` is a layer to put before all others."""
    inputs = keras.Input((ROWS * CELL, COLS * CELL, 3))
    means = keras.layers.AveragePooling2D(CELL)(inputs if first is None else first(inputs))
    head = keras.layers.Conv2D(7, 1)
    model = keras.Model(inputs, head(means))
    head.set_weights([_KERNEL.reshape(1, 1, 3, 7), _BIAS])
    return Detector(model, np.ones((1, 2), np.float32), CLASSES, resize)


def picture(size: tuple[int, int], squares: dict[tuple[int, int], str]) -> np.ndarray:
    """Draw squares, (row, col) -> colour, on black, uint8 (*size, 3); the detector's grid is stretched to `size`."""
    image = np.zeros((*size, 3), np.uint8)
    height, width = size[0] // ROWS, size[1] // COLS
    for (row, col), colour in squares.items():
        image[row * height : (row + 1) * height, col * width : (col + 1) * width] = COLOURS[colour]
    return image
