"""Pictures with masks: boxed pictures of whose objects every pixel is known."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.errors import DataContentError
from keras_cv_course.run_lengths import Rle, check_size, decode_masks

IGNORED = 255  # in class maps: what counts nowhere


@dataclass(frozen=True, eq=False)
class MaskedImage(BoxedImage):
    """One picture file with its objects' boxes and masks.

    Attributes:
        masks: one for each box, in the same order, as run lengths of the picture's size. Masks may overlap.
        ignored: pixels that are neither an object nor background, such as the borders of VOC's objects; None for none.

    Raises:
        DataContentError: not one mask for each box, or a mask of another size.
    """

    masks: tuple[Rle, ...] = ()
    ignored: Rle | None = None

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        super().__post_init__()
        if len(self.masks) != len(self):
            raise DataContentError(
                f"{self.name}: expected a mask for each of {len(self)} boxes. Received: {len(self.masks)}."
            )
        check_size(self.masks if self.ignored is None else [*self.masks, self.ignored], self.size)

    def decode_masks(self) -> np.ndarray:
        """Give the masks as bool (n, height, width)."""
        return decode_masks(self.masks, self.size)

    def class_map(self) -> np.ndarray:
        """Give each pixel its class: see :func:`class_map`.

        Objects flagged ``crowd`` are `IGNORED` where no other object is, and so are the `ignored` pixels.
        """
        masks, crowd = self.decode_masks(), self.flagged("crowd")
        found = class_map(masks[~crowd], self.class_ids[~crowd])
        found[masks[crowd].any(axis=0) & (found == 0)] = IGNORED
        if self.ignored is not None:
            found[decode_masks([self.ignored], self.size)[0]] = IGNORED
        return found

    def _rows(self, chosen: np.ndarray) -> dict[str, Any]:
        return {**super()._rows(chosen), "masks": tuple(self.masks[i] for i in chosen)}


@dataclass(frozen=True, eq=False)
class MaskedImages(BoxedImages):
    """A validated set of pictures with boxes and masks."""

    images: tuple[MaskedImage, ...]

    def usable(self) -> Self:
        """Give the objects to learn from: as for boxes, and of those with a pixel at least. No picture goes."""
        boxed = super().usable()
        return replace(boxed, images=tuple(image.take(_areas(image) > 0) for image in boxed.images))


def class_map(masks: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    """Give each pixel the class of the object there: of several the smallest, which would else be lost.

    Args:
        masks: bool (n, height, width).
        class_ids: integers (n,), from 0 to 253.

    Returns:
        uint8 (height, width): 0 is background, 1 + class id an object.

    Raises:
        DataContentError: not a class for each mask, or one above 253: 255 is `IGNORED`.
    """
    if len(masks) != len(class_ids) or max(class_ids, default=0) > IGNORED - 2:
        raise DataContentError(
            f"Expected a class id from 0 to {IGNORED - 2} for each of {len(masks)} masks. Received: {len(class_ids)}, "
            f"the highest {max(class_ids, default=None)}."
        )
    found = np.zeros(masks.shape[1:], np.uint8)
    for number in np.argsort(-masks.sum(axis=(1, 2)), kind="stable"):
        found[masks[number]] = 1 + class_ids[number]
    return found


def _areas(image: MaskedImage) -> np.ndarray:
    """Give the number of pixels of each mask, (n,)."""
    from pycocotools import mask as coco_mask

    return np.array([coco_mask.area(mask) for mask in image.masks], np.int64)
