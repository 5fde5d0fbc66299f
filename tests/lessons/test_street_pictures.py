"""Drawn streets: the box is that of the object's pixels."""

import numpy as np
import pytest

from keras_cv_course.lessons import street_pictures
from keras_cv_course.lessons.street_pictures import CLASS_NAMES, PICTURE_SIZE, draw_street_picture


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
