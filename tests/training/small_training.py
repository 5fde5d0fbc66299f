"""Train a small network, by `main` in a process of its own: the tests kill it."""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from stopping import Die

from keras_cv_course import FitConfig, LabelledImages, RunFolder, fit, prepare_devices

EPOCHS, BATCH = 4, 16


def colour_squares(count: int) -> LabelledImages:
    draw = np.random.default_rng(0)
    labels = np.arange(count) % 3
    images = draw.integers(0, 120, (count, 16, 16, 3))
    images[np.arange(count), :, :, labels] += 60
    return LabelledImages(images.astype(np.uint8), labels, ("red", "green", "blue"))


def small_model(dropout: float = 0.3) -> keras.Model:
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, name="conv")(inputs)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9, name="bn")(x))
    x = layers.Dropout(dropout, seed=1)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="predictions")(x))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die", type=int, nargs=2, default=(-1, 0))
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    prepare_devices(seed=0)
    rest, held_out = colour_squares(64).split(0.25, seed=0)
    config = FitConfig(epochs=EPOCHS, batch_size=BATCH, warmup_epochs=1, precision=arguments.precision)
    folder = RunFolder(arguments.folder)
    fit(
        small_model(),
        rest,
        config,
        validation=held_out,
        folder=folder,
        resume=arguments.resume,
        callbacks=[Die(*arguments.die)],
    )
