"""Measure the lecture's advice: accuracy against the number of images, for four ways to train.

A few of the SIGNS training images, the same of each class, and all 216 test images. The ways: the head alone
(recipe small), the first half frozen (medium), everything from the pretrained weights, everything from random ones.

Run from the checkout, with the real SIGNS files where KERAS_CV_COURSE_DATA says and Keras's MobileNet weights:
python benchmarks/transfer_signs.py [--plot docs/images/transfer_signs.png] [--json FILE]
Figures that FILE has already are not measured again.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_cv_course.data.image_files import resize_image
from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.data.signs import read_signs
from keras_cv_course.models.classifier import Classifier
from keras_cv_course.report.plots import save_figure
from keras_cv_course.training.device import prepare_devices
from keras_cv_course.transfer.backbones import Backbone, load_backbone
from keras_cv_course.transfer.recipes import RECIPES, Recipe, train_transfer

BACKBONES = {"mobilenet-0.25": (112, 112), "signs-resnet50": (64, 64)}
# Of images for each of the six classes. A ResNet50 on two cores takes minutes for ten of them.
NUMBERS = {"mobilenet-0.25": (5, 10, 30, 100), "signs-resnet50": (5, 10)}
EPOCHS = 30  # of every training but the head's

tuned = RECIPES["medium"].fit
assert tuned is not None
tuned = replace(tuned, epochs=EPOCHS)
WAYS = {
    "head only": RECIPES["small"],
    "half frozen": replace(RECIPES["medium"], fit=tuned),
    "all": Recipe("all", 0.0, RECIPES["small"].head, tuned),
    "from scratch": Recipe("scratch", 0.0, None, replace(tuned, learning_rate=1e-3)),
}


def with_random_weights(backbone: Backbone) -> Backbone:
    return replace(backbone, network=keras.models.clone_model(backbone.network))


def resized(data: LabelledImages, size: tuple[int, int]) -> LabelledImages:
    return replace(data, images=np.stack([resize_image(image, size) for image in data.images]))


def few_of_each(data: LabelledImages, number: int, seed: int) -> LabelledImages:
    draw = np.random.default_rng(seed)
    chosen = [draw.permutation(np.flatnonzero(data.labels == c))[:number] for c in range(len(data.class_names))]
    return data.take(np.sort(np.concatenate(chosen)))


def plot(results: dict[str, dict[str, dict[str, float]]]) -> Figure:
    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    for axes, (backbone, ways) in zip(figure.subplots(1, len(results), sharey=True), results.items(), strict=True):
        for (way, accuracies), marker in zip(ways.items(), "os^x", strict=True):
            axes.plot(
                NUMBERS[backbone], [accuracies[str(number)] for number in NUMBERS[backbone]], marker=marker, label=way
            )
        axes.axhline(1 / 6, color="#8a94a3", linewidth=1, linestyle=":")
        axes.set_xscale("log", base=10)
        axes.set_xticks(NUMBERS[backbone], [str(number) for number in NUMBERS[backbone]])
        axes.minorticks_off()
        axes.set_ylim(0, 1.02)
        axes.set_title(f"from {backbone}", loc="left", fontsize=11)
        axes.set_xlabel("training images per class")
        axes.grid(axis="y", color="#d5d9de", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("accuracy on 216 test images")
    figure.axes[0].legend(frameon=False)
    return figure


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--plot", type=Path)
    options.add_argument("--json", type=Path)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    prepare_devices(chosen.seed)
    results: dict[str, dict[str, dict[str, float]]] = {}
    if chosen.json and chosen.json.exists():
        results = json.loads(chosen.json.read_text())
    for name, size in BACKBONES.items():
        train, test = (resized(read_signs(None, part).data, size) for part in ("train", "test"))
        for way, recipe in WAYS.items():
            for number in NUMBERS[name]:
                measured = results.setdefault(name, {}).setdefault(way, {})
                if str(number) in measured:
                    continue
                started = time.perf_counter()
                backbone = load_backbone(name, size)  # anew: recipes change it
                if way == "from scratch":
                    backbone = with_random_weights(backbone)
                with tempfile.TemporaryDirectory() as cache:
                    model, _ = train_transfer(
                        backbone, recipe, few_of_each(train, number, chosen.seed), cache=Path(cache)
                    )
                predicted = Classifier(model, test.class_names, name).predict(test.images).argmax(axis=1)
                accuracy = float((predicted == test.labels).mean())
                measured[str(number)] = accuracy
                if chosen.json:
                    chosen.json.write_text(json.dumps(results, indent=2) + "\n")
                seconds = time.perf_counter() - started
                print(f"{name:16}{way:14}{number:4} a class: {accuracy:.4f}   {seconds:.0f} s", flush=True)
                keras.utils.clear_session()
    if chosen.plot:
        save_figure(plot(results), chosen.plot)


if __name__ == "__main__":
    main()
