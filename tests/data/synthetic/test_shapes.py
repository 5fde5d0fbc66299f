"""Drawn shapes: their masks, compared with geometry and with the picture."""

import numpy as np
import pytest

from keras_cv_course.data.synthetic.shapes import CLASS_NAMES, ShapeScene, draw_shape_scene, draw_shape_scenes
from keras_cv_course.errors import DataContentError

SIZE = (96, 128)


@pytest.fixture(scope="module")
def scenes() -> list[ShapeScene]:
    return list(draw_shape_scenes(60, seed=1, image_size=SIZE))


def test_arrays(scenes: list[ShapeScene]) -> None:
    assert CLASS_NAMES == ("circle", "square", "triangle", "star")
    for scene in scenes:
        count = len(scene.boxes)
        assert 1 <= count <= 6
        assert (scene.image.dtype, scene.image.shape) == (np.uint8, (*SIZE, 3))
        assert (scene.boxes.dtype, scene.boxes.shape) == (np.float32, (count, 4))
        assert (scene.class_ids.dtype, scene.class_ids.shape) == (np.int64, (count,))
        assert (scene.masks.dtype, scene.masks.shape) == (np.bool_, (count, *SIZE))
    counts = np.bincount(np.concatenate([scene.class_ids for scene in scenes]), minlength=4)
    assert (counts > 20).all()
    assert 2 < counts.sum() / len(scenes) < 5


def test_a_pixel_shows_one_shape_and_boxes_are_close(scenes: list[ShapeScene]) -> None:
    for scene in scenes:
        assert scene.masks.sum(axis=0).max() == 1
        for mask, (x1, y1, x2, y2) in zip(scene.masks, scene.boxes.astype(int), strict=True):
            assert mask.sum() >= 12
            inside = mask[y1:y2, x1:x2]
            assert inside.sum() == mask.sum()
            assert all(side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_whole_shapes_have_the_area_of_their_form(scenes: list[ShapeScene]) -> None:
    """Of a shape in the open, its area and the distance of its farthest pixel from its middle say which it is."""
    shares = {number: [] for number in range(4)}
    for scene in scenes:
        taken = scene.masks.sum(axis=0)
        for mask, number, (x1, y1, x2, y2) in zip(scene.masks, scene.class_ids, scene.boxes.astype(int), strict=True):
            within = x1 > 1 and y1 > 1 and x2 < SIZE[1] - 1 and y2 < SIZE[0] - 1
            alone = taken[y1 - 2 : y2 + 2, x1 - 2 : x2 + 2].sum() == mask.sum()
            if within and alone:
                points = np.argwhere(mask)
                radius = np.linalg.norm(points - points.mean(axis=0), axis=1).max() + 0.5
                shares[int(number)].append(mask.sum() / (np.pi * radius**2))
    # Of the circle around it: a square 2 / pi, a triangle 3 sqrt(3) / (4 pi), a star 5 sin(36 degrees) 0.42 / pi.
    for number, expected in enumerate([1.0, 2 / np.pi, 0.413, 0.393]):
        assert len(shares[number]) > 3
        assert np.mean(shares[number]) == pytest.approx(expected, rel=0.12)  # edges of pixels on small shapes


def test_shapes_stand_out_and_masks_follow_them(scenes: list[ShapeScene]) -> None:
    """The mean colours of a shape and of what is around it differ, and do less where a mask is moved aside."""
    better = []
    for scene in scenes:
        image, open_ground = scene.image.astype(float), ~scene.masks.any(axis=0)
        for mask in scene.masks:
            inside = image[mask].std(axis=0).mean()
            moved = np.roll(mask, 6, axis=1)
            better.append(inside < image[moved].std(axis=0).mean())
            assert np.linalg.norm(image[mask].mean(axis=0) - image[open_ground].mean(axis=0)) > 30
    assert np.mean(better) > 0.95


def test_a_scene_is_a_function_of_its_seed(scenes: list[ShapeScene]) -> None:
    again = list(draw_shape_scenes(2, seed=1, image_size=SIZE))
    alone = draw_shape_scene(np.random.default_rng([1, 1]), SIZE)
    for one, other in ((scenes[0], again[0]), (scenes[1], again[1]), (scenes[1], alone)):
        for name in ("image", "boxes", "class_ids", "masks"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    (other_seed,) = draw_shape_scenes(1, seed=2, image_size=SIZE)
    assert (other_seed.image != scenes[0].image).any()


def test_too_little_is_refused() -> None:
    with pytest.raises(DataContentError, match=r"count >= 1. Received: count=0"):
        draw_shape_scenes(0, seed=0)
    with pytest.raises(DataContentError, match=r"each >= 32 pixels. Received: \(31, 64\)"):
        draw_shape_scenes(1, seed=0, image_size=(31, 64))
    with pytest.raises(DataContentError, match=r"each >= 32 pixels. Received: \(64, 31\)"):
        draw_shape_scene(np.random.default_rng(0), (64, 31))
