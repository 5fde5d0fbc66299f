"""The whole way from pictures to what is on them: prepare, compute, select, and back to the pictures' own pixels."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import numpy as np

from keras_cv_course.boxes import clip_xyxy
from keras_cv_course.data.letterbox import Placement
from keras_cv_course.detection.select_boxes import SelectedBoxes, check_limits, select_boxes
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError
from keras_cv_course.models.detector import Detector

SCORE_THRESHOLD, IOU_THRESHOLD = 0.6, 0.5  # the course's
BATCH_SIZE = 8


def detect(
    detector: Detector,
    images: Iterable[np.ndarray],
    *,
    score_threshold: float = SCORE_THRESHOLD,
    iou_threshold: float = IOU_THRESHOLD,
    max_boxes: int | None = None,
    classes: Sequence[str] | None = None,
    batch_size: int = BATCH_SIZE,
) -> Iterator[Detections]:
    """Find objects on pictures of any sizes, as many as there are: a video's frames as well.

    The model is compiled for the detector's first batch, and that is used for all others of this size, also in later
    calls; a last batch with fewer pictures is filled up. Each batch is computed with the weights of that moment.

    Args:
        detector: the model, with all that its use needs.
        images: uint8 (height, width, 3), RGB. A batch is taken at a time.
        score_threshold: least score, objectness times class probability, from 0 to 1.
        iou_threshold: a box goes if its IoU with a better one of its class is more than this; 1 keeps all.
        max_boxes: keep only so many of the best on a picture; None for all.
        classes: names of the classes to keep; None for all.
        batch_size: pictures that go through the model together. More are faster on a GPU, and need its memory.

    Yields:
        For each picture, in their order and as soon as its batch is computed, what was found on it, the best score
        first. Boxes are cut off at the picture's edges; one that lies outside, in the letterbox's grey, is left out.

    Raises:
        DataContentError: a threshold outside 0..1, `max_boxes` or `batch_size` below 1, an unknown class, an image that
            is none, or a model whose numbers are not finite.
    """
    check_limits(score_threshold, iou_threshold, max_boxes)
    if batch_size < 1:
        raise DataContentError(f"Expected batch_size of at least 1. Received: {batch_size}.")
    check_several(images, "detect(detector, [image])")
    wanted = np.arange(len(detector.class_names)) if classes is None else find_classes(classes, detector.class_names)

    def batches() -> Iterator[Detections]:
        waiting, compiled_for = iter(images), 0
        with ThreadPoolExecutor(batch_size) as pool:
            while batch := list(islice(waiting, batch_size)):
                pixels, placements = zip(*pool.map(detector.prepare, batch), strict=True)
                compiled_for = compiled_for or len(batch)
                padding = [np.zeros_like(pixels[0])] * (compiled_for - len(batch))
                raw = detector.forward_pass(np.stack([*pixels, *padding]))
                found = select_boxes(
                    raw[: len(batch)],  # (batch, rows, cols, A * (5 + classes))
                    detector.anchors,
                    len(detector.class_names),
                    detector.input_size,
                    score_threshold=score_threshold,
                    iou_threshold=iou_threshold,
                )
                for boxes, placement in zip(found, placements, strict=True):
                    yield _on_image(boxes, placement, detector.class_names, wanted)[:max_boxes]

    return batches()


def check_several(images: Iterable[np.ndarray], call: str) -> None:
    """Raise DataContentError where `images` is a single one; `call` is what was meant."""
    if isinstance(images, str | Path) or getattr(images, "ndim", 4) == 3:
        raise DataContentError(
            f"Expected several images, such as a list. Received: a single {type(images).__name__}. Call {call}."
        )


def find_classes(names: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    """Give the numbers of classes, int64 (n,), by their names.

    Raises:
        DataContentError: a name that is none of `class_names`; the message lists the nearest.
    """
    for name in names:
        if name not in class_names:
            near = get_close_matches(name.lower(), [known.lower() for known in class_names], n=3, cutoff=0.6)
            meant = [known for known in class_names if known.lower() in near]
            few = ", ".join(class_names[:10]) + (f" and {len(class_names) - 10} more" if len(class_names) > 10 else "")
            raise DataContentError(
                f"Expected classes that the detector knows. Received: {name!r}. "
                + (f"Near names: {', '.join(meant)}." if meant else f"It knows {few}.")
            )
    return np.array([class_names.index(name) for name in names], np.int64)


def _on_image(
    found: SelectedBoxes, placement: Placement, class_names: tuple[str, ...], wanted: np.ndarray
) -> Detections:
    """Take boxes from the network's input back to the picture, without those beside it or of other classes."""
    boxes = clip_xyxy(placement.boxes_to_image(found.boxes), placement.image_size)
    kept = (boxes[:, :2] < boxes[:, 2:]).all(axis=1) & np.isin(found.class_ids, wanted)
    return Detections(boxes[kept], found.scores[kept], found.class_ids[kept], class_names, placement.image_size)
