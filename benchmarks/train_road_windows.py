"""Train the shipped classifier of windows on crops of drawn roads, register it, and print how good it is.

Three rounds: with crops around objects and crops anywhere else; then twice more, each time with the windows of the
training scenes that the network of the round before took for objects and that are none (hard negatives). What is
shipped is measured as it is shipped, with 8-bit kernels, on scenes of a seed that no training used: recall and
precision at IoU 0.5.

Run: python benchmarks/train_road_windows.py [--scenes 200] [--epochs 4] [--measure-only]
"""

import argparse
import os
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from shipped import register

from keras_cv_course.boxes import pairwise_iou, xywh_to_xyxy, xyxy_to_xywh
from keras_cv_course.cli.options import DEFAULT_WINDOWS
from keras_cv_course.data.image_files import resize_image
from keras_cv_course.data.synthetic.road_scenes import CLASS_NAMES as ROAD_CLASSES
from keras_cv_course.data.synthetic.road_scenes import RoadScene, draw_road_scenes
from keras_cv_course.detection.sliding_windows import detect_windows
from keras_cv_course.metrics.detection import match_boxes
from keras_cv_course.models.overfeat import road_window_network
from keras_cv_course.models.window_classifier import WindowClassifier, load_window_classifier

SEED, SIZE, MEASURED_SEED, MEASURED = 77_000_000, (480, 832), 78_000_000, 60
CLASSES = ("car", "bus", "lorry", "pedestrian", "background")
BACKGROUND = len(CLASSES) - 1
FILLED = 0.75  # of the window's side, by the longer side of an object
SMALLEST = 18  # pixels of an object's longer side, below which it is not trained on
SIDE = 32  # pixels of the network's window

Samples = tuple[np.ndarray, np.ndarray, np.ndarray]  # crops uint8 (n, 32, 32, 3), class ids (n,), boxes (n, 4)


def cut(scene: RoadScene, windows_xywh: np.ndarray) -> np.ndarray:
    """Cut square windows (n, 4) out, the edge repeated outside of the picture, and resize them for the network."""
    crops = []
    for x, y, side, _ in windows_xywh:
        x1, y1, n = round(x - side / 2), round(y - side / 2), max(2, round(side))
        rows = np.clip(np.arange(y1, y1 + n), 0, SIZE[0] - 1)
        cols = np.clip(np.arange(x1, x1 + n), 0, SIZE[1] - 1)
        crops.append(resize_image(scene.image[rows[:, None], cols], (SIDE, SIDE)))
    return np.array(crops, np.uint8).reshape(-1, SIDE, SIDE, 3)


def known_objects(scene: RoadScene) -> tuple[np.ndarray, np.ndarray]:
    """Give the objects of the classes here, (n, 4) xywh and class ids (n,): traffic lights are background."""
    kept = scene.class_ids < BACKGROUND
    return xyxy_to_xywh(scene.boxes[kept]), scene.class_ids[kept]


