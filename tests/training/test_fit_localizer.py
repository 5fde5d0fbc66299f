"""Training of localizers: boxes move with their pictures, and a coloured square is found."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.data.localized_images import NO_OBJECT, LocalizedImages
from keras_cv_course.errors import ModelError, RunError
from keras_cv_course.metrics.localization import localization_metrics
from keras_cv_course.models.localizer import decode_prediction, encode_target, localizer
from keras_cv_course.models.trained_localizer import Localizer
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.training.fit_localizer import LocalizerSettings, augment_localized, fit_localizer

SIZE = (32, 48)
GEOMETRY = Augmentation(rotation=0, brightness=0, contrast=0, colour=0)


def squares(count: int, seed: int = 0) -> LocalizedImages:
    """Draw red and blue rectangles on grey, and on each fourth picture nothing."""
    draw = np.random.default_rng(seed)
    images = draw.integers(90, 130, (count, *SIZE, 3)).astype(np.uint8)
    class_ids = draw.integers(0, 2, count)
    class_ids[::4] = NO_OBJECT
    low = np.stack([draw.integers(2, 20, count), draw.integers(2, 12, count)], axis=1)
    boxes = np.concatenate([low, low + draw.integers(10, 17, (count, 2))], axis=1).astype(np.float32)
    for image, (x1, y1, x2, y2), class_id in zip(images, boxes.astype(int), class_ids, strict=True):
        if class_id != NO_OBJECT:
            image[y1:y2, x1:x2] = [230, 20, 20] if class_id == 0 else [20, 20, 230]
    boxes[class_ids == NO_OBJECT] = 0
    return LocalizedImages(images, boxes, class_ids, ("red", "blue"))


def test_boxes_stay_around_what_they_hold() -> None:
    data = squares(64)
    y = encode_target(data.boxes, data.class_ids, SIZE, 2)
    images, targets = augment_localized(
        tf.constant(data.images / np.float32(255)), tf.constant(y), GEOMETRY, tf.constant([3, 4])
    )
    assert not np.allclose(images, data.images / 255, atol=0.1)
    found = decode_prediction(targets.numpy(), SIZE)
    np.testing.assert_array_equal(found.class_ids, data.class_ids)
    for image, box, class_id in zip(images.numpy(), found.boxes, data.class_ids, strict=True):
        if class_id != NO_OBJECT:
            coloured = np.abs(image[..., 0] - image[..., 2]) > 0.41  # half of what the rectangles have
            rows, columns = np.flatnonzero(coloured.any(axis=1)), np.flatnonzero(coloured.any(axis=0))
            seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            np.testing.assert_allclose(box, seen, atol=1)  # a pixel is coloured or not


def test_an_object_that_leaves_the_picture_is_none() -> None:
    boxes = np.float32([[0, 10, 2, 12], [0, 0, 48, 32]])
    y = np.repeat(encode_target(boxes, np.array([0, 1]), SIZE, 2), 50, axis=0)
    shifted = replace(GEOMETRY, flip=False, zoom=0.0, shift=0.5)
    _, targets = augment_localized(tf.zeros((100, *SIZE, 3)), tf.constant(y), shifted, tf.constant([1, 2]))
    small, large = targets.numpy()[:50], targets.numpy()[50:]
    gone = small[:, 0] == 0
    assert 10 < gone.sum() < 40
    assert not small[gone].any()
    assert (np.minimum(small[~gone, 3], small[~gone, 4]) > 0).all()
    np.testing.assert_array_equal(large[:, [0, 6]], 1)


def test_equal_seeds_give_equal_batches() -> None:
    data = squares(8)
    images, y = tf.constant(data.images / np.float32(255)), encode_target(data.boxes, data.class_ids, SIZE, 2)
    one, again, other = (
        augment_localized(images, tf.constant(y), Augmentation(rotation=0), tf.constant([1, seed]))
        for seed in (2, 2, 3)
    )
    for a, b, c in zip(one, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_learns_to_find_squares() -> None:
    keras.utils.set_random_seed(0)
    model = localizer((*SIZE, 3), 2)
    fit_localizer(model, squares(512), LocalizerSettings(epochs=12, learning_rate=4e-3))
    data = squares(100, seed=1)
    found = Localizer(model, data.class_names, "here").predict(data.images)
    metrics = localization_metrics(data.boxes, data.class_ids, found.boxes, found.class_ids)
    assert metrics.accuracy >= 0.95
    assert metrics.correct >= 0.8  # far from where it would end; a network that sees no place has under 0.4


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match=r"7 outputs.*Received: output shape \(None, 8\)"):
        fit_localizer(localizer((*SIZE, 3), 3), squares(4), LocalizerSettings())
    with pytest.raises(RunError, match="augmentation must be without rotation"):
        LocalizerSettings(augmentation=Augmentation())
    with pytest.raises(RunError, match="loss must be one of notes, squared"):
        LocalizerSettings(loss="cubed")
    settings = LocalizerSettings(epochs=3, augmentation=None, loss="squared")
    assert LocalizerSettings.from_json(settings.to_json()) == settings
    assert LocalizerSettings.from_json(replace(settings, augmentation=GEOMETRY).to_json()).augmentation == GEOMETRY
