from pathlib import Path

import numpy as np
import pytest

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.data.localized_images import NO_OBJECT, draw_localized_images, read_localized_images
from keras_cv_course.data.synthetic.lone_scenes import CLASS_NAMES, draw_lone_scenes
from keras_cv_course.data.synthetic.road_set import write_road_scenes
from keras_cv_course.errors import DataContentError


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> BoxedImages:
    folder = tmp_path_factory.mktemp("lone") / "set"
    write_road_scenes(folder, count=8, seed=2, image_size=(64, 96), lone=True)
    return find_boxes(folder)


def test_drawn_pictures_are_the_scenes() -> None:
    done: list[int] = []
    data = draw_localized_images(6, 2, (64, 96), done.append)
    assert (data.class_names, data.size, len(data), done) == (CLASS_NAMES, (64, 96), 6, [1, 2, 3, 4, 5, 6])
    for number, scene in enumerate(draw_lone_scenes(6, 2, (64, 96))):
        np.testing.assert_array_equal(data.images[number], scene.image)
        if len(scene.boxes):
            np.testing.assert_array_equal(data.boxes[number], scene.boxes[0])
            assert data.class_ids[number] == scene.class_ids[0]
        else:
            assert data.class_ids[number] == NO_OBJECT
            assert not data.boxes[number].any()


def test_a_set_is_read_and_brought_to_size(written: BoxedImages) -> None:
    data = read_localized_images(written, (128, 48))
    drawn = draw_localized_images(8, 2, (64, 96))
    names = np.array(data.class_names)  # in the set's own order
    assert data.images.shape == (8, 128, 48, 3)
    there = data.class_ids != NO_OBJECT
    np.testing.assert_array_equal(there, drawn.class_ids != NO_OBJECT)
    expected = np.array(drawn.class_names)[drawn.class_ids[there]]
    np.testing.assert_array_equal(names[data.class_ids[there]], expected)
    # Twice as high, half as wide; VOC's files hold whole pixels.
    np.testing.assert_allclose(data.boxes, drawn.boxes * [0.5, 2, 0.5, 2], atol=2)


def test_what_cannot_be_read_is_left_out_or_refused(written: BoxedImages, tmp_path: Path) -> None:
    write_road_scenes(tmp_path / "set", count=2, seed=2, image_size=(64, 64), lone=True)
    pictures = sorted((tmp_path / "set" / "JPEGImages").iterdir())
    data = find_boxes(tmp_path / "set")
    pictures[0].write_bytes(b"no picture")
    read = read_localized_images(data, (64, 64))
    assert (len(read), len(read.skipped)) == (1, 1)
    pictures[1].write_bytes(b"no picture")
    with pytest.raises(DataContentError, match=r"at least one picture that can be read\. Received: 2"):
        read_localized_images(data, (64, 64))


def test_two_objects_on_a_picture_are_refused(tmp_path: Path) -> None:
    write_road_scenes(tmp_path / "set", count=4, seed=0, image_size=(96, 96))
    with pytest.raises(DataContentError, match=r"at most one object.*such as .* with \d+\. For several objects"):
        read_localized_images(find_boxes(tmp_path / "set"), (64, 64))
