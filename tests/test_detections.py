import json
import sys
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.detections import Detections, InstanceDetections
from keras_cv_course.errors import DataContentError, MissingExtraError
from keras_cv_course.run_lengths import decode_masks, encode_masks

NAMES = ("car", "bus", "person")


def detections(n: int = 4) -> Detections:
    draw = np.random.default_rng(2)
    corners = np.sort(draw.uniform(-10, 300, (n, 2, 2)), axis=1)  # (n, corner, x or y)
    return Detections(
        corners.reshape(n, 4).astype(np.float32),
        draw.uniform(0, 1, n).astype(np.float32),
        draw.integers(0, len(NAMES), n),
        NAMES,
        (240, 320),
    )


GOOD: dict[str, Any] = {
    "boxes": np.array([[1, 2, 3, 4], [5, 5, 5, 5]], np.float32),
    "scores": np.array([1, 0], np.float32),
    "class_ids": np.array([2, 0]),
    "class_names": NAMES,
    "image_size": (1, 1),
}

BAD: list[tuple[str, Any, str]] = [
    ("boxes", [[1, 2, 3, 4], [5, 5, 5, 5]], r"boxes as .* float32 of shape \(2, 4\). Received: list of shape \(2, 4\)"),
    ("boxes", GOOD["boxes"].astype(np.float64), "Received: float64"),
    ("boxes", GOOD["boxes"].ravel(), r"of shape \(8, 4\). Received: float32 of shape \(8,\)"),
    ("boxes", np.float32(3), r"Received: float32 of shape \(\)"),
    ("boxes", np.zeros((2, 5), np.float32), r"Received: float32 of shape \(2, 5\)"),
    ("boxes", np.array([[1, 2, 3, 4], [5, 5, np.nan, 5]], np.float32), "finite boxes. Received: 1 others of 2"),
    ("boxes", np.array([[1, 2, 3, 4], [5, 5, np.inf, 5]], np.float32), "finite boxes"),
    ("boxes", np.array([[1, 2, 3, 4], [5, 5, 4, 5]], np.float32), r"x1 <= x2 .*1 others, such as \[5. 5. 4. 5.\]"),
    ("boxes", np.array([[1, 2, 3, 4], [5, 5, 5, 4]], np.float32), "y1 <= y2"),
    ("scores", np.zeros(3, np.float32), r"scores as .* of shape \(2,\). Received: float32 of shape \(3,\)"),
    ("scores", np.zeros(2), "Received: float64"),
    ("scores", np.array([0, 1.1], np.float32), r"scores from 0 to 1. Received: 1 others, such as 1\.1"),
    ("scores", np.array([0, -0.1], np.float32), "scores from 0 to 1"),
    ("scores", np.array([0, np.nan], np.float32), "such as nan"),
    ("class_ids", np.zeros(2, np.int32), "Received: int32"),
    ("class_ids", np.array([0, 3]), "class ids below 3, .*such as 3"),
    ("class_ids", np.array([0, -1]), "such as -1"),
    ("class_names", list(NAMES), "class_names as a tuple. Received: list"),
    ("class_names", "car", "Received: str"),
    ("image_size", (0, 5), r"image_size as \(height, width\)"),
    ("image_size", (5, 5, 3), "image_size"),
]


def test_good_ones_pass():
    assert len(Detections(**GOOD)) == 2


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_bad_ones_do_not(name, value, message):
    with pytest.raises(DataContentError, match=message):
        Detections(**{**GOOD, name: value})


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        detections().scores = np.zeros(4, np.float32)


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.lists(st.integers(-4, 3), max_size=6), st.slices(4))
def test_part_by_mask_indices_and_slice(mask, indices, some):
    whole = detections()
    for index in (np.array(mask), np.array(indices, int), some):
        part = whole[index]
        assert len(part) == len(whole.scores[index])
        for name in ("boxes", "scores", "class_ids"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[index])
        assert (part.class_names, part.image_size) == (whole.class_names, whole.image_size)


@pytest.mark.parametrize("index", [2, -2, np.int64(2)])
def test_part_by_number_is_one_box(index):
    np.testing.assert_array_equal(detections()[index].boxes, detections().boxes[[index]])


def test_part_outside():
    with pytest.raises(IndexError):
        detections()[4]
    with pytest.raises(IndexError):
        detections()[np.ones(3, bool)]


