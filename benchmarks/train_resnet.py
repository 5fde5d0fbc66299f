"""Images per second of this package's training step against a bare `model.fit`, alternated in one run.

Three subjects train a ResNet50 of 64x64 images into 6 classes with the same batch size on the same images:

- keras.applications: `keras.applications.ResNet50` under `model.fit`, float32, Adam, no augmentation;
- course: the course's model under the same;
- kcc: `keras_cv_course.fit` with its defaults, so with its augmentation and the precision that it chooses.

Each round times every subject once; the first epoch of each, which compiles, does not count.

Run: python benchmarks/train_resnet.py [--batch-size 32] [--rounds 3] [--xla]
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_cv_course import FitConfig, LabelledImages, ResNet50, fit, prepare_devices, resnet
from keras_cv_course.training.device import choose_precision

EPOCHS = 4  # the first one compiles
STEPS = 8
CLASSES = 6


class EpochClock(keras.callbacks.Callback):
    """Note how long each epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Start."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stop."""
        self.seconds.append(time.perf_counter() - self.started)


def bare_fit(model: keras.Model, data: LabelledImages, batch_size: int, xla: bool | str = "auto") -> list[float]:
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=xla)
    clock = EpochClock()
    images = data.images.astype("float32") / 255
    model.fit(images, data.labels, batch_size=batch_size, epochs=EPOCHS, verbose=0, callbacks=[clock])
    return clock.seconds


def kcc_fit(data: LabelledImages, batch_size: int) -> list[float]:
    model = resnet(50, (64, 64, 3), CLASSES, batch_norm_momentum=0.9)
    return fit(model, data, FitConfig(epochs=EPOCHS, batch_size=batch_size))["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--xla", action="store_true", help="time the course's model compiled by XLA too")
    options = parser.parse_args()
    gpus = prepare_devices(seed=0)
    draw = np.random.default_rng(0)
    count = STEPS * options.batch_size
    data = LabelledImages(
        draw.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8),
        draw.integers(0, CLASSES, count),
        tuple(map(str, range(CLASSES))),
    )
    applications = keras.applications.ResNet50
    subjects = {
        "keras.applications": lambda: bare_fit(
            applications(weights=None, input_shape=(64, 64, 3), classes=CLASSES), data, options.batch_size
        ),
        "course": lambda: bare_fit(ResNet50(), data, options.batch_size),
        "kcc": lambda: kcc_fit(data, options.batch_size),
    }
    if options.xla:
        subjects["course, XLA"] = lambda: bare_fit(ResNet50(), data, options.batch_size, xla=True)
    print(
        f"backend {keras.backend.backend()}, {', '.join(gpus) or 'CPU'} ({os.cpu_count()} cores), "
        f"batch {options.batch_size}, kcc's precision {choose_precision('auto')}"
    )
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(options.rounds):
        for name, train in subjects.items():
            seconds = train()[1:]
            keras.backend.clear_session()
            rates[name].append(count * len(seconds) / sum(seconds))
            print(f"round {number + 1}  {name:20s} {rates[name][-1]:7.1f} images/s", flush=True)
    print("\nmedian images/s and kcc's speed-up, round by round:")
    for name, values in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates["kcc"], values, strict=True)]
        print(
            f"{name:20s} {statistics.median(values):7.1f}   kcc is {statistics.median(ratios):.2f} times as fast "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
