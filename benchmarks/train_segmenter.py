"""Train U-Net as `kcc train segmenter` does it, and print its mean IoU on drawn roads kept aside.

Run: python benchmarks/train_segmenter.py [--scratch] [--pictures 1800] [--epochs 3] [--size 640] [--register]

To reach: 0.90, within 15 minutes on 2 cores, drawing told apart. Beside it stands the best that a map which is the same
for all pictures reaches: at each place the class that is most often there. The way down of the U-Net is that of the
shipped detector of drawn roads, frozen; --scratch takes the small network with random weights. --register packs the
weights into weights/ and measures the packed file.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from shipped import Clock, Tell, register

from keras_cv_course import prepare_devices
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_segmenter import DRAWN_SIZE, KEPT_ASIDE, PICTURES, colours_of
from keras_cv_course.data.segmented_images import SegmentedImages, draw_segmented_images
from keras_cv_course.metrics.masks import SegmentationMetrics, segmentation_metrics
from keras_cv_course.models.segmenter import Segmenter, load_segmenter
from keras_cv_course.models.unet import unet
from keras_cv_course.models.yolov2 import ROAD_WIDTH
from keras_cv_course.training.fit_segmenter import DRAWN, SegmenterSettings, fit_segmenter
from keras_cv_course.transfer.backbones import Backbone, load_backbone
from keras_cv_course.transfer.segmenters import unet_on

NAME, DETECTOR = "road-segmenter", "road-yolov2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--epochs", type=int, default=DRAWN["epochs"])
    parser.add_argument("--size", type=int, default=int(DRAWN_SIZE))
    parser.add_argument("--scratch", action="store_true")
    parser.add_argument("--register", action="store_true")
    options = parser.parse_args()
    if options.register and options.scratch:
        parser.error("the shipped segmenter is the one on the detector: leave out --scratch")

    clock, size = Clock(), (options.size, options.size)
    train = draw_segmented_images(options.pictures, SegmenterSettings.seed, size)
    print(f"drawn: {len(train)} pictures, {clock.read()}", flush=True)
    held_out = draw_segmented_images(KEPT_ASIDE, KEPT_ASIDE_SEED, size)
    print(f"the same map for all: {describe(compare(usual_maps(train, len(held_out)), held_out))}", flush=True)
    settings = SegmenterSettings(**{**DRAWN, "epochs": options.epochs})
    prepare_devices(settings.seed)
    classes = len(train.class_names)
    model = unet((*size, 3), classes) if options.scratch else unet_on(frozen_detector(size), classes)
    clock = Clock()
    trained, _ = fit_segmenter(model, train, settings, colours=colours_of(train.class_names), callbacks=[Tell(clock)])
    print(f"trained: {clock.read()}", flush=True)
    print(f"on pictures kept aside: {describe(measure(trained, held_out))}", flush=True)
    if options.register:
        ship(trained, settings, options.pictures, held_out)


def frozen_detector(size: tuple[int, int]) -> Backbone:
    """Give the layers of the shipped detector, which are not to change."""
    backbone = load_backbone(DETECTOR, size)
    backbone.network.trainable = False
    return backbone


def usual_maps(train: SegmentedImages, count: int) -> np.ndarray:
    """Give `count` times the map of what is most often at each place."""
    votes = [(train.class_maps == number).sum(axis=0) for number in range(len(train.class_names))]
    return np.repeat(np.argmax(votes, axis=0)[None].astype(np.uint8), count, axis=0)


def measure(trained: Segmenter, data: SegmentedImages) -> SegmentationMetrics:
    return compare(trained.predict(data.images), data)


def compare(found: np.ndarray, data: SegmentedImages) -> SegmentationMetrics:
    return segmentation_metrics(data.class_maps, found, data.class_names)


def describe(metrics: SegmentationMetrics) -> str:
    classes = ", ".join(f"{name} {iou:.3f}" for name, iou in metrics.class_iou.items())
    return f"mean IoU {metrics.mean_iou:.3f} ({classes}), {metrics.pixel_accuracy:.3f} of the pixels right"


def ship(trained: Segmenter, settings: SegmenterSettings, pictures: int, held_out: SegmentedImages) -> None:
    """Pack the weights into weights/, and measure the packed ones."""

    def score() -> dict[str, float]:
        metrics = measure(load_segmenter(NAME), held_out)
        print(f"packed: {describe(metrics)}", flush=True)
        scores = {"mean_iou": metrics.mean_iou, **{f"iou_{name}": iou for name, iou in metrics.class_iou.items()}}
        return {f"drawn_scenes_{name}": round(value, 4) for name, value in scores.items()}

    facts = {
        "input_size": trained.input_size,
        "class_names": trained.class_names,
        "width": ROAD_WIDTH,
        "colours": trained.colours,
        "trained_on": f"{pictures} road scenes drawn by this package, on frozen layers of {DETECTOR}; no photograph",
        "recipe": f"python benchmarks/train_segmenter.py --pictures {pictures} --epochs {settings.epochs} --register, "
        "kernels rounded to 8 bits",
    }
    print(f"{register(NAME, 'segmenter', trained.model, facts, score)} bytes")


if __name__ == "__main__":
    main()