def test_empty():
    none = Detections.empty(NAMES, (5, 7))
    assert len(none) == 0
    assert none.boxes.shape == (0, 4)
    assert len(none[np.zeros(0, bool)]) == 0
    assert none.to_coco(1) == []
    assert none.to_dict() == {name: [] for name in ("class_id", "class_name", "score", "x1", "y1", "x2", "y2")}


def test_columns():
    table = Detections(**GOOD).to_dict()
    assert table == {
        "class_id": [2, 0],
        "class_name": ["person", "car"],
        "score": [1.0, 0.0],
        "x1": [1.0, 5.0],
        "y1": [2.0, 5.0],
        "x2": [3.0, 5.0],
        "y2": [4.0, 5.0],
    }
    assert json.loads(json.dumps(table)) == table  # plain Python numbers


def test_coco_results():
    results = Detections(**GOOD).to_coco(17)
    assert results == [
        {"image_id": 17, "category_id": 2, "bbox": [1.0, 2.0, 2.0, 2.0], "score": 1.0},
        {"image_id": 17, "category_id": 0, "bbox": [5.0, 5.0, 0.0, 0.0], "score": 0.0},
    ]
    assert json.loads(json.dumps(results)) == results


def test_coco_results_with_the_data_set_s_own_ids():
    results = Detections(**GOOD).to_coco(17, np.array([3, 6, 1]))
    assert json.loads(json.dumps([result["category_id"] for result in results])) == [1, 3]


def test_coco_results_need_an_id_for_each_class():
    with pytest.raises(DataContentError, match=r"one category id for each of 3 classes\. Received: 2"):
        detections().to_coco(17, [1, 2])


@pytest.mark.parametrize("n", [0, 1, 4])
def test_supervision(n):
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    ours = detections(n)
    theirs = ours.to_supervision()
    assert isinstance(theirs, supervision.Detections)
    np.testing.assert_array_equal(theirs.xyxy, ours.boxes)
    np.testing.assert_array_equal(theirs.confidence, ours.scores)
    np.testing.assert_array_equal(theirs.class_id, ours.class_ids)
    assert theirs.data["class_name"].tolist() == [NAMES[number] for number in ours.class_ids]
    assert len(theirs[theirs.confidence > 0.5]) == (ours.scores > 0.5).sum()


def test_without_supervision(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match="pip install supervision"):
        detections().to_supervision()


def instances(n: int = 4) -> InstanceDetections:
    return InstanceDetections(detections(n), np.random.default_rng(3).random((n, 240, 320)) < 0.3)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_masks_go_with_their_boxes(n):
    found = instances(n)
    assert len(found) == n
    for index in (np.arange(n) % 2 == 0, slice(1, None), np.zeros(0, int)):
        some = found[index]
        np.testing.assert_array_equal(some.masks, found.masks[index])
        np.testing.assert_array_equal(some.detections.boxes, found.detections.boxes[index])
    if n:
        np.testing.assert_array_equal(found[n - 1].masks, found.masks[-1:])


@pytest.mark.parametrize(
    "masks", [np.zeros((3, 240, 320), bool), np.zeros((4, 320, 240), bool), np.zeros((4, 240, 320))]
)
def test_masks_must_fit(masks):
    with pytest.raises(DataContentError, match=r"masks as a NumPy array of bool of shape \(4, 240, 320\). Received: "):
        InstanceDetections(detections(), masks)


def test_no_instances():
    empty = InstanceDetections.empty(NAMES, (20, 30))
    assert (len(empty), empty.masks.shape, empty.to_coco(1)) == (0, (0, 20, 30), [])


def test_coco_results_with_masks():
    results = json.loads(json.dumps(instances().to_coco(17)))
    assert [{key: row[key] for key in row if key != "segmentation"} for row in results] == detections().to_coco(17)
    written = [{**row["segmentation"], "counts": row["segmentation"]["counts"].encode()} for row in results]
    np.testing.assert_array_equal(decode_masks(written, (240, 320)), instances().masks)


def test_run_lengths_are_of_masks():
    with pytest.raises(DataContentError, match=r"masks bool \(n, height, width\). Received: uint8 of shape \(2, 2\)"):
        encode_masks(np.zeros((2, 2), np.uint8))
    with pytest.raises(DataContentError, match=r"\(height, width\) \(3, 2\). Received: one of \(2, 3\)"):
        decode_masks(encode_masks(np.zeros((1, 2, 3), bool)), (3, 2))
