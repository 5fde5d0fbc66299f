"""Train the small road-scene detector that is shipped: YOLOv2 at 3/8 of its width, on scenes drawn by the package.

Processes draw new scenes as long as the training lasts, and each batch is taken from all that are there, moved, zoomed
and coloured anew. Everything is Keras and NumPy: it runs on any backend, and wants a GPU.

Run: KERAS_BACKEND=jax python benchmarks/train_road_detector.py OUT.int8.h5 [--minutes 8] [--seed 0]

Prints recall and overlap on scenes kept aside; `benchmarks/road_detector.py` measures the file that it writes.
"""

import argparse
import io
import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from keras import ops
from PIL import Image, ImageFilter

from keras_cv_course.boxes import clip_xyxy, xywh_to_xyxy, xyxy_to_xywh
from keras_cv_course.data.synthetic.road_scenes import CLASS_NAMES, draw_road_scene
from keras_cv_course.detection.targets import TRUTH_COLUMNS, encode_truth, pad_truth
from keras_cv_course.detection.yolo_loss import YoloLoss, YoloMetrics
from keras_cv_course.models.yolov2 import NUMBERS_PER_BOX, ROAD_ANCHORS, ROAD_WIDTH, yolov2
from keras_cv_course.weights_file import write_weights

SIZE = (480, 832)  # height, width
MAX_BOXES = 64
KEPT_ASIDE = 256  # scenes of another seed
LEAST_LEFT = 0.3  # of a box that a zoom cuts off

Example = tuple[np.ndarray, np.ndarray]


def draw_example(numbers: tuple[int, int]) -> Example:
    """Draw scene (seed, index): uint8 (*SIZE, 3), and rows (MAX_BOXES, 5) as of `encode_truth`."""
    scene = draw_road_scene(np.random.default_rng(list(numbers)), SIZE)
    order = np.argsort(-(scene.boxes[:, 2:] - scene.boxes[:, :2]).prod(axis=1))[:MAX_BOXES]
    rows = encode_truth(scene.boxes[order], scene.class_ids[order], SIZE)
    return photograph(scene.image, np.random.default_rng([*numbers, 1])), pad_truth([rows], MAX_BOXES)[0]


def photograph(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make a drawn picture a little more like photographs: uneven surfaces, loss of detail, JPEG's blocks."""
    light = image.astype(np.float32)
    if rng.random() < 0.7:
        light *= 1 + rng.uniform(0.05, 0.35) * _unevenness(rng)[..., None]
    if rng.random() < 0.3:  # haze or glare, stronger to one side
        side = np.linspace(*rng.uniform(0, 0.6, 2), SIZE[1], dtype=np.float32)[None, :, None]
        light += side * (rng.uniform(90, 255) - light)
    picture = Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        factor = rng.uniform(0.4, 0.9)
        small = picture.resize((int(SIZE[1] * factor), int(SIZE[0] * factor)), Image.Resampling.BILINEAR)
        picture = small.resize(SIZE[::-1], Image.Resampling.BICUBIC)
    elif rng.random() < 0.5:
        picture = picture.filter(ImageFilter.UnsharpMask(rng.uniform(0.5, 2), int(rng.uniform(50, 200)), 0))
    if rng.random() < 0.6:
        memory = io.BytesIO()
        picture.save(memory, "JPEG", quality=int(rng.integers(25, 95)))
        picture = Image.open(memory)
    return np.asarray(picture.convert("RGB"))


def _unevenness(rng: np.random.Generator) -> np.ndarray:
    """Draw a field (*SIZE) with mean 0 and deviation 1 whose power falls with the frequency, as photographs' does."""
    rows, cols = np.fft.fftfreq(SIZE[0])[:, None], np.fft.rfftfreq(SIZE[1])[None]
    frequency = np.hypot(rows, cols)
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal(SIZE)) / frequency ** rng.uniform(0.5, 1.3)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, SIZE)
    return (field / field.std()).astype(np.float32)


