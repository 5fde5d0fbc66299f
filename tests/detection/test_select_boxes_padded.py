import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from another_backend import run_on
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from raw_outputs import ANCHORS, noise, scene

from keras_cv_course.detection.select_boxes_course import yolo_eval
from keras_cv_course.detection.select_boxes_padded import PaddedBoxes, yolo_eval_batch, yolo_eval_ops
from keras_cv_course.detection.yolo_head import yolo_head

# Traced once for all sizes: eager loops are slow.
SPECS = [tf.TensorSpec([None, None, None, None, last]) for last in (2, 2, 1)]


def compiled(evaluate: Any, classes: int) -> Any:
    specs = [*SPECS, tf.TensorSpec([None, None, None, None, classes]), tf.TensorSpec([None, 2])]

    def run(xy: Any, wh: Any, confidence: Any, probabilities: Any, image_shape: Any) -> PaddedBoxes:
        return evaluate((xy, wh, confidence, probabilities), image_shape, 8, 0.3, 0.5)

    return tf.function(run, input_signature=specs)


def assert_row_for_row(padded: PaddedBoxes, outputs: list[Any], image_shapes: Any, rtol: float = 0) -> None:
    """Compare with `yolo_eval` on each picture by itself."""
    scores, boxes, classes, counts = map(np.asarray, padded)
    assert scores.shape == classes.shape == (len(counts), 8)
    assert boxes.shape == (len(counts), 8, 4)
    for row in range(len(counts)):
        expected = yolo_eval([part[row] for part in outputs], image_shapes[row], 8, 0.3, 0.5)
        used = len(expected[0])
        assert counts[row] == used
        np.testing.assert_array_equal(classes[row, :used], expected[2])
        np.testing.assert_allclose(scores[row, :used], expected[0], rtol=rtol)
        np.testing.assert_allclose(boxes[row, :used], expected[1], rtol=rtol, atol=1000 * rtol)
        for values in (scores, boxes, classes):
            assert not values[row, used:].any()


@pytest.mark.parametrize("evaluate", [yolo_eval_batch, yolo_eval_ops])
def test_same_boxes_as_one_by_one(evaluate):
    run = compiled(evaluate, 7)
    for raw in (
        scene(3, 5, 7, 7, objects=4),
        scene(1, 8, 3, 7, seed=1, objects=40),
        noise(2, 4, 4, 7),
        noise(2, 3, 3, 7, spread=0.1),  # nothing
        noise(0, 3, 3, 7),
    ):
        outputs = yolo_head(raw, ANCHORS, 7)
        sizes = [[160.0 + 10 * row, 224.0] for row in range(len(raw))]
        padded = run(*outputs, np.reshape(sizes, (-1, 2)))
        # A compiled graph may round once where eager operations round twice.
        assert_row_for_row(padded, outputs, sizes, rtol=1e-6)


@pytest.mark.parametrize("evaluate", [yolo_eval_batch, yolo_eval_ops])
def test_eager_on_arrays_with_one_size_for_all(evaluate):
    outputs = [np.asarray(part) for part in yolo_head(scene(2, 5, 7, 80), ANCHORS, 80)]
    padded = evaluate(outputs, (600, 800), 8, 0.3, 0.5)
    assert isinstance(padded, PaddedBoxes)
    assert padded.counts.numpy().all()
    assert_row_for_row(padded, outputs, [(600, 800)] * 2)


@pytest.mark.parametrize("evaluate", [yolo_eval_batch, yolo_eval_ops])
def test_fewer_boxes_in_the_grid_than_asked_for(evaluate):
    outputs = yolo_head(noise(2, 1, 1, 3), ANCHORS, 3)
    padded = evaluate(outputs, (600, 800), 8, 0.3, 0.5)
    assert_row_for_row(padded, outputs, [(600, 800)] * 2)


def side_by_side(scores: list[list[float]]) -> list[np.ndarray]:
    """Give one picture of one row, with a box of two classes in each of its cells."""
    cols = len(scores)
    box_xy = np.float32([[(col + 0.5) / cols, 0.5] for col in range(cols)])
    box_wh, confidence = np.full((cols, 2), 1 / cols), np.ones((cols, 1))
    return [np.float32(part)[None, None, :, None] for part in (box_xy, box_wh, confidence, scores)]


@pytest.mark.parametrize("evaluate", [yolo_eval_batch, yolo_eval_ops])
def test_only_the_best_class_of_a_box_counts(evaluate):
    padded = evaluate(side_by_side([[0.4, 0.6], [0.5, 0.4]]), (64, 64), 8, 0.3, 0.5)
    np.testing.assert_array_equal(padded.counts, [2])
    np.testing.assert_array_equal(padded.classes[0, :2], [1, 0])


