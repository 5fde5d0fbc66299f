"""Small classifiers of windows, built so that :func:`to_fully_convolutional` can turn them into convolutions.

No layer pads: convolutions and pooling stay within the window.

Source: the lecture's drawing of Sermanet et al., OverFeat, 2014.
"""

import keras
from keras import layers


def overfeat_lecture(
    input_shape: tuple[int, int, int] = (14, 14, 3), classes: int = 4, *, box_regression: bool = False
) -> keras.Model:
    """Build the network that the lecture draws: 5x5 convolution, 2x2 pooling, dense 400, dense 400, softmax.

    As convolutions it gives 2 x 2 cells on a picture of 16 x 16, and 8 x 8 on one of 28 x 28.

    Args:
        input_shape: (height, width, channels) of the window, at least 6 x 6.
        classes: number of classes, background among them.
        box_regression: a second output beside the classes, as the lecture adds at the end.

    Returns:
        A model from float32 (m, height, width, channels) to probabilities (m, classes); or to these and boxes (m, 4),
        xywh as parts of the window.
    """
    window = keras.Input(input_shape, name="window")
    x = layers.Conv2D(16, 5, activation="relu", name="conv")(window)  # (m, 10, 10, 16)
    x = layers.MaxPooling2D(2, name="pool")(x)  # (m, 5, 5, 16)
    x = layers.Flatten(name="flatten")(x)  # (m, 400)
    x = layers.Dense(400, activation="relu", name="fc1")(x)
    x = layers.Dense(400, activation="relu", name="fc2")(x)
    return _with_heads(window, x, classes, box_regression, "overfeat_lecture")


def road_window_network(classes: int) -> keras.Model:
    """Build the small network of the shipped `road-windows`: windows of 32 x 32, 4 pixels apart, with boxes.

    Returns:
        A model from float32 (m, 32, 32, 3), 0..1, to probabilities (m, classes) and boxes (m, 4), xywh as parts of the
        window.
    """
    window = keras.Input((32, 32, 3), name="window")
    x = window
    for number, (filters, kernel) in enumerate([(12, 3), (24, 4), (48, 3)], start=1):
        x = layers.Conv2D(filters, kernel, use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"conv{number}_bn")(x)
        x = layers.ReLU(name=f"conv{number}_relu")(x)
        if number < 3:
            x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)  # (m, 4 * 4 * 48)
    x = layers.Dense(96, activation="relu", name="fc1")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    return _with_heads(window, x, classes, True, "road_window_network")


def _with_heads(window: object, x: object, classes: int, box_regression: bool, name: str) -> keras.Model:
    probabilities = layers.Dense(classes, activation="softmax", name="class")(x)
    outputs = [probabilities, layers.Dense(4, name="box")(x)] if box_regression else probabilities
    return keras.Model(window, outputs, name=name)
