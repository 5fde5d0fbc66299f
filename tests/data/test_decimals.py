import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.data.detection_formats.decimals import number_text, shortest_numbers


def test_numbers_come_out_as_they_came_in():
    values = np.array([[0.512345, 0.3, 0.25, 0.1], [1.0, 0.0, 0.123456, 12.0]])
    size = np.array([641, 480, 641, 480])
    in_pixels = (values * size).astype(np.float32)
    written = shortest_numbers(in_pixels.astype(np.float64) / size, lambda parts: parts * size)
    assert written == [["0.512345", "0.3", "0.25", "0.1"], ["1", "0", "0.123456", "12"]]


def test_no_boxes():
    assert shortest_numbers(np.zeros((0, 4)), lambda values: values) == []


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_can_be_read_again(value):
    assert float(number_text(value)) == value
