"""Target and prediction are each other's way back; the loss looks at nothing behind a p_c of 0."""

import json

import keras
import numpy as np
import pytest
from another_backend import run_on
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.data.localized_images import NO_OBJECT
from keras_cv_course.errors import DataContentError, ModelError
from keras_cv_course.models.localizer import (
    LocalizationLoss,
    decode_prediction,
    encode_target,
    localization_head,
    localizer,
)

SIZE = (60, 100)
SIDE = st.floats(0, 0.4375, width=32)


@given(st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE, st.integers(-1, 3)), max_size=5))
def test_round_trip(objects: list[tuple[float, float, float, float, int]]) -> None:
    rows = np.array(objects, np.float32).reshape(-1, 5)
    # Corners in the left upper and the right lower half, so that no box is empty.
    boxes = (rows[:, :4] + np.float32([0, 0, 0.55, 0.55])) * np.float32([100, 60, 100, 60])
    class_ids = rows[:, 4].astype(np.int64)
    y = encode_target(boxes, class_ids, SIZE, 4)
    assert (y.dtype, y.shape) == (np.float32, (len(rows), 9))
    found = decode_prediction(y, SIZE)
    there = class_ids != NO_OBJECT
    np.testing.assert_array_equal(found.class_ids, class_ids)
    np.testing.assert_array_equal(found.scores, there)
    np.testing.assert_allclose(found.boxes[there], boxes[there], atol=1e-4)  # of 100 pixels, in float32
    assert not y[~there].any()


def test_worked_example() -> None:
    y = encode_target(np.array([20.0, 15, 60, 45]), np.int64(1), SIZE, 3)
    np.testing.assert_allclose(y, [1, 0.4, 0.5, 0.5, 0.4, 0, 1, 0])
    found = decode_prediction(np.float32([0.49, 0.4, 0.5, 0.5, 0.4, 0, 1, 0]), SIZE)
    assert found.class_ids == NO_OBJECT
    np.testing.assert_allclose(found.boxes, [20, 15, 60, 45], atol=1e-4)
    assert decode_prediction(np.float32([0.49, 0.4, 0.5, 0.5, 0.4, 0, 1, 0]), SIZE, threshold=0.4).class_ids == 1
    assert not encode_target(np.zeros(4), np.int64(NO_OBJECT), SIZE, 3).any()


def test_a_size_below_zero_is_an_empty_box() -> None:
    found = decode_prediction(np.float32([0.9, 0.4, 0.5, -0.1, -2, 0, 1, 0]), SIZE)
    np.testing.assert_allclose(found.boxes, [40, 30, 40, 30], atol=1e-4)


def test_what_is_no_target_is_refused() -> None:
    with pytest.raises(DataContentError, match=r"a class id for each. Received: shapes \(2, 4\) and \(3,\)"):
        encode_target(np.ones((2, 4)), np.array([0, 0, -1]), SIZE, 3)
    with pytest.raises(DataContentError, match=r"class ids from 0 to 2.*Received: 3"):
        encode_target(np.ones((1, 4)), np.array([3]), SIZE, 3)
    with pytest.raises(DataContentError, match="an empty one"):
        encode_target(np.array([[5.0, 5, 5, 9]]), np.array([0]), SIZE, 3)
    with pytest.raises(ModelError, match="5 numbers and one for each class"):
        decode_prediction(np.zeros((2, 5)), SIZE)


def plain_loss(y_true: np.ndarray, y_pred: np.ndarray, variant: str, box_weight: float) -> float:
    """The loss of one picture as the notes write it."""
    if variant == "squared":
        return float(((y_true - y_pred) ** 2).sum()) if y_true[0] else float((y_true[0] - y_pred[0]) ** 2)
    loss = -np.log(y_pred[0]) if y_true[0] else -np.log(1 - y_pred[0])
    if y_true[0]:
        loss += box_weight * ((y_true[1:5] - y_pred[1:5]) ** 2).sum() - np.log(y_pred[5:][y_true[5:] == 1][0])
    return float(loss)


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    y_true = draw.uniform(0.2, 0.8, (count, 8)).astype(np.float32)
    y_true[:, 0] = np.arange(count) % 2
    y_true[:, 5:] = np.eye(3)[draw.integers(0, 3, count)]
    y_pred = draw.uniform(0.05, 0.95, (count, 8)).astype(np.float32)
    y_pred[:, 5:] /= y_pred[:, 5:].sum(axis=1, keepdims=True)
    return y_true, y_pred


