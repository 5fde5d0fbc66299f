"""What is the same, and what is said of what is not."""

from typing import Any

import numpy as np
import pytest

from keras_cv_course.grading import compare
from keras_cv_course.grading.compare import Wrong
from keras_cv_course.grading.wire import Array, Other


def received(values: Any, dtype: str | None = None, kind: str = "tensor") -> Array:
    values = np.asarray(values)
    return Array(values, dtype or values.dtype.name, kind)


EXPECTED = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 9.0]], np.float32)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (received(EXPECTED), EXPECTED),
        (received(EXPECTED.astype(np.float64) + 1e-6), EXPECTED),
        (received(np.int32([1, 2])), np.array([1, 2])),
        (received(np.zeros((0, 4), np.float32)), np.zeros((0, 4))),
        (0.5, 0.5),
        (0, 0.0),
        (received(np.float32(0.5)), 0.5),
        (received(np.array([True])), np.array([True])),
    ],
)
def test_close_values_pass(value: Any, expected: Any) -> None:
    compare.close(value, expected, "it")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "Received: None. Is a gap not filled in, or the `return` missing?"),
        (Other("KerasTensor: x"), "Received: an object KerasTensor: x."),
        ([1.0, 2.0], "Received: a list of 2."),
        (received(EXPECTED[0]), "expected the shape (2, 4). Received: (4,)."),
        (received(EXPECTED[None]), "The values are right, only their shape is not."),
        (received(EXPECTED.T), "the axes are in another order."),
        (
            received(EXPECTED.astype(int)),
            "expected floating-point numbers, such as float32. Received: a tensor of shape",
        ),
        (
            received(EXPECTED + np.float32([0, 0, 0, 1])),
            "2 of 8 values differ. The first is [0, 3]: expected 4, received 5.",
        ),
        (received(EXPECTED * np.nan), "8 of 8 values differ. The first is [0, 0]: expected 1, received nan. 8 are not"),
        (received(EXPECTED * 3), "Every value is 3 times the expected one."),
        (received(EXPECTED[..., [1, 0, 3, 2]]), "the right numbers with x and y swapped."),
        (received(EXPECTED[::-1]), "The values are right, but in another order."),
        (received(EXPECTED * 1.01, "bfloat16"), "They are of dtype bfloat16, which is too coarse: use float32."),
        (received(EXPECTED * np.inf), "8 are not finite."),
    ],
)
def test_difference_is_told(value: Any, told: str) -> None:
    with pytest.raises(Wrong) as wrong:
        compare.close(value, EXPECTED, "it")
    assert told in str(wrong.value)
    assert str(wrong.value).startswith("it: ")


def test_structure_and_order_of_results_are_told() -> None:
    expected = {"scores": np.array([0.5]), "classes": np.array([3])}
    scores, classes = received([0.5]), received([3])
    compare.close((scores, classes), expected, "f")
    compare.close([scores, classes], expected, "f")
    for value, told in [
        (scores, "f: expected 2 results: scores, classes. Received: a tensor of shape (1,) and dtype float64."),
        ((scores,), "f: expected 2 results: scores, classes. Received: a tuple of 1."),
        ((classes, scores), "f: these are the right results, returned in another order. Return scores, classes."),
        ((scores, received([4])), "classes of f: 1 of 1 values differ."),
        ((None, classes), "f: expected scores, classes. Received None for scores. Is a gap not filled in?"),
    ]:
        with pytest.raises(Wrong) as wrong:
            compare.close(value, expected, "f")
        assert told in str(wrong.value)


def test_mistake_is_named_before_the_difference() -> None:
    mistakes = {"Too small.": 1.0, "Too large.": 3.0}
    with pytest.raises(Wrong, match=r"^Too large\.\nit: expected 2, received 3\.$"):
        compare.close(3.0, 2.0, "it", mistakes=mistakes)
    compare.close(2.0, 2.0, "it", mistakes=mistakes)


@pytest.mark.parametrize("value", [1, "true", None, [True], 1.0])
def test_equal_is_of_the_same_type(value: Any) -> None:
    compare.equal(True, True, "flag")
    with pytest.raises(Wrong, match="flag: expected True, received "):
        compare.equal(value, True, "flag")


def test_a_tensor_is_told_from_a_model() -> None:
    for value, told in (
        (Other("KerasTensor: x"), "Received: a Keras tensor. `keras.Model(inputs, outputs)`"),
        (None, "None. Is a gap not filled in, or the `return` missing?"),
    ):
        with pytest.raises(Wrong) as wrong:
            compare.is_model(value, "f")
        assert told in str(wrong.value)


def test_tensors_are_told_from_arrays() -> None:
    compare.are_tensors((received(1), received(2)), 2, "f")
    for value in ((), received(1), (received(1), received(2, kind="array")), (received(1), 2), None):
        with pytest.raises(Wrong):
            compare.are_tensors(value, 2, "f")
    with pytest.raises(Wrong, match=r"received None\. Is a gap not filled in\?$"):
        compare.are_tensors((received(1), None), 2, "f")
