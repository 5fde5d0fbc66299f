import random
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.ft2font import FT2Font
from PIL import Image

from keras_cv_course.detection.draw import draw_boxes, draw_detections, draw_labels, get_colors_for_classes
from keras_cv_course.detection.label_font import BOLD, font_file
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError

NAMES = ("car", "bus", "traffic light")
CAR, BUS, LIGHT = get_colors_for_classes(3)


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 127, np.uint8)


def detections(
    boxes: list[list[float]], size: tuple[int, int], ids: list[int] | None = None, names: tuple[str, ...] = NAMES
) -> Detections:
    scores = np.linspace(0.9, 0.5, len(boxes)).astype(np.float32)
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(array, scores, np.array(ids or [0] * len(boxes), np.int64), names, size)


def is_colour(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (image == colour).all(axis=-1)


class TestColours:
    @pytest.mark.parametrize("classes", [0, 1, 2, 80, 1000])
    def test_each_class_has_its_own(self, classes: int) -> None:
        colours = get_colors_for_classes(classes)
        assert len(set(colours)) == len(colours) == classes
        assert all(type(value) is int and 0 <= value <= 255 for colour in colours for value in colour)

    def test_always_the_same(self) -> None:
        random.seed(1)
        first, state = get_colors_for_classes(20), random.getstate()
        random.seed(2)
        assert get_colors_for_classes(20) == first
        random.seed(1)
        assert random.getstate() == state  # the program's own random numbers are left alone

    def test_callers_may_change_their_list(self) -> None:
        get_colors_for_classes(5).clear()
        assert len(get_colors_for_classes(5)) == 5


class TestFrames:
    @pytest.mark.parametrize(("side", "line"), [(64, 1), (416, 1), (1000, 3), (4000, 12)])
    def test_lines_grow_with_the_picture_and_leave_the_object_free(self, side: int, line: int) -> None:
        quarter = side // 4
        box = [quarter, quarter, 3 * quarter, 3 * quarter]
        drawn = draw_detections(grey(side, side), detections([box], (side, side)))
        assert (drawn[quarter : 3 * quarter, quarter : 3 * quarter] == 127).all()
        row = is_colour(drawn[side // 2], CAR)
        assert row.sum() == 2 * line
        assert row[quarter - line - line // 3]  # the line lies around the object
        assert not row[: quarter - line - line // 3].any()

    def test_thin_objects_are_framed(self) -> None:
        boxes = [[30.2, 40.6, 30.7, 40.9], [70, 20, 70, 20], [100, 0, 101, 90]]
        drawn = draw_detections(grey(90, 120), detections(boxes, (90, 120)))
        for x, y in ((30, 40), (70, 20), (100, 60)):
            assert (drawn[y, x] == 127).all()
            assert is_colour(drawn[y, [x - 1, x + 1]], CAR).all()

    def test_boxes_end_with_the_picture(self) -> None:
        drawn = draw_detections(grey(100, 100), detections([[-50, -1e30, 40, 60], [60, 70, 1e6, 1e30]], (100, 100)))
        assert is_colour(drawn[:50, 40], CAR).all()
        assert is_colour(drawn[75, 59:60], CAR).all()
        assert is_colour(drawn[[0, 75, 99], [20, 99, 80]], CAR).all()
        assert not is_colour(drawn[75:99, 70:99], CAR).any()

    def test_what_lies_outside_is_not_drawn(self) -> None:
        outside = [[-30, 10, -5, 40], [110, 10, 140, 40], [10, -30, 40, 0], [10, 100, 40, 120]]
        np.testing.assert_array_equal(draw_detections(grey(100, 100), detections(outside, (100, 100))), grey(100, 100))

    def test_surer_boxes_lie_on_top(self) -> None:
        drawn = draw_detections(
            grey(300, 300), detections([[100, 100, 200, 200], [150, 50, 250, 150]], (300, 300), [0, 1])
        )
        assert is_colour(drawn[99:100, 149], CAR).all()
        assert is_colour(drawn[90, 149:150], BUS).all()


class TestLabels:
    def test_letters_have_the_contrasting_colour(self) -> None:
        names, size = tuple(map(str, range(12))), (800, 800)
        for number, colour in enumerate(get_colors_for_classes(12)):
            drawn = draw_detections(grey(*size), detections([[50, 60, 150, 150]], size, [number], names))
            label = drawn[40:57]  # above the frame
            assert is_colour(label, colour).any()
            black, white = (is_colour(label, (value, value, value)).any() for value in (0, 255))
            luminance = np.dot([0.2126, 0.7152, 0.0722], np.array(colour) / 255)  # channels near 0 or 255 need no gamma
            # Where both contrasts are good, either will do.
            assert black or luminance < 0.4
            assert white or luminance > 0.1
            assert black != white

    def test_the_label_shows_name_and_score(self) -> None:
        size = (200, 300)
        labels = [
            draw_detections(grey(*size), detections([[50, 80, 250, 190]], size, [0], (name,)))[:79]
            for name in ("car", "bus", "Fußgänger", "автобус", "")
        ]
        widths = [int((label != 127).any(axis=(0, 2)).sum()) for label in labels]
        assert widths[2] > widths[0] > widths[4] > 10  # the score alone
        assert (labels[0] != labels[1]).any()

    def test_a_label_has_one_line(self) -> None:
        one, two = (
            draw_detections(grey(200, 300), detections([[50, 80, 250, 190]], (200, 300), [0], (name,)))
            for name in ("traffic light", " traffic\n\tlight\n")
        )
        np.testing.assert_array_equal(one, two)

    def test_scores_give_way_to_names_where_there_is_little_room(self) -> None:
        boxes = [[2.0 + 20 * i, 30, 16 + 20 * i, 60] for i in range(3)]
        crowded = draw_detections(grey(64, 64), detections(boxes, (64, 64)))
        alone = draw_detections(grey(64, 64), detections(boxes[:1], (64, 64)))
        # "car" is 17 pixels wide in letters of 9, "car 0.90" is 42.
        assert is_colour(alone[:29], CAR).any(axis=0).sum() > 40
        assert is_colour(crowded[:29, :21], CAR).any()

    @pytest.mark.parametrize("size", [(9, 9), (1, 1), (300, 5), (5, 300), (64, 64)])
    def test_pictures_without_room_for_a_label(self, size: tuple[int, int]) -> None:
        name = "a name that is much longer than the picture is wide"
        drawn = draw_detections(grey(*size), detections([[0, 0, size[1], size[0]]] * 2, size, names=(name,)))
        assert drawn.shape == (*size, 3)
        assert (drawn != 127).any()

    def test_hundreds_of_boxes(self) -> None:
        draw = np.random.default_rng(0)
        low = draw.uniform(0, 380, (400, 2))
        boxes = np.concatenate([low, low + draw.uniform(1, 60, (400, 2))], axis=1).tolist()
        drawn = draw_detections(grey(400, 400), detections(boxes, (400, 400), draw.integers(0, 3, 400).tolist()))
        assert all(is_colour(drawn, colour).any() for colour in (CAR, BUS, LIGHT))

    def test_letters_that_the_usual_font_lacks(self) -> None:
        assert font_file("Straße, Ταξί, трамвай, نقل", bold=True) == BOLD
        other = font_file("\N{WATCH}", bold=True)
        assert other != BOLD
        assert ord("\N{WATCH}") in FT2Font(other).get_charmap()
        assert font_file("\U0010fffd", bold=True) == BOLD  # for private use: no font has it


class TestImages:
    def test_input_is_left_as_it_is(self) -> None:
        array, picture = grey(60, 80), Image.new("L", (80, 60), 127)
        found = detections([[10, 20, 40, 50]], (60, 80))
        from_array, from_picture = draw_detections(array, found), draw_detections(picture, found)
        np.testing.assert_array_equal(array, grey(60, 80))
        assert picture.mode == "L"
        assert picture.getextrema() == (127, 127)
        assert from_array.dtype == np.uint8
        assert from_array.flags.writeable
        np.testing.assert_array_equal(from_array, from_picture)

    def test_nothing_found(self) -> None:
        image = grey(60, 80)
        drawn = draw_detections(image, Detections.empty(NAMES, (60, 80)))
        np.testing.assert_array_equal(drawn, image)
        assert not np.shares_memory(drawn, image)

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            (grey(60, 80).astype(np.float32), r"uint8 image of shape .* Received: float32 of shape \(60, 80, 3\)"),
            (grey(60, 80)[..., 0], r"Received: uint8 of shape \(60, 80\)"),
            ("picture.jpg", "Received: str"),
            (grey(80, 60), r"the detections are of, \(height, width\) \(60, 80\). Received: \(80, 60\). Resize"),
        ],
    )
    def test_wrong_image(self, image: object, message: str) -> None:
        with pytest.raises(DataContentError, match=message):
            draw_detections(image, detections([[10, 20, 40, 50]], (60, 80)))

    def test_a_real_photo(self, real_data: Path) -> None:
        photo = Image.open(real_data / "drive_ai" / "images" / "test.jpg")
        before = np.array(photo)
        drawn = draw_detections(photo, detections([[367, 300, 745, 648], [5, 266, 220, 407]], (720, 1280), [0, 1]))
        changed = (drawn != before).any(axis=-1)
        assert not changed[300:648, 367:745].any()
        assert 0.005 < changed.mean() < 0.03  # two frames and two labels


class TestCourseFunction:
    def test_draws_on_the_picture_and_gives_it(self) -> None:
        image = Image.fromarray(grey(100, 200))
        # y before x: a box of 60 by 30 pixels, 20 from the left and 50 from above
        drawn = draw_boxes(image, [[50, 20, 80, 80]], [1], list(NAMES), [0.8])
        np.testing.assert_array_equal(np.array(image), drawn)
        expected = Detections(
            np.float32([[20, 50, 80, 80]]), np.float32([0.8]), np.array([1]), NAMES, (100, 200)
        )  # fmt: skip
        np.testing.assert_array_equal(drawn, draw_detections(grey(100, 200), expected))

    def test_tensors(self) -> None:
        image = Image.fromarray(grey(100, 200))
        boxes = tf.constant([[50.0, 20, 80, 80], [10, 90, 60, 150]])
        drawn = draw_boxes(image, boxes, tf.constant([1, 0]), NAMES, tf.constant([0.8, 0.5]))
        assert is_colour(drawn, CAR).any()
        assert is_colour(drawn, BUS).any()

    def test_without_scores(self) -> None:
        with_scores, without = (
            draw_boxes(Image.fromarray(grey(100, 200)), [[50, 20, 80, 80]], [0], NAMES, scores)
            for scores in ([1.0], None)
        )
        assert 0 < is_colour(without[:49], CAR).sum() < is_colour(with_scores[:49], CAR).sum()

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
    def test_nothing_found(self, mode: str) -> None:
        image = Image.new(mode, (200, 100))
        drawn = draw_boxes(image, np.zeros((0, 4)), [], NAMES, [])
        assert drawn.shape == (100, 200, 3)
        assert image.mode == mode

    @pytest.mark.parametrize(
        ("boxes", "classes", "message"),
        [
            ([[80, 20, 50, 80]], [0], "x1 <= x2 and y1 <= y2"),
            ([[1, 2, 3]], [0], "last axis of 4"),
            ([[1, 2, 3, 4]], [3], "class"),
        ],
    )
    def test_wrong_boxes(self, boxes: list, classes: list, message: str) -> None:
        with pytest.raises(DataContentError, match=message):
            draw_boxes(Image.new("RGB", (200, 100)), boxes, classes, NAMES)


def test_boxes_with_labels_and_colours_of_their_own() -> None:
    image = Image.new("RGB", (200, 200), "black")
    boxes = np.array([[20, 20, 90, 90], [110, 110, 180, 180]], np.float32)
    drawn = draw_labels(image, boxes, ["seen", "seen"], [(0, 200, 0), (200, 0, 0)])
    assert np.asarray(image).max() == 0  # left as it is
    assert drawn[60, 19].tolist() == [0, 200, 0]
    assert drawn[150, 109].tolist() == [200, 0, 0]
    np.testing.assert_array_equal(draw_labels(image, boxes[:0], [], []), np.asarray(image))
