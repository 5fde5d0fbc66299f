"""COCO's figures: as pycocotools computes them from files."""

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
from random_boxes import CLASSES, boxed, detected, draw_pictures

from keras_cv_course.data.detection_formats.coco import write_coco
from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.coco import coco_metrics

CAR, BUS, TRAM = range(3)
BOX = (10, 10, 60, 60)  # 50 x 50: medium
NAMES = ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", *("ar1", "ar10", "ar100")]
NAMES += ["ar_small", "ar_medium", "ar_large"]


def evaluate_files(found, truth, folder: Path, categories: list[int] | None = None) -> list[float]:
    """Go the way of pycocotools' own documentation: annotations and results as files."""
    write_coco(truth, folder)
    results = [row for number, one in enumerate(found, 1) for row in one.to_coco(number, truth.category_ids)]
    (folder / "results.json").write_text(json.dumps(results))
    with redirect_stdout(StringIO()):
        annotations = COCO(str(folder / "annotations" / "instances.json"))
        evaluation = COCOeval(annotations, annotations.loadRes(str(folder / "results.json")), "bbox")
        evaluation.params.catIds = categories or evaluation.params.catIds
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [math.nan if figure == -1 else figure for figure in evaluation.stats]


@pytest.mark.parametrize(("seed", "flags", "classes"), [(0, (), 3), (1, ("crowd",), 3), (2, ("crowd", "truncated"), 2)])
def test_as_pycocotools_from_files(seed: int, flags: tuple[str, ...], classes: int, tmp_path: Path) -> None:
    found, truth = draw_pictures(seed, flags=flags, classes=classes)
    metrics = coco_metrics(found, truth)
    # The same arithmetic on the same whole pixels: the same numbers to the last bit.
    np.testing.assert_array_equal([getattr(metrics, name) for name in NAMES], evaluate_files(found, truth, tmp_path))
    for number, name in enumerate(CLASSES):
        alone = evaluate_files(found, truth, tmp_path / name, [truth.category_ids[number]])
        np.testing.assert_allclose([metrics.class_ap[name], metrics.class_ap50[name]], alone[:2], atol=1e-12)
    assert math.isnan(metrics.class_ap["tram"]) == (classes == 2)  # a class without objects is in no mean


def test_worked_example(capfd: pytest.CaptureFixture[str]) -> None:
    # Of two cars one is found, with IoU 50 / 50; a bus is found with IoU 0.6, by the second-best box.
    truth = boxed([(CAR, BOX), (CAR, (100, 100, 150, 150))], [(BUS, BOX)])
    found = [detected((0.9, CAR, BOX)), detected((0.8, BUS, (200, 0, 250, 50)), (0.7, BUS, (10, 10, 60, 40)))]
    metrics = coco_metrics(found, truth)
    car = 51 / 101  # precision 1 at the recalls .00 to .50, of 101
    bus = 0.5 * 3 / 10  # precision 1/2 at every recall, at the thresholds .50, .55 and .60
    assert metrics.class_ap == pytest.approx({"car": car, "bus": bus, "tram": math.nan}, nan_ok=True)
    assert metrics.class_ap50 == pytest.approx({"car": car, "bus": 0.5, "tram": math.nan}, nan_ok=True)
    assert metrics.ap == pytest.approx((car + bus) / 2)
    assert metrics.ap75 == pytest.approx(car / 2)
    assert metrics.ap_medium == metrics.ap
    assert metrics.ar1 == pytest.approx(0.5 / 2)
    assert metrics.ar100 == pytest.approx((0.5 + 0.3) / 2)
    assert capfd.readouterr() == ("", "")

    written = json.loads(json.dumps(metrics.to_json(), allow_nan=False))
    assert written["ap"] == metrics.ap
    assert written["ap_small"] is None
    assert written["class_ap"]["tram"] is None


def test_difficult_objects_count_for_nothing() -> None:
    truth = boxed([(CAR, BOX), (CAR, (100, 100, 150, 150), "difficult")])
    on_it = (0.9, CAR, (100, 100, 150, 150))
    assert coco_metrics([detected((0.5, CAR, BOX))], truth).ap == pytest.approx(1)  # it need not be found
    assert coco_metrics([detected(on_it, (0.5, CAR, BOX))], truth).ap == pytest.approx(1)  # and is no mistake
    assert coco_metrics([detected(on_it)], truth).ap == 0


def test_nothing_found_and_nothing_there() -> None:
    something = boxed([(CAR, BOX)], [])
    nothing_found = coco_metrics([detected(), detected()], something)
    assert (nothing_found.ap, nothing_found.ar100) == (0, 0)
    assert math.isnan(coco_metrics([detected((0.9, CAR, BOX))], boxed([])).ap)
    empty_pictures = coco_metrics([detected((0.5, CAR, BOX)), detected((0.9, CAR, BOX))], something)
    assert empty_pictures.ap == pytest.approx(0.5)  # the better box is on the picture without cars


def test_what_does_not_belong_together_is_refused() -> None:
    truth = boxed([(CAR, BOX)])
    with pytest.raises(DataContentError, match=r"for each of 1 pictures. Received: 0"):
        coco_metrics([], truth)
    with pytest.raises(DataContentError, match=r"000.jpg: expected detections of the set's classes \(bus, car, tram\)"):
        coco_metrics([detected(class_names=("car",))], truth)
    with pytest.raises(DataContentError, match=r"of \(height, width\) \(200, 320\). Received: of \(100, 160\)"):
        coco_metrics([replace(detected(), image_size=(100, 160))], truth)
    with pytest.raises(DataContentError, match="Take the set's usable"):
        coco_metrics([detected()], boxed([(CAR, (60, 10, 10, 60))]))
