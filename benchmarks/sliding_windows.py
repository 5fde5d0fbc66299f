"""Time the convolutional form of sliding windows against the plain one, which cuts every window out.

Both classify the same windows of drawn pictures of 28 x 28, 224 x 224 and 608 x 608 pixels, taking turns, and must say
the same to 1e-5 and give the same boxes. Times are of the processor, over all cores, which other work on the machine
hardly falsifies; multiplications are counted beside them. Two networks: the lecture's, of 14 x 14 windows, which spends
nearly all of its work in the dense layers, where windows share nothing; and that of `road-windows`, of 32 x 32. Weights
are drawn, as they decide nothing about the time.

Run from the checkout: python benchmarks/sliding_windows.py [--rounds 1] [--sizes 28,224,608]
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_cv_course.detection.select_boxes import non_max_suppression
from keras_cv_course.detection.sliding_windows import WindowOutputs, classify_convolutions, classify_crops
from keras_cv_course.models.overfeat import overfeat_lecture, road_window_network
from keras_cv_course.models.window_classifier import WindowClassifier

TOLERANCE = 1e-5


def drawn_classifier(model: keras.Model) -> WindowClassifier:
    draw = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "kernel":
            weight.assign(draw.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape))
    probabilities = model.output_shape if isinstance(model.output_shape, tuple) else model.output_shape[0]
    return WindowClassifier(model, tuple(map(str, range(probabilities[-1]))), (), model.name)


def multiplications(model: keras.Model, size: int) -> int:
    """Count those of the convolutions and dense layers on a picture of size x size."""
    count = 0
    inputs = keras.Input((size, size, 3))

    def call(layer: keras.Layer, x: object, **options: object) -> object:
        nonlocal count
        outputs = layer(x, **options)
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            count += int(np.prod(outputs.shape[1:-1])) * int(np.prod(layer.kernel.shape))
        return outputs

    keras.models.clone_model(model, inputs, call_function=call)
    return count


def best_boxes(outputs: WindowOutputs, candidates: np.ndarray) -> np.ndarray:
    """Choose boxes among windows, by their places, as `detect_windows` does."""
    probabilities = outputs.probabilities.reshape(-1, outputs.probabilities.shape[-1])[candidates]
    boxes = outputs.boxes.reshape(-1, 4)[candidates]
    return boxes[non_max_suppression(boxes, probabilities.max(axis=-1), probabilities.argmax(axis=-1))]


def clear_windows(outputs: WindowOutputs) -> np.ndarray:
    """Give the places of the 2000 best windows, less those that rounding alone puts before or after another."""
    scores = outputs.probabilities.max(axis=-1).ravel()
    best = np.argsort(-scores)[:2000]
    return best[np.append(True, -np.diff(scores[best]) > 2 * TOLERANCE)]


def seconds(way: Callable[[], object]) -> float:
    started = time.process_time()
    way()
    return time.process_time() - started


def compare(classifier: WindowClassifier, size: int, rounds: int) -> None:
    image = np.random.default_rng(size).integers(0, 256, (size, size, 3), np.uint8)
    stride = classifier.fully_convolutional.stride
    ways = {
        "crop by crop": lambda: classify_crops(classifier, image, stride),
        "convolutions": lambda: classify_convolutions(classifier, image),
    }
    plain, convolved = (way() for way in ways.values())  # compiles
    difference = np.abs(plain.probabilities - convolved.probabilities).max()
    np.testing.assert_allclose(convolved.probabilities, plain.probabilities, rtol=0, atol=TOLERANCE)
    candidates = clear_windows(plain)
    boxes = best_boxes(plain, candidates)
    np.testing.assert_allclose(best_boxes(convolved, candidates), boxes, rtol=0, atol=size * TOLERANCE)
    times = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(seconds(way))
    cut, together = (float(np.median(one)) for one in times.values())
    rows, cols, _ = plain.probabilities.shape
    work = rows * cols * multiplications(classifier.model, classifier.window[0])
    saved = work / multiplications(classifier.fully_convolutional.model, size)
    print(
        f"{size} x {size}: {rows} x {cols} windows, {len(boxes)} boxes, largest difference {difference:.1e}; "
        f"crop by crop {1000 * cut:.1f} ms, convolutions {1000 * together:.1f} ms: {cut / together:.1f} times as fast "
        f"with {saved:.1f} times fewer multiplications",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--sizes", default="28,224,608")
    options = parser.parse_args()
    for model in (overfeat_lecture(), road_window_network(5)):
        classifier = drawn_classifier(model)
        window, stride = classifier.window, classifier.fully_convolutional.stride
        print(f"{model.name}: windows of {window[0]} x {window[1]}, {stride[0]} pixels apart")
        for size in map(int, options.sizes.split(",")):
            if size >= window[0]:
                compare(classifier, size, options.rounds)


if __name__ == "__main__":
    main()
