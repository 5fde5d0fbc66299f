"""Train a small detector on a few drawn scenes, also in a process of its own: small_detector.py FOLDER"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from keras_cv_course import prepare_devices
from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.data.synthetic.road_set import write_road_scenes
from keras_cv_course.detection.anchors import find_anchors, sizes_in_cells
from keras_cv_course.models.detector import Detector
from keras_cv_course.models.input_size import any_size
from keras_cv_course.models.yolov2 import yolov2
from keras_cv_course.training.detector_batches import PLAIN, BoxedPixels, read_boxed_pixels
from keras_cv_course.training.fit_detector import DetectorFitConfig, DetectorPlan, fit_detector
from keras_cv_course.training.run_folder import History

SIZE = (128, 128)
LEAST_SIDE = 14  # pixels; smaller objects are not to be learnt by heart on so few cells


def scenes(folder: Path, count: int = 4) -> BoxedImages:
    """Draw scenes, or find those drawn before; only boxes of some size stay."""
    if not folder.exists():
        write_road_scenes(folder, count=count, seed=1, format="voc", image_size=SIZE)
    data = find_boxes(folder)
    images = tuple(
        image.take(((image.boxes[:, 2:] - image.boxes[:, :2]) >= LEAST_SIDE).all(axis=1)) for image in data.images
    )
    return BoxedImages(data.root, images, data.class_names, data.category_ids, data.format)


def small_plan(data: BoxedImages, width: float = 1 / 16, anchors: int = 3) -> DetectorPlan:
    found = find_anchors(sizes_in_cells(data, SIZE), anchors).sizes
    network = any_size(yolov2((*SIZE, 3), len(data.class_names), anchors, width=width, batch_norm_momentum=0.9))
    pretrained = tuple(layer for layer in network.layers if layer.name in ("conv1", "conv1_bn"))
    return DetectorPlan(network, found, data.class_names, SIZE, "stretch", pretrained)


def read(data: BoxedImages) -> BoxedPixels:
    return read_boxed_pixels(data, SIZE, "stretch")


def learn_by_heart(folder: Path, epochs: int = 60) -> tuple[Detector, History]:
    prepare_devices(seed=0)
    data = scenes(folder / "scenes")
    config = DetectorFitConfig(
        epochs=epochs,
        batch_size=4,
        learning_rate=5e-3,
        average=0.8,
        size_range=0,
        judge_every=epochs,
        augmentation=PLAIN,
        precision="float32",
    )
    return fit_detector(small_plan(data, width=1 / 8), read(data), config, validation=data)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    _, history = learn_by_heart(parser.parse_args().folder)
    print(keras.backend.backend(), history["val_ap50"][-1])


if __name__ == "__main__":
    main()
