"""Drawn faces as a set of files."""

from pathlib import Path

import numpy as np
import pytest

from keras_cv_course.data.image_files import read_image
from keras_cv_course.data.landmarks import read_pts
from keras_cv_course.data.synthetic.face_set import write_faces
from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.errors import DataContentError, DataError


def test_files_hold_the_faces_and_their_points(tmp_path: Path):
    done: list[int] = []
    write_faces(tmp_path / "set", count=3, seed=3, image_size=(32, 40), progress=done.append)
    assert done == [1, 2, 3]
    assert len(list((tmp_path / "set").iterdir())) == 6
    for number, face in enumerate(draw_faces(3, 3, (32, 40), without_face=0)):
        path = tmp_path / "set" / f"face_{number:06}.png"
        np.testing.assert_array_equal(read_image(path), face.image)
        np.testing.assert_allclose(read_pts(path.with_suffix(".pts")), face.points, atol=1e-4)  # four decimals


def test_nothing_is_replaced_and_nothing_drawn_in_vain(tmp_path: Path):
    (tmp_path / "mine").write_text("1")
    done: list[int] = []
    with pytest.raises(DataError, match="new or an empty folder"):
        write_faces(tmp_path, count=2, seed=0, progress=done.append)
    with pytest.raises(DataContentError, match="count"):
        write_faces(tmp_path / "set", count=0, seed=0)
    assert done == []
    assert not (tmp_path / "set").exists()
