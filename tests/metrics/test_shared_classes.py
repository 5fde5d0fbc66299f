"""A detector's classes and a set's, brought together by name."""

import pytest
from random_boxes import boxed, detected

from keras_cv_course.errors import DataContentError
from keras_cv_course.metrics.coco import coco_metrics
from keras_cv_course.metrics.shared_classes import share_classes

BOX, OTHER = (10, 10, 60, 60), (100, 100, 150, 150)


def test_what_both_have_is_renumbered_and_the_rest_goes() -> None:
    truth = boxed([(0, BOX, "difficult"), (1, OTHER), (2, OTHER)], [(0, BOX)], class_names=("tram", "car", "bus"))
    names = ("bus", "lorry", "car")
    found = [detected((0.9, 2, OTHER), (0.8, 1, BOX), (0.7, 0, OTHER), class_names=names), detected(class_names=names)]
    found, truth = share_classes(found, truth)
    assert truth.class_names == found[0].class_names == found[1].class_names == ("car", "bus")
    assert truth.category_ids == (12, 13)
    assert [image.class_ids.tolist() for image in truth.images] == [[0, 1], []]
    assert truth.images[0].flags == (frozenset(), frozenset())
    assert found[0].class_ids.tolist() == [0, 1]
    assert found[0].scores.tolist() == pytest.approx([0.9, 0.7])
    assert coco_metrics(found, truth).ap == pytest.approx(1)


def test_no_class_in_common_is_an_error() -> None:
    with pytest.raises(DataContentError, match=r"one class of the set: bus, car, tram. Received: one of Car, van\."):
        share_classes([detected(class_names=("Car", "van"))], boxed([]))
