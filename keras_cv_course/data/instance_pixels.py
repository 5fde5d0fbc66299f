"""Equally large pictures with a box, a class and a mask for each object, in memory: what Mask R-CNN trains on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from keras_cv_course.data.equal_pictures import EqualPictures, counted, read_pictures
from keras_cv_course.data.image_folders import SkippedFile
from keras_cv_course.data.letterbox import letterbox, letterbox_placement
from keras_cv_course.data.masked_images import MaskedImages
from keras_cv_course.data.synthetic.shapes import CLASS_NAMES, draw_shape_scenes
from keras_cv_course.errors import DataContentError

MINI_MASK = 56  # rows and columns of an object's mask within its box


@dataclass(frozen=True, eq=False)
class InstancePixels(EqualPictures):
    """Pictures and their objects, as many rows for each picture as the fullest one needs.

    Attributes:
        images: uint8 (m, height, width, 3), RGB, m >= 1; may be mapped from a file.
        boxes: float32 (m, rows, 4), xyxy in pixels of these pictures.
        class_ids: int32 (m, rows), -1 for no object.
        mini_masks: uint8 (m, rows, `MINI_MASK`, `MINI_MASK`), how much of each place of its box an object takes,
            0..255.
        class_names: one for each class.
        skipped: the files that could not be read.

    Raises:
        DataContentError: arrays of other dtypes or shapes, no object at all, or a class without a name.
    """

    images: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    mini_masks: np.ndarray
    class_names: tuple[str, ...]
    skipped: tuple[SkippedFile, ...] = ()

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        self.check_images()
        m, rows = len(self.images), self.class_ids.shape[-1]
        shapes = {"boxes": (m, rows, 4), "class_ids": (m, rows), "mini_masks": (m, rows, MINI_MASK, MINI_MASK)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise DataContentError(f"Expected {name} {shape}. Received: {getattr(self, name).shape}.")
        highest = self.class_ids.max(initial=-1)
        if not 0 <= highest < len(self.class_names):
            raise DataContentError(
                f"Expected an object at least, and class ids below {len(self.class_names)}. Received: {highest} as the "
                "highest. See `kcc data inspect`."
            )


def draw_instance_pixels(
    count: int, seed: int, size: tuple[int, int] = (128, 128), progress: Callable[[int], None] | None = None
) -> InstancePixels:
    """Draw shapes.

    Args:
        count: number of pictures, at least 1.
        seed: 0 or more; another seed gives other pictures.
        size: (height, width), each at least 32.
        progress: called with the number of pictures drawn so far.

    Raises:
        DataContentError: `count` or `size` is too small.
    """
    images, objects = np.zeros((count, *size, 3), np.uint8), []
    for number, scene in enumerate(counted(draw_shape_scenes(count, seed, size), progress)):
        images[number] = scene.image
        objects.append((scene.boxes, scene.class_ids, mini_masks(scene.masks, scene.boxes)))
    return InstancePixels(images, *_padded(objects), CLASS_NAMES)


def read_instance_pixels(
    data: MaskedImages, size: tuple[int, int], progress: Callable[[int], None] | None = None
) -> InstancePixels:
    """Decode a set with masks, every picture in the middle of a grey one of `size`; crowds are left out.

    Args:
        data: the set; objects that nothing can be learnt from are left out.
        size: (height, width) to which each picture is brought.
        progress: called with the number of pictures done so far.

    Raises:
        DataContentError: no picture that can be read, or no object on those that can.
        DataError: pictures that fit neither into memory nor on the disk for temporary files.
    """
    pixels, read, skipped = read_pictures(
        data.usable().images,
        size,
        lambda picture: np.rint(letterbox(picture, size)[0] * 255).astype(np.uint8),
        data.root,
        progress,
    )
    objects = []
    for image in read:
        learnt = image.take(~image.flagged("crowd"))
        boxes = letterbox_placement(image.size, size).boxes_to_input(learnt.boxes)
        objects.append((boxes, learnt.class_ids, mini_masks(learnt.decode_masks(), learnt.boxes)))
    return InstancePixels(pixels, *_padded(objects), data.class_names, skipped)


def mini_masks(masks: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
    """Cut each mask bool (n, height, width) out as its box (n, 4) lies: uint8 (n, `MINI_MASK`, `MINI_MASK`).

    A place's value, 0..255, is read between the mask's pixels (bilinear), of a larger box their mean.
    """
    height, width = masks.shape[1:]
    cut = np.zeros((len(masks), MINI_MASK, MINI_MASK), np.uint8)
    for mask, box, place in zip(masks, boxes_xyxy, cut, strict=True):
        corners = np.clip(box.astype(np.float64), 0, (width, height, width, height))
        picture = Image.fromarray(mask.astype(np.uint8) * 255)
        left, top, right, bottom = corners.tolist()
        cut_out = picture.resize((MINI_MASK, MINI_MASK), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
        place[:] = np.asarray(cut_out)
    return cut


def _padded(objects: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stack boxes, class ids and mini masks of pictures, filled up."""
    objects = list(objects)
    m, rows = len(objects), max(1, max(len(boxes) for boxes, _, _ in objects))
    boxes, class_ids = np.zeros((m, rows, 4), np.float32), np.full((m, rows), -1, np.int32)
    masks = np.zeros((m, rows, MINI_MASK, MINI_MASK), np.uint8)
    for number, (its_boxes, its_classes, its_masks) in enumerate(objects):
        n = len(its_boxes)
        boxes[number, :n], class_ids[number, :n], masks[number, :n] = its_boxes, its_classes, its_masks
    return boxes, class_ids, masks
