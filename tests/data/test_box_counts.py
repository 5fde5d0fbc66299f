"""Counts, sizes and the choice of pictures to show."""

from pathlib import Path

import numpy as np

from keras_cv_course.data.box_counts import choose_pictures, count_classes
from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages


def images(*ids: list[int]) -> BoxedImages:
    """Give pictures with boxes of these classes, the i-th box of the set i + 1 wide and 2 (i + 1) high."""
    number = 0
    found = []
    for place, some in enumerate(ids):
        sides = np.arange(number + 1, number + len(some) + 1, dtype=np.float32)
        number += len(some)
        boxes = np.stack([sides * 0, sides * 0, sides, 2 * sides], axis=1)
        flags = (frozenset[str](),) * len(some)
        found.append(BoxedImage(f"{place:03}", Path(), (99, 99), boxes, np.array(some, np.int64), flags))
    return BoxedImages(Path(), tuple(found), ("car", "bus", "tram"), (1, 2, 3), "voc")


def test_counts_of_each_class_and_of_all():
    car, bus, tram, everything = count_classes(images([0, 0, 1], [], [0]))
    assert (car.name, car.boxes, car.pictures, car.widths[2], car.heights[4]) == ("car", 3, 2, 2, 8)
    assert (bus.boxes, bus.pictures, bus.widths) == (1, 1, (3,) * 5)
    assert (tram.boxes, tram.pictures, tram.widths, tram.heights) == (0, 0, None, None)
    assert (everything.name, everything.boxes, everything.pictures, everything.widths[0]) == ("all", 4, 2, 1)


def test_a_set_without_boxes():
    assert [count.boxes for count in count_classes(images([], []))] == [0, 0, 0, 0]
    assert choose_pictures(images([], []), 5) == [0, 1]


def test_pictures_show_rare_classes_and_come_from_everywhere():
    data = images(*([[0]] * 30), [0, 2], *([[0]] * 30), [1], *([[0]] * 30))
    chosen = choose_pictures(data, 6)
    assert len(chosen) == 6
    assert {30, 61, 0, 91} <= {*chosen}
    assert choose_pictures(data, 1) in ([30], [61])
    assert choose_pictures(data, 1000) == [*range(92)]
