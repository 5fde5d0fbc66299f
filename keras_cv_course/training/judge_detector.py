"""A detector in training, looked at after some epochs: its average precision, and pictures for TensorBoard."""

from collections.abc import Callable, Sequence
from math import nan
from typing import Any

import keras
import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.image_files import read_image
from keras_cv_course.detection.draw import draw_detections
from keras_cv_course.detection.predict import detect
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.coco import coco_metrics
from keras_cv_course.models.detector import Detector
from keras_cv_course.training.run_folder import RunFolder

LEAST_SCORE = 0.01
SHOWN, SHOWN_SCORE = 4, 0.3
GAP = 8  # pixels between the truth and what was found


class JudgeDetector(keras.callbacks.Callback):
    """Add ``val_ap`` and ``val_ap50`` to the figures of an epoch; NaN where nothing was measured.

    Stands before every callback that takes the figures over.
    """

    def __init__(
        self,
        detector: Detector,
        validation: BoxedImages,
        every: int,
        epochs: int,
        update: Callable[[keras.Model], None],
        folder: RunFolder | None,
    ) -> None:
        super().__init__()
        self.detector, self.validation = detector, validation.usable()
        self.every, self.epochs, self.update, self.folder = every, epochs, update, folder

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure with the averages of the weights, and leave the model as it is."""
        logs = {} if logs is None else logs
        logs |= {"val_ap": nan, "val_ap50": nan}
        if (epoch + 1) % self.every and epoch + 1 != self.epochs:
            return
        model = self.model
        present = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
        model.optimizer.finalize_variable_values(model.trainable_variables)
        self.update(model)
        for variable, values in zip(model.trainable_variables, present, strict=True):
            variable.assign(values)
        found = find_all(self.detector, self.validation)
        metrics = coco_metrics(found, self.validation)
        logs |= {"val_ap": metrics.ap, "val_ap50": metrics.ap50}
        if self.folder is not None:
            _log_pictures(self.folder, epoch, found[:SHOWN], self.validation)


def find_all(detector: Detector, data: BoxedImages) -> list[Detections]:
    """Give what a detector finds on each picture of a set, down to low scores."""
    pictures = (read_image(image.path) for image in data.images)
    return list(detect(detector, pictures, score_threshold=LEAST_SCORE))


def truth_beside_found(image: BoxedImage, found: Detections) -> np.ndarray:
    """Draw a picture twice, uint8 (height, width, 3): with its true boxes, and with the found ones of some score."""
    pixels = read_image(image.path)
    ones = np.ones(len(image), np.float32)
    truth = Detections(image.boxes, ones, image.class_ids, found.class_names, image.size)
    halves = [draw_detections(pixels, some) for some in (truth, found[found.scores >= SHOWN_SCORE])]
    return np.concatenate([halves[0], np.full((len(pixels), GAP, 3), 255, np.uint8), halves[1]], axis=1)


def _log_pictures(folder: RunFolder, epoch: int, found: Sequence[Detections], data: BoxedImages) -> None:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder.logs / "pictures"))
    with writer.as_default():
        for image, boxes in zip(data.images, found, strict=False):
            tf.summary.image(f"truth, found/{image.name}", truth_beside_found(image, boxes)[None], step=epoch)
    writer.close()
