"""Pictures with class maps: drawn, and checked."""

import numpy as np
import pytest

from keras_cv_course.data.segmented_images import IGNORED, SegmentedImages, draw_segmented_images, resize_class_map
from keras_cv_course.data.synthetic.road_scenes import SURFACES, draw_road_scenes
from keras_cv_course.errors import DataContentError


def test_drawn_pictures_are_the_scenes() -> None:
    done: list[int] = []
    data = draw_segmented_images(3, 2, (64, 96), done.append)
    assert (data.class_names, data.size, len(data), done) == (SURFACES, (64, 96), 3, [1, 2, 3])
    for number, scene in enumerate(draw_road_scenes(3, 2, (64, 96))):
        np.testing.assert_array_equal(data.images[number], scene.image)
        np.testing.assert_array_equal(data.class_maps[number], scene.surfaces)


def test_a_map_is_stretched_without_new_classes() -> None:
    map_of_classes = np.array([[0, 7], [255, 3]], np.uint8)
    expected = map_of_classes.repeat(3, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(resize_class_map(map_of_classes, (6, 4)), expected)
    np.testing.assert_array_equal(resize_class_map(expected, (2, 2)), map_of_classes)


def test_what_does_not_fit_is_refused() -> None:
    images, maps = np.zeros((2, 4, 6, 3), np.uint8), np.full((2, 4, 6), IGNORED, np.uint8)
    assert len(SegmentedImages(images, maps, ("a",))) == 2
    with pytest.raises(DataContentError, match="images uint8"):
        SegmentedImages(images[:0], maps[:0], ("a",))
    with pytest.raises(DataContentError, match=r"class maps uint8 \(2, 4, 6\).*Received: int64"):
        SegmentedImages(images, maps.astype(np.int64), ("a",))
    with pytest.raises(DataContentError, match=r"\(2, 4, 6\).*Received: uint8 \(2, 4, 5\)"):
        SegmentedImages(images, maps[:, :, 1:], ("a",))
    maps[1, 2, 3] = 2
    with pytest.raises(DataContentError, match=r"below 2, .*Received: 2\."):
        SegmentedImages(images, maps, ("a", "b"))
