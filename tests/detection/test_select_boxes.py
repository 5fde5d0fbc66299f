from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nms_reference import candidates, many_candidates, quadratic_nms
from raw_outputs import ANCHORS, noise, scene

from keras_cv_course.boxes import xywh_to_xyxy, xyxy_to_xywh
from keras_cv_course.detection.select_boxes import SelectedBoxes, non_max_suppression, select_boxes
from keras_cv_course.detection.yolo_head import yolo_head
from keras_cv_course.errors import DataContentError, ModelError

THRESHOLDS = st.sampled_from([0.0, 0.3, 0.45, 0.5, 1.0])
LIMITS = st.one_of(st.none(), st.integers(1, 8))


@given(candidates(), THRESHOLDS, LIMITS)
def test_suppression_is_the_quadratic_one_also_in_ties(boxes, iou_threshold, max_boxes):
    chosen = non_max_suppression(*boxes, iou_threshold, max_boxes)
    assert chosen.dtype == np.int64
    np.testing.assert_array_equal(chosen, quadratic_nms(*boxes, iou_threshold, max_boxes))


@pytest.mark.parametrize("max_boxes", [None, 10, 200])
@pytest.mark.parametrize("classes", [1, 3, 80])
def test_suppression_of_thousands(classes, max_boxes):
    boxes = many_candidates(3000, classes)
    chosen = non_max_suppression(*boxes, 0.5, max_boxes)
    np.testing.assert_array_equal(chosen, quadratic_nms(*boxes, 0.5, max_boxes))


def test_suppression_of_thousands_of_equal_boxes():
    boxes = np.tile(np.float32([1, 2, 3, 4]), (3000, 1))
    classes = np.arange(3000) % 2
    assert non_max_suppression(boxes, np.ones(3000, np.float32), classes).tolist() == [0, 1]
    assert len(non_max_suppression(boxes, np.ones(3000, np.float32), classes, 1.0)) == 3000


