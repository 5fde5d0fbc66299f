"""Train Mask R-CNN with the defaults of `kcc train segmenter`, and print its AP on drawn shapes kept aside.

With --boxes it is Faster R-CNN on a set of boxes.

Run: python benchmarks/train_mask_rcnn.py [--pictures 1500] [--epochs 16]
     python benchmarks/train_mask_rcnn.py --boxes shared/data/bccd [--size 320] [--epochs 40]

To reach, at IoU .50: masks 0.85 and boxes 0.90, within 40 minutes on 2 cores. Beside BCCD's figure stands that of
YOLOv2 in docs/training.md, 0.862.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from shipped import Clock, Tell

from keras_cv_course import prepare_devices
from keras_cv_course.cli.instances_result import LEAST_SCORE, measure_segmenter
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_mask_rcnn import KEPT_ASIDE, PICTURES, SIZE, drawn_truth
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.data.image_files import read_image
from keras_cv_course.data.instance_pixels import draw_instance_pixels
from keras_cv_course.metrics.coco import coco_metrics
from keras_cv_course.models.mask_rcnn import mask_rcnn, small_backbone, small_plan
from keras_cv_course.training.detector_batches import read_boxed_pixels
from keras_cv_course.training.fit_mask_rcnn import MaskRcnnSettings, fit_mask_rcnn

ANCHORS = (0.08, 0.16, 0.32)  # of --boxes, parts of the picture's side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--epochs", type=int, default=MaskRcnnSettings.epochs)
    parser.add_argument("--boxes", type=Path)
    parser.add_argument("--size", type=int)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    settings = replace(MaskRcnnSettings(), epochs=options.epochs)
    prepare_devices(settings.seed)
    trained = on_shapes(options, settings) if options.boxes is None else on_boxes(options, settings)
    if options.save is not None:
        trained.save(options.save)


def on_shapes(options, settings):
    size = (options.size or int(SIZE),) * 2
    train = draw_instance_pixels(options.pictures, settings.seed, size)
    network = mask_rcnn(small_backbone(size), small_plan(len(train.class_names), size))
    clock = Clock()
    trained, _ = fit_mask_rcnn(network, train, settings, callbacks=[Tell(clock)])
    metrics = measure_segmenter(trained, *drawn_truth(KEPT_ASIDE, KEPT_ASIDE_SEED, size)).metrics
    print(
        f"AP@.50: masks {metrics.masks.ap50:.3f}, boxes {metrics.boxes.ap50:.3f}; AP: masks {metrics.masks.ap:.3f}, "
        f"boxes {metrics.boxes.ap:.3f}; {clock.read()}"
    )
    return trained


def on_boxes(options, settings):
    size = (options.size or 320,) * 2
    data = find_boxes(options.boxes)
    train, held_out = data.part("train"), data.part("val" if "val" in data.splits else "test").usable()
    pixels = read_boxed_pixels(train, size, "letterbox")
    # Blood cells are many and small: more proposals and objects than on drawn shapes, and smaller anchors.
    plan = replace(
        small_plan(len(data.class_names), size, masks=False), anchor_sizes=tuple(size[0] * x for x in ANCHORS)
    )
    plan = replace(plan, proposals_before=300, proposals=150, most=100, canonical_size=size[0] / 4)
    network = mask_rcnn(small_backbone(size), plan)
    clock = Clock()
    trained, _ = fit_mask_rcnn(network, pixels, settings, callbacks=[Tell(clock)])
    found = [trained.detect(read_image(image.path), LEAST_SCORE) for image in held_out.images]
    metrics = coco_metrics(found, held_out)
    print(f"AP@.50 {metrics.ap50:.3f} on {len(held_out)} pictures, {dict(metrics.class_ap50)}; {clock.read()}")
    return trained


if __name__ == "__main__":
    main()
