"""Equally large pictures with a class for every pixel: what segmenters train and are measured on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from keras_cv_course.data.equal_pictures import EqualPictures, counted, read_pictures
from keras_cv_course.data.image_files import resize_image
from keras_cv_course.data.image_folders import SkippedFile
from keras_cv_course.data.masked_images import IGNORED, MaskedImages
from keras_cv_course.data.synthetic.road_scenes import SURFACES, draw_road_scenes
from keras_cv_course.errors import DataContentError

BACKGROUND = "background"  # what is no object of a set with masks

_MOST_CLASSES = IGNORED - 1  # of a set; with the background, one number for each is left below `IGNORED`


@dataclass(frozen=True, eq=False)
class SegmentedImages(EqualPictures):
    """Pictures and their class maps.

    Attributes:
        images: uint8 (m, height, width, 3), RGB, m >= 1; may be mapped from a file.
        class_maps: uint8 (m, height, width), places in `class_names`, or `IGNORED`.
        class_names: one for each class.
        skipped: the files that could not be read.

    Raises:
        DataContentError: arrays of other dtypes or shapes, a class without a name, or a name twice.
    """

    images: np.ndarray
    class_maps: np.ndarray
    class_names: tuple[str, ...]
    skipped: tuple[SkippedFile, ...] = ()

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        self.check_images()
        maps, expected = self.class_maps, self.images.shape[:3]
        if maps.dtype != np.uint8 or maps.shape != expected:
            raise DataContentError(
                f"Expected class maps uint8 {expected}, one for each image and of its size. Received: "
                f"{maps.dtype} {maps.shape}."
            )
        if len({*self.class_names}) != len(self.class_names):
            raise DataContentError(
                f"Expected each class name once. Received: {', '.join(self.class_names)}. Rename one."
            )
        highest = np.max(maps, where=maps != IGNORED, initial=0)
        if highest >= len(self.class_names):
            raise DataContentError(
                f"Expected class maps with numbers below {len(self.class_names)}, one for each class name, or "
                f"{IGNORED}. Received: {highest}."
            )


def draw_segmented_images(
    count: int, seed: int, size: tuple[int, int] = (96, 96), progress: Callable[[int], None] | None = None
) -> SegmentedImages:
    """Draw road scenes with what each pixel shows.

    Args:
        count: number of pictures, at least 1.
        seed: 0 or more; another seed gives other pictures.
        size: (height, width), each at least 64.
        progress: called with the number of pictures drawn so far.

    Raises:
        DataContentError: `count` or `size` is too small.
    """
    scenes = draw_road_scenes(count, seed, size)
    images, maps = np.zeros((count, *size, 3), np.uint8), np.zeros((count, *size), np.uint8)
    for number, scene in enumerate(counted(scenes, progress)):
        images[number], maps[number] = scene.image, scene.surfaces
    return SegmentedImages(images, maps, SURFACES)


def read_segmented_images(
    data: MaskedImages, size: tuple[int, int], progress: Callable[[int], None] | None = None
) -> SegmentedImages:
    """Decode a set with masks, every picture stretched to one size, and its maps to the nearest pixel.

    Args:
        data: the set, of at most 254 classes, none called "background".
        size: (height, width) to which each picture is brought.
        progress: called with the number of pictures done so far.

    Returns:
        Pictures whose first class is what is no object, "background".

    Raises:
        DataContentError: classes that cannot be told apart in a map, or no picture that can be read.
        DataError: pictures that fit neither into memory nor on the disk for temporary files.
    """
    _check_classes(data)
    pixels, read, skipped = read_pictures(
        data.images, size, lambda picture: resize_image(picture, size), data.root, progress
    )
    maps = np.stack([resize_class_map(image.class_map(), size) for image in read])
    return SegmentedImages(pixels, maps, (BACKGROUND, *data.class_names), skipped)


def _check_classes(data: MaskedImages) -> None:
    if len(data.class_names) > _MOST_CLASSES:
        raise DataContentError(
            f"{data.root}: expected at most {_MOST_CLASSES} classes. Received: {len(data.class_names)}. Leave some out."
        )
    if BACKGROUND in data.class_names:
        raise DataContentError(
            f"{data.root}: expected no class named {BACKGROUND!r}, the name of what has no mask. Received: "
            f"{', '.join(data.class_names)}. Rename it."
        )


def resize_class_map(map_of_classes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Stretch a class map uint8 (h, w) to `size`, (height, width): each pixel is the nearest one's class."""
    height, width = size
    return np.asarray(Image.fromarray(map_of_classes).resize((width, height), Image.Resampling.NEAREST))
