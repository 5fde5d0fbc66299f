"""From a detector and a set to the figures: the one way for the command line and for training.

The only module of `metrics` that knows models.
"""

from collections.abc import Callable, Iterator

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.image_files import read_image
from keras_cv_course.detection.predict import BATCH_SIZE, IOU_THRESHOLD, SCORE_THRESHOLD, detect
from keras_cv_course.errors import DataContentError, ImageFileError
from keras_cv_course.metrics.detector_metrics import DetectorMetrics
from keras_cv_course.metrics.shared_classes import share_classes, shared_classes
from keras_cv_course.models.detector import Detector

# Average precision is an area over all scores: what is cut off below is lost. Darknet measures from here on.
LEAST_SCORE = 0.005


def measure_detector(
    detector: Detector,
    data: BoxedImages,
    batch_size: int = BATCH_SIZE,
    *,
    score_threshold: float = SCORE_THRESHOLD,
    progress: Callable[[int], None] | None = None,
) -> DetectorMetrics:
    """Detect on every picture of a set, and compare with its boxes.

    Boxes down to a score of 0.005 are found, and go if they overlap a better one of their class by an IoU of more than
    0.5. True boxes are those that ``data.usable()`` gives, and both are of the classes that detector and set share.

    Args:
        detector: with at least one class of the set, by name.
        data: pictures with boxes. One that cannot be read is left out, and named in the result.
        batch_size: pictures that go through the model together.
        score_threshold: least score of a box in the confusion matrix and the outcomes.
        progress: called with the number of pictures done so far.

    Raises:
        DataContentError: no class in common, no picture that can be read, or a model whose numbers are not finite.
    """
    shared_classes(detector.class_names, data.class_names)  # else an error before any work
    readable: list[int] = []

    def pictures() -> Iterator[np.ndarray]:
        for number, image in enumerate(data.images):
            try:
                pixels = read_image(image.path)
            except ImageFileError:
                continue
            readable.append(number)
            yield pixels

    found = []
    for one in detect(
        detector, pictures(), score_threshold=LEAST_SCORE, iou_threshold=IOU_THRESHOLD, batch_size=batch_size
    ):
        found.append(one)
        if progress is not None:
            progress(len(found))
    if not found:
        raise DataContentError(f"{data.root}: expected pictures that can be read. Received: none of {len(data)}.")
    shared, truth = share_classes(found, data.take(readable).usable())
    names = tuple(image.name for number, image in enumerate(data.images) if number not in {*readable})
    return DetectorMetrics(shared, truth, score_threshold, names)
