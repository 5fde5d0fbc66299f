"""Drawn streets: the box is that of the object's pixels, and masks hold what is drawn."""

import numpy as np
import pytest

from keras_cv_course.lessons import street_pictures
from keras_cv_course.lessons.street_pictures import CLASS_NAMES, PICTURE_SIZE, draw_street_masks, draw_street_picture


@pytest.mark.parametrize("class_id", range(len(CLASS_NAMES)), ids=CLASS_NAMES)
def test_object_fills_its_box(class_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same street twice, with and without the object, whose colours then come from draws of its own.
    painter = street_pictures._DRAW[class_id]
    seen = 0
    for number in range(30):
        both = []
        for paint in (lambda brush, _: painter(brush, np.random.default_rng(5)), lambda brush, _: None):
            monkeypatch.setattr(street_pictures, "_DRAW", (paint,) * len(CLASS_NAMES))
            both.append(draw_street_picture(np.random.default_rng(number)))
        (with_it, box, drawn), (without, _, _) = both
        if box is None or drawn != class_id:
            assert box is not None or np.array_equal(with_it, without)
            continue
        seen += 1
        rows, columns = np.nonzero((with_it != without).any(axis=-1))
        painted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(box - painted).max() < 2  # pixels: edges are blended, and may have the colour of the street
        assert (box >= 0).all()
        assert (box[2:] <= PICTURE_SIZE[::-1]).all()
    assert seen > 3


def test_seed_decides() -> None:
    first, again, other = (draw_street_picture(np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_masks_are_those_of_the_picture() -> None:
    seen = set()
    for number in range(12):
        image, box, class_id = draw_street_picture(np.random.default_rng(number))
        again, masks, class_ids = draw_street_masks(np.random.default_rng(number))
        np.testing.assert_array_equal(again, image)
        ground, road, *objects = masks
        assert road.sum() > 1000
        assert not (road & ~ground).any()
        assert class_ids.tolist() == [0, 1, *(2 + class_id for _ in objects)]
        areas = masks.sum(axis=(1, 2))
        assert (np.diff(areas) < 0).all()  # so the smaller over the larger is what the picture shows
        assert len(objects) == (box is not None)
        for mask in objects:
            seen.add(class_id)
            rows, columns = np.nonzero(mask)
            marked = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert np.abs(box - marked).max() < 2  # pixels: those that the object takes by less than a half are not its
    assert len(seen) == len(CLASS_NAMES)
