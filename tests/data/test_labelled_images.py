import numpy as np
import pytest

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import DataContentError


def test_split_takes_its_share_of_each_class_and_loses_nothing(colour_squares: LabelledImages) -> None:
    rest, aside = colour_squares.split(0.25, seed=1)
    assert np.bincount(aside.labels).tolist() == [4, 4, 4]
    assert len(rest) == 36
    everything = np.concatenate([rest.images, aside.images]).reshape(48, -1)
    assert sorted(map(bytes, everything)) == sorted(map(bytes, colour_squares.images.reshape(48, -1)))
    again = colour_squares.split(0.25, seed=1)[1]
    np.testing.assert_array_equal(again.images, aside.images)
    other = colour_squares.split(0.25, seed=2)[1]
    assert not np.array_equal(other.images, aside.images)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 1.0])
def test_split_refuses_an_empty_side(colour_squares: LabelledImages, fraction: float) -> None:
    with pytest.raises(DataContentError, match="both sides"):
        colour_squares.split(fraction, seed=0)
