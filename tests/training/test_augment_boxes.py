"""Boxes move with the pixels: coloured rectangles are found again where the boxes say."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.detection.targets import encode_truth, pad_truth
from keras_cv_course.errors import RunError
from keras_cv_course.training.augment_boxes import BoxAugmentation, augment_boxes
from keras_cv_course.training.detector_batches import PLAIN

SOURCE = (120, 160)
PURE = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
GEOMETRY = {"hue": 0, "saturation": 0, "exposure": 0}


def rectangles(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw on each white picture a red, a green and a blue rectangle, its class, which do not overlap."""
    draw = np.random.default_rng(seed)
    images, rows = np.full((count, *SOURCE, 3), 255, np.uint8), []
    for image in images:
        boxes = []
        for number, colour in enumerate(PURE):
            x1, y1 = draw.integers(number * 53, number * 53 + 15), draw.integers(0, 50)
            x2, y2 = x1 + draw.integers(12, 35), y1 + draw.integers(12, 70)
            image[y1:y2, x1:x2] = colour
            boxes.append([x1, y1, x2, y2])
        rows.append(encode_truth(np.array(boxes, np.float32), np.arange(3), SOURCE))
    return images, pad_truth(rows, 5)


def augment(
    augmentation: BoxAugmentation, size: tuple[int, int], mosaics: int = 0, seed: int = 0, count: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    others = rectangles(3 * mosaics, seed + 1)
    results = augment_boxes(
        *map(tf.constant, rectangles(count, seed)),
        tuple(map(tf.constant, others)),
        tf.constant(size),
        augmentation,
        tf.constant([seed, 7]),
    )
    return results[0].numpy(), results[1].numpy()


def extents(picture: np.ndarray, colour: np.ndarray) -> list[np.ndarray]:
    """Give (x1, y1, x2, y2) of each connected patch of a colour, in pixels, found by growing."""
    mask = (np.abs(picture - colour / 255) < 0.45).all(axis=-1)
    found = []
    while mask.any():
        patch = np.zeros_like(mask)
        patch[tuple(np.argwhere(mask)[0])] = True
        size = 0
        while patch.sum() > size:
            size = patch.sum()
            grown = patch.copy()
            for axis in (0, 1):
                for step in (-1, 1):
                    moved = np.roll(patch, step, axis)
                    edge = [slice(None)] * 2
                    edge[axis] = 0 if step == 1 else -1
                    moved[tuple(edge)] = False
                    grown |= moved
            patch = grown & mask
        rows, cols = np.flatnonzero(patch.any(axis=1)), np.flatnonzero(patch.any(axis=0))
        found.append(np.array([cols[0], rows[0], cols[-1] + 1, rows[-1] + 1]))
        mask &= ~patch
    return found


def in_pixels(rows: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    scale = np.array([size[1], size[0]] * 2)
    return np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1) * scale


@pytest.mark.parametrize("size", [(120, 160), (96, 224)])
@pytest.mark.parametrize("mosaics", [0, 3])
def test_boxes_are_where_the_pixels_are(size: tuple[int, int], mosaics: int) -> None:
    augmentation = BoxAugmentation(**GEOMETRY, mosaic=0.4, least_left=0.0)
    pictures, truth = augment(augmentation, size, mosaics, seed=3)
    checked = 0
    for picture, rows in zip(pictures, truth, strict=True):
        for class_id, colour in enumerate(PURE):
            boxes = in_pixels(rows[(rows[:, 2] > 0) & (rows[:, 4] == class_id)], size)
            # Of less than two pixels nothing may be left in full colour.
            for box in boxes[((boxes[:, 2:] - boxes[:, :2]) > 2).all(axis=1)]:
                nearest = min(np.abs(patch - box).max() for patch in extents(picture, colour))
                # Half a pixel is where the colour changes, and half a pixel of blur at a window's edge.
                assert nearest <= 1.0
                checked += 1
            large = [p for p in extents(picture, colour) if min(p[2:] - p[:2]) > 2]
            assert len(large) <= len(boxes)
    assert checked > 12


def test_what_is_left_of_a_box_decides() -> None:
    all_boxes, most, whole = (
        augment(BoxAugmentation(**GEOMETRY, zoom=1.5, mosaic=0, least_left=share), (64, 64), count=64)[1]
        for share in (0.0, 0.3, 1.0)
    )
    counts = [int((rows[..., 2] > 0).sum()) for rows in (all_boxes, most, whole)]
    assert counts[0] > counts[1] > counts[2] > 0
    kept = most[..., 2] > 0
    np.testing.assert_array_equal(most[kept], all_boxes[kept])


def test_plain_changes_nothing() -> None:
    images, truth = rectangles(4, 0)
    pictures, rows = augment(PLAIN, SOURCE, count=4)
    np.testing.assert_allclose(pictures, images / 255, atol=1e-6)  # a product of float32 matrices
    np.testing.assert_allclose(rows, truth, atol=1e-6)


def test_mirrored_pictures_are_mirrored() -> None:
    images, truth = rectangles(8, 0)
    flip = BoxAugmentation(**GEOMETRY, zoom=0, aspect=0, mosaic=0)
    pictures, rows = augment(flip, SOURCE)
    turned = [not np.allclose(picture, image / 255, atol=1e-5) for picture, image in zip(pictures, images, strict=True)]
    assert 0 < sum(turned) < 8
    for number in np.flatnonzero(turned):
        np.testing.assert_allclose(pictures[number], images[number, :, ::-1] / 255, atol=1e-5)
        np.testing.assert_allclose(rows[number, :3, 0], 1 - truth[number, :3, 0], atol=1e-6)


def test_colours_turn_around_grey_and_boxes_stay() -> None:
    light = BoxAugmentation(flip=False, zoom=0, aspect=0, hue=0.1, saturation=0.5, exposure=0.0, mosaic=0)
    pictures, rows = augment(light, SOURCE)
    images, truth = rectangles(8, 0)
    white = (images == 255).all(axis=-1)
    np.testing.assert_allclose(pictures[white], 1, atol=1e-5)
    assert np.abs(pictures - images / 255).max() > 0.1
    np.testing.assert_allclose(rows, truth, atol=1e-6)


def test_equal_seeds_give_equal_pictures_and_others_do_not() -> None:
    (a, a_rows), (b, b_rows), (c, _) = (
        augment(BoxAugmentation(mosaic=0.5), (64, 64), 2, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a_rows, b_rows)
    assert not np.array_equal(a, c)


def test_pictures_without_objects_stay_so() -> None:
    empty = np.zeros((4, 3, 5), np.float32)
    images = np.full((4, *SOURCE, 3), 90, np.uint8)
    pictures, rows = augment_boxes(
        tf.constant(images),
        tf.constant(empty),
        (tf.constant(images[:3]), tf.constant(empty[:3])),
        tf.constant((64, 64)),
        BoxAugmentation(mosaic=0.5),
        tf.constant([0, 0]),
    )
    assert np.isfinite(pictures).all()
    np.testing.assert_array_equal(rows, np.zeros((4, 12, 5)))


@pytest.mark.parametrize(("setting", "value"), [("zoom", -0.1), ("hue", -1), ("mosaic", 1.1), ("least_left", -0.1)])
def test_impossible_ranges_are_refused(setting: str, value: float) -> None:
    with pytest.raises(RunError, match=f"BoxAugmentation.{setting} must .* Received: {value}"):
        BoxAugmentation(**{setting: value})