class Scenes:
    """Scenes kept aside, and all others drawn so far; a thread adds what processes draw."""

    def __init__(self, seed: int, processes: int, first: int) -> None:
        self.images: list[np.ndarray] = []
        self.truth: list[np.ndarray] = []
        self.closed = False
        self.processes = multiprocessing.get_context("spawn").Pool(processes)
        self.aside = self.processes.map(draw_example, [(seed + 10**6, index) for index in range(KEPT_ASIDE)])
        threading.Thread(target=self._collect, args=(seed,), daemon=True).start()
        while len(self.truth) < first:
            time.sleep(0.1)

    def _collect(self, seed: int) -> None:
        for image, rows in self.processes.imap_unordered(draw_example, self._numbers(seed), chunksize=4):
            self.images.append(image)
            self.truth.append(rows)

    def _numbers(self, seed: int) -> Iterator[tuple[int, int]]:
        """Give the numbers of scenes only some hundred ahead of what is drawn: the pool would take them all at once."""
        for index in itertools.count():
            while index > len(self.truth) + 400 and not self.closed:
                time.sleep(0.01)
            if self.closed:
                return
            yield seed, index

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[tuple[tuple[np.ndarray, np.ndarray]]]:
        """Give batches for ever, as `fit` takes them: one tuple, the model's inputs."""
        while True:
            chosen = rng.integers(len(self.truth), size=size)
            images, truth = (np.stack([source[i] for i in chosen]) for source in (self.images, self.truth))
            yield ((images, truth),)

    def close(self) -> None:
        """End the processes."""
        self.closed = True
        self.processes.terminate()


class Augment(keras.layers.Layer):
    """Zoom, move, mirror and colour pictures uint8 (m, height, width, 3); move the truth (m, n, 5) with them."""

    def __init__(self, seed: int) -> None:
        super().__init__(dtype="float32")
        self.seeds = keras.random.SeedGenerator(seed)

    def draw(self, low: float, high: float, shape: tuple) -> object:
        """Draw uniform numbers."""
        return keras.random.uniform(shape, low, high, seed=self.seeds)

    def call(self, images, truth):
        """Give pictures float32, 0..1, and their truth."""
        height, width = SIZE
        m = ops.shape(images)[0]
        zoom, aspect = ops.exp(self.draw(np.log(0.5), np.log(1.7), (m,))), ops.exp(self.draw(-0.15, 0.15, (m,)))
        zoom_xy = ops.stack([zoom * aspect, zoom / aspect], axis=-1)  # (m, 2)
        mirror = ops.where(self.draw(0, 1, (m,)) < 0.5, -1.0, 1.0)
        # Where the picture's corner comes to lie, in parts of the picture: no more stays empty than need be.
        corner = (1 - zoom_xy) * self.draw(0, 1, (m, 2))  # (m, 2)

        zero = ops.zeros((m,))
        # output pixel (x, y) -> input pixel; a mirrored picture is read from the right
        shift_x = ops.where(mirror > 0, -corner[:, 0] / zoom_xy[:, 0], (1 + corner[:, 0] / zoom_xy[:, 0])) * width
        scale_x = mirror / zoom_xy[:, 0]
        matrix = ops.stack(
            [scale_x, zero, shift_x, zero, 1 / zoom_xy[:, 1], -corner[:, 1] / zoom_xy[:, 1] * height, zero, zero],
            axis=-1,
        )
        pixels = ops.cast(images, "float32") / 255
        pixels = ops.image.affine_transform(pixels, matrix, fill_mode="constant", fill_value=0.5)

        xy, wh, classes = truth[..., :2], truth[..., 2:4], truth[..., 4:]
        x = ops.where(mirror[:, None] > 0, xy[..., 0], 1 - xy[..., 0])
        xy = ops.stack([x, xy[..., 1]], axis=-1) * zoom_xy[:, None] + corner[:, None]
        boxes = xywh_to_xyxy(ops.concatenate([xy, wh * zoom_xy[:, None]], axis=-1))
        inside = xyxy_to_xywh(clip_xyxy(boxes, (1, 1)))
        share = ops.prod(inside[..., 2:], axis=-1) / ops.maximum(ops.prod(wh * zoom_xy[:, None], axis=-1), 1e-9)
        kept = (share > LEAST_LEFT) & (inside[..., 3] * height > 5)
        truth = ops.where(kept[..., None], ops.concatenate([inside, classes], axis=-1), 0.0)
        return self.colour(pixels, m), truth

    def colour(self, pixels, m):
        """Change light and colours of float32 pictures."""

        def per_picture(low: float, high: float, channels: int = 1):
            return self.draw(low, high, (m, 1, 1, channels))

        grey = ops.mean(pixels, axis=-1, keepdims=True)
        pixels = grey + (pixels - grey) * per_picture(0.2, 1.5)  # saturation
        pixels = pixels * per_picture(0.85, 1.15, 3)  # tint
        middle = ops.mean(pixels, axis=(1, 2, 3), keepdims=True)
        pixels = middle + (pixels - middle) * per_picture(0.6, 1.4)  # contrast
        pixels = ops.clip(pixels * per_picture(0.55, 1.5), 1e-3, 1)
        pixels = ops.exp(ops.log(pixels) * ops.exp(per_picture(-0.4, 0.4)))  # gamma
        noise = keras.random.normal(ops.shape(pixels), seed=self.seeds)
        return ops.clip(pixels + noise * per_picture(0, 0.05), 0, 1)


