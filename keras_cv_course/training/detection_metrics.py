"""A detector's average precision during training."""

from math import isfinite, nan
from typing import Any

import keras

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.detection.predict import BATCH_SIZE
from keras_cv_course.metrics.detector_metrics import DetectorMetrics
from keras_cv_course.metrics.measure_detector import measure_detector
from keras_cv_course.models.detector import Detector


class DetectionMetrics(keras.callbacks.Callback):
    """Measure a detector after epochs, as `kcc evaluate detector` does, and add `val_ap` and `val_ap50` to the logs.

    Callbacks that read the logs, such as ``ModelCheckpoint(monitor="val_ap50", mode="max")``, stand after it in the
    list. After an epoch that is not measured, or whose loss is not finite, both are NaN.

    Attributes:
        last: all figures of the last epoch that was measured; None before it.
    """

    def __init__(self, detector: Detector, data: BoxedImages, *, every: int = 1, batch_size: int = BATCH_SIZE) -> None:
        """Keep what is measured.

        Args:
            detector: its model is the one that is trained, or shares its weights.
            data: pictures with boxes that training does not see.
            every: measure after each so many-th epoch.
            batch_size: pictures that go through the model together.
        """
        super().__init__()
        self.last: DetectorMetrics | None = None
        self._detector, self._data, self._every, self._batch_size = detector, data, every, batch_size

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add the figures to `logs`."""
        logs = {} if logs is None else logs
        logs |= {"val_ap": nan, "val_ap50": nan}
        if self.is_due(epoch) and isfinite(logs.get("loss", 0)):
            self.last = self.measure(epoch)
            logs |= {"val_ap": self.last.coco.ap, "val_ap50": self.last.coco.ap50}

    def is_due(self, epoch: int) -> bool:
        """Tell whether an epoch, numbered from 0, is measured."""
        return (epoch + 1) % self._every == 0

    def measure(self, epoch: int) -> DetectorMetrics:
        """Measure the detector after an epoch."""
        return measure_detector(self._detector, self._data, self._batch_size)