@pytest.mark.parametrize("evaluate", [yolo_eval_batch, yolo_eval_ops])
@pytest.mark.parametrize(("iou_threshold", "count"), [(0.5, 2), (0.49, 1)])
def test_an_overlap_at_the_threshold_stays(evaluate, iou_threshold, count):
    box_xy, box_wh, confidence, scores = side_by_side([[0.9, 0], [0.8, 0]])
    box_xy[:], box_wh[:] = 0.5, 0.5
    box_wh[0, 0, 1, 0, 0] = 0.25  # half of the other box
    padded = evaluate([box_xy, box_wh, confidence, scores], (64, 64), 8, 0.3, iou_threshold)
    np.testing.assert_array_equal(padded.counts, [count])


def test_a_box_that_is_not_likely_does_not_order_classes():
    outputs = side_by_side([[0, 0.1], [0.5, 0], [0, 0.5]])
    padded = yolo_eval_ops(outputs, (64, 64), 8, 0.3, 0.5)
    np.testing.assert_array_equal(padded.classes[0, :2], [0, 1])
    assert_row_for_row(padded, outputs, [(64, 64)])


FEW = st.sampled_from([0.0, 0.25, 0.5, 1.0])
GRID = (2, 2, 3, 2)
TRACED = compiled(yolo_eval_ops, 3)


@settings(max_examples=40)
@given(
    arrays(np.float32, (*GRID, 2), elements=FEW),
    arrays(np.float32, (*GRID, 2), elements=FEW),
    arrays(np.float32, (*GRID, 1), elements=FEW),
    arrays(np.float32, (*GRID, 3), elements=FEW),
)
def test_equal_scores_in_the_course_s_order(box_xy, box_wh, box_confidence, box_class_probs):
    outputs = [box_xy, box_wh, box_confidence, box_class_probs]
    sizes = [[16.0, 16.0], [16.0, 16.0]]  # so that all numbers are exact
    assert_row_for_row(TRACED(*outputs, sizes), outputs, sizes)


OTHER_BACKEND = """
import json, sys
import keras
import numpy as np
from keras_cv_course.boxes import pairwise_iou, sort_corners, xyxy_to_xywh
from keras_cv_course.detection.select_boxes import select_boxes
from keras_cv_course.detection.select_boxes_course import yolo_eval
from keras_cv_course.detection.select_boxes_padded import yolo_eval_ops
from keras_cv_course.detection.yolo_head import yolo_head
from raw_outputs import ANCHORS, scene

backend = keras.backend.backend()
raw = scene(2, 5, 7, 7, objects=6)

def run(raw):
    return yolo_eval_ops(yolo_head(raw, ANCHORS, 7), [[160, 224], [320, 448]], 8, 0.3, 0.5)

if backend == "jax":
    import jax
    run = jax.jit(run)
outputs = yolo_head(raw, ANCHORS, 7)
corners = sort_corners(keras.ops.convert_to_tensor(np.float32([[1, 2, 3, 5], [4, 4, 2, 2]])))
result = {
    "padded": run(raw),
    "one by one": yolo_eval([np.asarray(part[0]) for part in outputs], (160, 224), 8, 0.3, 0.5),
    "own way": select_boxes(raw, ANCHORS, 7, (160, 224), score_threshold=0.3, iou_threshold=0.5, max_boxes=8)[0],
    "iou": [pairwise_iou(corners, corners), xyxy_to_xywh(corners)],
}
lists = {name: [np.asarray(value).tolist() for value in values] for name, values in result.items()}
print(json.dumps({"backend": backend, **lists}))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_same_boxes_on_another_backend(backend: str) -> None:
    pytest.importorskip(backend, reason=f"the {backend} extra is not installed")
    done = run_on(backend, OTHER_BACKEND)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert theirs["backend"] == backend

    raw = scene(2, 5, 7, 7, objects=6)
    outputs = yolo_head(raw, ANCHORS, 7)
    # Last bits of another library's exp and sigmoid; boxes of up to 448 pixels.
    padded = PaddedBoxes(*map(np.array, theirs["padded"]))
    assert padded.counts.all()
    assert_row_for_row(padded, outputs, [(160, 224), (320, 448)], rtol=2e-6)
    first = yolo_eval([part[0] for part in outputs], (160, 224), 8, 0.3, 0.5)
    for ours, other in zip(first, theirs["one by one"], strict=True):
        np.testing.assert_allclose(other, ours, rtol=2e-6, atol=1e-3)
    boxes, scores, class_ids = theirs["own way"]
    np.testing.assert_allclose(scores, first[0], rtol=2e-6)
    np.testing.assert_allclose(np.array(boxes)[:, [1, 0, 3, 2]], first[1], rtol=2e-6, atol=1e-3)
    np.testing.assert_array_equal(class_ids, first[2])
    # Boxes of 2 x 3 and 2 x 2 that share 1 x 2.
    overlaps, centres = theirs["iou"]
    np.testing.assert_allclose(overlaps, [[1, 0.25], [0.25, 1]], rtol=1e-6)
    np.testing.assert_allclose(centres, [[2, 3.5, 2, 3], [3, 3, 2, 2]], rtol=1e-6)
