"""The way from a detector and a set to the figures, with a detector whose answers are known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from colour_detector import COLOURS, colour_detector, picture
from PIL import Image

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.measure_detector import measure_detector

CLASSES = ("green", "blue", "red")
CELL = 32


@pytest.fixture
def squares(tmp_path: Path) -> BoxedImages:
    """Give five pictures of one square each: the second is dark, the third without its box, the last damaged."""
    images = []
    for number in range(5):
        colour, (row, col) = ("red", "green")[number % 2], (number % 2, number % 3)
        path = tmp_path / f"{number}.png"
        pixels = picture((64, 96), {(row, col): colour})
        Image.fromarray(pixels // 3 if number == 1 else pixels).save(path)
        box = np.array([[col, row, col + 1, row + 1]], np.float32) * CELL
        images.append(BoxedImage(path.name, path, (64, 96), box, np.array([CLASSES.index(colour)]), (frozenset(),)))
    images[2] = images[2].take(np.zeros(1, bool))
    # A copy of the box and an empty one are not to be found; reversed corners are put in order.
    first = images[0]
    boxes = np.concatenate([first.boxes[:, [2, 3, 0, 1]], first.boxes, first.boxes * 0])
    images[0] = replace(first, boxes=boxes, class_ids=np.repeat(first.class_ids, 3), flags=(frozenset(),) * 3)
    with path.open("r+b") as file:
        file.truncate(60)
    return BoxedImages(tmp_path, tuple(images), CLASSES, (1, 2, 3), "drawn")


def test_measures_what_both_know(squares: BoxedImages) -> None:
    done: list[int] = []
    metrics = measure_detector(colour_detector(), squares, 2, score_threshold=0.9, progress=done.append)
    assert set(COLOURS) == {*metrics.truth.class_names} == {"green", "red"}
    assert metrics.unreadable == ("4.png",)
    assert done == [1, 2, 3, 4]
    # Green needs the dark square, whose score is sigmoid(20 / 3 - 10) times a class probability. Of red, the square
    # without a box has the same score as the one with it, and comes later.
    assert metrics.coco.class_ap == pytest.approx({"green": 1, "red": 1})
    assert metrics.voc.curves["red"].right[:2].tolist() == [1, 1]
    assert metrics.voc.curves["green"].scores[1] == pytest.approx(0.033, abs=0.003)
    assert metrics.confusion.tolist() == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]
    written = json.loads(json.dumps(metrics.to_json(), allow_nan=False))
    assert written["objects"] == {"green": 2, "red": 1}
    assert written["confusion"]["class_names"] == ["green", "red", "background"]
    assert written["coco"]["ap"] == pytest.approx(1)
    assert written["voc"]["ap_2007"] == pytest.approx(1)


def test_what_cannot_be_measured_is_an_error(squares: BoxedImages) -> None:
    renamed = replace(squares, class_names=("Green", "blue", "Red"))
    with pytest.raises(DataContentError, match="Expected a detector with at least one class of the set"):
        measure_detector(colour_detector(), renamed)
    with pytest.raises(DataContentError, match=r"expected pictures that can be read\. Received: none of 1"):
        measure_detector(colour_detector(), squares.take([4]))
