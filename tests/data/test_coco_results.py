"""What any detector found, from the results file of COCO."""

import json
from pathlib import Path

import numpy as np
import pytest
from boxed_sets import write_picture

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.coco_results import read_coco_results
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.errors import DataContentError, DataError, DataFileError

ROW = {"image_id": 70, "category_id": 9, "bbox": [1, 2, 10.5, 4], "score": 0.5}


@pytest.fixture
def data(tmp_path: Path) -> BoxedImages:
    """Give two pictures whose ids run against their names."""
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "images" / name)
    content = {
        "images": [{"id": 70, "file_name": "b.png"}, {"id": 71, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 70, "category_id": 9, "bbox": [1, 2, 10, 4]}],
        "categories": [{"id": 9, "name": "tram"}, {"id": 4, "name": "bus"}],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return find_boxes(tmp_path)


def read(data: BoxedImages, content: object):
    path = data.root / "results.txt"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_coco_results(path, data)


def test_boxes_come_to_their_pictures_and_classes(data: BoxedImages) -> None:
    rows = [ROW, ROW | {"category_id": 4, "score": 1}, ROW | {"image_id": 5}, ROW | {"category_id": 5}]
    found, other_pictures, other_classes = read(data, rows)
    assert [len(one) for one in found] == [0, 2]  # a.png, b.png
    assert found[1].boxes.tolist() == [[1, 2, 11.5, 6]] * 2
    assert [found[1].class_names[number] for number in found[1].class_ids] == ["tram", "bus"]
    assert found[1].scores.tolist() == [0.5, 1]
    assert found[1].image_size == data.images[1].size
    assert (other_pictures, other_classes) == (1, 1)
    # And they are written again as they were.
    assert found[1].to_coco(70, data.category_ids) == rows[:2]


def test_no_boxes_are_no_error(data: BoxedImages) -> None:
    assert [len(one) for one in read(data, []).found] == [0, 0]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("[", DataFileError, "expected a JSON file"),
        ({"annotations": []}, DataContentError, "expected COCO results, a list of boxes. Received: dict"),
        ([ROW, 3], DataContentError, "entry 1: expected image_id, category_id, bbox"),
        ([{"image_id": 70}], DataContentError, 'Received: {"image_id": 70}'),
        ([ROW | {"bbox": [1, 2, 3]}], DataContentError, "entry 0: expected"),
        ([ROW | {"bbox": [1, 2, 3, -4]}], DataContentError, "entry 0: expected"),
        ([ROW | {"bbox": [1, 2, 3, np.nan]}], DataContentError, "entry 0: expected"),
        ([ROW | {"bbox": [np.inf, 2, 3, 4]}], DataContentError, "entry 0: expected"),
        ([ROW | {"score": 1.5}], DataContentError, "entry 0: expected"),
        ([ROW | {"image_id": [1]}], DataContentError, "entry 0: expected"),
        ([ROW | {"image_id": 1}], DataContentError, "image ids such as 70, 71"),
    ],
)
def test_what_is_no_result_is_refused(data: BoxedImages, content: object, error: type[DataError], message: str) -> None:
    with pytest.raises(error) as raised:
        read(data, content)
    assert message in str(raised.value)


def test_a_set_without_ids_or_with_one_twice_is_refused(data: BoxedImages, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_picture(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "boxes.csv").write_text("a.png,tram,1,2,3,4\n")
    with pytest.raises(DataContentError, match="kcc data convert"):
        read(find_boxes(tmp_path / "set"), [ROW])
    content = json.loads((tmp_path / "instances.json").read_text())
    for part, name in (("train", "a.png"), ("val", "b.png")):
        one = content | {"images": [{"id": 70, "file_name": name}]}
        (tmp_path / f"instances_{part}.json").write_text(json.dumps(one))
    (tmp_path / "instances.json").unlink()
    both = find_boxes(tmp_path)
    with pytest.raises(DataContentError, match=r"expected each image id once. Received: 70 for a.png and b.png"):
        read(both, [ROW])
    assert len(read(both.part("val"), [ROW]).found[0]) == 1