@pytest.mark.parametrize(("variant", "box_weight"), [("notes", 1.0), ("notes", 10.0), ("squared", 1.0)])
def test_loss_is_that_of_a_plain_loop(variant: str, box_weight: float) -> None:
    y_true, y_pred = drawn(10)
    expected = [plain_loss(a, b, variant, box_weight) for a, b in zip(y_true, y_pred, strict=True)]
    loss = LocalizationLoss(variant, box_weight)
    np.testing.assert_allclose(loss.call(y_true, y_pred), expected, rtol=1e-5)  # sums of a dozen float32 numbers
    assert float(loss(y_true, y_pred)) == pytest.approx(np.mean(expected), rel=1e-5)
    saved = keras.saving.serialize_keras_object(loss)
    assert keras.saving.deserialize_keras_object(saved).get_config() == loss.get_config()


@pytest.mark.parametrize("variant", ["notes", "squared"])
def test_behind_no_object_nothing_counts(variant: str) -> None:
    y_true, y_pred = drawn(2)
    other_true, other_pred = drawn(6)[0][4:6], drawn(6)[1][4:6]
    loss = LocalizationLoss(variant)
    other_true[:, 0], other_pred[:, 0] = y_true[:, 0], y_pred[:, 0]
    one, other = (np.asarray(loss.call(*pair)) for pair in ((y_true, y_pred), (other_true, other_pred)))
    assert one[0] == other[0]  # no object
    assert one[1] != other[1]


def test_outputs_are_probabilities_and_a_box() -> None:
    keras.utils.set_random_seed(0)
    model = localizer((32, 48, 3), 4)
    y = np.asarray(model(np.random.default_rng(0).random((3, 32, 48, 3), np.float32) * 50))
    assert y.shape == (3, 9)
    assert ((y[:, 0] > 0) & (y[:, 0] < 1)).all()
    np.testing.assert_allclose(y[:, 5:].sum(axis=1), 1, rtol=1e-5)
    assert model.count_params() < 1_000_000


def test_head_takes_vectors_and_names_what_it_does_not_take() -> None:
    assert localization_head(keras.Input((7,)), 2).shape == (None, 7)
    with pytest.raises(ModelError, match="Received: 0 on"):
        localization_head(keras.Input((7,)), 0)
    with pytest.raises(ModelError, match=r"Received: 2 on \(None, 7, 7\)"):
        localization_head(keras.Input((7, 7)), 2)
    with pytest.raises(ModelError, match="multiples of 16"):
        localizer((15, 32, 3))
    with pytest.raises(ModelError, match="variant must be one of notes, squared"):
        LocalizationLoss("cubed")


OTHER_BACKEND = """
import json
import keras, numpy as np
import test_localizer as here

features = keras.Input((4, 6, 2))
model = keras.Model(features, here.localization_head(features, 3))
y_true, y_pred = here.drawn(4)
model.compile("sgd", here.LocalizationLoss())
first = model.train_on_batch(np.ones((4, 4, 6, 2), np.float32), y_true)
loss = [float(here.LocalizationLoss(variant)(y_true, y_pred)) for variant in ("notes", "squared")]
print(json.dumps([keras.backend.backend(), bool(np.isfinite(first)), *loss]))
"""


def test_jax_gives_the_same_loss_and_trains() -> None:
    pytest.importorskip("jax", reason="the jax extra is not installed")
    done = run_on("jax", OTHER_BACKEND)
    assert done.returncode == 0, done.stderr[-2000:]
    backend, trains, *losses = json.loads(done.stdout.splitlines()[-1])
    assert (backend, trains) == ("jax", True)
    expected = [float(LocalizationLoss(variant)(*drawn(4))) for variant in ("notes", "squared")]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
