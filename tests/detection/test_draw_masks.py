"""Colours over pictures, legends and cut-outs, pixel by pixel."""

import numpy as np
import pytest

from keras_cv_course.detection.draw_masks import add_legend, class_colours, cut_out, draw_class_map, draw_masks
from keras_cv_course.errors import DataContentError

COLOURS = ((0, 0, 0), (255, 0, 0))


def test_each_class_has_its_colour_and_what_has_none_stays() -> None:
    image = np.full((2, 3, 3), 100, np.uint8)
    class_map = np.array([[0, 1, 255], [1, 0, 255]], np.uint8)
    drawn = draw_class_map(image, class_map, COLOURS, strength=0.4)
    np.testing.assert_array_equal(drawn[class_map == 0], [[60, 60, 60]] * 2)
    np.testing.assert_array_equal(drawn[class_map == 1], [[162, 60, 60]] * 2)
    np.testing.assert_array_equal(drawn[class_map == 255], [[100, 100, 100]] * 2)
    with pytest.raises(DataContentError, match="the picture's size"):
        draw_class_map(image, class_map[:1], COLOURS)


def test_masks_have_an_edge_and_a_faint_inside() -> None:
    image = np.full((6, 7, 3), 100, np.uint8)
    mask = np.zeros((6, 7), bool)
    mask[1:5, 0:5] = True
    drawn = draw_masks(image, mask[None], [(200, 0, 0)], strength=0.5)
    inside = np.zeros_like(mask)
    inside[2:4, 1:4] = True
    np.testing.assert_array_equal(np.unique(drawn[inside], axis=0), [[150, 50, 50]])
    np.testing.assert_array_equal(np.unique(drawn[mask & ~inside], axis=0), [[200, 0, 0]])
    np.testing.assert_array_equal(np.unique(drawn[~mask], axis=0), [[100, 100, 100]])
    np.testing.assert_array_equal(draw_masks(image, mask[None][:0], []), image)
    with pytest.raises(DataContentError, match="one of the picture's size for each colour"):
        draw_masks(image, mask[None], [])


def test_a_legend_names_every_colour_below_the_picture() -> None:
    image = np.full((40, 90, 3), 7, np.uint8)
    names = ["road", "vehicle", "traffic light"]
    drawn = add_legend(image, names, [(10, 20, 30), (200, 0, 0), (0, 200, 0)])
    assert drawn.shape[1] == 90
    np.testing.assert_array_equal(drawn[:40], image)
    strip = drawn[40:].reshape(-1, 3)
    for colour in ((10, 20, 30), (200, 0, 0), (0, 200, 0)):
        assert (strip == colour).all(axis=1).sum() >= 81  # a swatch of 9 x 9
    assert len(drawn) > len(add_legend(image, names[:1], [(10, 20, 30)]))  # too much for one line
    assert add_legend(image, [], []) is image


def test_a_cut_out_is_what_the_mask_holds() -> None:
    image = np.random.default_rng(0).integers(1, 256, (6, 8, 3)).astype(np.uint8)
    mask = np.zeros((6, 8), bool)
    mask[2, 3] = mask[4, 5] = True
    cut = cut_out(image, mask)
    assert cut.shape == (3, 3, 4)
    np.testing.assert_array_equal(cut[0, 0], [*image[2, 3], 255])
    np.testing.assert_array_equal(cut[2, 2], [*image[4, 5], 255])
    assert cut.astype(bool).sum() == 8
    with pytest.raises(DataContentError, match="that holds a pixel"):
        cut_out(image, np.zeros((6, 8), bool))


def test_classes_have_colours_of_their_own() -> None:
    colours = class_colours(("background", "a", "b", "c"), "background")
    assert colours[0] == (0, 0, 0)
    assert len(set(colours)) == 4
