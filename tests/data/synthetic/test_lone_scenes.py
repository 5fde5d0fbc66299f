import numpy as np
import pytest

from keras_cv_course.data.synthetic.lone_scenes import CLASS_NAMES, draw_lone_scenes
from keras_cv_course.data.synthetic.road.motorcycles import Motorcycle
from keras_cv_course.data.synthetic.road_scenes import RoadScene
from keras_cv_course.errors import DataContentError

SIZE = (64, 80)


@pytest.fixture(scope="module")
def scenes() -> list[RoadScene]:
    return list(draw_lone_scenes(32, seed=5, image_size=SIZE))


def test_one_object_or_none_of_every_class(scenes: list[RoadScene]) -> None:
    assert CLASS_NAMES == ("pedestrian", "car", "motorcycle")
    assert all(scene.image.shape == (*SIZE, 3) and scene.image.dtype == np.uint8 for scene in scenes)
    numbers = [len(scene.boxes) for scene in scenes]
    assert {*numbers} == {0, 1}
    assert all(scene.class_ids.shape == (number,) for scene, number in zip(scenes, numbers, strict=True))
    assert {*np.concatenate([scene.class_ids for scene in scenes])} == {0, 1, 2}


def test_boxes_are_large_and_within_the_picture(scenes: list[RoadScene]) -> None:
    boxes = np.concatenate([scene.boxes for scene in scenes])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= SIZE[::-1]).all()
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    assert longer.min() > 0.1 * min(SIZE)  # a small car seen from behind is the smallest


def test_the_object_is_where_its_box_says() -> None:
    """The same road without its user is not drawn, so compare edges: there are more of them in a box than beside it."""
    inside, outside = [], []
    for scene in draw_lone_scenes(24, seed=6, image_size=SIZE):
        grey = scene.image.astype(float).mean(axis=2)
        edges = np.abs(np.diff(grey, axis=1))[:, :-1]
        for x1, y1, x2, y2 in scene.boxes.astype(int):
            rows = edges[y1:y2]
            inside.append(rows[:, x1:x2].mean())
            outside.append(np.delete(rows, np.s_[max(x1 - 2, 0) : x2 + 2], axis=1).mean())
    assert np.mean(np.array(inside) > outside) > 0.8


def test_a_scene_depends_on_seed_and_number_only(scenes: list[RoadScene]) -> None:
    for again, scene in zip(draw_lone_scenes(4, seed=5, image_size=SIZE), scenes, strict=False):
        np.testing.assert_array_equal(again.image, scene.image)
        np.testing.assert_array_equal(again.boxes, scene.boxes)
    other = next(draw_lone_scenes(1, seed=6, image_size=SIZE))
    assert not np.array_equal(other.image, scenes[0].image)


def test_motorcycles_have_the_size_of_motorcycles() -> None:
    for seed in range(20):
        low, high = Motorcycle(np.random.default_rng(seed)).extent()
        width, height, length = high - low
        assert 0.5 < width < 0.9
        assert 1.3 < height < 1.8
        assert 1.6 < length < 2.3
        assert abs(low[1]) < 0.1  # the joints of the wheels' rims


@pytest.mark.parametrize("arguments", [{"count": 0, "seed": 0}, {"count": 1, "seed": 0, "image_size": (63, 96)}])
def test_too_little_is_refused(arguments: dict) -> None:
    with pytest.raises(DataContentError, match="Received"):
        draw_lone_scenes(**arguments)
