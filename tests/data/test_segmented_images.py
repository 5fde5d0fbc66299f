"""Pictures with class maps: drawn, and checked."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cv_course.data.masked_images import IGNORED, MaskedImage, MaskedImages
from keras_cv_course.data.segmented_images import (
    SegmentedImages,
    draw_segmented_images,
    read_segmented_images,
    resize_class_map,
)
from keras_cv_course.data.synthetic.road_scenes import SURFACES, draw_road_scenes
from keras_cv_course.errors import DataContentError
from keras_cv_course.run_lengths import encode_masks


def test_drawn_pictures_are_the_scenes() -> None:
    done: list[int] = []
    data = draw_segmented_images(3, 2, (64, 96), done.append)
    assert (data.class_names, data.size, len(data), done) == (SURFACES, (64, 96), 3, [1, 2, 3])
    for number, scene in enumerate(draw_road_scenes(3, 2, (64, 96))):
        np.testing.assert_array_equal(data.images[number], scene.image)
        np.testing.assert_array_equal(data.class_maps[number], scene.surfaces)


def test_a_set_with_masks_is_read_and_brought_to_size(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    masks = np.zeros((2, 40, 60), bool)
    masks[0, 10:30, 12:48] = masks[1, 20:26, 18:30] = True
    boxes = np.array([[12, 10, 48, 30], [18, 20, 30, 26]], np.float32)
    images = tuple(
        MaskedImage(
            name, tmp_path / name, (40, 60), boxes, np.array([1, 0]), (frozenset(),) * 2, masks=encode_masks(masks)
        )
        for name in ("a.png", "b.png")
    )
    read = read_segmented_images(MaskedImages(tmp_path, images, ("car", "bus"), (1, 2), "coco"), (20, 30))
    assert (len(read), len(read.skipped)) == (1, 1)
    assert read.class_names == ("background", "car", "bus")
    expected = np.zeros((20, 30), np.uint8)
    expected[5:15, 6:24], expected[10:13, 9:15] = 2, 1  # half as large; the smaller lies over the larger
    np.testing.assert_array_equal(read.class_maps[0], expected)
    assert read.images.shape == (1, 20, 30, 3)


def set_of_one(folder: Path, class_names: tuple[str, ...], box: tuple[float, ...] = (1, 1, 3, 3)) -> MaskedImages:
    Image.new("RGB", (6, 4)).save(folder / "a.png")
    mask = np.zeros((1, 4, 6), bool)
    mask[0, 1:3, 1:3] = True
    boxes, ids = np.array([box], np.float32), np.array([len(class_names) - 1])
    image = MaskedImage("a.png", folder / "a.png", (4, 6), boxes, ids, (frozenset(),), masks=encode_masks(mask))
    return MaskedImages(folder, (image,), class_names, tuple(range(len(class_names))), "coco")


def test_a_mask_counts_whatever_its_box_says(tmp_path: Path) -> None:
    read = read_segmented_images(set_of_one(tmp_path, ("car",), box=(0, 0, 0, 0)), (4, 6))
    assert read.class_maps.sum() == 4


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("car", "background"), r"no class named 'background'"),
        (tuple(map(str, range(255))), r"at most 254 classes\. Received: 255"),
    ],
)
def test_classes_that_no_map_holds_are_refused_before_pictures_are_read(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    done: list[int] = []
    with pytest.raises(DataContentError, match=message):
        read_segmented_images(set_of_one(tmp_path, names), (4, 6), done.append)
    assert not done


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
    with pytest.raises(DataContentError, match="each class name once"):
        SegmentedImages(images, maps, ("a", "a"))
    maps[1, 2, 3] = 2
    with pytest.raises(DataContentError, match=r"below 2, .*Received: 2\."):
        SegmentedImages(images, maps, ("a", "b"))