def test_suppression_of_no_and_of_one_box():
    none = non_max_suppression(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert none.dtype == np.int64
    assert none.shape == (0,)
    one = non_max_suppression(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    assert one.tolist() == [0]


def test_boxes_too_large_for_float32_areas_stay_without_a_warning():
    huge = np.float32([[0, 0, 1e30, 1e30], [0, 0, 1e30, 1e30]])
    with np.errstate(all="raise"):
        assert len(non_max_suppression(huge, np.ones(2, np.float32), np.zeros(2, np.int64))) == 2


def select_slowly(
    raw: np.ndarray, classes: int, size: tuple[int, int], score: float, iou: float, limit: int | None, multi_label: bool
) -> list[SelectedBoxes]:
    """Decode everything and take each step by itself."""
    box_xy, box_wh, confidence, probabilities = (np.asarray(part) for part in yolo_head(raw, ANCHORS, classes))
    pixels = np.float32([size[1], size[0], size[1], size[0]])
    selected = []
    for picture in range(len(raw)):
        boxes = xywh_to_xyxy(np.concatenate([box_xy[picture], box_wh[picture]], axis=-1)).reshape(-1, 4) * pixels
        scores = (confidence[picture] * probabilities[picture]).reshape(-1, classes)
        found = [
            (box, name)
            for box, row in enumerate(scores)
            for name in (range(classes) if multi_label else [row.argmax()])
            if row[name] >= np.float32(score)
        ]
        places, names = np.array(found, np.int64).reshape(-1, 2).T
        kept = quadratic_nms(boxes[places], scores[places, names], names, iou, limit)
        selected.append(SelectedBoxes(boxes[places][kept], scores[places, names][kept], names[kept]))
    return selected


def assert_same_boxes(ours: list[SelectedBoxes], expected: list[SelectedBoxes], pixels: float) -> None:
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        assert (one.boxes.dtype, one.scores.dtype, one.class_ids.dtype) == (np.float32, np.float32, np.int64)
        np.testing.assert_array_equal(one.class_ids, other.class_ids)
        # NumPy's exp and TensorFlow's differ in the last bit: 1e-6 of the size of the picture.
        np.testing.assert_allclose(one.scores, other.scores, rtol=2e-6)
        np.testing.assert_allclose(one.boxes, other.boxes, rtol=2e-6, atol=2e-6 * pixels)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize(
    ("raw", "classes", "score", "iou", "limit"),
    [
        (scene(2, 19, 19, 80), 80, 0.6, 0.5, 10),
        (scene(1, 13, 13, 20, seed=1), 20, 0.3, 0.45, None),
        (noise(1, 19, 19, 80), 80, 0.6, 0.5, 10),
        (noise(2, 5, 7, 7, spread=1), 7, 0.05, 0.3, None),
        (noise(1, 3, 8, 1), 1, 0.5, 0.5, None),
        (noise(1, 2, 2, 3), 3, 0.0, 1.0, None),
        (noise(3, 4, 4, 3, spread=0.1), 3, 0.9, 0.5, None),  # no box at all
        (noise(0, 4, 4, 3), 3, 0.6, 0.5, None),
    ],
)
def test_same_boxes_as_step_by_step(raw, classes, score, iou, limit, multi_label):
    size = (320, 480)
    ours = select_boxes(
        raw,
        ANCHORS,
        classes,
        size,
        score_threshold=score,
        iou_threshold=iou,
        max_boxes=limit,
        multi_label=multi_label,
    )
    assert_same_boxes(ours, select_slowly(raw, classes, size, score, iou, limit, multi_label), pixels=480)


def test_defaults_are_the_course_s_with_any_number_of_boxes():
    raw = scene(1, 19, 19, 80, objects=40)
    expected = select_slowly(raw, 80, (720, 1280), 0.6, 0.5, None, False)
    assert len(expected[0].boxes) > 10
    assert_same_boxes(select_boxes(raw, ANCHORS, 80, (720, 1280)), expected, pixels=1280)


def test_one_box_by_hand():
    raw = np.full((1, 2, 4, 5, 7), -20, np.float32)
    raw[0, 1, 2, 0] = [0, 0, np.log(2), 0, 20, 20, -20]
    (selected,) = select_boxes(raw.reshape(1, 2, 4, 35), ANCHORS, 2, (100, 200))
    width, height = 2 * 0.57273 / 4 * 200, 0.677385 / 2 * 100
    np.testing.assert_allclose(
        selected.boxes, [[125 - width / 2, 75 - height / 2, 125 + width / 2, 75 + height / 2]], rtol=1e-6
    )
    np.testing.assert_allclose(selected.scores, [1], rtol=1e-6)
    assert selected.class_ids.tolist() == [0]


def test_a_score_at_the_threshold_counts():
    raw = np.zeros((1, 1, 1, 5, 6), np.float32)  # objectness 0.5, and of one class
    assert (
        len(select_boxes(raw.reshape(1, 1, 1, 30), ANCHORS, 1, (1, 1), score_threshold=0.5, iou_threshold=1)[0].boxes)
        == 5
    )


def test_thresholds_of_numpy_count_as_those_of_python():
    boxes = np.float32([[0, 0, 10, 1], [0, 0, 3, 1]])  # IoU 0.3, which float32 rounds up
    for threshold in (0.3, np.float64(0.3), np.float32(0.3)):
        assert len(non_max_suppression(boxes, np.ones(2, np.float32), np.zeros(2, np.int64), threshold)) == 2
    raw = np.zeros((1, 1, 1, 5, 6), np.float32)
    raw[..., 4] = np.log(7 / 3)  # objectness 0.7, which float32 rounds down
    for threshold in (0.7, np.float64(0.7), np.float32(0.7)):
        (selected,) = select_boxes(
            raw.reshape(1, 1, 1, 30), ANCHORS, 1, (1, 1), score_threshold=threshold, iou_threshold=1
        )
        assert len(selected.boxes) == 5


def test_sixteen_bit_outputs_are_decoded_in_32():
    raw = scene(1, 5, 7, 7, objects=3).astype(np.float16)
    assert_same_boxes(
        select_boxes(raw, ANCHORS, 7, (160, 224)),
        select_slowly(raw.astype(np.float32), 7, (160, 224), 0.6, 0.5, None, False),
        pixels=224,
    )


@pytest.fixture(scope="module")
def darknet(real_data: Path) -> dict[str, np.ndarray]:
    with np.load(real_data / "darknet" / "yolov2-thin.golden.npz") as golden:
        return dict(golden)


def darknet_rows(selected: SelectedBoxes) -> np.ndarray:
    """Undo the letterbox of dog.jpg, 576 x 768, in 160 x 224: class, score, x, y, w, h, relative to the photo."""
    height, width, photo_height, photo_width = 160, 224, 576, 768
    assert width / photo_width > height / photo_height
    used = photo_width * height // photo_height  # all of the height, and so many columns in the middle
    boxes = xyxy_to_xywh(selected.boxes.astype(np.float64))
    boxes[:, 0] = (boxes[:, 0] - (width - used) / 2) / used
    boxes[:, 2] /= used
    boxes[:, 1::2] /= height
    rows = np.column_stack([selected.class_ids, selected.scores, boxes])
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


@pytest.mark.parametrize(("rows", "iou_threshold"), [("detections", 1.0), ("detections_after_nms", 0.45)])
def test_same_detections_as_darknet(darknet: dict[str, np.ndarray], rows: str, iou_threshold: float) -> None:
    expected = darknet[rows]
    expected = expected[np.lexsort((expected[:, 1], expected[:, 0]))]
    (selected,) = select_boxes(
        darknet["raw"][None],
        ANCHORS,
        7,
        (160, 224),
        score_threshold=0.02,
        iou_threshold=iou_threshold,
        multi_label=True,
    )
    ours = darknet_rows(selected)
    assert ours.shape == expected.shape
    # Sorted by class and score, both hold the same set. 1e-4 is what is promised; the largest difference is 2e-6, of a
    # box that is eleven pictures wide.
    np.testing.assert_array_equal(ours[:, 0], expected[:, 0])
    np.testing.assert_allclose(ours[:, 1:], expected[:, 1:], atol=1e-4)


@pytest.mark.parametrize(
    ("channel", "value"),
    [(4, np.nan), (4, np.inf), (0, np.nan), (2, 89), (3, np.inf), (5, np.nan), (6, np.inf)],
)
def test_numbers_that_are_no_boxes(channel: int, value: float) -> None:
    raw = np.zeros((2, 2, 2, 5, 7), np.float32)
    raw[1, 0, 1, 2, channel] = value
    with np.errstate(all="raise", under="ignore"), pytest.raises(DataContentError, match="finite numbers"):
        select_boxes(raw.reshape(2, 2, 2, 35), ANCHORS, 2, (64, 64), score_threshold=0.2)


BAD_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"score_threshold": 1.1}, r"score_threshold from 0 to 1. Received: 1\.1"),
    ({"score_threshold": float("nan")}, "score_threshold"),
    ({"iou_threshold": -0.1}, "iou_threshold from 0 to 1"),
    ({"max_boxes": 0}, "max_boxes of at least 1, or None for all. Received: 0"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD_ARGUMENTS)
def test_impossible_limits(wrong, message):
    with pytest.raises(DataContentError, match=message):
        select_boxes(np.zeros((1, 2, 2, 35), np.float32), ANCHORS, 2, (64, 64), **wrong)


def test_output_of_another_network():
    with pytest.raises(ModelError, match=r"5 \* \(5 \+ 3\) = 40\). Received: \(1, 2, 2, 35\)"):
        select_boxes(np.zeros((1, 2, 2, 35), np.float32), ANCHORS, 3, (64, 64))
    with pytest.raises(ModelError, match=r"Received: \(2, 2, 35\)"):
        select_boxes(np.zeros((2, 2, 35), np.float32), ANCHORS, 2, (64, 64))
