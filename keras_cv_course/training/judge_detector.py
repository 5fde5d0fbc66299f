"""A detector in training, looked at after some epochs: its average precision, and pictures for TensorBoard."""

from collections.abc import Callable
from itertools import islice

import keras
import numpy as np
from PIL import Image

from keras_cv_course.boxes import scale_xyxy, xyxy_to_yxyx
from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.image_files import read_image
from keras_cv_course.detection.draw import draw_boxes
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.detector_metrics import DetectorMetrics
from keras_cv_course.models.detector import Detector
from keras_cv_course.training.detection_metrics import DetectionMetrics
from keras_cv_course.training.run_folder import RunFolder

SHOWN, SHOWN_SCORE = 4, 0.3
LONGEST_SIDE = 640  # pixels of a shown picture; photos in full size would fill the disk
GAP = 8  # pixels between the truth and what was found


class JudgeDetector(DetectionMetrics):
    """Measure the detector that the averages of the weights make, some times in a run, the last time at its end.

    Stands before every callback that takes the figures over.
    """

    def __init__(
        self,
        detector: Detector,
        validation: BoxedImages,
        *,
        times: int,
        epochs: int,
        update: Callable[[keras.Model], None],
        folder: RunFolder | None,
    ) -> None:
        super().__init__(detector, validation)
        self.times, self.epochs, self.update, self.folder = times, epochs, update, folder

    def is_due(self, epoch: int) -> bool:
        """Spread the measurements evenly; with fewer epochs than that, each is measured."""
        return (epoch + 1) * self.times // self.epochs > epoch * self.times // self.epochs

    def measure(self, epoch: int) -> DetectorMetrics:
        """Measure with the averages of the weights, and leave the model as it is."""
        model = self.model
        present = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
        try:
            model.optimizer.finalize_variable_values(model.trainable_variables)
            self.update(model)
        finally:
            for variable, values in zip(model.trainable_variables, present, strict=True):
                variable.assign(values)
        metrics = super().measure(epoch)
        if self.folder is not None:
            _log_pictures(self.folder, epoch, metrics)
        return metrics


def truth_beside_found(image: BoxedImage, found: Detections) -> np.ndarray:
    """Draw a picture twice, uint8 (height, width, 3): with its true boxes, and with the found ones of some score.

    Each is at most `LONGEST_SIDE` pixels wide and high.
    """
    picture = Image.fromarray(read_image(image.path))
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    scale = (picture.height / image.size[0], picture.width / image.size[1])
    sure = found[found.scores >= SHOWN_SCORE]
    truth, predicted = (
        draw_boxes(
            picture.copy(), xyxy_to_yxyx(scale_xyxy(some.boxes, scale)), some.class_ids, found.class_names, scores
        )
        for some, scores in ((image, None), (sure, sure.scores))
    )
    return np.concatenate([truth, np.full((picture.height, GAP, 3), 255, np.uint8), predicted], axis=1)


def _log_pictures(folder: RunFolder, epoch: int, metrics: DetectorMetrics) -> None:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder.logs / "pictures"))
    with writer.as_default():
        for image, found in islice(zip(metrics.truth.images, metrics.found, strict=True), SHOWN):
            tf.summary.image(f"truth, found/{image.name}", truth_beside_found(image, found)[None], step=epoch)
    writer.close()
