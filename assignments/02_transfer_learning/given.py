"""What the notebook may use without defining it, and what the checks pass to its functions.

While grading there is no network, so no ImageNet weights; and building all of MobileNetV2 takes longer than everything
that is asked of it. So `build_on_small_base` lets a small network stand in its place, in the sandbox as in a notebook.
"""

import sys

import keras
import tensorflow as tf  # noqa: F401 - as the course calls it
import tensorflow.keras.applications  # noqa: F401 - loaded now, so that the names in it can be replaced below
import tensorflow.keras.layers as tfl  # noqa: F401 - as the course calls it
from keras import layers
from keras.layers import RandomFlip, RandomRotation  # noqa: F401 - the course imports them from where they no longer are

IMG_SIZE = (160, 160)
base_model_path = "imagenet"
preprocess_input = keras.applications.mobilenet_v2.preprocess_input


# data_augmenter


def augment(make, images, training, seed):
    """Run what `data_augmenter` makes; give back anything that cannot be run."""
    keras.utils.set_random_seed(seed)
    augmentation = make()
    return augmentation(images, training=training) if callable(augmentation) else augmentation


# alpaca_model

_options = {}  # with which the base was last built


def small_mobilenet(
    input_shape=None,
    alpha=1.0,
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name=None,
):
    """Make a network that takes and gives what MobileNetV2 does, of two convolutions, with random weights."""
    _options.update(include_top=include_top, weights=None if weights is None else str(weights), alpha=alpha)
    images = x = keras.Input(input_shape or (224, 224, 3)) if input_tensor is None else input_tensor
    for filters, size in ((8, 32), (1280, 1)):
        x = layers.Conv2D(filters, size, strides=size, padding="same", use_bias=False)(x)
        x = layers.ReLU(6)(layers.BatchNormalization()(x))
    if include_top or pooling == "avg":
        x = layers.GlobalAveragePooling2D()(x)
    elif pooling == "max":
        x = layers.GlobalMaxPooling2D()(x)
    if include_top:
        x = layers.Dense(classes, activation=classifier_activation)(x)
    return keras.Model(
        keras.utils.get_source_inputs(images), x, name=name or f"mobilenetv2_{alpha:.2f}_{images.shape[1]}"
    )


def build_on_small_base(make, *arguments, **keywords):
    """Call `make`, with the small network wherever MobileNetV2 stands, for as long as the call lasts."""
    original = keras.applications.MobileNetV2
    places = [names for module in list(sys.modules.values()) if _stands_in(names := vars(module), original)]
    _options.clear()
    try:
        for names in places:
            names["MobileNetV2"] = small_mobilenet
        return make(*arguments, **keywords)
    finally:
        for names in places:
            names["MobileNetV2"] = original


def _stands_in(names, original):
    return names.get("MobileNetV2") is original


def options_of_the_base():
    """Give include_top and weights of the last base; nothing where MobileNetV2 was not called."""
    return dict(_options)


class NegativeWhileTraining(layers.Layer):
    """Turn a picture of 0..255 into its negative while training, and leave it otherwise: change without chance."""

    def call(self, images, training=None):
        """Subtract from white."""
        return 255.0 - images if training else images


def negative_while_training(images, **keywords):
    """Add the layer to a symbolic tensor."""
    return NegativeWhileTraining()(images, **keywords)


def run_unfrozen(model, images):
    """Make all layers of a model trainable, and call it as one calls a layer, without saying whether it is trained."""
    for layer in model.layers:
        layer.trainable = True
    return model(images)


# fine_tune


def model_to_fine_tune(blocks):
    """Make what `alpaca_model` makes, on a base of 3 * blocks + 3 layers for pictures of 8x8.

    It is compiled with a rate and a loss that `fine_tune` must change.
    """
    images = x = keras.Input((8, 8, 3))
    for _ in range(blocks):
        x = layers.Conv2D(6, 1, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.ReLU()(layers.Conv2D(6, 1, use_bias=False)(x))
    base = keras.Model(images, x, name="mobilenetv2_1.00_8")
    base.trainable = False
    inputs = keras.Input((8, 8, 3))
    x = keras.Sequential([layers.Activation("linear")], name="data_augmentation")(inputs)
    x = base(preprocess_input(x), training=False)
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling2D()(x)))
    model.compile(keras.optimizers.Adam(0.5), "mean_squared_error")
    return model
