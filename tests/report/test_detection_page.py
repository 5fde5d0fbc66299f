"""The page of what a detector found."""

from pathlib import Path

import numpy as np

from keras_cv_course.detections import Detections
from keras_cv_course.report.detection_page import DetectedPicture, write_detection_page

CAR, LIGHT = 0, 1
TRUTH = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [0, 30, 5, 40]], np.float32)


def picture(boxes: list[list[float]], class_ids: list[int]) -> DetectedPicture:
    found = Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.9, np.float32),
        np.array(class_ids, np.int64),
        ("car", "<traffic> light"),
        (120, 160),
    )
    return DetectedPicture(np.zeros((120, 160, 3), np.uint8), found, TRUTH, np.array([CAR, CAR, LIGHT]))


def write(path: Path, *pictures: DetectedPicture) -> tuple[tuple[int, int, int], str]:
    counts = write_detection_page(path, title="Cars", facts={"Model": "m"}, data_note="drawn", pictures=pictures)
    return counts, path.read_text(encoding="utf-8")


def test_counts_and_says_what_is_missing(tmp_path: Path) -> None:
    some = picture([[0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60]], [CAR, CAR, LIGHT])
    counts, page = write(tmp_path / "page.html", some, picture([], []))
    assert counts == (2, 6, 1)
    assert "2 of 6" in page
    assert "2 x car" in page
    assert "missed: &lt;traffic&gt; light" in page
    assert "wrong: &lt;traffic&gt; light" in page
    assert "Nothing found" in page
    assert "missed: 2 x car, &lt;traffic&gt; light" in page
    assert "and 1 box that stands for none" in page


def test_everything_found(tmp_path: Path) -> None:
    counts, page = write(tmp_path / "page.html", picture(TRUTH.tolist(), [CAR, CAR, LIGHT]))
    assert counts == (3, 3, 0)
    assert "missed:" not in page
    assert "no box that stands for none" in page


def test_page_loads_nothing(tmp_path: Path) -> None:
    _, page = write(tmp_path / "page.html", picture([], []))
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert 'src="data:image/jpeg;base64,' in page
