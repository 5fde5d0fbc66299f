"""VOC's average precision, against a loop as its development kit has it and an example computed by hand."""

import json
import math

import numpy as np
import pytest
from random_boxes import CLASSES, boxed, detected, draw_pictures

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.detections import Detections
from keras_cv_course.metrics.voc import PrecisionRecall, voc_metrics

CAR, BUS, TRAM = range(3)


def plain_average_precision(found: list[Detections], truth: BoxedImages, class_id: int) -> tuple[float, float]:
    """Go box by box, with nothing of the package but the IoU; give the AP of 2007 and of 2012."""
    boxes = [
        (score, number, box)
        for number, one in enumerate(found)
        for score, own, box in zip(one.scores.tolist(), one.class_ids.tolist(), one.boxes, strict=True)
        if own == class_id
    ]
    objects = {
        number: [
            [box, bool(flags & {"difficult", "crowd"}), False]
            for box, own, flags in zip(image.boxes, image.class_ids, image.flags, strict=True)
            if own == class_id
        ]
        for number, image in enumerate(truth.images)
    }
    total = sum(not ignored for some in objects.values() for _, ignored, _ in some)
    if not total:
        return math.nan, math.nan
    precision, recall, right, wrong = [], [], 0, 0
    for _, number, box in sorted(boxes, key=lambda entry: -entry[0]):
        best, best_iou = None, -1.0
        for candidate in objects[number]:
            iou = float(pairwise_iou(box[None], candidate[0][None])[0, 0])
            if iou > best_iou:
                best, best_iou = candidate, iou
        if best is not None and best_iou >= 0.5:
            if best[1]:
                continue
            right, wrong, best[2] = right + (not best[2]), wrong + best[2], True
        else:
            wrong += 1
        precision.append(right / (right + wrong))
        recall.append(right / total)

    eleven = 0.0
    for tenth in range(11):
        eleven += max([p for p, r in zip(precision, recall, strict=True) if r >= tenth / 10 - 1e-9], default=0) / 11
    recalls, precisions = [0, *recall, 1], [0, *precision, 0]
    for i in range(len(precisions) - 2, -1, -1):
        precisions[i] = max(precisions[i], precisions[i + 1])
    area = sum((recalls[i] - recalls[i - 1]) * precisions[i] for i in range(1, len(recalls)))
    return eleven, area


@pytest.mark.parametrize("flags", [(), ("difficult",), ("difficult", "crowd")])
@pytest.mark.parametrize("seed", range(4))
def test_as_a_plain_loop(seed: int, flags: tuple[str, ...]) -> None:
    found, truth = draw_pictures(seed, pictures=25, flags=flags, classes=2)
    metrics = voc_metrics(found, truth)
    expected = [plain_average_precision(found, truth, number) for number in range(len(CLASSES))]
    received = [(curve.ap_2007, curve.ap_2012) for curve in metrics.curves.values()]
    np.testing.assert_allclose(received, expected, atol=1e-12)  # sums of some dozen float64
    np.testing.assert_allclose(received[TRAM], [math.nan, math.nan])  # found, but nowhere in the truth
    np.testing.assert_allclose([metrics.ap_2007, metrics.ap_2012], np.mean(expected[:2], axis=0), atol=1e-12)


def test_worked_example() -> None:
    # Four objects; seven boxes, of which the first, the third and the sixth are right: precision 1, 1/2, 2/3, 1/2, 2/5,
    # 1/2, 3/7 at recall 1/4, 1/4, 1/2, 1/2, 1/2, 3/4, 3/4. Its envelope: 1 up to 1/4, 2/3 up to 1/2, 1/2 up to 3/4.
    curve = PrecisionRecall(np.linspace(0.9, 0.3, 7, dtype=np.float32), np.array([1, 1, 2, 2, 2, 3, 3]), 4)
    assert curve.ap_2012 == pytest.approx((1 + 2 / 3 + 1 / 2) / 4)
    # Recalls 0, .1, .2 see 1; .3, .4, .5 see 2/3; .6, .7 see 1/2; .8, .9, 1 see 0.
    assert curve.ap_2007 == pytest.approx((3 * 1 + 3 * 2 / 3 + 2 * 1 / 2) / 11)
    assert curve.at(0.65) == (pytest.approx(2 / 3), 0.5)
    assert curve.at(0.9) == (1, 0.25)
    precision, recall = curve.at(0.95)
    assert math.isnan(precision)
    assert recall == 0


def test_recalls_of_tenths_are_exact() -> None:
    # 3 of 10 found: the recall reaches 0.3, though 3 / 10 < 0.1 + 0.2 in floating point.
    assert PrecisionRecall(np.ones(3, np.float32), np.array([1, 2, 3]), 10).ap_2007 == pytest.approx(4 / 11)


def test_boxes_find_objects_as_voc_says() -> None:
    truth = boxed([(CAR, (0, 0, 40, 40)), (CAR, (100, 0, 140, 40), "difficult"), (BUS, (0, 100, 40, 140))], [])
    found = [
        detected(
            (0.9, CAR, (0, 0, 40, 40)),
            (0.8, CAR, (0, 0, 40, 38)),  # a second box on the same car is wrong
            (0.7, CAR, (100, 0, 140, 40)),  # boxes on a difficult object count for nothing, however many
            (0.7, CAR, (100, 0, 140, 38)),
            (0.6, CAR, (0, 100, 40, 140)),  # a car where a bus is
        ),
        detected((0.95, CAR, (0, 0, 40, 40))),  # nothing is there
    ]
    metrics = voc_metrics(found, truth)
    car, bus, tram = metrics.curves.values()
    assert car.right.tolist() == [0, 1, 1, 1]
    assert (car.objects, car.ap_2012) == (1, 0.5)
    assert (bus.objects, bus.ap_2007, bus.ap_2012, len(bus.scores)) == (1, 0, 0, 0)
    assert math.isnan(tram.ap_2012)
    assert metrics.ap_2012 == 0.25
    assert json.loads(json.dumps(metrics.to_json(), allow_nan=False))["class_ap_2012"] == {
        "car": 0.5,
        "bus": 0.0,
        "tram": None,
    }
