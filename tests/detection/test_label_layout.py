import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.detection.label_layout import place_labels

IMAGE = (200, 300)


@st.composite
def boxes_and_sizes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    low = rng.integers([0, 0], [299, 199], (count, 2))
    high = np.minimum(low + rng.integers(1, draw(st.sampled_from([8, 60, 300])), (count, 2)), [300, 200])
    sizes = rng.integers([8, 20], [20, 120], (count, 2))
    return np.concatenate([low, high], axis=1), sizes


def shared(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod())


def place_one(box: list[int], others: tuple[list[int], ...] = (), size: tuple[int, int] = (12, 40)) -> list[int]:
    boxes = np.array([box, *others])
    return place_labels(boxes, np.array([size] * len(boxes)), IMAGE)[0].tolist()


@given(boxes_and_sizes())
def test_labels_lie_within_the_picture_and_hide_no_other(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    boxes, sizes = drawn
    labels = place_labels(boxes, sizes, IMAGE)
    for index, label in labels.items():
        assert (label[:2] >= 0).all()
        assert (label[2:] <= [300, 200]).all()
        np.testing.assert_array_equal(label[2:] - label[:2], sizes[index][::-1])
        grown = boxes[index] + [-1, -1, 1, 1]
        assert shared(label, grown) > 0  # it touches its box
    for first in labels:
        assert not any(shared(labels[first], labels[other]) for other in labels if other != first)


@given(st.integers(0, 259), st.integers(0, 199), st.integers(1, 200), st.integers(1, 200))
def test_a_lone_label_hides_its_object_only_without_room_elsewhere(x: int, y: int, width: int, height: int) -> None:
    box = np.array([x, y, min(x + width, 300), min(y + height, 200)])
    label = place_one(box.tolist())
    room = box[1] >= 12 or 200 - box[3] >= 12 or box[0] >= 40 or 300 - box[2] >= 40
    assert (shared(np.array(label), box) == 0) == room


@pytest.mark.parametrize(
    ("box", "label"),
    [
        ([100, 80, 200, 120], [100, 68, 140, 80]),  # above
        ([100, 5, 200, 60], [100, 60, 140, 72]),  # below, as there is no room above
        ([100, 0, 200, 200], [200, 0, 240, 12]),  # to the right of a box as high as the picture
        ([100, 0, 300, 200], [60, 0, 100, 12]),  # to its left
        ([0, 0, 300, 200], [0, 0, 40, 12]),  # inside, where the box fills the picture
        ([290, 80, 300, 120], [260, 68, 300, 80]),  # moved in from the right edge
        ([150, 100, 151, 101], [150, 88, 190, 100]),  # a box of one pixel
    ],
)
def test_preferred_places(box: list[int], label: list[int]) -> None:
    assert place_one(box) == label


def test_other_objects_are_avoided() -> None:
    assert place_one([100, 80, 200, 120], ([90, 20, 210, 78],)) == [100, 120, 140, 132]


def test_the_first_chooses_first() -> None:
    boxes = np.array([[100, 80, 200, 120], [100, 80, 200, 120]])
    labels = place_labels(boxes, np.array([[12, 40], [12, 40]]), IMAGE)
    assert labels[0].tolist() == [100, 68, 140, 80]
    assert labels[1].tolist() == [160, 68, 200, 80]


def test_without_room_a_label_is_left_out() -> None:
    boxes = np.array([[5, 5, 15, 15]] * 3)
    assert list(place_labels(boxes, np.array([[20, 20]] * 3), (20, 20))) == [0]
    assert place_labels(boxes, np.array([[8, 30]] * 3), (20, 20)) == {}
    assert place_labels(boxes[:0], np.zeros((0, 2), int), (20, 20)) == {}
