"""Pictures with one object each, or none: what localizers train and are measured on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras_cv_course.boxes import scale_xyxy
from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.equal_pictures import EqualPictures, counted, read_pictures
from keras_cv_course.data.image_files import resize_image
from keras_cv_course.data.image_folders import SkippedFile
from keras_cv_course.data.synthetic.lone_scenes import CLASS_NAMES, draw_lone_scenes
from keras_cv_course.errors import DataContentError

NO_OBJECT = -1


@dataclass(frozen=True, eq=False)
class LocalizedImages(EqualPictures):
    """Equally large pictures.

    Attributes:
        images: uint8 (m, height, width, 3), RGB; may be mapped from a file.
        boxes: float32 (m, 4), x1, y1, x2, y2 in pixels of these pictures; zeros where there is no object.
        class_ids: int64 (m,), places in `class_names`, `NO_OBJECT` where there is none.
        class_names: one for each class.
        skipped: the files that could not be read.
    """

    images: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    class_names: tuple[str, ...]
    skipped: tuple[SkippedFile, ...] = ()


def draw_localized_images(
    count: int, seed: int, size: tuple[int, int] = (96, 96), progress: Callable[[int], None] | None = None
) -> LocalizedImages:
    """Draw roads with one pedestrian, car or motorcycle, or with nobody.

    Args:
        count: number of pictures, at least 1.
        seed: 0 or more; another seed gives other pictures.
        size: (height, width), each at least 64.
        progress: called with the number of pictures drawn so far.

    Raises:
        DataContentError: `count` or `size` is too small.
    """
    scenes = draw_lone_scenes(count, seed, size)
    images, boxes, class_ids = _empty_arrays(count, size)
    for number, scene in enumerate(counted(scenes, progress)):
        images[number] = scene.image
        if len(scene.boxes):
            boxes[number], class_ids[number] = scene.boxes[0], scene.class_ids[0]
    return LocalizedImages(images, boxes, class_ids, CLASS_NAMES)


def check_one_object(data: BoxedImages) -> None:
    """Make sure that no picture of a set has more than one usable box.

    Raises:
        DataContentError: one has more.
    """
    crowded = [image for image in data.usable().images if len(image) > 1]
    if crowded:
        raise DataContentError(
            f"{data.root}: expected at most one object on each picture. Received: {len(crowded)} pictures with more, "
            f"such as {crowded[0].name} with {len(crowded[0])}. For several objects: kcc train detector."
        )


def read_localized_images(
    data: BoxedImages, size: tuple[int, int], progress: Callable[[int], None] | None = None
) -> LocalizedImages:
    """Decode a set with at most one box on each picture, every picture stretched to one size.

    Args:
        data: the set; boxes that nothing can be learnt from are left out.
        size: (height, width) to which each picture is brought.
        progress: called with the number of pictures done so far.

    Raises:
        DataContentError: a picture with more than one usable box, or none that can be read.
        DataError: pictures that fit neither into memory nor on the disk for temporary files.
    """
    check_one_object(data)
    pixels, read, skipped = read_pictures(
        data.usable().images, size, lambda picture: resize_image(picture, size), data.root, progress
    )
    _, boxes, class_ids = _empty_arrays(len(read), (0, 0))
    for row, image in enumerate(read):
        if len(image):
            factors = size[0] / image.size[0], size[1] / image.size[1]
            boxes[row], class_ids[row] = scale_xyxy(image.boxes[0], factors), image.class_ids[0]
    return LocalizedImages(pixels, boxes, class_ids, data.class_names, skipped)


def _empty_arrays(count: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    images = np.zeros((count, *size, 3), np.uint8)
    return images, np.zeros((count, 4), np.float32), np.full(count, NO_OBJECT, np.int64)
