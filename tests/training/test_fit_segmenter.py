"""Training of segmenters: maps move with their pictures, and coloured rectangles are told apart to the pixel."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from stopping import Stop

from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.data.segmented_images import SegmentedImages
from keras_cv_course.errors import ModelError
from keras_cv_course.models.segmenter import load_segmenter
from keras_cv_course.models.unet import unet
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.training.fit_segmenter import MeanIoU, SegmenterSettings, augment_segmented, fit_segmenter
from keras_cv_course.training.run_folder import RunFolder

SIZE = (16, 24)
GEOMETRY = Augmentation(brightness=0, contrast=0, colour=0)
COLOURS = ((0, 0, 0), (255, 0, 0), (0, 0, 255))


def rectangles(count: int, seed: int = 0) -> SegmentedImages:
    """Draw a red and a blue rectangle on grey, each pixel of its class; those of the first column count nowhere."""
    draw = np.random.default_rng(seed)
    images = draw.integers(90, 130, (count, *SIZE, 3)).astype(np.uint8)
    class_maps = np.zeros((count, *SIZE), np.uint8)
    for image, class_map in zip(images, class_maps, strict=True):
        for number, colour in ((1, [230, 20, 20]), (2, [20, 20, 230])):
            x, y = draw.integers(1, 14), draw.integers(0, 8)
            part = np.s_[y : y + draw.integers(4, 9), x : x + draw.integers(4, 11)]
            image[part], class_map[part] = colour, number
    class_maps[:, :, 0] = IGNORED
    return SegmentedImages(images, class_maps, ("grey", "red", "blue"))


def test_classes_stay_on_what_they_name() -> None:
    data = rectangles(32)
    images, maps = augment_segmented(
        tf.constant(data.images / np.float32(255)), tf.constant(data.class_maps), GEOMETRY, tf.constant([3, 4])
    )
    images, maps = images.numpy(), maps.numpy()
    assert not np.array_equal(maps, data.class_maps)
    excess = images[..., 0] - images[..., 2]  # 0.82 on red, -0.82 on blue, and as good as nothing on grey
    seen = np.select([excess > 0.41, excess < -0.41], [1, 2], 0)
    counted = maps != IGNORED
    outside = 0.02 * counted.size  # at edges, bilinear and nearest differ by less than a pixel
    assert (seen != maps)[counted].sum() <= outside
    assert 0.4 < counted.mean() < 0.95  # what comes from outside counts nowhere


def test_equal_seeds_give_equal_batches() -> None:
    data = rectangles(8)
    images, maps = tf.constant(data.images / np.float32(255)), tf.constant(data.class_maps)
    one, again, other = (augment_segmented(images, maps, GEOMETRY, tf.constant([1, seed])) for seed in (2, 2, 3))
    for a, b, c in zip(one, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_learns_to_tell_rectangles_apart_and_keeps_what_its_use_needs(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = unet((*SIZE, 3), 3, filters=(16, 24))
    settings = SegmenterSettings(epochs=6, batch_size=4, learning_rate=1e-2, precision="float32", augmentation=GEOMETRY)
    folder = RunFolder(tmp_path / "run")
    segmenter, history = fit_segmenter(model, rectangles(192), settings, colours=COLOURS, folder=folder)
    assert len(history["mean_iou"]) == 6
    data = rectangles(40, seed=1)
    found = segmenter.predict(data.images)
    for number in range(3):  # IoU of each class
        said, there = found[..., 1:] == number, data.class_maps[..., 1:] == number
        assert (said & there).sum() / (said | there).sum() >= 0.85
    measured = keras.saving.load_model(folder.model).evaluate(
        data.images[:8] / np.float32(255), data.class_maps[:8], return_dict=True, verbose=0
    )
    assert measured["mean_iou"] > 0.8  # loss and metric are in the file too
    loaded = load_segmenter(folder.path)
    assert (loaded.class_names, loaded.colours) == (data.class_names, COLOURS)
    np.testing.assert_array_equal(loaded.predict(data.images), found)


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    data, settings = rectangles(16), SegmenterSettings(epochs=2, precision="float32", augmentation=GEOMETRY)
    assert settings.optimizer == "muon"

    def train(**options: object) -> list[np.ndarray]:
        keras.utils.set_random_seed(0)
        segmenter, _ = fit_segmenter(unet((*SIZE, 3), 3, filters=(4, 6)), data, settings, colours=COLOURS, **options)
        return segmenter.model.get_weights()

    expected, run = train(), RunFolder(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(folder=run, callbacks=[Stop(1, 2)])
    for one, other in zip(train(folder=run, resume=True), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_metric_is_that_of_numpy() -> None:
    draw = np.random.default_rng(1)
    class_maps, logits = draw.integers(0, 3, (4, 5, 6)).astype(np.uint8), draw.normal(size=(4, 5, 6, 3)).astype("f4")
    class_maps[draw.random(class_maps.shape) < 0.3] = IGNORED
    metric = MeanIoU(3)
    for part in (slice(0, 1), slice(1, 4)):
        metric.update_state(class_maps[part], logits[part])
    said, counted = logits.argmax(axis=-1), class_maps != IGNORED
    expected = [
        ((said == c) & (class_maps == c)).sum() / (((said == c) & counted) | (class_maps == c)).sum() for c in range(3)
    ]
    assert float(metric.result()) == pytest.approx(np.mean(expected), rel=1e-6)
    again = MeanIoU.from_config(metric.get_config())
    again.update_state(class_maps, logits)
    assert float(again.result()) == pytest.approx(np.mean(expected), rel=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    data = rectangles(4)
    model = unet((*SIZE, 3), 3, filters=(4, 4))
    with pytest.raises(ModelError, match=r"classes: 3\. Received: .*\(None, 16, 24, 2\)"):
        fit_segmenter(unet((*SIZE, 3), 2, filters=(4, 4)), data, SegmenterSettings(), colours=COLOURS)
    with pytest.raises(ModelError, match="3 colours"):
        fit_segmenter(model, data, SegmenterSettings(), colours=COLOURS[:2])
    with pytest.raises(ModelError, match=r"the model's size, \(32, 24\)\. Received: \(16, 24\)"):
        fit_segmenter(unet((32, 24, 3), 3, filters=(4, 4)), data, SegmenterSettings(), colours=COLOURS)
    other = replace(data, class_names=("grey", "blue", "red"))
    with pytest.raises(ModelError, match=r"validation .*grey, red, blue.* Received: grey, blue, red"):
        fit_segmenter(model, data, SegmenterSettings(), colours=COLOURS, validation=other)
    with pytest.raises(ModelError, match="one at least above 0"):
        SegmenterSettings(cross_entropy=0, dice=0)
    settings = SegmenterSettings(epochs=3, augmentation=None, focal=0.5)
    assert SegmenterSettings.from_json(settings.to_json()) == settings
    assert SegmenterSettings.from_json(replace(settings, augmentation=GEOMETRY).to_json()).augmentation == GEOMETRY