def nearness(windows_xywh: np.ndarray, objects_xywh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give distances of centres and objects' sizes, both (n, m), in sides of the windows (n, 4)."""
    side = windows_xywh[:, None, 2]
    far = np.abs(windows_xywh[:, None, :2] - objects_xywh[None, :, :2]).max(axis=-1) / side
    return far, objects_xywh[None, :, 2:].max(axis=-1) / side


def positives(scene: RoadScene, draw: np.random.Generator, copies: int) -> Samples:
    objects, class_ids = known_objects(scene)
    big = objects[:, 2:].max(axis=1, initial=0) >= SMALLEST
    objects, class_ids = np.repeat(objects[big], copies, axis=0), np.repeat(class_ids[big], copies)
    side = objects[:, 2:].max(axis=1, initial=0) / FILLED * np.exp(draw.uniform(-0.24, 0.24, len(objects)))
    centre = objects[:, :2] + draw.uniform(-0.11, 0.11, (len(objects), 2)) * side[:, None]
    windows = np.column_stack([centre, side, side])
    relative = np.column_stack([(objects[:, :2] - centre) / side[:, None] + 0.5, objects[:, 2:] / side[:, None]])
    return cut(scene, windows), class_ids, relative.astype(np.float32)


def negatives(scene: RoadScene, draw: np.random.Generator, count: int) -> Samples:
    """Windows anywhere of any size, and beside objects, none of which holds one as `positives` do."""
    objects, _ = known_objects(scene)
    side = np.exp(draw.uniform(np.log(SMALLEST), np.log(0.9 * SIZE[0]), 3 * count))
    centre = draw.uniform(0, 1, (3 * count, 2)) * [SIZE[1], SIZE[0]]
    if len(objects):
        beside = np.arange(3 * count) % 2 == 0
        chosen = objects[draw.integers(len(objects), size=3 * count)]
        side = np.where(beside, chosen[:, 2:].max(axis=1) * np.exp(draw.uniform(-1, 1.2, 3 * count)), side)
        centre = np.where(beside[:, None], chosen[:, :2] + draw.uniform(-1, 1, (3 * count, 2)) * side[:, None], centre)
    windows = np.column_stack([centre, side, side])[side >= SMALLEST]
    windows = windows[~near_an_object(windows, objects)][:count]
    return without_objects(cut(scene, windows))


def near_an_object(windows: np.ndarray, objects: np.ndarray) -> np.ndarray:
    far, filled = nearness(windows, objects)
    return ((far < 0.27) & (filled > 0.43) & (filled < 1.2)).any(axis=1)


def without_objects(crops: np.ndarray) -> Samples:
    return crops, np.full(len(crops), BACKGROUND), np.zeros((len(crops), 4), np.float32)


def hard_negatives(classifier: WindowClassifier, scenes: Sequence[RoadScene], most: int) -> Samples:
    """Cut out what is taken for an object and is none; `most` of a scene, the surest first."""
    crops = []
    found = detect_windows(classifier, (scene.image for scene in scenes), score_threshold=0.2, iou_threshold=0.5)
    for scene, one in zip(scenes, found, strict=True):
        objects, _ = known_objects(scene)
        overlaps = pairwise_iou(one.boxes, xywh_to_xyxy(objects)).max(axis=1, initial=0)
        wrong = xyxy_to_xywh(one.boxes[overlaps < 0.3][:most])
        side = wrong[:, 2:].max(axis=1, initial=0) / FILLED
        windows = np.column_stack([wrong[:, :2], side, side])[side >= SMALLEST]
        crops.append(cut(scene, windows[~near_an_object(windows, objects)]))
    return without_objects(np.concatenate(crops))


def join(samples: Sequence[Samples]) -> Samples:
    crops, class_ids, boxes = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    return crops, class_ids, boxes


def batches(samples: Samples, draw: np.random.Generator, batch: int):
    """Give one epoch of mirrored, lighter and darker crops, with a box loss for objects only."""
    crops, class_ids, boxes = samples
    order = draw.permutation(len(crops))
    for start in range(0, len(order) - batch + 1, batch):
        rows = order[start : start + batch]
        x, box = crops[rows].astype(np.float32) / 255, boxes[rows].copy()
        mirrored = draw.random(batch) < 0.5
        x[mirrored] = x[mirrored, :, ::-1]
        box[mirrored, 0] = 1 - box[mirrored, 0]
        x = (x - 0.5) * draw.uniform(0.8, 1.2, (batch, 1, 1, 1)) + 0.5 + draw.uniform(-0.1, 0.1, (batch, 1, 1, 1))
        is_object = (class_ids[rows] != BACKGROUND).astype(np.float32)
        yield x.clip(0, 1).astype(np.float32), [class_ids[rows], box], [np.ones(batch, np.float32), is_object]


def train(model: keras.Model, samples: Samples, epochs: int, rate: float, draw: np.random.Generator) -> None:
    batch = 128
    steps = epochs * (len(samples[0]) // batch)
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(rate, steps), weight_decay=1e-3),
        loss=["sparse_categorical_crossentropy", keras.losses.Huber(0.1)],
        loss_weights=[1.0, 20.0],
    )
    for epoch in range(epochs):
        losses = [model.train_on_batch(*one, return_dict=True)["loss"] for one in batches(samples, draw, batch)]
        print(f"  epoch {epoch + 1}: mean loss so far {losses[-1]:.4f}", flush=True)


