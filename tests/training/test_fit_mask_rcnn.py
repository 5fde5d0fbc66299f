from dataclasses import replace

import numpy as np
import pytest

from keras_cv_course.data.instance_pixels import MINI_MASK, draw_instance_pixels, mini_masks
from keras_cv_course.data.synthetic.shapes import CLASS_NAMES, draw_shape_scenes
from keras_cv_course.detection.mask_rcnn_losses import LOSSES, mask_targets
from keras_cv_course.errors import ModelError
from keras_cv_course.models.instance_segmenter import load_instance_segmenter
from keras_cv_course.models.mask_rcnn import mask_rcnn, small_backbone, small_plan
from keras_cv_course.models.paste_masks import paste_masks
from keras_cv_course.training.augment_boxes import BoxAugmentation
from keras_cv_course.training.fit_mask_rcnn import MaskRcnnSettings, fit_mask_rcnn, mirror
from keras_cv_course.training.run_folder import RunFolder

SIZE = (64, 64)
SETTINGS = MaskRcnnSettings(epochs=2, batch_size=4, warmup_epochs=0, anchors=32, regions=16)


@pytest.fixture(scope="module")
def pictures():
    return draw_instance_pixels(8, 1, SIZE)


def network(**changes):
    plan = replace(small_plan(len(CLASS_NAMES), SIZE), filters=16, box_units=16, mask_filters=8, proposals=20, most=5)
    return mask_rcnn(small_backbone(SIZE), replace(plan, **changes))


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    segmenter, history = fit_mask_rcnn(network(), pictures, SETTINGS, folder=RunFolder(folder))
    return segmenter, history, folder


def test_every_loss_is_measured_and_the_sum_falls(trained):
    _, history, _ = trained
    assert set(LOSSES) < set(history)
    assert history["loss"][1] < history["loss"][0]
    for epoch in range(2):
        assert history["loss"][epoch] == pytest.approx(sum(history[name][epoch] for name in LOSSES), rel=1e-4)


def test_the_saved_model_finds_the_same(trained, pictures):
    segmenter, _, folder = trained
    again = load_instance_segmenter(folder)
    assert again.class_names == CLASS_NAMES
    image = np.concatenate([pictures.images[0]] * 2, axis=1)[:, :90]  # neither the model's size nor square
    ours, theirs = segmenter.segment(image, 0.0), again.segment(image, 0.0)
    np.testing.assert_array_equal(ours.detections.boxes, theirs.detections.boxes)
    np.testing.assert_array_equal(ours.masks, theirs.masks)
    assert ours.masks.shape == (len(ours.detections), *image.shape[:2])
    assert len(ours.detections)
    assert ours.detections.boxes.min() >= 0


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


def test_mosaics_are_refused():
    with pytest.raises(Exception, match="without mosaics"):
        MaskRcnnSettings(augmentation=BoxAugmentation(mosaic=0.5))
