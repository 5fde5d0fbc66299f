"""Windows by crops and by convolutions, and what is found with them."""

import math

import numpy as np
import pytest
from square_windows import CLASSES, picture, square_windows

from keras_cv_course.detection import sliding_windows
from keras_cv_course.detection.sliding_windows import (
    choose_sliding,
    classify_convolutions,
    classify_crops,
    detect_windows,
)
from keras_cv_course.errors import DataContentError, ModelError, WeightsError
from keras_cv_course.models.window_classifier import WindowClassifier, load_window_classifier


@pytest.fixture(scope="module")
def squares() -> WindowClassifier:
    return square_windows()


@pytest.fixture(scope="module")
def boxed() -> WindowClassifier:
    return square_windows(box=True)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 52, 3), np.uint8)


@pytest.mark.parametrize("stride", [(2, 2), (4, 6)])
@pytest.mark.parametrize("strip", [1, 600, 2**21])
def test_both_ways_say_the_same_also_in_strips(boxed, noise, stride, strip, monkeypatch):
    monkeypatch.setattr(sliding_windows, "_PIXELS_AT_ONCE", strip)
    expected = classify_crops(boxed, noise, stride)
    assert expected.probabilities.shape == ((37 - 8) // stride[0] + 1, (52 - 8) // stride[1] + 1, 3)
    ours = classify_convolutions(boxed, noise, stride)
    np.testing.assert_allclose(ours.probabilities, expected.probabilities, rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.boxes, expected.boxes, rtol=0, atol=1e-4)  # pixels


def test_windows_and_what_the_model_says_of_boxes(squares, boxed, noise):
    windows, inside = (classify_crops(one, noise, (3, 5)).boxes for one in (squares, boxed))
    assert windows[2, 4].tolist() == [20, 6, 28, 14]
    assert windows[-1, -1].tolist() == [40, 27, 48, 35]
    np.testing.assert_allclose(inside[2, 4], [22, 6, 26, 10], atol=1e-5)
    own = classify_convolutions(squares, noise)
    assert own.boxes[1, 3].tolist() == [6, 2, 14, 10]


@pytest.mark.parametrize(
    ("height", "expected"),
    [(8, ("red", [10, 20, 18, 28])), (16, ("green", [60, 30, 76, 46])), (24, ("red", [30, 40, 54, 64]))],
)
def test_objects_are_found_where_they_are_by_windows_of_their_size(squares, height, expected):
    shapes = [("red", 10, 20, 8), ("green", 60, 30, 16), ("red", 30, 40, 24)]
    image = picture((70, 100), *(shape for shape in shapes if shape[3] <= height))
    (found,) = detect_windows(squares, [image], window_heights=[height], iou_threshold=0)
    assert (found.class_names, found.image_size) == (CLASSES, (70, 100))
    assert [CLASSES[number] for number in found.class_ids] == [expected[0]]
    # The level is resized to whole pixels, and its windows are 2 of them apart.
    np.testing.assert_allclose(found.boxes, [expected[1]], atol=height / 8)
    assert (found.scores > 0.9).all()


def test_what_is_kept(squares):
    image = picture((40, 60), ("red", 10, 20, 16), ("green", 40, 8, 12))
    (everything,) = detect_windows(squares, [image])
    assert {CLASSES[number] for number in everything.class_ids} == {"red", "green"}
    assert (np.diff(everything.scores) <= 0).all()
    (green,) = detect_windows(squares, [image], classes=["green"])
    np.testing.assert_array_equal(green.boxes, everything.boxes[everything.class_ids == 2])
    (best,) = detect_windows(squares, [image], max_boxes=2)
    np.testing.assert_array_equal(best.boxes, everything.boxes[:2])
    (nothing,) = detect_windows(squares, [image], classes=["nothing"])
    assert len(nothing) == 0


def test_crops_and_convolutions_find_the_same(squares):
    image = picture((40, 60), ("red", 10, 20, 8), ("green", 40, 8, 12))
    convolved, cropped = (
        next(detect_windows(one, [image], score_threshold=0.3, stride=(2, 2)))
        for one in (squares, square_windows("same"))
    )
    assert len(convolved) > 1
    np.testing.assert_array_equal(convolved.class_ids, cropped.class_ids)
    np.testing.assert_allclose(convolved.scores, cropped.scores, atol=1e-5)
    np.testing.assert_allclose(convolved.boxes, cropped.boxes, atol=1e-3)


def test_the_pyramid_of_windows(squares):
    sides = [level.shape[:2] for level in sliding_windows._pyramid(squares, picture((32, 64)), None)]
    assert sides == [(32, 64), (23, 45), (16, 32), (11, 23), (8, 16)]
    assert [level.shape for level in sliding_windows._pyramid(squares, picture((6, 4)), None)] == [(12, 8, 3)]
    (small,) = detect_windows(squares, [picture((4, 4), ("green", 0, 0, 4))])
    np.testing.assert_allclose(small.boxes, [[0, 0, 4, 4]])
    (none,) = detect_windows(squares, [picture((4, 4))], window_heights=[8])
    assert (none.boxes.shape, none.class_ids.dtype) == ((0, 4), np.int64)
    assert list(detect_windows(squares, [])) == []


def test_boxes_end_at_the_picture_s_edges():
    wide = square_windows(box=True)
    wide.model.get_layer("box").set_weights([np.zeros((48, 4)), np.array([0.5, 0.5, 3, -1])])
    (found,) = detect_windows(wide, [picture((8, 8), ("red", 0, 0, 8))])
    assert found.boxes.tolist() == [[0, 4, 8, 4]]


def test_convolutions_wherever_they_are_allowed(squares):
    assert choose_sliding(squares) == ((2, 2), None)
    assert choose_sliding(squares, (4, 2)) == ((4, 2), None)
    stride, why = choose_sliding(squares, (3, 3))
    assert stride == (3, 3)
    assert why is not None
    assert "2 x 2" in why
    stride, why = choose_sliding(square_windows("same"))
    assert stride == (2, 2)  # a quarter of the window
    assert why is not None
    assert "'smooth' (Conv2D)" in why


def test_what_is_refused(squares, noise):
    with pytest.raises(ModelError, match=r"multiples of \(2, 2\).*Received: \(3, 2\)"):
        classify_convolutions(squares, noise, (3, 2))
    for classify in (classify_crops, classify_convolutions):
        with pytest.raises(DataContentError, match=r"stride of at least 1 pixel. Received: \(0, 2\)"):
            classify(squares, noise, (0, 2))
        with pytest.raises(DataContentError, match=r"at least 8 x 8, a window. Received: 7 x 52"):
            classify(squares, noise[:7], (2, 2))
        with pytest.raises(DataContentError, match=r"images uint8.*Received: float64 \(37, 52, 3\)"):
            classify(squares, noise / 255, (2, 2))
    with pytest.raises(DataContentError, match=r"Call detect_windows\(classifier, \[image\]\)"):
        detect_windows(squares, noise)
    for heights in ([], [8, 1], [8, math.nan], [math.inf]):  # 1: 8 times the picture's size
        with pytest.raises(DataContentError, match=r"window_heights in pixels, each at least 2: .*Received: \["):
            detect_windows(squares, [noise], window_heights=heights)
    with pytest.raises(DataContentError, match=r"Near names: green"):
        detect_windows(squares, [noise], classes=["gren"])
    with pytest.raises(DataContentError, match=r"images uint8.*float64"):
        next(detect_windows(squares, [noise / 255]))
    broken = square_windows()
    broken.model.get_layer("class").set_weights([np.full((48, 3), np.nan, np.float32), np.zeros(3)])
    with pytest.raises(ModelError, match="squares: expected finite numbers"):
        next(detect_windows(broken, [noise]))


def test_a_window_classifier_s_parts_must_fit(squares):
    with pytest.raises(ModelError, match=r"probabilities \(None, 2\).*Received: \(None, 8, 8, 3\) to \(None, 3\)"):
        WindowClassifier(squares.model, ("a", "b"), (), "m")
    with pytest.raises(ModelError, match=r"background as some of the classes red, nothing, green.*Received: sky"):
        WindowClassifier(squares.model, CLASSES, ("sky",), "m")
    with pytest.raises(ModelError, match="not all"):
        WindowClassifier(squares.model, CLASSES, CLASSES, "m")


def test_a_run_s_background_is_known_by_its_name(squares, tmp_path):
    squares.model.save(tmp_path / "model.keras")
    (tmp_path / "config.json").write_text('{"class_names": ["red", "Nothing", "green"]}')
    assert load_window_classifier(tmp_path).background == ("Nothing",)
    assert load_window_classifier(tmp_path, ("red",)).background == ("red",)
    (tmp_path / "config.json").write_text('{"class_names": ["red", "sky", "green"]}')
    with pytest.raises(ModelError, match=r"classes green, red, sky\. Say which it is \(--background\)"):
        load_window_classifier(tmp_path)
    assert load_window_classifier(tmp_path, ()).background == ()
    with pytest.raises(WeightsError, match="Expected a trained model's name"):
        load_window_classifier("road-window")
