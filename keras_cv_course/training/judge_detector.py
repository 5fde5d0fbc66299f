"""A detector in training, looked at after some epochs: its average precision, and pictures for TensorBoard."""

from collections.abc import Callable
from itertools import islice
from math import nan
from typing import Any

import keras
import numpy as np
from PIL import Image

from keras_cv_course.boxes import xyxy_to_yxyx
from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.image_files import read_image
from keras_cv_course.detection.draw import draw_boxes, draw_detections
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.detector_metrics import DetectorMetrics
from keras_cv_course.metrics.measure_detector import measure_detector
from keras_cv_course.models.detector import Detector
from keras_cv_course.training.run_folder import RunFolder

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
        self.detector, self.validation = detector, validation
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
        metrics = measure_detector(self.detector, self.validation)
        logs |= {"val_ap": metrics.coco.ap, "val_ap50": metrics.coco.ap50}
        if self.folder is not None:
            _log_pictures(self.folder, epoch, metrics)


def truth_beside_found(image: BoxedImage, found: Detections) -> np.ndarray:
    """Draw a picture twice, uint8 (height, width, 3): with its true boxes, and with the found ones of some score."""
    pixels = read_image(image.path)
    truth = draw_boxes(Image.fromarray(pixels), xyxy_to_yxyx(image.boxes), image.class_ids, found.class_names)
    predicted = draw_detections(pixels, found[found.scores >= SHOWN_SCORE])
    return np.concatenate([truth, np.full((len(pixels), GAP, 3), 255, np.uint8), predicted], axis=1)


def _log_pictures(folder: RunFolder, epoch: int, metrics: DetectorMetrics) -> None:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder.logs / "pictures"))
    with writer.as_default():
        for image, found in islice(zip(metrics.truth.images, metrics.found, strict=True), SHOWN):
            tf.summary.image(f"truth, found/{image.name}", truth_beside_found(image, found)[None], step=epoch)
    writer.close()
