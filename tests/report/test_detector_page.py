"""The page of how good a detector is."""

from pathlib import Path

import numpy as np
from random_boxes import boxed, detected

from keras_cv_course.metrics.detector_metrics import DetectorMetrics
from keras_cv_course.metrics.voc import PrecisionRecall
from keras_cv_course.report.detector_page import MistakenPicture, class_rows, write_detector_page
from keras_cv_course.report.detector_plots import CURVES_SHOWN, plot_precision_recall

CLASSES = ("<b>car</b>", "$bus", "tram")
A, B, C = (0, 0, 40, 40), (100, 0, 140, 40), (0, 100, 40, 140)


def metrics(*found: tuple) -> DetectorMetrics:
    truth = boxed([(0, A), (0, B), (1, C)], class_names=CLASSES)
    return DetectorMetrics([detected(*found, class_names=CLASSES)], truth, 0.5)


def write(path: Path, one: DetectorMetrics) -> str:
    worst = [MistakenPicture("a&b.jpg", np.zeros((120, 160, 3), np.uint8), 2, 1)]
    write_detector_page(path, title="Roads", facts={"Set": "roads"}, data_note="drawn", metrics=one, worst=worst)
    return " ".join(path.read_text(encoding="utf-8").split())


def test_figures_of_classes_and_of_all() -> None:
    car, bus, tram, together = class_rows(metrics((0.9, 0, A), (0.8, 0, C), (0.2, 1, C)))
    # Cars: the first of two boxes is right and finds one of two; at 11 recalls, 6 of them see a precision of 1.
    np.testing.assert_allclose(car["figures"], [51 / 101, 51 / 101, 6 / 11, 1 / 2, 1 / 2, 1 / 2])
    np.testing.assert_allclose(bus["figures"], [1, 1, 1, 1, np.nan, 0])  # its only box has a low score
    np.testing.assert_array_equal(tram["figures"], [np.nan] * 6)
    assert [row["objects"] for row in (car, bus, tram, together)] == [2, 1, 0, 3]
    ap = (51 / 101 + 1) / 2
    np.testing.assert_allclose(together["figures"], [ap, ap, (6 / 11 + 1) / 2, 3 / 4, 1 / 2, 1 / 3])


def test_page_says_what_was_measured(tmp_path: Path) -> None:
    page = write(tmp_path / "page.html", metrics((0.9, 0, A), (0.8, 0, C), (0.2, 1, C)))
    assert "<b>0.752</b>" in page
    assert "for 3 objects on 1 picture<" in page
    assert "&lt;b&gt;car&lt;/b&gt;</td><td>2</td><td>0.505</td>" in page
    assert "<td>tram</td><td>0</td><td>\N{EN DASH}</td>" in page
    assert "a&amp;b.jpg" in page
    assert "2 missed, 1 wrong" in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")  # loads nothing


def test_page_without_any_object(tmp_path: Path) -> None:
    nothing = DetectorMetrics([detected(class_names=CLASSES)], boxed([], class_names=CLASSES), 0.5)
    page = write(tmp_path / "page.html", nothing)
    assert "<b>\N{EN DASH}</b>" in page
    assert "Precision and recall</h2>" not in page


def test_plot_has_a_line_for_each_class_with_most_objects() -> None:
    scores, right = np.array([0.9, 0.8], np.float32), np.array([1, 1])
    curves = {f"class {n}": PrecisionRecall(scores, right, n) for n in range(CURVES_SHOWN + 3)}
    curves["empty$"] = PrecisionRecall(scores[:0], right[:0], 99)
    figure = plot_precision_recall(curves)
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines[:2]] == [r"empty\$  0.000", "class 12  0.083"]
    assert len(lines) == CURVES_SHOWN
    assert lines[1].get_xdata().tolist() == [0, 1 / 12, 1 / 12]
    assert lines[1].get_ydata().tolist() == [1, 1, 0.5]
    figure.canvas.draw()  # labels that matplotlib would read as formulas would fail here
