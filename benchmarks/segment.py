"""Time Mask R-CNN and U-Net on a ResNet50 beside the bare forward pass of that ResNet50, on pictures of one size.

Run: python benchmarks/segment.py [--size 320] [--rounds 10]

One picture a call, compiled. The three take turns in each round, so that whatever else the machine does falls on all;
the medians and their ratios to the bare network are printed. Weights are random, which changes no time but that of the
last non-max suppression.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from keras_cv_course.models.mask_rcnn import MaskRcnnPlan, small_plan
from keras_cv_course.transfer.backbones import load_backbone
from keras_cv_course.transfer.segmenters import mask_rcnn_on, unet_on

CLASSES = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    size = (options.size, options.size)
    paper = MaskRcnnPlan(classes=CLASSES, anchor_sizes=(32, 64, 128, 256))
    backbone = load_backbone("resnet50", size, weights=None)
    models = {
        "ResNet50 alone": backbone.network,
        "U-Net on it": unet_on(backbone, CLASSES),
        "Mask R-CNN on it, small plan": mask_rcnn_on(backbone, small_plan(CLASSES, size)).inference_model(),
        "Mask R-CNN on it, the paper's plan": mask_rcnn_on(backbone, paper).inference_model(),
    }
    picture = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, *size, 3)), tf.float32)
    calls = {name: tf.function(model, autograph=False) for name, model in models.items()}
    for call in calls.values():
        call(picture)  # compiles
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            tf.nest.map_structure(lambda x: x.numpy(), call(picture))
            times[name].append(time.perf_counter() - started)
    bare = statistics.median(times["ResNet50 alone"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:36} {1000 * median:8.0f} ms, {median / bare:.2f} times the bare network")


if __name__ == "__main__":
    main()