def window_classifier(model: keras.Model) -> WindowClassifier:
    return WindowClassifier(model, CLASSES, (CLASSES[BACKGROUND],), "training")


def measure(classifier: WindowClassifier) -> dict[str, float]:
    """Give recall, precision and their like on scenes that no training used."""
    scenes = list(draw_road_scenes(MEASURED, MEASURED_SEED, SIZE))
    score = {}
    started = time.process_time()
    all_found = list(
        detect_windows(classifier, [scene.image for scene in scenes], score_threshold=0.5, iou_threshold=0.3)
    )
    print(f"{(time.process_time() - started) / MEASURED:.2f} s of processor time a picture")
    for name in ("all", *CLASSES[:BACKGROUND]):
        for threshold in (0.5, 0.8, 0.9, 0.95):
            right = boxes = objects = 0
            for scene, found in zip(scenes, all_found, strict=True):
                kept = found.scores >= threshold
                there = scene.class_ids < BACKGROUND
                if name != "all":
                    kept &= found.class_ids == CLASSES.index(name)
                    there &= scene.class_ids == CLASSES.index(name)
                right += int((match_boxes(found[kept], scene.boxes[there], scene.class_ids[there]) >= 0).sum())
                boxes, objects = boxes + int(kept.sum()), objects + int(there.sum())
            recall, precision = right / max(objects, 1), right / max(boxes, 1)
            print(f"{name}, score {threshold}: recall {recall:.3f} of {objects}, precision {precision:.3f} of {boxes}")
            if name in ("all", "car"):
                score |= {f"{name}_recall_{threshold}": recall, f"{name}_precision_{threshold}": precision}
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--measure-only", action="store_true", help="measure what is shipped")
    options = parser.parse_args()
    if options.measure_only:
        measure(load_window_classifier(DEFAULT_WINDOWS))
        return

    assert ROAD_CLASSES[:BACKGROUND] == CLASSES[:BACKGROUND]
    keras.utils.set_random_seed(0)
    draw = np.random.default_rng(0)
    scenes = list(draw_road_scenes(options.scenes, SEED, SIZE))
    samples = join([one for scene in scenes for one in (positives(scene, draw, 4), negatives(scene, draw, 60))])
    print(f"{len(scenes)} scenes, {(samples[1] != BACKGROUND).sum()} crops of objects, {len(samples[0])} in all")
    model = road_window_network(len(CLASSES))
    train(model, samples, options.epochs, 3e-3, draw)
    for epochs in (options.epochs, 2 * options.epochs):
        hard = hard_negatives(window_classifier(model), scenes, 50)
        samples = join([samples, hard])
        print(f"{len(hard[0])} hard negatives", flush=True)
        train(model, samples, epochs, 2e-3, draw)

    recipe = f"python benchmarks/train_road_windows.py --scenes {options.scenes} --epochs {options.epochs}"
    facts = {
        "input_size": [SIDE, SIDE],
        "class_names": CLASSES,
        "trained_on": "windows of road scenes drawn by this package, no photograph",
        "recipe": f"{recipe}, then kernels rounded to 8 bits",
    }
    register(DEFAULT_WINDOWS, "window classifier", model, facts, score_shipped)


def score_shipped() -> dict[str, float]:
    score = measure(load_window_classifier(DEFAULT_WINDOWS))
    return {name: round(value, 4) for name, value in score.items()}


if __name__ == "__main__":
    main()
