"""The animated picture shows each step of the suppression."""

import numpy as np
import pytest
from PIL import Image

from keras_cv_course.detection.draw_suppression import animate_suppression
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError

IMAGE = np.zeros((90, 160, 3), np.uint8)
# Two cars, the first seen twice, one box at the threshold, and a bus over the first car.
CANDIDATES = Detections(
    np.float32([[10, 40, 50, 80], [12, 42, 52, 82], [100, 30, 140, 70], [60, 5, 90, 25], [8, 38, 54, 84]]),
    np.float32([0.8, 0.9, 0.7, 0.6, 0.65]),
    np.array([0, 0, 0, 0, 1]),
    ("car", "bus"),
    (90, 160),
)


def frame_of(colour: tuple[int, int, int], box: np.ndarray, frame: np.ndarray) -> bool:
    """Tell whether the line just above the middle of a box's lower edge has a colour, up to the palette."""
    x, y = round((box[0] + box[2]) / 2), round(box[3])
    return bool(np.abs(frame[y, x].astype(int) - colour).max() < 25)


def test_each_step_is_a_frame(tmp_path):
    path = tmp_path / "nms.gif"
    animate_suppression(path, IMAGE, CANDIDATES, np.float32(0.6), seconds=0.5)
    with Image.open(path) as file:
        frames, times = [], []
        for number in range(file.n_frames):
            file.seek(number)
            frames.append(np.array(file.convert("RGB")))
            times.append(file.info["duration"])
    assert len(frames) == 6  # all, the unlikely one, three picks, the result
    assert times == [500] * 5 + [1000]
    assert {frame.shape for frame in frames} == {(90 + 22, 160, 3)}
    boxes, red, green, light, black = CANDIDATES.boxes, (235, 60, 50), (60, 210, 90), (225, 225, 225), (0, 0, 0)
    assert [frame_of(red, boxes[3], frame) for frame in frames] == [False, True, False, False, False, False]
    assert [frame_of(red, boxes[0], frame) for frame in frames] == [False, False, True, False, False, False]
    assert [frame_of(green, boxes[1], frame) for frame in frames] == [False, False, True, True, True, True]
    assert [frame_of(light, boxes[2], frame) for frame in frames] == [True, True, True, False, False, False]
    assert [frame_of(green, boxes[2], frame) for frame in frames] == [False, False, False, True, True, True]
    assert [frame_of(green, boxes[4], frame) for frame in frames] == [False, False, False, False, True, True]
    assert frame_of(black, boxes[3], frames[2])
    assert [path.name for path in tmp_path.iterdir()] == ["nms.gif"]


def test_what_is_refused(tmp_path):
    with pytest.raises(DataContentError, match=r"a \.gif file. Received: 'nms.png'"):
        animate_suppression("nms.png", IMAGE, CANDIDATES)
    with pytest.raises(DataContentError, match=r"\(90, 160\). Received: \(45, 160\)"):
        animate_suppression(tmp_path / "nms.gif", IMAGE[::2], CANDIDATES)
    with pytest.raises(DataContentError, match=r"seconds above 0. Received: 0"):
        animate_suppression(tmp_path / "nms.gif", IMAGE, CANDIDATES, seconds=0)
    assert list(tmp_path.iterdir()) == []
