"""Frames of videos: what is written comes back."""

import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from keras_cv_course.data.video import Frame, _frame_rate, read_frames, video_info, write_video
from keras_cv_course.errors import DataFileError, MissingExtraError

av = pytest.importorskip("av")


def grey(level: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_frames_rate_and_times_come_back(tmp_path: Path, rate: Fraction, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    with write_video(path, rate) as write:
        for number in range(12):
            write(Frame(grey(20 * number), float(number / rate)))
    # Matroska keeps whole milliseconds.
    assert float(video_info(path).frame_rate) == pytest.approx(float(rate), rel=1e-3)
    frames = list(read_frames(path))
    assert [frame.seconds for frame in frames] == pytest.approx([float(n / rate) for n in range(12)], abs=1e-3)
    # H.264 and 8-bit YUV lose a level or two of a plain grey.
    assert [frame.image.mean() for frame in frames] == pytest.approx([20 * n for n in range(12)], abs=2)
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


def test_odd_sizes_get_a_row_and_a_column_more(tmp_path: Path) -> None:
    with write_video(tmp_path / "film.mp4", Fraction(5)) as write:
        write(Frame(grey(90, (47, 63)), 0))
    (frame,) = read_frames(tmp_path / "film.mp4")
    assert frame.image.shape == (48, 64, 3)
    assert np.abs(frame.image.astype(int) - 90).max() <= 2


def test_frames_at_uneven_times_stay_there(tmp_path: Path) -> None:
    times = [0, 0.1, 0.5, 0.5, 2]
    with write_video(tmp_path / "film.mp4", Fraction(10)) as write:
        for seconds in times:
            write(Frame(grey(0), seconds))
    read = [frame.seconds for frame in read_frames(tmp_path / "film.mp4")]
    assert read == pytest.approx(times, abs=1e-3)
    assert sorted(set(read)) == read  # two at one time come one after the other


def test_a_video_held_upright_is_turned(tmp_path: Path) -> None:
    image = grey(0)
    image[:16, :16] = 255  # top left
    with av.open(str(tmp_path / "phone.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.set_display_rotation(90)  # to the left
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    (frame,) = read_frames(tmp_path / "phone.mp4")
    assert frame.image.shape == (64, 48, 3)
    corners = frame.image[[4, 4, -5, -5], [4, -5, 4, -5]].mean(axis=-1)
    np.testing.assert_allclose(corners, [0, 0, 255, 0], atol=5)


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    def interrupted() -> None:
        with write_video(tmp_path / "film.mp4", Fraction(5)) as write:
            write(Frame(grey(0), 0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_one(width: int) -> None:
        with write_video(tmp_path / "film.mp4", Fraction(5)) as write:
            write(Frame(grey(0, (16, width)), 0))

    with pytest.raises(DataFileError, match=r"film.mp4: expected a video that libx264 can write"):
        write_one(20_000)  # x264 ends at 16384
    monkeypatch.setattr("keras_cv_course.data.video._ENCODER", "libnone")
    with pytest.raises(DataFileError, match=r"film.mp4: expected FFmpeg's encoder libnone"):
        write_one(16)
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_does_not_say_its_rate_has_25_frames_a_second() -> None:
    assert _frame_rate(SimpleNamespace(average_rate=None, guessed_rate=None)) == 25
    assert _frame_rate(SimpleNamespace(average_rate=None, guessed_rate=Fraction(10))) == 10


def test_files_that_are_no_videos(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    with write_video(tmp_path / "film.mp4", Fraction(5)) as write:
        for _ in range(5):
            write(Frame(grey(0), 0))
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "film.mp4").read_bytes()[:500])
    for name in ("text.mp4", "empty.mp4", "cut.mp4", "gone.mp4"):
        for read in (video_info, lambda path: list(read_frames(path))):
            with pytest.raises(DataFileError, match=rf"{name}: expected a video"):
                read(tmp_path / name)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(DataFileError, match="without pictures"):
        video_info(tmp_path / "sound.mkv")


def test_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match="pip install av"):
        video_info("film.mp4")
