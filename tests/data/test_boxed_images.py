"""The type that holds pictures with boxes, and what can be wrong in it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from boxed_sets import write_picture
from PIL import Image

from keras_cv_course.data.box_problems import count_problems, find_problems
from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages, Kind
from keras_cv_course.data.image_files import read_image, read_image_size
from keras_cv_course.errors import DataContentError, ImageFileError


def image(*boxes: tuple[float, float, float, float], ids: list[int] | None = None, **changes) -> BoxedImage:
    arguments = {
        "name": "1.png",
        "path": Path("1.png"),
        "size": (40, 60),
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "class_ids": np.array(ids if ids is not None else [0] * len(boxes), np.int64),
        "flags": (frozenset(),) * len(boxes),
        "source": "1.xml",
    }
    return BoxedImage(**(arguments | changes))


def images(*of: BoxedImage) -> BoxedImages:
    return BoxedImages(Path("set"), of, ("car", "bus"), (1, 2), "voc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": np.zeros((1, 4))}, "boxes of float32 of shape"),
        ({"boxes": np.zeros((2, 4), np.float32)}, r"shape \(1, 4\)"),
        ({"boxes": np.full((1, 4), np.nan, np.float32)}, "finite"),
        ({"class_ids": np.zeros(1, np.int32)}, "class_ids of int64"),
        ({"flags": (frozenset({"shiny"}),)}, "flags among"),
        ({"size": (0, 5)}, "a size"),
        ({"name": "a\nb"}, "one line"),
        ({"splits": frozenset({" train"})}, "one line"),
    ],
)
def test_promises_of_a_picture(changes, message):
    with pytest.raises(DataContentError, match=message):
        image((1, 2, 3, 4), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": (image(name="2"), image(name="1"))}, "sorted by name"),
        ({"images": (image(), image())}, "sorted by name"),
        ({"images": (image((1, 2, 3, 4), ids=[2]),)}, "class ids below 2"),
        ({"class_names": ("car", "car")}, "each class name once"),
        ({"class_names": ("car", "")}, "one line"),
        ({"category_ids": (1, 1)}, "different category ids"),
    ],
)
def test_promises_of_a_set(changes, message):
    with pytest.raises(DataContentError, match=message):
        replace(images(), **changes)


def test_split_by_seed():
    data = images(*(image(name=f"{i:03}") for i in range(160)))
    rest, aside = data.split(0.2, seed=4)
    assert len(aside) == 32
    assert sorted(i.name for part in (rest, aside) for i in part.images) == [i.name for i in data.images]
    assert [i.name for i in aside.images] == [i.name for i in data.split(0.2, seed=4)[1].images]
    assert [i.name for i in aside.images] != [i.name for i in data.split(0.2, seed=5)[1].images]
    with pytest.raises(DataContentError, match="both sides"):
        data.split(0.001, seed=0)


def test_usable_boxes_lie_within_the_picture_in_order_and_once():
    wrong = image(
        *[
            (5, 6, 20, 30),
            (20, 30, 5, 6),
            (-5, -5, 10, 10),
            (50, 30, 99, 99),
            (60, 0, 70, 10),
            (3, 3, 3, 9),
            (1, 1, 1.5, 9),
        ],
        ids=[1, 1, 0, 0, 0, 0, 0],
    )
    wrong = replace(wrong, flags=(frozenset({"crowd"}), *wrong.flags[1:]))
    usable = images(wrong).usable().images[0]
    assert usable.boxes.tolist() == [[5, 6, 20, 30], [0, 0, 10, 10], [50, 30, 60, 40]]
    assert usable.class_ids.tolist() == [1, 0, 0]
    assert usable.flagged("crowd").tolist() == [True, False, False]
    assert len(images(image()).usable().images[0]) == 0


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        ((0, 0, 60, 40), None),
        ((0, 0, 60.0005, 40), None),  # a part of a picture, rounded to six digits
        ((58, 38, 60, 40), None),
        ((0, 0, 60.01, 40), Kind.OVER_EDGE),
        ((-1, 0, 5, 5), Kind.OVER_EDGE),
        ((0, -1, 5, 5), Kind.OVER_EDGE),
        ((0, 0, 5, 41), Kind.OVER_EDGE),
        ((60, 0, 62, 5), Kind.OUTSIDE),
        ((0, -9, 5, -4), Kind.OUTSIDE),
        ((0, 40, 5, 44), Kind.OUTSIDE),
        ((-3, 0, 0, 5), Kind.OUTSIDE),
        ((5, 5, 5, 9), Kind.EMPTY),
        ((5, 5, 6.9, 9), Kind.TINY),
        ((5, 5, 9, 6), Kind.TINY),
        ((5, 5, 9, 5), Kind.EMPTY),
        ((9, 5, 5, 9), Kind.REVERSED),
        ((5, 9, 9, 5), Kind.REVERSED),
        ((99, 9, 70, 5), Kind.REVERSED),  # and outside: the first kind counts
    ],
)
def test_each_box_has_the_kind_that_fits(tmp_path, box, kind):
    path = write_picture(tmp_path / "1.png")
    problems = find_problems(images(image((3, 3, 9, 9), box, path=path)))
    assert [(problem.kind, problem.where, problem.count) for problem in problems] == (
        [(kind, "1.xml", 1)] if kind else []
    )


def test_duplicates_are_of_the_same_class(tmp_path):
    path = write_picture(tmp_path / "1.png")
    found = find_problems(images(image(*[(1, 2, 3, 4)] * 4, ids=[0, 1, 0, 0], path=path)))
    assert [(problem.kind, problem.count, problem.detail) for problem in found] == [
        (Kind.DUPLICATE, 2, "(1, 2) to (3, 4)")
    ]


def test_pictures_are_decoded_and_measured(tmp_path):
    good = write_picture(tmp_path / "1.png")
    half = tmp_path / "2.png"
    half.write_bytes(good.read_bytes()[:60])
    data = images(
        image(name="1.png", path=good, written_size=(60, 40)),
        image(name="2.png", path=half),
        image(name="3.png", path=tmp_path / "3.png"),
    )
    done: list[int] = []
    problems = find_problems(data, done.append)
    assert done == [1, 2, 3]
    assert [(problem.kind, problem.name) for problem in problems] == [
        (Kind.UNREADABLE_PICTURE, "2.png"),
        (Kind.UNREADABLE_PICTURE, "3.png"),
        (Kind.WRONG_SIZE, "1.png"),
    ]
    assert problems[2].detail == "40 x 60, the picture is 60 x 40"
    assert count_problems(problems) == {Kind.UNREADABLE_PICTURE: (2, 2), Kind.WRONG_SIZE: (1, 1)}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_is_that_of_the_picture_as_it_is_shown(format, orientation, tmp_path):
    exif = Image.Exif()
    exif[274] = orientation
    Image.new("RGB", (60, 40)).save(tmp_path / "picture", format, exif=exif)
    assert read_image_size(tmp_path / "picture") == read_image(tmp_path / "picture").shape[:2]


def test_size_of_what_is_no_picture(tmp_path):
    (tmp_path / "1.png").write_bytes(b"words")
    with pytest.raises(ImageFileError, match="starts with b'words'"):
        read_image_size(tmp_path / "1.png")
