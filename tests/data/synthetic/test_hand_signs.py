import numpy as np
import pytest

from keras_cv_course.data.synthetic.hand_body import pose_hand
from keras_cv_course.data.synthetic.hand_signs import CLASSES, draw_hand_sign, draw_hand_signs
from keras_cv_course.errors import DataContentError


def test_pictures_are_rgb_bytes_of_the_size_asked_for():
    images, labels = draw_hand_signs(7, seed=0)
    assert images.shape == (7, 64, 64, 3)
    assert images.dtype == np.uint8
    assert labels.shape == (7,)
    assert labels.dtype == np.int64
    assert draw_hand_signs(1, seed=0, size=17)[0].shape == (1, 17, 17, 3)


def test_every_picture_shows_something():
    images, _ = draw_hand_signs(12, seed=4)
    assert (images.reshape(12, -1).std(axis=1) > 10).all()


@pytest.mark.parametrize("count", [1, 6, 20])
def test_classes_are_balanced(count: int):
    _, labels = draw_hand_signs(count, seed=3, size=16)
    per_class = np.bincount(labels, minlength=CLASSES)
    assert per_class.size == CLASSES
    assert per_class.max() - per_class.min() <= 1


def test_labels_are_shuffled():
    _, labels = draw_hand_signs(18, seed=1, size=16)
    assert len({tuple(labels[start : start + CLASSES]) for start in (0, 6, 12)}) > 1


def test_a_shorter_set_is_the_beginning_of_a_longer_one():
    images, labels = draw_hand_signs(9, seed=5, size=24)
    first_images, first_labels = draw_hand_signs(4, seed=5, size=24)
    np.testing.assert_array_equal(first_images, images[:4])
    np.testing.assert_array_equal(first_labels, labels[:4])


def test_a_picture_can_be_drawn_again_alone():
    images, labels = draw_hand_signs(3, seed=5, size=24)
    again = draw_hand_sign(int(labels[2]), np.random.default_rng([5, 2]), size=24)
    np.testing.assert_array_equal(again, images[2])


def test_another_seed_gives_other_pictures():
    assert (draw_hand_signs(2, seed=0, size=24)[0] != draw_hand_signs(2, seed=1, size=24)[0]).any()


def test_progress_counts_the_pictures():
    seen: list[int] = []
    draw_hand_signs(3, seed=0, size=16, progress=seen.append)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("sign", range(CLASSES))
def test_the_skeleton_raises_as_many_digits_as_the_sign_says(sign: int):
    for seed in range(40):
        hand = pose_hand(sign, np.random.default_rng(seed))
        # A raised finger ends far beyond its knuckle; a raised thumb ends beside the palm, which is 8 cm wide.
        raised = int((hand.fingers[:, 3, 1] > hand.fingers[:, 0, 1] + 4).sum()) + int(hand.thumb[3, 0] > 5)
        assert raised == sign


def test_the_thumb_closes_the_circle_of_sign_zero():
    for seed in range(40):
        hand = pose_hand(0, np.random.default_rng(seed))
        assert np.linalg.norm(hand.thumb[3] - hand.fingers[0, 3]) < 1  # centimetre, about a finger's radius


def test_an_open_hand_covers_more_of_the_picture_than_a_pointing_one():
    def mean_skin(sign: int) -> float:
        pictures = [draw_hand_sign(sign, np.random.default_rng(seed), 32).astype(int) for seed in range(40)]
        return float(np.mean([picture[..., 0] - picture[..., 2] > 40 for picture in pictures]))

    # Over many samples of 40, five fingers cover 1.3 to 1.8 times as much as one.
    assert mean_skin(5) > 1.15 * mean_skin(1)


@pytest.mark.parametrize("sign", [-1, 6])
def test_unknown_sign(sign: int):
    with pytest.raises(DataContentError, match=rf"Expected a sign from 0 to 5. Received: sign={sign}. Give"):
        draw_hand_sign(sign, np.random.default_rng(0))


def test_no_pictures():
    with pytest.raises(DataContentError, match=r"Expected count >= 1. Received: count=0. Ask for"):
        draw_hand_signs(0, seed=0)


def test_too_small():
    message = r"Expected size >= 16 pixels. Received: size=15. Ask for"
    with pytest.raises(DataContentError, match=message):
        draw_hand_signs(1, seed=0, size=15)
    with pytest.raises(DataContentError, match=message):
        draw_hand_sign(0, np.random.default_rng(0), size=15)
