import keras
import numpy as np
import pytest

from keras_cv_course.errors import ModelError
from keras_cv_course.models.instance_segmenter import InstanceSegmenter


class Always(keras.layers.Layer):
    """Finds the same objects on every picture of 64 x 64, each filling the upper half of its box."""

    BOXES = ((20, 10, 60, 30), (0, 0, 64, 8), (10, 40, 30, 70), (0, 0, 0, 0))

    def call(self, images):
        ones = keras.ops.ones((keras.ops.shape(images)[0], 1))
        boxes = ones[..., None] * keras.ops.convert_to_tensor([self.BOXES], "float32")
        scores = ones * keras.ops.convert_to_tensor([[0.9, 0.8, 0.7, 0.0]], "float32")
        class_ids = keras.ops.cast(ones * keras.ops.convert_to_tensor([[0.0, 1.0, 1.0, 0.0]], "float32"), "int32")
        upper_half = keras.ops.reshape(keras.ops.convert_to_tensor([1.0, 1.0, 0.0, 0.0]), (1, 1, 4, 1))
        masks = upper_half * keras.ops.ones((1, 4, 1, 4))
        return {"boxes": boxes, "scores": scores, "class_ids": class_ids, "masks": masks}


@pytest.fixture(scope="module")
def segmenter():
    inputs = keras.Input((64, 64, 3))
    return InstanceSegmenter(keras.Model(inputs, Always()(inputs)), ("a", "b"), "it")


def test_boxes_end_at_the_picture_and_masks_stay_where_they_were(segmenter):
    found = segmenter.segment(np.zeros((32, 64, 3), np.uint8))  # in rows 16 to 48 of the network's picture
    # The first reaches above the picture, the second lies in the grey above it, the third reaches below.
    assert found.detections.boxes.tolist() == [[20, 0, 60, 14], [10, 24, 30, 32]]
    assert found.detections.class_ids.tolist() == [0, 1]
    # Their boxes' upper halves are rows -6 to 4 and 24 to 39; at its corners a pasted mask is rounded.
    rows = np.arange(32)
    np.testing.assert_array_equal(found.masks[0, :, 30:50], np.repeat(rows[:, None] < 4, 20, axis=1))
    np.testing.assert_array_equal(found.masks[1, :, 16:24], np.repeat(rows[:, None] >= 24, 8, axis=1))
    assert segmenter.detect(np.zeros((32, 64, 3), np.uint8)).boxes.tolist() == found.detections.boxes.tolist()


def test_a_class_without_a_name_is_refused(segmenter):
    with pytest.raises(ModelError, match=r"a class name for class 1\. Received: 1"):
        InstanceSegmenter(segmenter.model, ("a",), "it").detect(np.zeros((32, 64, 3), np.uint8))
