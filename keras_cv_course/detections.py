"""What was found on one image: boxes, and with masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from keras_cv_course.boxes import xyxy_to_xywh
from keras_cv_course.errors import DataContentError, MissingExtraError, first_line
from keras_cv_course.run_lengths import encode_masks, to_json


@dataclass(frozen=True, eq=False)
class Detections:
    """The validated boxes of one image.

    Attributes:
        boxes: float32 (n, 4), xyxy in pixels of the original image, x1 <= x2 and y1 <= y2. A box may reach over the
            image's edges.
        scores: float32 (n,), each from 0 to 1.
        class_ids: int64 (n,), each in 0 .. len(class_names) - 1.
        class_names: one name for each class.
        image_size: (height, width) of the original image, each at least 1.

    Raises:
        DataContentError: wrong dtype or shape, different lengths, numbers that are not finite, corners in the wrong
            order, a score outside 0..1, a class without a name, or an image without pixels.
    """

    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    class_names: tuple[str, ...]
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        n = len(self.boxes) if np.ndim(self.boxes) else 0
        for name, dtype, shape in (("boxes", "f4", (n, 4)), ("scores", "f4", (n,)), ("class_ids", "i8", (n,))):
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype) or array.shape != shape:
                received = f"{getattr(array, 'dtype', type(array).__name__)} of shape {np.shape(array)}"
                _fail(f"{name} as a NumPy array of {np.dtype(dtype)} of shape {shape}", received)
        if not isinstance(self.class_names, tuple):
            _fail("class_names as a tuple", type(self.class_names).__name__)
        if len(self.image_size) != 2 or min(self.image_size) < 1:
            _fail("image_size as (height, width), each at least 1", str(self.image_size))

        # Each test is written so that NaN fails it.
        finite = np.isfinite(self.boxes)
        if not finite.all():
            _fail("finite boxes", f"{(~finite).any(axis=1).sum()} others of {n}")
        ordered = self.boxes[:, :2] <= self.boxes[:, 2:]
        if not ordered.all():
            wrong = self.boxes[~ordered.all(axis=1)]
            _fail("boxes as (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2", f"{len(wrong)} others, such as {wrong[0]}")
        probable = (self.scores >= 0) & (self.scores <= 1)
        if not probable.all():
            _fail("scores from 0 to 1", f"{(~probable).sum()} others, such as {self.scores[~probable][0]}")
        known = (self.class_ids >= 0) & (self.class_ids < len(self.class_names))
        if not known.all():
            wrong = self.class_ids[~known]
            _fail(f"class ids below {len(self.class_names)}, one for each class name", f"such as {wrong[0]}")

    @classmethod
    def empty(cls, class_names: tuple[str, ...], image_size: tuple[int, int]) -> "Detections":
        """Give the detections of an image on which nothing was found."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), class_names, image_size
        )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Any) -> "Detections":
        """Give some of the boxes: `index` is a mask (n,), indices, a slice, or the number of one box."""
        if isinstance(index, int | np.integer):
            index = [index]
        return Detections(
            self.boxes[index], self.scores[index], self.class_ids[index], self.class_names, self.image_size
        )

    def draw(self, image: Any) -> np.ndarray:
        """Draw the boxes on the image: see :func:`~keras_cv_course.detection.draw.draw_detections`."""
        from keras_cv_course.detection.draw import draw_detections

        return draw_detections(image, self)

    def to_dict(self) -> dict[str, list[Any]]:
        """Give columns of equal length, as ``pandas.DataFrame`` takes them: class_id, class_name, score, x1 ... y2."""
        x1, y1, x2, y2 = self.boxes.T.tolist()
        return {
            "class_id": self.class_ids.tolist(),
            "class_name": [self.class_names[number] for number in self.class_ids],
            "score": self.scores.tolist(),
            "x1": x1,
            "y1": y1,
            "x2": x2,
            "y2": y2,
        }

    def to_coco(self, image_id: int, category_ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """Give COCO results, one dict for each box, as ``pycocotools`` and ``json`` take them.

        Args:
            image_id: of this image in the annotations that the results belong to.
            category_ids: COCO's id for each class, in the order of `class_names`; None where a class's place in
                `class_names` is its id.

        Returns:
            Dicts with image_id, category_id, bbox [left, top, width, height] in pixels, and score.

        Raises:
            DataContentError: not as many `category_ids` as classes.

        Source: https://cocodataset.org/#format-results
        """
        ids = range(len(self.class_names)) if category_ids is None else category_ids
        if len(ids) != len(self.class_names):
            _fail(f"one category id for each of {len(self.class_names)} classes", f"{len(ids)}")
        boxes = np.concatenate([self.boxes[:, :2], xyxy_to_xywh(self.boxes)[:, 2:]], axis=1)  # (n, 4)
        return [
            {"image_id": image_id, "category_id": int(ids[number]), "bbox": box, "score": score}
            for number, box, score in zip(self.class_ids, boxes.tolist(), self.scores.tolist(), strict=True)
        ]

    def to_supervision(self) -> Any:
        """Give ``supervision.Detections``, the class names in its ``data["class_name"]``.

        Raises:
            MissingExtraError: the package ``supervision`` cannot be imported.
        """
        try:
            supervision = import_module("supervision")
        except ImportError as error:
            raise MissingExtraError(
                f"to_supervision needs the package supervision, which cannot be imported ({first_line(error)}). "
                "Install it with `pip install supervision`."
            ) from error
        names = np.array([self.class_names[number] for number in self.class_ids], dtype=str)
        return supervision.Detections(
            xyxy=self.boxes, confidence=self.scores, class_id=self.class_ids, data={"class_name": names}
        )


@dataclass(frozen=True, eq=False)
class InstanceDetections:
    """The validated boxes of one image with the mask of what is in each.

    Attributes:
        detections: the boxes.
        masks: bool (n, height, width), one for each box, of the image's size. A mask may be empty, and masks may
            overlap.

    Raises:
        DataContentError: another dtype or shape.
    """

    detections: Detections
    masks: np.ndarray

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        shape = (len(self.detections), *self.detections.image_size)
        if not isinstance(self.masks, np.ndarray) or self.masks.dtype != np.bool_ or self.masks.shape != shape:
            received = f"{getattr(self.masks, 'dtype', type(self.masks).__name__)} of shape {np.shape(self.masks)}"
            _fail(f"masks as a NumPy array of bool of shape {shape}", received)

    @classmethod
    def empty(cls, class_names: tuple[str, ...], image_size: tuple[int, int]) -> "InstanceDetections":
        """Give the detections of an image on which nothing was found."""
        return cls(Detections.empty(class_names, image_size), np.zeros((0, *image_size), bool))

    def __len__(self) -> int:
        return len(self.detections)

    def __getitem__(self, index: Any) -> "InstanceDetections":
        """Give some of the objects: `index` is a mask (n,), indices, a slice, or the number of one object."""
        if isinstance(index, int | np.integer):
            index = [index]
        return InstanceDetections(self.detections[index], self.masks[index])

    def to_coco(self, image_id: int, category_ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """Give COCO results as :meth:`Detections.to_coco`, each with its mask as run lengths in ``segmentation``."""
        boxes = self.detections.to_coco(image_id, category_ids)
        masks = encode_masks(self.masks)
        return [{**box, "segmentation": to_json(mask)} for box, mask in zip(boxes, masks, strict=True)]


def _fail(expected: str, received: str) -> None:
    raise DataContentError(f"Detections: expected {expected}. Received: {received}.")
