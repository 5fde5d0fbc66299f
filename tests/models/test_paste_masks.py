import numpy as np
import pytest

from keras_cv_course.errors import DataContentError
from keras_cv_course.models.paste_masks import paste_masks


def slow_paste(mask, box, image_size, threshold):
    """Pixel by pixel in float64."""
    size = len(mask)
    left, top, right, bottom = map(float, box)

    def at(row, column):
        return float(mask[row, column]) if 0 <= row < size and 0 <= column < size else 0.0

    pasted = np.zeros(image_size, bool)
    for y in range(image_size[0]):
        for x in range(image_size[1]):
            if not (left <= x + 0.5 < right and top <= y + 0.5 < bottom):
                continue
            v = (y + 0.5 - top) / (bottom - top) * size - 0.5
            u = (x + 0.5 - left) / (right - left) * size - 0.5
            i, j = int(np.floor(v)), int(np.floor(u))
            upper = at(i, j) * (1 - (u - j)) + at(i, j + 1) * (u - j)
            lower = at(i + 1, j) * (1 - (u - j)) + at(i + 1, j + 1) * (u - j)
            pasted[y, x] = upper * (1 - (v - i)) + lower * (v - i) >= threshold
    return pasted


def test_reads_between_the_places_of_the_small_mask():
    draw = np.random.default_rng(0)
    masks = draw.uniform(0, 1, (7, 6, 6)).astype(np.float32)
    corners = draw.uniform(-12, 42, (7, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)
    boxes[0] = (3, 4, 23, 19)
    boxes[1] = (100, 3, 120, 9)  # outside
    pasted = paste_masks(masks, boxes, (24, 30))
    assert pasted.shape == (7, 24, 30)
    assert pasted[0].any()
    assert not pasted[1].any()
    for mask, box, found in zip(masks, boxes, pasted, strict=True):
        # Exact but where a pixel's likelihood is the threshold up to float32, which these numbers do not have.
        np.testing.assert_array_equal(found, slow_paste(mask, box, (24, 30), 0.5))


def test_no_mask_and_a_box_without_area():
    assert paste_masks(np.zeros((0, 28, 28), np.float32), np.zeros((0, 4), np.float32), (5, 6)).shape == (0, 5, 6)
    assert not paste_masks(np.ones((1, 4, 4), np.float32), np.array([[2, 2, 2, 2]], np.float32), (5, 6)).any()


def test_says_what_does_not_fit():
    with pytest.raises(DataContentError, match=r"Expected masks \(n, s, s\)"):
        paste_masks(np.ones((2, 4, 4)), np.zeros((1, 4)), (5, 6))
