"""Average precision of masks: as pycocotools computes it from files."""

import json
import math
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from keras_cv_course.data.masked_images import MaskedImage
from keras_cv_course.data.synthetic.shapes import CLASS_NAMES, draw_shape_scenes
from keras_cv_course.detections import Detections, InstanceDetections
from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.coco import CocoMetrics
from keras_cv_course.metrics.instances import TrueInstances, measure_instances
from keras_cv_course.run_lengths import decode_masks, encode_masks, to_json

SIZE = (96, 128)
STATS = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100")
STATS += ("ar_small", "ar_medium", "ar_large")
Pairs = tuple[list[InstanceDetections], list[TrueInstances]]


def detected(scores: list, class_ids: list, boxes: list, masks: np.ndarray) -> InstanceDetections:
    detections = Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(class_ids, np.int64),
        CLASS_NAMES,
        SIZE,
    )
    return InstanceDetections(detections, masks)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Drawn shapes, some of them crowds, and what a middling model finds: masks and boxes moved, classes wrong."""
    rng = np.random.default_rng(0)
    found, truth = [], []
    for scene in draw_shape_scenes(12, 4, SIZE):
        true = TrueInstances.from_masks(scene.boxes, scene.class_ids, scene.masks)
        truth.append(replace(true, crowd=rng.random(len(scene.boxes)) < 0.15))
        chosen = rng.integers(0, len(scene.boxes), len(scene.boxes) + 1)
        shifts = rng.integers(-3, 4, (len(chosen), 2))
        pairs_ = zip(scene.masks[chosen], shifts, strict=True)
        masks = np.array([np.roll(mask, (dy, dx), (0, 1)) for mask, (dx, dy) in pairs_])
        boxes = np.clip(scene.boxes[chosen] + rng.integers(-2, 3, (len(chosen), 1)), 0, 128)
        class_ids = np.where(rng.random(len(chosen)) < 0.85, scene.class_ids[chosen], 0)
        found.append(detected(rng.integers(1, 11, len(chosen)) / 10, class_ids, boxes, masks))
    return found, truth


def evaluate_files(found, truth, folder: Path, kind: str) -> list[float]:
    """Go the way of pycocotools' own documentation: annotations and results as files, read by its own reader."""
    annotations = []
    for number, one in enumerate(truth):
        for box, class_id, mask, crowd in zip(one.boxes, one.class_ids, one.masks, one.crowd, strict=True):
            x1, y1, x2, y2 = box.tolist()
            entry = {"bbox": [x1, y1, x2 - x1, y2 - y1], "segmentation": to_json(mask), "iscrowd": int(crowd)}
            entry |= {"id": len(annotations) + 1, "image_id": number, "category_id": int(class_id)}
            annotations.append({**entry, "area": int(decode_masks([mask], SIZE).sum())})
    images = [{"id": number, "height": SIZE[0], "width": SIZE[1]} for number in range(len(truth))]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASS_NAMES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(content))
    results = [row for number, one in enumerate(found) for row in one.to_coco(number)]
    if kind == "segm":  # as files of masks are; pycocotools computes their boxes
        results = [{key: value for key, value in row.items() if key != "bbox"} for row in results]
    (folder / "results.json").write_text(json.dumps(results))
    with redirect_stdout(StringIO()):
        index = COCO(str(folder / "truth.json"))
        evaluation = COCOeval(index, index.loadRes(str(folder / "results.json")), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [math.nan if figure == -1 else figure for figure in evaluation.stats]


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_as_pycocotools_from_files(kind: str, pairs: Pairs, tmp_path: Path) -> None:
    metrics = measure_instances(*pairs)
    figures: CocoMetrics = metrics.masks if kind == "segm" else metrics.boxes
    expected = evaluate_files(*pairs, tmp_path, kind)
    np.testing.assert_array_equal([getattr(figures, name) for name in STATS], expected)
    assert 0.1 < figures.ap < 0.9  # it found some


def test_worked_example() -> None:
    """Two squares: of one the mask is half right with a right box, of the other both are right."""
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 10:30, 10:30], masks[1, 50:70, 50:70] = True, True
    boxes = [[10, 10, 30, 30], [50, 50, 70, 70]]
    truth = TrueInstances.from_masks(np.array(boxes, np.float32), np.array([1, 1]), masks)
    said = masks.copy()
    said[0, 10:17] = False  # IoU 13 / 20 = .65
    metrics = measure_instances([detected([0.9, 0.8], [1, 1], boxes, said)], [truth])
    assert metrics.boxes.class_ap["square"] == pytest.approx(1)
    assert metrics.boxes.class_ap50["square"] == pytest.approx(1)
    assert metrics.masks.ap50 == pytest.approx(1)
    # At .50 to .65 both are right. From .70 on the better-scored one is wrong: precision 1/2 up to recall .5.
    assert metrics.masks.ap == pytest.approx((4 + 6 * 0.5 * 51 / 101) / 10)
    assert math.isnan(metrics.masks.class_ap["circle"])
    written = json.loads(json.dumps(metrics.to_json(), allow_nan=False))
    assert written["masks"]["ap"] == metrics.masks.ap
    assert written["boxes"]["class_ap"]["circle"] is None


