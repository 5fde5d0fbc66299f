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


def small_plan(data: BoxedImages) -> DetectorPlan:
    """Plan a detector of six convolutions, the first of them as if pretrained."""
    anchors = find_anchors(sizes_in_cells(data, SIZE), 3).sizes
    x = inputs = keras.Input((None, None, 3), name="image")
    for number, filters in enumerate((16, 24, 32, 64, 128), start=1):
        x = keras.layers.Conv2D(filters, 3, 2, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"conv{number}_bn")(x)
        x = keras.layers.ReLU(name=f"conv{number}_relu")(x)
    head = keras.layers.Conv2D(3 * (5 + len(data.class_names)), 1, name="head")
    network = keras.Model(inputs, head(x))
    return DetectorPlan(network, anchors, data.class_names, SIZE, "stretch", tuple(network.layers[1:3]))


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
        judged=1,
        augmentation=PLAIN,
        precision="float32",
    )
    return fit_detector(small_plan(data), read(data), config, validation=data)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    _, history = learn_by_heart(parser.parse_args().folder)
    print(keras.backend.backend(), history["val_ap50"][-1])


if __name__ == "__main__":
    main()
