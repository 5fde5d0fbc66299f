"""Draw the picture of docs/mask-rcnn.md: what a trained Mask R-CNN finds on drawn shapes kept aside.

Run: python benchmarks/mask_rcnn_pictures.py MODEL [--photos FOLDER]

MODEL is a run folder or a .keras file. Each picture stands beside the objects that are there and those that were found.
With a folder of photographs it draws the first of those instead, each beside what was found, with boxes alone where the
model has no masks, and writes photos.jpg into the working folder.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

from keras_cv_course.cli.instances_result import measure_segmenter
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_mask_rcnn import drawn_truth
from keras_cv_course.data.image_files import read_image, resize_image
from keras_cv_course.detection.draw import draw_detections, get_colors_for_classes
from keras_cv_course.detection.draw_masks import add_legend, draw_masks
from keras_cv_course.detections import Detections, InstanceDetections
from keras_cv_course.models.instance_segmenter import InstanceSegmenter, load_instance_segmenter

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "mask-rcnn.jpg"
COLUMNS, PICTURES = 2, 6
PHOTO_SIZE, PHOTOS = (360, 480), 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--photos", type=Path)
    options = parser.parse_args()
    segmenter = load_instance_segmenter(options.model)
    path = PICTURE if options.photos is None else Path("photos.jpg")
    tiles = shapes(segmenter) if options.photos is None else photographs(segmenter, options.photos)
    rows = [np.concatenate(tiles[start : start + COLUMNS], axis=1) for start in range(0, len(tiles), COLUMNS)]
    full = [row for row in rows if row.shape == rows[0].shape]
    palette = get_colors_for_classes(len(segmenter.class_names))
    picture = Image.fromarray(add_legend(np.concatenate(full), segmenter.class_names, palette))
    picture.save(path, quality=85, optimize=True)
    print(f"{path}: {path.stat().st_size} bytes")


def shapes(segmenter: InstanceSegmenter) -> list[np.ndarray]:
    result = measure_segmenter(segmenter, *drawn_truth(PICTURES, KEPT_ASIDE_SEED, segmenter.input_size))
    shown = [result.picture(number) for number in range(PICTURES)]
    return [np.concatenate([one.image, one.truth, one.said], axis=1) for one in shown]


def photographs(segmenter: InstanceSegmenter, folder: Path) -> list[np.ndarray]:
    images = [resize_image(read_image(path), PHOTO_SIZE) for path in sorted(folder.glob("*.jpg"))[:PHOTOS]]
    look = segmenter.segment if segmenter.has_masks else segmenter.detect
    return [np.concatenate([image, drawn(image, look(image))], axis=1) for image in images]


def drawn(image: np.ndarray, found: Detections | InstanceDetections) -> np.ndarray:
    if isinstance(found, Detections):
        return draw_detections(image, found)
    palette = get_colors_for_classes(len(found.detections.class_names))
    painted = draw_masks(image, found.masks, [palette[number] for number in found.detections.class_ids])
    return draw_detections(painted, found.detections)


if __name__ == "__main__":
    main()