def test_what_is_found_in_a_crowd_counts_for_nothing() -> None:
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 10:30, 10:30], masks[1, 40:90, 40:120] = True, True
    boxes = np.array([[10, 10, 30, 30], [40, 40, 120, 90]], np.float32)
    truth = replace(TrueInstances.from_masks(boxes, np.array([0, 0]), masks), crowd=np.array([False, True]))
    within = np.zeros((3, *SIZE), bool)
    within[0, 10:30, 10:30], within[1, 45:60, 45:60], within[2, 65:80, 65:80] = True, True, True
    found = detected([0.5, 0.9, 0.8], [0, 0, 0], [[10, 10, 30, 30], [45, 45, 60, 60], [65, 65, 80, 80]], within)
    metrics = measure_instances([found], [truth])
    assert metrics.masks.ap == pytest.approx(1)
    assert metrics.boxes.ap == pytest.approx(1)


def test_what_is_difficult_need_not_be_found() -> None:
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 10:30, 10:30], masks[1, 50:70, 50:70] = True, True
    boxes = np.array([[10, 10, 30, 30], [50, 50, 70, 70]], np.float32)
    flags = (frozenset(), frozenset({"difficult"}))
    image = MaskedImage("a", Path("a"), SIZE, boxes, np.array([0, 0]), flags, masks=tuple(encode_masks(masks)))
    truth = [TrueInstances.from_image(image)]
    only_first = [detected([0.5], [0], boxes[:1].tolist(), masks[:1])]
    both = [detected([0.5, 0.9], [0, 0], boxes.tolist(), masks)]
    for found in (only_first, both):  # with COCO's crowds alone, half of the objects would be missed in the first
        metrics = measure_instances(found, truth)
        assert (metrics.masks.ap, metrics.boxes.ap) == (pytest.approx(1), pytest.approx(1))
    nothing_else = measure_instances([detected([0.9], [0], boxes[1:].tolist(), masks[1:])], truth)
    assert nothing_else.masks.ap == 0


def test_nothing_found_and_nothing_there(pairs: Pairs) -> None:
    nothing = [InstanceDetections.empty(CLASS_NAMES, SIZE)] * len(pairs[1])
    assert measure_instances(nothing, pairs[1]).masks.ap == 0
    empty = TrueInstances.from_masks(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros((0, *SIZE), bool))
    assert math.isnan(measure_instances(nothing[:1], [empty]).masks.ap)


def test_what_does_not_belong_together_is_refused(pairs: Pairs) -> None:
    found, truth = pairs
    with pytest.raises(DataContentError, match=r"m >= 1 pictures. Received: 11 for 12"):
        measure_instances(found[1:], truth)
    with pytest.raises(DataContentError, match=r"m >= 1 pictures. Received: 0 for 0"):
        measure_instances([], [])
    smaller = InstanceDetections.empty(CLASS_NAMES, (10, 10))
    with pytest.raises(DataContentError, match=r"of \(height, width\) \(10, 10\). Received: one of \(96, 128\)"):
        measure_instances([smaller], truth[:1])
    other = InstanceDetections.empty(("a",), SIZE)
    with pytest.raises(DataContentError, match="others on picture 1"):
        measure_instances([found[0], other], truth[:2])
    with pytest.raises(DataContentError, match="for each box"):
        replace(truth[0], crowd=np.zeros(0, bool))
