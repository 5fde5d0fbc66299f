"""The text files with class names and anchors."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.data.class_names import COCO_CLASSES, VOC_CLASSES
from keras_cv_course.data.detector_files import read_anchors, read_classes
from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError


def test_the_course_s_files(real_data: Path) -> None:
    folder = real_data / "course_model_data"
    assert tuple(read_classes(folder / "coco_classes.txt")) == COCO_CLASSES
    assert tuple(read_classes(folder / "pascal_classes.txt")) == VOC_CLASSES
    anchors = read_anchors(folder / "yolo_anchors.txt")
    assert (anchors.shape, anchors.dtype) == ((5, 2), np.float64)
    np.testing.assert_array_equal(anchors[[0, -1]], [[0.57273, 0.677385], [9.77052, 9.16828]])


def test_names_as_editors_leave_them(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("\ufeffcar\r\n traffic light \r\nFuß\r\n\r\n".encode())
    assert read_classes(tmp_path / "names.txt") == ["car", "traffic light", "Fuß"]


@given(st.lists(st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)), min_size=1, max_size=9))
def test_written_anchors_come_back(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[float, float]]) -> None:
    path = tmp_path_factory.mktemp("anchors") / "anchors.txt"
    path.write_text(", ".join(f"{width!r},{height!r}" for width, height in pairs) + "\n")
    np.testing.assert_array_equal(read_anchors(path), pairs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "an empty file"),
        ("\n \n", "an empty file"),
        ("car\n\nbus\n", "empty line 2"),
        ("a\nb\na", r"twice: \['a'\]"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "names.txt").write_text(content)
    with pytest.raises(DataContentError, match=rf"names\.txt.*{message}"):
        read_classes(tmp_path / "names.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "0 numbers"),
        ("1, 2, 3", "3 numbers"),
        ("1, two", "could not convert"),
        ("1, -2", r"\[1\.0, -2\.0\]"),
        ("1, 0", r"\[1\.0, 0\.0\]"),
        ("1, nan", "nan"),
        ("1, inf", "inf"),
    ],
)
def test_anchors_that_cannot_be(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "anchors.txt").write_text(content)
    with pytest.raises(DataContentError, match=rf"anchors\.txt.*positive numbers.*{message}"):
        read_anchors(tmp_path / "anchors.txt")


@pytest.mark.parametrize("read", [read_classes, read_anchors])
def test_files_that_are_none(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(DataNotFoundError, match="no such file"):
        read(tmp_path / "gone.txt")
    with pytest.raises(DataFileError, match="directory"):
        read(tmp_path)
    (tmp_path / "picture.txt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataFileError, match="UTF-8"):
        read(tmp_path / "picture.txt")
