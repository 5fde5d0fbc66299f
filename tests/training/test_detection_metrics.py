"""Average precision as a callback of `Model.fit`."""

from pathlib import Path

import keras
import numpy as np
import pytest
from colour_detector import CLASSES, colour_detector, picture
from PIL import Image

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.training.detection_metrics import DetectionMetrics


def test_measures_the_weights_of_each_epoch(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.fromarray(picture((64, 96), {(0, 1): "red"})).save(path)
    box = np.array([[32, 0, 64, 32]], np.float32)
    image = BoxedImage(path.name, path, (64, 96), box, np.zeros(1, np.int64), (frozenset(),))
    data = BoxedImages(tmp_path, (image,), CLASSES, (1, 2), "drawn")
    detector = colour_detector()
    good = detector.model.get_weights()
    blind = [weights * 0 - 20 for weights in good]

    class SetWeights(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            detector.model.set_weights(good if epoch == 3 else blind)

    measured = DetectionMetrics(detector, data, every=2)
    detector.model.compile(keras.optimizers.SGD(0.0), "mse")
    history = detector.model.fit(
        np.zeros((1, 64, 96, 3)), np.zeros((1, 2, 3, 7)), epochs=4, verbose=0, callbacks=[SetWeights(), measured]
    ).history
    for name in ("val_ap", "val_ap50"):
        assert history[name] == pytest.approx([np.nan, 0, np.nan, 1], nan_ok=True)
    assert measured.last is not None
    assert measured.last.confusion.trace() == 1