class AddLoss(keras.layers.Layer):
    """Add a loss of (truth, raw output) to the model."""

    def __init__(self, loss: YoloLoss) -> None:
        super().__init__(dtype="float32")
        self.loss = loss

    def call(self, truth, raw):
        """Give the raw output as it is."""
        self.add_loss(self.loss(truth, raw))
        return raw


class RateByTime(keras.callbacks.Callback):
    """Warm the learning rate up, let it fall along a cosine, and end the training after so many seconds."""

    def __init__(self, peak: float, seconds: float) -> None:
        super().__init__()
        self.peak, self.seconds, self.started = peak, seconds, time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Set the rate for an epoch."""
        part = min(1.0, (time.perf_counter() - self.started) / self.seconds)
        rate = self.peak * min((epoch + 1) / 4, (1 + np.cos(np.pi * part)) / 2)
        self.model.optimizer.learning_rate.assign(max(rate, self.peak / 500))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Stop when the time is over."""
        self.model.stop_training = time.perf_counter() - self.started > self.seconds


class Watch(keras.callbacks.Callback):
    """Print how the scenes kept aside are predicted."""

    def __init__(self, network: keras.Model, loss: YoloLoss, images: np.ndarray, truth: np.ndarray, scenes: Scenes):
        super().__init__()
        self.network, self.metrics, self.images, self.truth = network, YoloMetrics(loss), images, truth
        self.scenes, self.started = scenes, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure and print."""
        if epoch % 5 and not self.model.stop_training:
            return
        self.metrics.reset_state()
        raw = self.network.predict(self.images, batch_size=64, verbose=0)
        self.metrics.update_state(self.truth, raw)
        measured = {name: float(value) for name, value in self.metrics.result().items()}
        print(
            f"{time.perf_counter() - self.started:6.0f} s  epoch {epoch + 1:3d}  loss {logs['loss']:.2f}  kept aside: "
            + "  ".join(f"{name} {value:.3f}" for name, value in measured.items())
            + f"  ({len(self.scenes.truth)} scenes drawn)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0, help="of training, drawing the first scenes excluded")
    parser.add_argument("--epoch-steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=1500, help="scenes drawn before the training begins")
    options = parser.parse_args()

    keras.utils.set_random_seed(options.seed)
    scenes = Scenes(options.seed, processes=max(1, (os.cpu_count() or 1) - 2), first=options.first)
    print(f"{len(scenes.truth)} scenes drawn", flush=True)

    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    network = yolov2((*SIZE, 3), len(CLASS_NAMES), len(ROAD_ANCHORS), width=ROAD_WIDTH)
    bias = np.zeros((len(ROAD_ANCHORS), NUMBERS_PER_BOX + len(CLASS_NAMES)), np.float32)
    bias[:, 4] = -4.5  # objects are rare: without this the first steps learn nothing else
    network.get_layer("head").bias.assign(bias.ravel())
    loss = YoloLoss(ROAD_ANCHORS)
    images = keras.Input((*SIZE, 3), dtype="uint8")
    truth = keras.Input((MAX_BOXES, TRUTH_COLUMNS))
    moved, moved_truth = Augment(options.seed)(images, truth)
    training = keras.Model((images, truth), AddLoss(loss)(moved_truth, network(moved)))

    optimizer = keras.optimizers.AdamW(options.learning_rate, weight_decay=0.02, global_clipnorm=50.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    training.compile(optimizer)
    kept_aside = (
        np.stack([image for image, _ in scenes.aside]) / np.float32(255),
        np.stack([rows for _, rows in scenes.aside]),
    )
    training.fit(
        scenes.batches(options.batch_size, np.random.default_rng(options.seed)),
        steps_per_epoch=options.epoch_steps,
        epochs=10**6,
        verbose=0,
        callbacks=[RateByTime(options.learning_rate, 60 * options.minutes), Watch(network, loss, *kept_aside, scenes)],
    )
    scenes.close()
    write_weights(options.target, network.weights)
    print(f"{options.target}: {options.target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
