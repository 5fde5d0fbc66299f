import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_outputs import ANCHORS

from keras_cv_course.detection.targets import assign, encode_truth, pad_truth
from keras_cv_course.errors import DataContentError

SMALL_ANCHORS = ANCHORS.astype(np.float32)


def assign_one(row: list[float], grid_size: tuple[int, int] = (5, 7)) -> tuple[int, np.ndarray]:
    assigned = assign(np.array([[row]], np.float32), SMALL_ANCHORS, grid_size)
    return int(assigned.place[0, 0]), np.asarray(assigned.coordinates[0, 0])


class TestEncodeTruth:
    def test_pixels_become_parts_of_the_input(self) -> None:
        rows = encode_truth(np.array([[20, 10, 60, 50]], np.float32), np.array([3]), (100, 200))
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, [[0.2, 0.3, 0.2, 0.4, 3]], rtol=1e-6)

    def test_no_objects(self) -> None:
        assert encode_truth(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), (32, 32)).shape == (0, 5)

    def test_what_lies_outside_is_cut_off(self) -> None:
        boxes = np.array([[-20, 50, 20, 150], [300, 10, 320, 20]], np.float32)
        rows = encode_truth(boxes, np.array([0, 1]), (100, 200))
        np.testing.assert_allclose(rows[0], [0.05, 0.75, 0.1, 0.5, 0], rtol=1e-6)
        assert rows[1, 2] == 0  # nothing of it is left
        assert not np.asarray(assign(rows[None, 1:], SMALL_ANCHORS, (3, 6)).exists).any()

    def test_tf_data_gives_the_same(self) -> None:
        boxes = np.random.default_rng(0).uniform(-20, 120, (6, 4)).astype(np.float32)
        boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
        names = np.arange(6)

        def pictures():
            yield boxes, names
            yield boxes[:0], names[:0]
            yield boxes[2:], names[2:]

        signature = (tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((None,), tf.int64))
        data = tf.data.Dataset.from_generator(pictures, output_signature=signature)
        data = data.map(lambda boxes, names: encode_truth(boxes, names, (96, 80))).padded_batch(3, ((8, 5)))
        expected = pad_truth([encode_truth(*picture, (96, 80)) for picture in pictures()], 8)
        # Both multiply and add the same float32 numbers, at most in another order.
        np.testing.assert_allclose(next(iter(data)).numpy(), expected, rtol=1e-6, atol=1e-7)


class TestPadTruth:
    def test_shapes(self) -> None:
        rows = np.ones((2, 5), np.float32)
        truth = pad_truth([rows, rows[:0]], 3)
        assert truth.shape == (2, 3, 5)
        assert truth[0].sum() == 10
        assert not truth[1].any()
        assert pad_truth([], 4).shape == (0, 4, 5)

    def test_too_many(self) -> None:
        with pytest.raises(DataContentError, match=r"at most max_boxes=2 objects on each picture. Received: 3. Raise"):
            pad_truth([np.ones((3, 5), np.float32)], 2)


class TestAssign:
    def test_worked_example(self) -> None:
        # On 5 x 7 cells the centre lies 2.17 cells right and 2.1 down; 1.96 x 2.5 cells are nearest to 1.87 x 2.06.
        place, coordinates = assign_one([0.31, 0.42, 0.28, 0.5, 2])
        assert place == (2 * 7 + 2) * 5 + 1
        expected = [0.17, 0.1, np.log(1.96 / 1.87446), np.log(2.5 / 2.06253)]
        np.testing.assert_allclose(coordinates, expected, atol=1e-5)  # float32 of numbers about 2

    @pytest.mark.parametrize(("x", "y", "cell"), [(1, 1, 4 * 7 + 6), (0, 0, 0), (1, 0, 6), (6 / 7, 0.5, 2 * 7 + 6)])
    def test_centres_on_edges(self, x: float, y: float, cell: int) -> None:
        assert assign_one([x, y, 0.1, 0.1, 0])[0] // 5 == cell

    def test_later_of_two_stands(self) -> None:
        first, other = [0.62, 0.55, 0.20, 0.31, 5], [0.10, 0.8, 0.06, 0.11, 0]
        truth = np.array([[first, other, first, [0] * 5], [first, [0] * 5, [0] * 5, [0] * 5]], np.float32)
        assigned = assign(truth, SMALL_ANCHORS, (5, 7))
        np.testing.assert_array_equal(assigned.exists, [[True, True, True, False], [True, False, False, False]])
        np.testing.assert_array_equal(assigned.stands, [[False, True, True, False], [True, False, False, False]])

    def test_padding_overrules_nothing(self) -> None:
        # Padding would lie in cell 0 with the smallest anchor, as this object does.
        truth = np.array([[[0.05, 0.05, 0.08, 0.14, 1], [0, 0, 0, 0, 0]]], np.float32)
        assigned = assign(truth, SMALL_ANCHORS, (5, 7))
        assert int(assigned.place[0, 0]) == int(assigned.place[0, 1]) == 0
        assert bool(assigned.stands[0, 0])

    def test_no_pictures(self) -> None:
        assert assign(np.zeros((0, 3, 5), np.float32), SMALL_ANCHORS, (5, 7)).stands.shape == (0, 3)

    @settings(max_examples=60)
    @given(
        box=st.tuples(*[st.floats(0, 1, width=32)] * 2, *[st.floats(np.float32(1e-3), 1, width=32)] * 2),
        grid_size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    )
    def test_decoding_gives_the_box_back(self, box: tuple[float, ...], grid_size: tuple[int, int]) -> None:
        x, y, width, height = box
        rows, cols = grid_size
        place, coordinates = assign_one([*box, 0], grid_size)
        row, col, anchor = np.unravel_index(place, (rows, cols, 5))
        assert (row, col) == (min(int(np.float32(y) * rows), rows - 1), min(int(np.float32(x) * cols), cols - 1))

        def shape_iou(size: np.ndarray) -> float:
            common = np.minimum(size, [width * cols, height * rows]).prod()
            return common / (size.prod() + width * cols * height * rows - common)

        overlaps = [shape_iou(size) for size in ANCHORS]
        assert overlaps[anchor] >= max(overlaps) - 1e-6  # float32 may take the other of two equally good anchors
        decoded = [
            (col + coordinates[0]) / cols,
            (row + coordinates[1]) / rows,
            ANCHORS[anchor, 0] * np.exp(coordinates[2]) / cols,
            ANCHORS[anchor, 1] * np.exp(coordinates[3]) / rows,
        ]
        np.testing.assert_allclose(decoded, box, atol=3e-6)  # a few roundings of float32 numbers up to 20
