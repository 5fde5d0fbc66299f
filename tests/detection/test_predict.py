"""The whole way from pictures to boxes, with a detector whose answers are known."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from colour_detector import CLASSES, SCORE, colour_detector, picture

from keras_cv_course.boxes import clip_xyxy, scale_xyxy, xywh_to_xyxy
from keras_cv_course.convert.darknet import load_darknet
from keras_cv_course.data.darknet_jpeg import read_jpeg_as_darknet
from keras_cv_course.detection.predict import detect, find_classes
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError

TWO = {(0, 1): "red", (1, 2): "green"}


@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize("scale", [1, 2, 7])
def test_finds_squares_in_the_picture_s_own_pixels(resize: Any, scale: int) -> None:
    (found,) = detect(colour_detector(resize), [picture((64 * scale, 96 * scale), TWO)], score_threshold=0.9)
    assert found.image_size == (64 * scale, 96 * scale)
    order = np.argsort(found.class_ids)
    np.testing.assert_array_equal(found.class_ids[order], [0, 1])
    expected = np.array([[32, 0, 64, 32], [64, 32, 96, 64]], np.float32) * scale
    np.testing.assert_allclose(found.boxes[order], expected, atol=1e-3)  # float32 rounds 1 / 3 and 672 pixels
    # Bicubic and bilinear resizing mix the colours at a square's edges.
    np.testing.assert_allclose(found.scores, SCORE, atol=1e-4 if scale == 1 else 0.02)


def test_stretching_and_letterbox_place_boxes_on_other_shapes() -> None:
    (stretched,) = detect(colour_detector("stretch"), [picture((64, 300), TWO)], score_threshold=0.8, classes=["red"])
    np.testing.assert_allclose(stretched.boxes, [[100, 0, 200, 32]], atol=1e-3)  # a cell is a third and a half

    # In a letterbox, a picture of 48 x 48 is 64 x 64 and lies 16 pixels from the left: the middle column of cells is
    # 32 - 16 = 16 to 48 of these, and 12 to 36 of the picture's own pixels.
    image = np.zeros((48, 48, 3), np.uint8)
    image[24:, 12:36] = 0, 255, 0
    (boxed,) = detect(colour_detector("letterbox"), [image], score_threshold=0.8)
    np.testing.assert_allclose(boxed.boxes, [[12, 24, 36, 48]], atol=1e-3)
    assert boxed.class_ids.tolist() == [1]


def test_boxes_beside_the_picture_are_left_out_and_others_are_cut_off() -> None:
    image = np.full((90, 30, 3), 127, np.uint8)  # lies in columns 37 to 58 of the input
    (found,) = detect(colour_detector(), [image], score_threshold=0, iou_threshold=1)
    assert len(found) == 2  # of 6 cells, the two in the middle column
    np.testing.assert_allclose(np.sort(found.boxes[:, 1]), [0, 45], atol=1e-3)
    assert (found.boxes[:, [0, 2]] == [0, 30]).all()


class CountCalls(keras.layers.Layer):
    """Counts how often Python goes through it: only while a compiled function is traced."""

    calls = 0

    def call(self, x: Any) -> Any:
        self.calls += 1
        return x


def test_batches_give_what_single_pictures_give_and_compile_once() -> None:
    counter = CountCalls()
    detector = colour_detector(first=counter)
    draw = np.random.default_rng(0)
    images = [draw.integers(0, 256, (*draw.integers(1, 80, 2), 3), np.uint8) for _ in range(7)]
    singles = [next(detect(detector, [image], score_threshold=0)) for image in images]

    detector = colour_detector(first=counter)
    results = detect(detector, images, score_threshold=0, batch_size=3)
    found = [next(results)]
    calls = counter.calls
    found += results
    list(detect(detector, images[:3], score_threshold=0, batch_size=3))
    assert counter.calls == calls  # neither for the second batch, nor for the last with a single picture, nor next time
    assert len(found) == 7
    for one, batched in zip(singles, found, strict=True):
        assert one.image_size == batched.image_size
        np.testing.assert_array_equal(one.class_ids, batched.class_ids)
        np.testing.assert_allclose(one.boxes, batched.boxes, atol=1e-3)
        np.testing.assert_allclose(one.scores, batched.scores, rtol=1e-4)


def test_no_picture_gives_nothing_and_needs_no_model() -> None:
    counter = CountCalls()
    detector = colour_detector(first=counter)
    before = counter.calls
    assert list(detect(detector, [])) == []
    assert counter.calls == before


def test_pictures_are_taken_a_batch_at_a_time() -> None:
    taken = []

    def camera() -> Iterator[np.ndarray]:
        for number in range(100):
            taken.append(number)
            yield picture((64, 96), TWO)

    results = detect(colour_detector(), camera(), batch_size=2)
    assert taken == []
    assert isinstance(next(results), Detections)
    assert taken == [0, 1]


def test_classes_are_chosen_before_the_number_of_boxes() -> None:
    image = picture((64, 96), {(0, 0): "red", (0, 1): "red", (1, 2): "green"})
    image[32:, 64:] -= np.array([0, 20, 0], np.uint8)  # a little less sure than the others
    detector = colour_detector()
    (best,) = detect(detector, [image], max_boxes=2)
    assert [CLASSES[number] for number in best.class_ids] == ["red", "red"]
    (green,) = detect(detector, [image], max_boxes=2, classes=["green"])
    assert [CLASSES[number] for number in green.class_ids] == ["green"]
    (none,) = detect(detector, [image], classes=[])
    assert len(none) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score_threshold": 1.5}, "score_threshold from 0 to 1"),
        ({"score_threshold": float("nan")}, "score_threshold from 0 to 1"),
        ({"iou_threshold": -1}, "iou_threshold from 0 to 1"),
        ({"max_boxes": 0}, "max_boxes of at least 1"),
        ({"batch_size": 0}, "batch_size of at least 1"),
        ({"classes": ["gren"]}, r"Received: 'gren'\. Near names: green\."),
        ({"classes": ["zebra"]}, r"Received: 'zebra'\. It knows red, green\."),
    ],
)
def test_wrong_options_are_refused_before_a_picture_is_taken(options: dict[str, Any], message: str) -> None:
    def no_camera() -> Iterator[np.ndarray]:
        raise AssertionError("a picture was taken")
        yield

    with pytest.raises(DataContentError, match=message):
        detect(colour_detector(), no_camera(), **options)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(DataContentError, match="uint8 image"):
        list(detect(colour_detector(), [image]))


def test_damaged_weights_are_named() -> None:
    detector = colour_detector()
    kernel, bias = detector.model.layers[-1].get_weights()
    detector.model.layers[-1].set_weights([kernel * np.nan, bias])
    with pytest.raises(DataContentError, match="finite numbers"):
        list(detect(detector, [picture((64, 96), TWO)], score_threshold=0))


def test_names_of_classes_become_numbers() -> None:
    np.testing.assert_array_equal(find_classes(["green", "red"], CLASSES), [1, 0])
    assert find_classes([], CLASSES).shape == (0,)
    with pytest.raises(DataContentError, match=r"It knows 0, 1, .*, 9 and 10 more\."):
        find_classes(["horse"], tuple(map(str, range(20))))


def test_boxes_are_those_of_the_c_program(real_data: Path) -> None:
    """Every box from dog.jpg on disk is one of Darknet's, and every one of Darknet's best class is there."""
    detector = load_darknet(real_data / "darknet/yolov2-thin.weights", real_data / "darknet/yolov2-thin.cfg")
    image = read_jpeg_as_darknet(real_data / "darknet/dog.jpg")
    (found,) = detect(detector, [image], score_threshold=0.02, iou_threshold=1)

    golden = np.load(real_data / "darknet/yolov2-thin.golden.npz")["detections"].astype(np.float32)
    golden = golden[np.argsort(-golden[:, 1], kind="stable")]
    # A row for each class of a box; the first, after sorting by score, is the box's best class.
    _, best = np.unique(golden[:, 2:].round(6), axis=0, return_index=True)
    golden = golden[np.sort(best)]
    boxes = clip_xyxy(scale_xyxy(xywh_to_xyxy(golden[:, 2:]), image.shape[:2]), image.shape[:2])
    inside = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    expected = np.concatenate([golden[:, :2], boxes], axis=1)[inside]  # class, score, x1, y1, x2, y2

    assert len(found) == len(expected) > 50
    actual = np.concatenate([found.class_ids[:, None], found.scores[:, None], found.boxes], axis=1)
    distances = np.abs(actual[:, None] - expected).max(axis=-1)  # (found, expected)
    assert len(set(distances.argmin(axis=1))) == len(expected)
    # Coordinates within 1e-4 of the picture, which is 768 pixels wide.
    assert distances.min(axis=1).max() < 0.0768


def test_boxes_of_the_weights_that_the_model_has_then() -> None:
    detector, image = colour_detector(), picture((64, 96), TWO)
    kernel, bias = detector.model.layers[-1].get_weights()
    assert len(next(detect(detector, [image]))) == 2
    detector.model.layers[-1].set_weights([kernel, bias - 20])
    assert len(next(detect(detector, [image]))) == 0


def test_a_folded_model_gives_the_same_boxes(real_data: Path) -> None:
    from keras_cv_course.models.fold_batch_norms import fold_batch_norms

    plain = load_darknet(real_data / "darknet/yolov2-thin.weights", real_data / "darknet/yolov2-thin.cfg")
    folded = replace(plain, model=fold_batch_norms(plain.model))
    image = read_jpeg_as_darknet(real_data / "darknet/dog.jpg")
    (expected,), (found,) = (detect(d, [image], score_threshold=0.1) for d in (plain, folded))
    np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)  # pixels; the raw output differs by 1e-5


@pytest.mark.parametrize("single", [np.zeros((8, 8, 3), np.uint8), "photo.jpg", Path("photo.jpg")])
def test_a_single_image_is_refused_at_once(single: object) -> None:
    with pytest.raises(DataContentError, match=r"such as a list\. Received: a single .*detect\(detector, \[image\]\)"):
        detect(colour_detector(), single)  # type: ignore[arg-type]


def test_a_name_among_the_images_is_told() -> None:
    with pytest.raises(DataContentError, match="received str"):
        list(detect(colour_detector(), ["photo.jpg"]))  # type: ignore[list-item]
