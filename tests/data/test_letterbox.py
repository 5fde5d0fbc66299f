"""Letterbox and stretching: pixels against Darknet's loops written out, boxes there and back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from keras_cv_course.data.image_files import read_image
from keras_cv_course.data.letterbox import Placement, letterbox, stretch
from keras_cv_course.errors import DataContentError

F = np.float32


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def resize_in_loops(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Do what Darknet's resize_image does, pixel by pixel in float32. `height` and `width` are over 1."""
    rows, columns = image.shape[:2]
    pixels = (image / 255.0).astype(F)
    across, down = F(columns - 1) / F(width - 1), F(rows - 1) / F(height - 1)
    part = np.zeros((rows, width, 3), F)
    for r in range(rows):
        for c in range(width):
            if c == width - 1 or columns == 1:
                part[r, c] = pixels[r, columns - 1]
            else:
                place = F(c) * across
                first = int(place)
                share = place - F(first)
                part[r, c] = (F(1) - share) * pixels[r, first] + share * pixels[r, first + 1]
    resized = np.zeros((height, width, 3), F)
    for r in range(height):
        place = F(r) * down
        first = int(place)
        share = place - F(first)
        for c in range(width):
            resized[r, c] = (F(1) - share) * part[first, c]
            if r < height - 1 and rows > 1:
                resized[r, c] += share * part[first + 1, c]
    return resized


SIDES = st.integers(1, 24)


