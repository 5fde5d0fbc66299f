"""Drawn road scenes as a set of files."""

import numpy as np
import pytest

from keras_cv_course.data.box_problems import find_problems
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.data.image_files import read_image
from keras_cv_course.data.synthetic.road_scenes import CLASS_NAMES, draw_road_scenes
from keras_cv_course.data.synthetic.road_set import write_road_scenes
from keras_cv_course.errors import DataContentError, DataError


def test_files_hold_the_scenes_with_exact_boxes(tmp_path):
    done = []
    write_road_scenes(tmp_path / "set", count=6, seed=3, image_size=(128, 160), progress=done.append)
    assert done == [1, 2, 3, 4, 5, 6]
    data = find_boxes(tmp_path / "set")
    assert data.class_names == CLASS_NAMES
    assert find_problems(data) == []
    assert [[*image.splits] for image in data.images] == [["train"]] * 4 + [["val"], ["train"]]
    for image, scene in zip(data.images, draw_road_scenes(6, 3, (128, 160)), strict=True):
        assert np.array_equal(image.boxes, scene.boxes)
        assert np.array_equal(image.class_ids, scene.class_ids)
        assert np.abs(read_image(image.path).astype(int) - scene.image).mean() < 3  # levels: JPEG


def test_nothing_is_replaced_and_nothing_drawn_in_vain(tmp_path):
    (tmp_path / "mine").write_text("1")
    done = []
    with pytest.raises(DataError, match="new or an empty folder"):
        write_road_scenes(tmp_path, count=2, seed=0, progress=done.append)
    with pytest.raises(DataContentError, match="count"):
        write_road_scenes(tmp_path / "set", count=0, seed=0)
    assert done == []
    assert not (tmp_path / "set").exists()
