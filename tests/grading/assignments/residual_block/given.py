import keras
from keras import layers

random_uniform = keras.initializers.RandomUniform


def trained_network(image_shape):
    """Stand for a network that somebody trained."""
    inputs = keras.Input(image_shape)
    x = layers.Conv2D(4, 3, padding="same", name="features")(inputs)
    x = layers.BatchNormalization(name="normal")(x)
    return keras.Model(inputs, layers.ReLU()(x), name="trained")
