from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_cv_course.data.instance_pixels import MINI_MASK, draw_instance_pixels, mini_masks
from keras_cv_course.data.synthetic.shapes import CLASS_NAMES, draw_shape_scenes
from keras_cv_course.detection.mask_rcnn_losses import mask_targets
from keras_cv_course.detection.targets import encode_truth, pad_truth
from keras_cv_course.errors import ModelError
from keras_cv_course.models.mask_rcnn import mask_rcnn, small_backbone, small_plan
from keras_cv_course.models.paste_masks import paste_masks
from keras_cv_course.training.augment_boxes import BoxAugmentation
from keras_cv_course.training.detector_batches import PLAIN, BoxedPixels
from keras_cv_course.training.fit_mask_rcnn import MaskRcnnSettings, boxed_feed, fit_mask_rcnn, mirror

SIZE = (64, 64)
SETTINGS = MaskRcnnSettings(epochs=2, batch_size=4, warmup_epochs=0, anchors=32, regions=16)


@pytest.fixture(scope="module")
def pictures():
    return draw_instance_pixels(8, 1, SIZE)


def network(**changes):
    plan = replace(small_plan(len(CLASS_NAMES), SIZE), filters=16, box_units=16, mask_filters=8, proposals=20, most=5)
    return mask_rcnn(small_backbone(SIZE), replace(plan, **changes))


def test_masks_come_back_from_their_boxes():
    scene = next(iter(draw_shape_scenes(1, 7, (128, 128))))
    small = mini_masks(scene.masks, scene.boxes)
    pasted = paste_masks(small / np.float32(255), scene.boxes, (128, 128))
    for mask, again in zip(scene.masks, pasted, strict=True):
        assert (mask & again).sum() / (mask | again).sum() > 0.9  # edges are read between pixels twice


def test_regions_are_shown_their_part_of_the_mask():
    left_half = np.zeros((1, 1, MINI_MASK, MINI_MASK), np.uint8)
    left_half[..., : MINI_MASK // 2] = 255
    boxes = np.array([[[10, 10, 30, 30]]], np.float32)
    regions = np.array([[[10, 10, 30, 30], [10, 10, 20, 30], [20, 10, 40, 30]]], np.float32)
    shown = np.asarray(mask_targets(regions, np.zeros((1, 3), int), boxes, left_half, 4))[0]
    assert shown[0].tolist() == [[1, 1, 0, 0]] * 4
    assert shown[1].all()
    assert not shown[2].any()


def test_mirrored_boxes_lie_on_mirrored_pixels(pictures):
    objects = {"boxes": pictures.boxes, "class_ids": pictures.class_ids, "mini_masks": pictures.mini_masks}
    chosen = np.arange(8) % 2 == 0
    images, turned = mirror(pictures.images, objects, chosen)
    images, boxes, masks = images.numpy(), turned["boxes"].numpy(), turned["mini_masks"].numpy()
    for one in range(8):
        left, top, right, bottom = pictures.boxes[one, 0].astype(int)
        there = slice(64 - right, 64 - left) if chosen[one] else slice(left, right)
        expected = pictures.images[one, top:bottom, left:right]
        found = images[one, top:bottom, there]
        np.testing.assert_array_equal(found[:, ::-1] if chosen[one] else found, expected)
        assert boxes[one, 0].tolist() == [there.start, top, there.stop, bottom]
        flipped = masks[one, 0][:, ::-1] if chosen[one] else masks[one, 0]
        np.testing.assert_array_equal(flipped, pictures.mini_masks[one, 0])


def test_says_what_does_not_fit(pictures):
    with pytest.raises(ModelError, match="network's 3 classes"):
        fit_mask_rcnn(network(classes=3), pictures, SETTINGS)
    with pytest.raises(ModelError, match="with masks for a network with a mask head"):
        fit_mask_rcnn(network(masks=False), pictures, SETTINGS)
    with pytest.raises(ModelError, match="multiples of 32"):
        small_backbone((64, 70))
    with pytest.raises(ModelError, match="anchor_sizes for the backbone's 3 maps"):
        network(anchor_sizes=(8.0,))
    for changes, message in (
        ({"most": 0}, "most of at least 1"),
        ({"anchor_sizes": (8.0, 0.0, 32.0)}, "anchor_sizes and ratios above 0"),
        ({"score_threshold": 1.0}, "score_threshold from 0 to below 1"),
    ):
        with pytest.raises(ModelError, match=message):
            network(**changes)


def two_maps(size):
    """Make a backbone of maps at strides 8 and 16, whose sizes are rounded up."""
    inputs = keras.Input((*size, 3))
    fine = keras.layers.Conv2D(4, 1, strides=8, padding="same")(inputs)
    return keras.Model(inputs, [fine, keras.layers.Conv2D(4, 1, strides=2, padding="same")(fine)])


def test_strides_are_those_of_the_maps_also_of_odd_ones():
    plan = replace(small_plan(2, (112, 48)), filters=4, anchor_sizes=(8, 16, 32))
    network = mask_rcnn(two_maps((112, 48)), plan)
    assert network.map_sizes == [(14, 6), (7, 3), (4, 2)]  # the coarsest is every second place: 112 / 4 is not 32
    assert network.strides == [8, 16, 32]
    with pytest.raises(ModelError, match=r"multiple of the backbone's largest map, \(14, 6\). Received: \(110, 48\)"):
        mask_rcnn(two_maps((110, 48)), plan)  # 110 / 8 is rounded up to 14, and strides would be 7 and 15


def test_mosaics_are_refused():
    with pytest.raises(Exception, match="without mosaics"):
        MaskRcnnSettings(augmentation=BoxAugmentation(mosaic=0.5))


def test_boxes_of_a_detector_set_become_the_same_boxes_in_pixels():
    boxes = np.array([[4, 8, 20, 40], [0, 0, 64, 32]], np.float32)
    truth = pad_truth([encode_truth(boxes, np.array([1, 0]), SIZE), encode_truth(boxes[:0], np.zeros(0), SIZE)], 3)
    train = BoxedPixels(np.full((2, *SIZE, 3), 100, np.uint8), truth, ("a", "b"))
    plain = replace(SETTINGS, augmentation=PLAIN, batch_size=2, epochs=1)
    [(inputs, _)] = boxed_feed(train, plain).training(0)
    first = int(np.argmax(inputs["class_ids"].numpy().max(axis=1)))  # the order is drawn
    np.testing.assert_allclose(inputs["boxes"].numpy()[first, :2], boxes, atol=1e-4)
    assert inputs["class_ids"].numpy()[first].tolist() == [1, 0, -1]
    assert inputs["class_ids"].numpy()[1 - first].tolist() == [-1, -1, -1]
    np.testing.assert_allclose(inputs["image"].numpy(), 100, atol=1e-3)


@pytest.mark.slow
def test_faster_rcnn_learns_from_boxes_alone():
    draw = draw_instance_pixels(4, 2, SIZE)
    rows = [
        encode_truth(boxes[ids >= 0], ids[ids >= 0], SIZE)
        for boxes, ids in zip(draw.boxes, draw.class_ids, strict=True)
    ]
    train = BoxedPixels(draw.images, pad_truth(rows, max(map(len, rows))), draw.class_names)
    detector, history = fit_mask_rcnn(network(masks=False), train, replace(SETTINGS, epochs=1))
    assert np.isfinite(history["loss"]).all()
    assert "masks" not in history
    found = detector.detect(draw.images[0], 0.01)
    assert found.image_size == SIZE
    with pytest.raises(ModelError, match="call detect"):
        detector.segment(draw.images[0])
