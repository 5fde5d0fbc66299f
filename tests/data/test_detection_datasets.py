"""All four formats: nothing is lost between any two, and what cannot be read says what to do."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from boxed_sets import boxed_sets, contents, place, write_picture
from hypothesis import given, settings

from keras_cv_course.data.detection_datasets import FORMATS, find_boxes, write_boxes
from keras_cv_course.errors import DataContentError, DataError, DataNotFoundError


@settings(max_examples=60)
@given(boxed_sets())
def test_nothing_is_lost_on_the_way_through_all_formats(data):
    with tempfile.TemporaryDirectory() as folder:
        drawn = place(data, Path(folder) / "pictures")
        current = drawn
        # Every format is once before and once after each other one, in one round trip.
        for step, form in enumerate(
            ["voc", "coco", "voc", "yolo", "voc", "csv", "coco", "yolo", "csv", "yolo", "coco"]
        ):
            write_boxes(current, Path(folder) / f"{step}", form)
            current = find_boxes(Path(folder) / f"{step}")
            assert current.format == form
            assert current.problems == current.left_out == ()
            assert contents(current) == contents(drawn)
            assert all(
                image.path.read_bytes() == drawn.images[i].path.read_bytes() for i, image in enumerate(current.images)
            )


@pytest.mark.parametrize("form", FORMATS)
def test_writing_twice_writes_the_same_files(form, tmp_path):
    data = hand_made(tmp_path / "source")
    write_boxes(data, tmp_path / "one", form)
    write_boxes(find_boxes(tmp_path / "one"), tmp_path / "two", form)
    files = [
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (tmp_path / "one", tmp_path / "two")
    ]
    assert files[0] == files[1]


def hand_made(root: Path):
    write_picture(root / "images" / "a.png")
    write_picture(root / "images" / "b.png")
    (root / "boxes.csv").write_text("image,class,x1,y1,x2,y2\nimages/a.png,car,1,2.5,30,20.25\nimages/b.png,,,,,\n")
    return find_boxes(root)


def test_a_target_with_something_in_it_is_left_alone(tmp_path):
    data = hand_made(tmp_path / "source")
    target = tmp_path / "target"
    (target / "mine").mkdir(parents=True)
    with pytest.raises(DataError, match="expected a new or an empty folder"):
        write_boxes(data, target, "voc")
    assert [*target.iterdir()] == [target / "mine"]


def test_a_failed_conversion_leaves_nothing(tmp_path):
    data = hand_made(tmp_path / "source")
    data.images[1].path.unlink()
    with pytest.raises(FileNotFoundError):
        write_boxes(data, tmp_path / "out" / "target", "coco")
    assert [*(tmp_path / "out").iterdir()] == []


def test_an_empty_target_is_filled(tmp_path):
    (tmp_path / "target").mkdir()
    write_boxes(hand_made(tmp_path / "source"), tmp_path / "target", "yolo")
    assert len(find_boxes(tmp_path / "target")) == 2


def test_unknown_format(tmp_path):
    with pytest.raises(DataContentError, match="voc, coco, yolo, csv"):
        write_boxes(hand_made(tmp_path), tmp_path / "out", "xml")


@pytest.mark.parametrize(("form", "fits"), [("voc", False), ("yolo", False), ("coco", True), ("csv", True)])
def test_pictures_that_differ_in_the_suffix_only(form, fits, tmp_path):
    source = tmp_path / "source"
    for name in ("a.png", "a.bmp"):
        write_picture(source / name)
    (source / "boxes.csv").write_text("a.png,car,1,2,3,4\na.bmp,car,5,6,7,8\n")
    data = find_boxes(source)
    if fits:
        write_boxes(data, tmp_path / "out", form)
        assert contents(find_boxes(tmp_path / "out")) == contents(data)
    else:
        with pytest.raises(DataContentError, match="names differ without their suffix"):
            write_boxes(data, tmp_path / "out", form)


def test_nothing_there(tmp_path):
    with pytest.raises(DataNotFoundError, match="no such path"):
        find_boxes(tmp_path / "nowhere")
    with pytest.raises(DataNotFoundError, match="nothing in it"):
        find_boxes(tmp_path)
    write_picture(tmp_path / "1.png")
    with pytest.raises(DataNotFoundError, match=r"Pascal VOC .* COCO .* YOLO .* CSV .* a folder with 1 x \.png"):
        find_boxes(tmp_path)


def test_two_formats_in_one_folder(tmp_path):
    hand_made(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [car]\ntrain: images\n")
    with pytest.raises(DataContentError, match=r"data\.yaml.* and .*boxes\.csv"):
        find_boxes(tmp_path)
    assert find_boxes(tmp_path / "boxes.csv").format == "csv"


def test_no_picture_of_a_set_is_there(tmp_path):
    (tmp_path / "boxes.csv").write_text("gone.png,car,1,2,3,4\n")
    with pytest.raises(DataNotFoundError, match=r"first problem: boxes\.csv: gone\.png: no picture"):
        find_boxes(tmp_path)


@pytest.mark.parametrize(
    ("name", "pictures", "boxes", "splits"), [("raccoon", 160, 172, {}), ("bccd", 292, 3943, {"train": 205, "val": 87})]
)
def test_real_sets(real_data, tmp_path, name, pictures, boxes, splits):
    data = find_boxes(real_data / name)
    assert (len(data), sum(map(len, data.images)), data.splits) == (pictures, boxes, splits)
    assert data.problems == ()
    # Their corners begin at 1 and end at the picture's size: as pixels counted from 1, they lie within it.
    corners = np.concatenate([image.boxes / np.tile(image.size[::-1], 2) for image in data.images])
    assert corners.min() == 0
    assert corners.max() == 1
    write_boxes(data, tmp_path / "yolo", "yolo")
    assert contents(find_boxes(tmp_path / "yolo")) == contents(data)
