"""Measure head-only transfer by cross-validation on a folder of photos: accuracy and seconds for each fold.

Run from the checkout: python benchmarks/transfer_folds.py DIR [--backbone mobilenet-0.25] [--folds 5] [--seed 0]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from keras_cv_course.data.image_folders import find_images, folds
from keras_cv_course.data.read_images import read_images
from keras_cv_course.training.device import prepare_devices
from keras_cv_course.transfer.backbones import load_backbone
from keras_cv_course.transfer.recipes import RECIPES, train_transfer


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--backbone", default="mobilenet-0.25")
    options.add_argument("--recipe", default="small", choices=list(RECIPES))
    options.add_argument("--image-size", type=int)
    options.add_argument("--folds", type=int, default=5)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    size = (chosen.image_size, chosen.image_size) if chosen.image_size else None

    prepare_devices(chosen.seed)
    files = find_images(chosen.folder)
    accuracies = []
    for number, (rest, held_out) in enumerate(folds(files, chosen.folds, chosen.seed), start=1):
        started = time.perf_counter()
        backbone = load_backbone(chosen.backbone, size)  # anew: recipes change it
        train, validation = (read_images(part, backbone.network.input_shape[1:3]).data for part in (rest, held_out))
        with tempfile.TemporaryDirectory() as cache:  # empty: the seconds include the features
            model, _ = train_transfer(backbone, RECIPES[chosen.recipe], train, cache=Path(cache))
        probabilities = model.predict(validation.images.astype(np.float32), batch_size=32, verbose=0)
        accuracies.append(float((probabilities.argmax(axis=1) == validation.labels).mean()))
        seconds = time.perf_counter() - started
        print(f"fold {number}: {accuracies[-1]:.4f} of {len(validation)} images, {seconds:.0f} s", flush=True)
    print(f"mean of {chosen.folds} folds, {chosen.recipe}, {chosen.backbone}: {np.mean(accuracies):.4f}")


if __name__ == "__main__":
    main()
