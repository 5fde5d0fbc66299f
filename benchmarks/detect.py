"""Time detection with YOLOv2: from raw output to boxes, and from a picture to boxes.

From raw output to boxes, for one picture of 19 x 19 cells, 5 anchors and 80 classes. Three ways take turns on the same
tensors and must give the same boxes: the course's chain, written here as its notebook has it (eager operations, masks,
a loop over the classes); the same functions of this package; and `select_boxes`, which the package itself uses. Outputs
are drawn: "scene" has a few dozen likely boxes of many classes, "one object" a few of one class, "noise" hundreds
anywhere.

From a picture to boxes, with --model-data: the bare forward pass of the course's SavedModel, on an input that is
ready, against the whole of `detect`, from a decoded picture of 720 x 1280 to boxes in its pixels, with the same weights
in our model; also with batch norms folded into the convolutions, and beside it the parts of `detect` and what Keras
itself takes for our model. They take turns, and must give the same numbers. Weights decide nothing about the time, so
random ones will do.

Run from the checkout: python benchmarks/detect.py [--rounds 50] [--model-data FOLDER [--batch-size 1]]
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from keras_cv_course.boxes import xyxy_to_yxyx
from keras_cv_course.convert.sources import load_any_detector
from keras_cv_course.detection.predict import detect
from keras_cv_course.detection.select_boxes import select_boxes
from keras_cv_course.detection.select_boxes_course import yolo_eval
from keras_cv_course.detection.yolo_head import yolo_head
from keras_cv_course.models.fold_batch_norms import fold_batch_norms

ANCHORS = np.array(
    [[0.57273, 0.677385], [1.87446, 2.06253], [3.33843, 5.47434], [7.88282, 3.52778], [9.77052, 9.16828]]
)
CLASSES, CELLS, SIZE = 80, 19, (720.0, 1280.0)
SCORE, IOU, MAX_BOXES = 0.6, 0.5, 10

Result = tuple[np.ndarray, np.ndarray, np.ndarray]  # scores, boxes as (y1, x1, y2, x2), classes


def scene(objects: int, seed: int = 0) -> np.ndarray:
    """Draw an output with some objects, each seen by several neighbouring cells and anchors."""
    draw = np.random.default_rng(seed)
    raw = draw.normal(0, 0.5, (CELLS, CELLS, len(ANCHORS), 5 + CLASSES))
    raw[..., 4] -= 7
    for _ in range(objects):
        (row, col), name = draw.integers(1, CELLS - 1, 2), draw.integers(CLASSES)
        for _ in range(draw.integers(2, 7)):
            near = (row + draw.integers(-1, 2), col + draw.integers(-1, 2), draw.integers(len(ANCHORS)))
            raw[near][4] = draw.normal(3, 1)
            raw[near][5 + name] = draw.normal(9, 1)
    return raw


def noise(spread: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (CELLS, CELLS, len(ANCHORS), 5 + CLASSES))


def course_chain(feats: tf.Tensor) -> Result:
    """Decode, filter and suppress as the notebook does."""
    anchors = tf.reshape(tf.constant(ANCHORS, tf.float32), [1, 1, 1, len(ANCHORS), 2])
    dims = tf.shape(feats)[1:3]
    rows = tf.tile(tf.range(dims[0]), [dims[1]])
    columns = tf.reshape(tf.transpose(tf.tile(tf.range(dims[1])[None], [dims[0], 1])), [-1])
    cells = tf.transpose(tf.stack([rows, columns]))
    cells = tf.cast(tf.reshape(cells, [1, dims[0], dims[1], 1, 2]), tf.float32)  # right for a square grid
    feats = tf.reshape(feats, [-1, dims[0], dims[1], len(ANCHORS), 5 + CLASSES])
    dims = tf.cast(tf.reshape(dims, [1, 1, 1, 1, 2]), tf.float32)
    box_xy = (tf.sigmoid(feats[..., :2]) + cells) / dims
    box_wh = tf.exp(feats[..., 2:4]) * anchors / dims
    box_confidence = tf.sigmoid(feats[..., 4:5])
    box_class_probs = tf.nn.softmax(feats[..., 5:])

    mins, maxes = box_xy - box_wh / 2, box_xy + box_wh / 2
    boxes = tf.concat([mins[..., 1:2], mins[..., 0:1], maxes[..., 1:2], maxes[..., 0:1]], axis=-1)

    box_scores = box_confidence * box_class_probs
    classes = tf.argmax(box_scores, axis=-1)
    scores = tf.reduce_max(box_scores, axis=-1)
    mask = scores >= SCORE
    scores, boxes, classes = (tf.boolean_mask(values, mask) for values in (scores, boxes, classes))

    height, width = SIZE
    boxes = boxes * tf.reshape(tf.stack([height, width, height, width]), [1, 4])

    found = [tf.zeros(0, tf.int64)]
    for name in tf.unique(classes)[0]:
        of_class = classes == name
        kept = tf.image.non_max_suppression(
            tf.boolean_mask(boxes, of_class), tf.boolean_mask(scores, of_class), MAX_BOXES, iou_threshold=IOU
        )
        found.append(tf.gather(tf.squeeze(tf.where(of_class), axis=1), kept))
    joined = tf.concat(found, axis=0)
    scores, boxes, classes = (tf.gather(values, joined) for values in (scores, boxes, classes))
    order = tf.argsort(scores, direction="DESCENDING").numpy()[:MAX_BOXES]
    scores, boxes, classes = (tf.gather(values, order) for values in (scores, boxes, classes))
    return scores.numpy(), boxes.numpy(), classes.numpy()


def same_functions(feats: tf.Tensor) -> Result:
    scores, boxes, classes = yolo_eval(yolo_head(feats, ANCHORS, CLASSES), SIZE, MAX_BOXES, SCORE, IOU)
    return scores.numpy(), boxes.numpy(), classes.numpy()


def own_way(feats: tf.Tensor) -> Result:
    (found,) = select_boxes(
        feats, ANCHORS, CLASSES, SIZE, score_threshold=SCORE, iou_threshold=IOU, max_boxes=MAX_BOXES
    )
    return found.scores, xyxy_to_yxyx(found.boxes), found.class_ids


WAYS: dict[str, Callable[[tf.Tensor], Result]] = {
    "the course's chain": course_chain,
    "yolo_head, yolo_eval": same_functions,
    "select_boxes": own_way,
}


def check_same_boxes(feats: tf.Tensor) -> int:
    """Compare all ways, to the last bits of float32, and count the boxes."""
    expected = course_chain(feats)
    for name, way in WAYS.items():
        scores, boxes, classes = way(feats)
        np.testing.assert_array_equal(classes, expected[2], err_msg=name)
        np.testing.assert_allclose(scores, expected[0], rtol=2e-6, err_msg=name)
        np.testing.assert_allclose(boxes, expected[1], rtol=2e-6, atol=2e-3, err_msg=name)  # pixels
    return len(expected[0])


def median_times(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run each way once in each round, and give the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    return {name: float(np.median(times)) for name, times in seconds.items()}


def time_selection(rounds: int) -> None:
    outputs = {
        "scene": scene(12),
        "crowded scene": scene(40),
        "one object": scene(1),
        "noise, spread 1": noise(1),
        "noise, spread 4": noise(4),
    }
    for title, raw in outputs.items():
        feats = tf.constant(raw.reshape(1, CELLS, CELLS, -1), tf.float32)
        found = check_same_boxes(feats)
        likely = len(select_boxes(feats, ANCHORS, CLASSES, SIZE, score_threshold=SCORE, iou_threshold=1)[0].boxes)
        medians = median_times({name: partial(way, feats) for name, way in WAYS.items()}, rounds)
        print(f"{title}: {likely} likely boxes, {found} kept; median of {rounds} rounds")
        course = medians["the course's chain"]
        for name, median in medians.items():
            print(f"  {name:24}{1000 * median:8.2f} ms   {course / median:6.1f} times as fast", flush=True)


def time_detect(model_data: Path, rounds: int, batch_size: int) -> None:
    original = tf.saved_model.load(str(model_data)).signatures["serving_default"]
    (input_name,) = original.structured_input_signature[1]
    plain = load_any_detector(model_data)
    folded = replace(plain, model=fold_batch_norms(plain.model))
    pictures = list(np.random.default_rng(0).integers(0, 256, (batch_size, 720, 1280, 3), np.uint8))
    ready = tf.constant(np.stack([plain.prepare(picture)[0] for picture in pictures]))

    def forward() -> np.ndarray:
        (raw,) = original(**{input_name: ready}).values()
        return raw.numpy()

    expected = forward()
    computing = {
        "predict_on_batch": plain.model.predict_on_batch,
        "detect": plain.forward_pass,
        "detect, batch norms folded": folded.forward_pass,
    }
    for name, compute in computing.items():
        started = time.perf_counter()
        raw = compute(ready.numpy())
        seconds = time.perf_counter() - started
        np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-3, err_msg=name)
        difference = np.abs(raw - expected).max()
        print(
            f"{name}: first raw output after {seconds:.2f} s; differs by up to {difference:.1e}, of numbers up to "
            f"{np.abs(expected).max():.3g}"
        )

    def whole(detector):
        limits = {"score_threshold": SCORE, "iou_threshold": IOU, "max_boxes": MAX_BOXES}
        return lambda: list(detect(detector, pictures, batch_size=batch_size, **limits))

    ways = {
        "the course's bare forward pass": forward,
        "detect": whole(plain),
        "  of this: prepare": lambda: [plain.prepare(picture) for picture in pictures],
        "  of this: forward pass": lambda: plain.forward_pass(ready.numpy()),
        "detect, batch norms folded": whole(folded),
        "predict_on_batch": lambda: plain.model.predict_on_batch(ready.numpy()),
    }
    for way in ways.values():
        way()  # compiles
    medians = median_times(ways, rounds)
    course = medians["the course's bare forward pass"]
    print(f"{batch_size} pictures of 720 x 1280 at a time, model at 608 x 608; median of {rounds} rounds")
    for name, median in medians.items():
        print(
            f"  {name:32}{1000 * median / batch_size:8.1f} ms a picture   {median / course:6.3f} of the course's time"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=50, help="from raw output to boxes")
    options.add_argument("--model-data", type=Path, help="the course's folder: saved_model.pb and variables/")
    options.add_argument("--forward-rounds", type=int, default=15, help="from a picture to boxes")
    options.add_argument("--batch-size", type=int, default=1)
    given = options.parse_args()
    time_selection(given.rounds)
    if given.model_data is not None:
        time_detect(given.model_data, given.forward_rounds, given.batch_size)


if __name__ == "__main__":
    main()
