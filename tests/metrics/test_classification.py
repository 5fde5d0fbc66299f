import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.classification import accuracy, confusion_matrix, wilson_interval


@given(
    pairs=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), min_size=1, max_size=60),
    dtype=st.sampled_from([np.uint8, np.int32, np.int64]),
)
def test_confusion_matrix_equals_a_plain_loop(pairs, dtype):
    expected = np.zeros((20, 20), np.int64)
    for t, p in pairs:
        expected[t, p] += 1
    truth, predicted = np.array(pairs, dtype).T
    counts = confusion_matrix(truth, predicted, 20)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, expected)


def test_confusion_matrix_rows_are_ground_truth():
    assert confusion_matrix(np.array([0]), np.array([1]), 2).tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("truth", "predicted", "problem"),
    [
        ([], [], r"ground truth labels as a non-empty list"),
        ([[0]], [0], r"ground truth .* shape \(1, 1\)"),
        ([0], [0.0], r"predicted .* received float64"),
        ([0, 1], [0], r"received 1 predictions for 2 labels"),
        ([0, 3], [0, 1], r"ground truth labels from 0 to 2, received 0 to 3"),
        ([0, 1], [-1, 1], r"predicted labels from 0 to 2, received -1 to 1"),
    ],
)
def test_confusion_matrix_rejects_bad_labels(truth, predicted, problem):
    with pytest.raises(DataContentError, match=problem):
        confusion_matrix(np.array(truth), np.array(predicted), 3)


def test_accuracy():
    assert accuracy(np.array([[3, 1], [0, 4]])) == 7 / 8


@pytest.mark.parametrize("confusion", [np.zeros((2, 2), int), np.zeros((2, 3), int), np.zeros(4, int)])
def test_accuracy_rejects_what_is_no_confusion_matrix(confusion):
    with pytest.raises(DataContentError, match="confusion matrix"):
        accuracy(confusion)


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17
        # (1998), table I, method 3 (score without continuity correction); printed to four digits.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_equals_published_values(correct, total, low, high):
    assert wilson_interval(correct, total) == pytest.approx((low, high), abs=0.00006)


@given(data=st.data(), total=st.integers(1, 10_000))
def test_wilson_interval_holds_the_rate_and_mirrors(data, total):
    correct = data.draw(st.integers(0, total))
    low, high = wilson_interval(correct, total)
    assert 0 <= low < high <= 1
    assert low - 1e-12 <= correct / total <= high + 1e-12
    assert wilson_interval(total - correct, total) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_interval_rejects_impossible_counts(correct, total):
    with pytest.raises(DataContentError, match=f"correct={correct}, total={total}"):
        wilson_interval(correct, total)
