"""How fast a detector trains, against a bare loop.

Pictures a second of `fit_detector` with augmentation and several sizes, against forward and backward passes of the same
network, in the same precision, on the very same batches, which lie ready in memory. Rounds alternate, because the speed
of a shared machine drifts; where other programs take part of it, pictures a second of processor time tell more. How
well it trains, `kcc train detector` says itself.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.data.synthetic.road_set import write_road_scenes
from keras_cv_course.detection.anchors import find_anchors, sizes_in_cells
from keras_cv_course.detection.yolo_loss import YoloLoss
from keras_cv_course.training.batch_norm import fused_batch_norm
from keras_cv_course.training.detector_batches import BoxedPixels, detector_batches, read_boxed_pixels
from keras_cv_course.training.device import choose_precision, layer_precision, prepare_devices
from keras_cv_course.training.fit_detector import DetectorFitConfig, DetectorPlan, fit_detector
from keras_cv_course.transfer.detectors import detection_network


class Clock(keras.callbacks.Callback):
    """Take both times from the end of the first step on, which traces, to the end of training."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = -1

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Count a step."""
        self.steps += 1
        if self.steps == 0:
            self.started = now()
        self.ended = now()


def now() -> np.ndarray:
    """Give the time of the clock and that of the processor, float64 (2,), seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def make_plan(data: BoxedImages, backbone: str, size: tuple[int, int]) -> DetectorPlan:
    """Plan what `kcc train detector` plans."""
    anchors = find_anchors(sizes_in_cells(data, size, "letterbox"), 5).sizes
    network = detection_network(backbone, len(data.class_names), 5)
    return DetectorPlan(network.model, anchors, data.class_names, size, "letterbox", network.pretrained.layers)


def bare(plan: DetectorPlan, pixels: BoxedPixels, config: DetectorFitConfig) -> np.ndarray:
    """Give pictures a second, by either time, of the network's own training step: plain SGD, no metrics."""
    batches = detector_batches(
        pixels,
        config.batch_size,
        plan.sizes(config.size_range),
        epochs=config.epochs,
        mosaic_epochs=round(config.mosaic_share * config.epochs),
        seed=config.seed,
        augmentation=config.augmentation,
    )
    first, *ready = batches.as_numpy_iterator()
    model = plan.network
    model.compile(keras.optimizers.SGD(1e-5), YoloLoss(plan.anchors))
    with layer_precision(model, choose_precision(config.precision)), fused_batch_norm(model):
        model.train_on_batch(*first)
        started = now()
        for batch in ready:
            model.train_on_batch(*batch)
        seconds = now() - started
    return len(ready) * len(first[0]) / seconds


def ours(plan: DetectorPlan, pixels: BoxedPixels, config: DetectorFitConfig) -> np.ndarray:
    """Give pictures a second, by either time, of `fit_detector`, without the measuring between epochs."""
    clock = Clock()
    fit_detector(plan, pixels, config, callbacks=[clock])
    return clock.steps * min(config.batch_size, len(pixels)) / (clock.ended - clock.started)


def compare_speed(data: BoxedImages, options: argparse.Namespace) -> None:
    """Print both speeds and their ratio."""
    size = (options.input_size,) * 2
    plan = make_plan(data, options.backbone, size)
    config = DetectorFitConfig(epochs=options.epochs, batch_size=options.batch_size, precision=options.precision)
    pixels = read_boxed_pixels(data, plan.sizes(config.size_range)[-1], plan.resize)
    ratios = []
    for number in range(options.rounds):
        plain, mine = bare(plan, pixels, config), ours(plan, pixels, config)
        ratios.append(mine / plain)
        print(f"round {number + 1}: bare {plain[0]:.1f}, fit_detector {mine[0]:.1f} pictures/s", flush=True)
    print(f"{options.backbone}, {size[0]} pixels, batch {config.batch_size}: fit_detector has")
    for what, some in zip(
        ("the bare speed", "the bare pictures for each second of processor time"),
        zip(*ratios, strict=True),
        strict=True,
    ):
        print(f"  {statistics.median(some):.2f} ({min(some):.2f} to {max(some):.2f}) of {what}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="mobilenet-0.25")
    parser.add_argument("--input-size", type=int, default=416)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--epochs", type=int, default=2, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    gpus = prepare_devices(seed=0)
    print(f"devices: {', '.join(gpus) or 'CPU'}, precision {choose_precision(options.precision)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        write_road_scenes(Path(folder) / "roads", count=64, seed=0, format="voc", image_size=(416, 416))
        compare_speed(find_boxes(Path(folder) / "roads"), options)


if __name__ == "__main__":
    main()