@given(rows=SIDES, columns=SIDES, height=st.integers(2, 24), width=st.integers(2, 24))
def test_letterbox_is_darknet_s_to_the_last_bit(rows: int, columns: int, height: int, width: int) -> None:
    image = noise(rows, columns)
    boxed, placed = letterbox(image, (height, width))
    assert boxed.dtype == F
    assert boxed.shape == (height, width, 3)
    new_height, new_width = placed.height, placed.width
    if F(width) / F(columns) < F(height) / F(rows):
        assert (new_height, new_width) == (max(1, rows * width // columns), width)
    else:
        assert (new_height, new_width) == (height, max(1, columns * height // rows))
    top, left = (height - new_height) // 2, (width - new_width) // 2
    inside = boxed[top : top + new_height, left : left + new_width]
    if min(new_height, new_width) > 1:  # Darknet divides by zero for a single row
        np.testing.assert_array_equal(inside, resize_in_loops(image, new_height, new_width))
    outside = np.ones((height, width), bool)
    outside[top : top + new_height, left : left + new_width] = False
    assert (boxed[outside] == 0.5).all()


def test_the_last_row_is_dark_where_rounding_asks_for_it() -> None:
    # 19 * (27 / 19) is 26.999998 in float32, so the last of 20 rows gets 2e-6 of the picture's last but one.
    boxed, _ = letterbox(np.full((28, 28, 3), 255, np.uint8), (20, 20))
    np.testing.assert_array_equal(boxed, resize_in_loops(np.full((28, 28, 3), 255, np.uint8), 20, 20))
    assert boxed[-1].max() < 1e-5
    assert boxed[:-1].min() == 1


def test_letterbox_of_a_photo(real_data: Path) -> None:
    with np.load(real_data / "darknet" / "yolov2-thin.golden.npz") as golden:
        expected = golden["letterboxed_input"]
    boxed, placed = letterbox(read_image(real_data / "darknet" / "dog.jpg"), (160, 224))
    assert placed == Placement((576, 768), (160, 224), top=0.0, left=5.5, height=160, width=213)
    # Pillow's JPEG decoder and the C program's differ by up to 3 levels; test_darknet_jpeg.py compares without.
    np.testing.assert_allclose(boxed, expected, atol=3 / 255)


@pytest.mark.parametrize("resize", [letterbox, stretch])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (3, 2000), (2000, 3), (32, 64)])
@pytest.mark.parametrize("input_size", [(1, 1), (1, 9), (32, 64), (64, 32)])
def test_small_and_narrow_pictures(resize: object, size: tuple[int, int], input_size: tuple[int, int]) -> None:
    pixels, placed = resize(np.full((*size, 3), 255, np.uint8), input_size)
    assert pixels.shape == (*input_size, 3)
    assert np.isfinite(pixels).all()
    assert placed.height >= 1
    assert placed.width >= 1
    assert (pixels == 1).any()


def test_a_picture_of_the_right_size_keeps_its_pixels() -> None:
    image = noise(32, 64)
    for resize in (letterbox, stretch):
        pixels, placed = resize(image, (32, 64))
        np.testing.assert_array_equal(pixels, (image / 255).astype(F))
        assert placed == Placement((32, 64), (32, 64), 0.0, 0.0, 32, 64)


def test_stretch_is_pillow_s_bicubic_filter() -> None:
    image = noise(31, 47)
    pixels, placed = stretch(image, (64, 32))
    by_hand = np.asarray(Image.fromarray(image).resize((32, 64), Image.Resampling.BICUBIC)) / F(255)
    np.testing.assert_array_equal(pixels, by_hand)
    assert pixels.dtype == F
    assert placed == Placement((31, 47), (64, 32), 0.0, 0.0, 64, 32)


def test_boxes_by_hand() -> None:
    # 200 x 100 pixels in 80 x 80: 80 x 40 with 20 rows of grey above, each pixel of the input 2.5 of the picture.
    _, placed = letterbox(noise(100, 200), (80, 80))
    np.testing.assert_allclose(placed.boxes_to_image(np.array([[0, 20, 80, 60], [8, 30, 40, 50]])), [
        [0, 0, 200, 100],
        [20, 25, 100, 75],
    ])  # fmt: skip
    assert placed.boxes_to_image(np.zeros((0, 4), F)).shape == (0, 4)
    assert placed.boxes_to_image(np.zeros((2, 3, 4), F)).shape == (2, 3, 4)


COORDINATES = st.lists(st.floats(-100, 700, width=32), min_size=4, max_size=4)


@given(
    size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    input_size=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    box=COORDINATES,
    whole=st.booleans(),
)
def test_boxes_there_and_back(
    size: tuple[int, int], input_size: tuple[int, int], box: list[float], whole: bool
) -> None:
    input_size = (32 * input_size[0], 32 * input_size[1])
    placed = Placement(size, input_size, 0.0, 0.0, *input_size) if whole else letterbox_placement(size, input_size)
    boxes = np.array([box], F)
    back = placed.boxes_to_input(placed.boxes_to_image(boxes))
    assert back.dtype == F
    # Two roundings to float32, each of up to 6e-8 of the number; where the picture's pixels are small, the offset makes
    # the first of them one of 1e-4 pixels.
    np.testing.assert_allclose(back, boxes, rtol=1e-5, atol=1e-3)


def letterbox_placement(size: tuple[int, int], input_size: tuple[int, int]) -> Placement:
    return letterbox(np.broadcast_to(np.zeros(3, np.uint8), (*size, 3)), input_size)[1]


@given(size=st.tuples(st.integers(1, 300), st.integers(1, 300)), scale=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_the_whole_picture_is_where_its_pixels_are(size: tuple[int, int], scale: tuple[int, int]) -> None:
    input_size = (32 * scale[0], 32 * scale[1])
    placed = letterbox_placement(size, input_size)
    whole = placed.boxes_to_input(np.array([0, 0, size[1], size[0]]))
    np.testing.assert_allclose(
        whole, [placed.left, placed.top, placed.left + placed.width, placed.top + placed.height], rtol=1e-6
    )
    # In the middle, and touching two sides.
    assert 2 * placed.top + placed.height == input_size[0]
    assert 2 * placed.left + placed.width == input_size[1]
    assert placed.top == 0 or placed.left == 0


@pytest.mark.parametrize("resize", [letterbox, stretch])
@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4, 3), F), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)],
)
def test_other_arrays_are_refused(resize: object, image: np.ndarray) -> None:
    with pytest.raises(DataContentError, match=r"received (float32|uint8) of shape \("):
        resize(image, (32, 32))


@pytest.mark.parametrize("resize", [letterbox, stretch])
@pytest.mark.parametrize("size", [(0, 32), (32, -1), (32,), (32, 32, 3)])
def test_other_sizes_are_refused(resize: object, size: tuple[int, ...]) -> None:
    with pytest.raises(DataContentError, match="input_size"):
        resize(noise(4, 4), size)


@pytest.mark.parametrize("boxes", [np.zeros(3), np.zeros((4, 5)), np.float32(1)])
def test_other_boxes_are_refused(boxes: np.ndarray) -> None:
    placed = Placement((4, 4), (8, 8), 0.0, 0.0, 8, 8)
    for move in (placed.boxes_to_image, placed.boxes_to_input):
        with pytest.raises(DataContentError, match=r"\(\.\.\., 4\)"):
            move(boxes)
