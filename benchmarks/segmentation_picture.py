"""Draw the picture of docs/segmentation.md: what the shipped segmenter says of drawn roads kept aside.

Run: python benchmarks/segmentation_picture.py [--photos FOLDER]

Each road stands beside what it shows and what the network says. With a folder of photographs it draws those instead,
each beside what the network says, and writes photos.png into the working folder.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.segmenter_result import measure_segmenter
from keras_cv_course.data.image_files import read_image, resize_image
from keras_cv_course.data.segmented_images import draw_segmented_images
from keras_cv_course.detection.draw_masks import add_legend, draw_class_map
from keras_cv_course.models.segmenter import Segmenter, load_segmenter

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "segmentation.png"
COLUMNS, PICTURES, TILE_SIZE = 2, 6, (256, 256)
PHOTO_SIZE, PHOTO_COLUMNS = (270, 480), 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path)
    options = parser.parse_args()
    segmenter = load_segmenter("road-segmenter")
    path = PICTURE if options.photos is None else Path("photos.png")
    tiles, columns = (
        (roads(segmenter), COLUMNS)
        if options.photos is None
        else (photographs(segmenter, options.photos), PHOTO_COLUMNS)
    )
    rows = [np.concatenate(tiles[start : start + columns], axis=1) for start in range(0, len(tiles), columns)]
    full = [row for row in rows if row.shape == rows[0].shape]
    picture = Image.fromarray(add_legend(np.concatenate(full), segmenter.class_names, segmenter.colours))
    picture.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size} bytes")


def roads(segmenter: Segmenter) -> list[np.ndarray]:
    result = measure_segmenter(segmenter, draw_segmented_images(PICTURES, KEPT_ASIDE_SEED, segmenter.input_size))
    shown = [result.picture(number) for number in range(PICTURES)]
    return [
        np.concatenate([resize_image(part, TILE_SIZE) for part in (one.image, one.truth, one.said)], axis=1)
        for one in shown
    ]


def photographs(segmenter: Segmenter, folder: Path) -> list[np.ndarray]:
    images = [resize_image(read_image(path), PHOTO_SIZE) for path in sorted(folder.glob("*.jpg"))]
    return [
        np.concatenate([image, draw_class_map(image, segmenter.segment(image), segmenter.colours)], axis=1)
        for image in images
    ]


if __name__ == "__main__":
    main()
