"""Time head-only training: on cached features, and as a plain Keras `fit` of the whole model with a frozen backbone.

Both train a head of the same layers on the same unchanged images, for the same epochs and steps, and are measured on
the same held-out images; the package's way also standardizes the features, which plain Keras has no simple way to do.
Drawn hands by default, so that it runs anywhere; a folder of photos if one is named.

Run from the checkout: python benchmarks/transfer.py [DIR] [--backbone signs-resnet50] [--epochs 20] [--seed 0]
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.data.image_files import resize_image
from keras_cv_course.data.image_folders import find_images
from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.data.read_images import read_images
from keras_cv_course.data.synthetic.hand_signs import draw_hand_signs
from keras_cv_course.training.device import prepare_devices
from keras_cv_course.transfer.backbones import load_backbone
from keras_cv_course.transfer.head import HeadConfig
from keras_cv_course.transfer.layer_groups import freeze
from keras_cv_course.transfer.recipes import RECIPES, train_transfer, transfer_model


def drawn(size: tuple[int, int], seed: int) -> tuple[LabelledImages, LabelledImages]:
    images, labels = draw_hand_signs(300, 7)
    data = LabelledImages(np.stack([resize_image(image, size) for image in images]), labels, tuple("012345"))
    return data.split(0.2, seed)


def photos(folder: Path, size: tuple[int, int], seed: int) -> tuple[LabelledImages, LabelledImages]:
    rest, held_out = find_images(folder).split(0.2, seed)
    assert held_out is not None
    return read_images(rest, size).data, read_images(held_out, size).data


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, nargs="?")
    options.add_argument("--backbone", default="signs-resnet50")
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--image-size", type=int)
    options.add_argument("--seed", type=int, default=0, help="of split, first weights and order")
    chosen = options.parse_args()
    prepare_devices(chosen.seed)
    size = (chosen.image_size, chosen.image_size) if chosen.image_size else None
    size = load_backbone(chosen.backbone, size).network.input_shape[1:3]
    train, validation = photos(chosen.folder, size, chosen.seed) if chosen.folder else drawn(size, chosen.seed)
    config = HeadConfig(views=1, epochs=chosen.epochs, batch_size=32, seed=chosen.seed)
    pixels = validation.images.astype(np.float32)

    def report(name: str, model: keras.Model, seconds: float) -> None:
        right = float((model.predict(pixels, batch_size=32, verbose=0).argmax(axis=1) == validation.labels).mean())
        print(f"{name:34}{seconds:8.1f} s   accuracy {right:.4f} of {len(validation)}", flush=True)

    print(f"{chosen.backbone} at {size}, {len(train)} images, {chosen.epochs} epochs, seed {chosen.seed}")
    with tempfile.TemporaryDirectory() as cache:
        for name in ("cached features, first time", "cached features, again"):
            backbone = load_backbone(chosen.backbone, size)
            started = time.perf_counter()
            model, _ = train_transfer(backbone, replace(RECIPES["small"], head=config), train, cache=Path(cache))
            report(name, model, time.perf_counter() - started)

    backbone = load_backbone(chosen.backbone, size)
    started = time.perf_counter()
    model = transfer_model(backbone, len(train.class_names))
    freeze(model, "(?!head).*")
    steps = -(-len(train) // config.batch_size)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(config.learning_rate, config.epochs * steps)),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    inputs = train.images.astype(np.float32)
    model.fit(inputs, train.labels, batch_size=config.batch_size, epochs=config.epochs, verbose=0)
    report("plain fit, frozen backbone", model, time.perf_counter() - started)


if __name__ == "__main__":
    main()
