"""Measure the shipped road-scene detector, or pack and register a newly trained one.

COCO's AP, by pycocotools, and what `kcc demo` counts, on drawn scenes of a seed that no training used.

Run: python benchmarks/road_detector.py [--scenes 200]
     python benchmarks/road_detector.py --register OUT.int8.h5 --recipe "how it was trained"
"""

import argparse
import json
import os
import shutil
from multiprocessing import Pool
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from keras_cv_course.cli.options import DEFAULT_DETECTOR
from keras_cv_course.convert.open_detector import open_detector
from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.synthetic.road_scenes import CLASS_NAMES, RoadScene, draw_road_scene
from keras_cv_course.detection.predict import detect
from keras_cv_course.detections import Detections
from keras_cv_course.files import atomic_path, write_text_atomically
from keras_cv_course.metrics.coco import CocoMetrics, coco_metrics
from keras_cv_course.metrics.detection import match_boxes
from keras_cv_course.models.yolov2 import ROAD_ANCHORS, ROAD_WIDTH, yolov2
from keras_cv_course.pretrained import registry, sha256, weights_folder
from keras_cv_course.weights_file import read_weights

SEED, SIZE = 2_000_000, (720, 1280)
INPUT_SIZE = (480, 832)


def draw(index: int) -> RoadScene:
    return draw_road_scene(np.random.default_rng([SEED, index]), SIZE)


def register(weights: Path, recipe: str) -> None:
    """Copy packed weights to the shipped ones and enter them in the manifest, without a score."""
    model = yolov2((*INPUT_SIZE, 3), len(CLASS_NAMES), len(ROAD_ANCHORS), width=ROAD_WIDTH)
    read_weights(weights, model.weights)  # refuses what does not fit before anything is overwritten
    target = weights_folder() / f"{DEFAULT_DETECTOR}.int8.h5"
    with atomic_path(target) as temporary:
        shutil.copyfile(weights, temporary)
    entry = {
        "kind": "detector",
        "file": target.name,
        "sha256": sha256(target),
        "size": target.stat().st_size,
        "width": ROAD_WIDTH,
        "anchors": ROAD_ANCHORS,
        "input_size": INPUT_SIZE,
        "class_names": CLASS_NAMES,
        "trained_on": "road scenes drawn by this package, no photograph",
        "recipe": recipe,
        "score": {},
    }
    manifest = weights_folder() / "manifest.json"
    entries = {DEFAULT_DETECTOR: entry}
    for name, content in json.loads(manifest.read_text(encoding="utf-8")).items():
        entries.setdefault(name, content)
    write_text_atomically(manifest, json.dumps(entries, indent=2) + "\n")
    registry.cache_clear()


def enter_score(score: dict[str, float]) -> None:
    manifest = weights_folder() / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8"))
    entries[DEFAULT_DETECTOR]["score"] = score
    write_text_atomically(manifest, json.dumps(entries, indent=2) + "\n")


def coco_ap(scenes: list[RoadScene], found: list[Detections]) -> CocoMetrics:
    images = [
        BoxedImage(f"{i:06}", Path(), SIZE, scene.boxes, scene.class_ids, (frozenset(),) * len(scene.boxes))
        for i, scene in enumerate(scenes)
    ]
    return coco_metrics(found, BoxedImages(Path(), tuple(images), CLASS_NAMES, tuple(range(len(CLASS_NAMES))), "drawn"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--register", type=Path, help="packed weights, of benchmarks/train_road_detector.py")
    parser.add_argument("--recipe", default="benchmarks/train_road_detector.py")
    options = parser.parse_args()
    if options.register is not None:
        register(options.register, options.recipe)

    with Pool() as processes:
        scenes = processes.map(draw, range(options.scenes))
    detector = open_detector(DEFAULT_DETECTOR)
    images = [scene.image for scene in scenes]
    coco = coco_ap(scenes, list(detect(detector, images, score_threshold=0.005, max_boxes=100)))
    print(f"{options.scenes} drawn scenes of {SIZE[1]} x {SIZE[0]}, network at {INPUT_SIZE[1]} x {INPUT_SIZE[0]}")
    print(f"AP {coco.ap:.3f}   AP50 {coco.ap50:.3f}   AP75 {coco.ap75:.3f}")
    print(f"AP by size: small {coco.ap_small:.3f}   medium {coco.ap_medium:.3f}   large {coco.ap_large:.3f}")
    print("AP50 by class: " + "   ".join(f"{name} {value:.3f}" for name, value in coco.class_ap50.items()))
    for score_threshold in (0.3, 0.5, 0.6):
        right = boxes = objects = 0
        for scene, one in zip(scenes, detect(detector, images, score_threshold=score_threshold), strict=True):
            right += int((match_boxes(one, scene.boxes, scene.class_ids) >= 0).sum())
            boxes, objects = boxes + len(one), objects + len(scene.boxes)
        print(f"score {score_threshold}: recall {right / objects:.3f}, precision {right / max(boxes, 1):.3f}")
    if options.register is not None:
        figures = {"drawn_scenes_ap": coco.ap, "drawn_scenes_ap50": coco.ap50, "drawn_scenes_ap75": coco.ap75}
        enter_score({name: round(figure, 4) for name, figure in figures.items()})


if __name__ == "__main__":
    main()
