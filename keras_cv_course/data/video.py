"""Frames of a video file as arrays, and arrays as a video file, with PyAV.

PyAV is an extra: without it, every function here raises MissingExtraError.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_cv_course.errors import DataFileError, MissingExtraError, first_line
from keras_cv_course.files import atomic_path

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".mts")

_USUAL_RATE = Fraction(25)  # where a file does not say
_TIME_BASE = Fraction(1, 90_000)  # of written videos; all usual frame rates are whole numbers of it
_ENCODER = "libx264"
_QUALITY = "20"  # x264's constant rate factor: 18 cannot be told from the original, 23 is usual


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about its first video stream.

    Attributes:
        frame_rate: frames in a second, the mean where it varies; 25 where the file does not say.
        frames: their number; 0 where the file does not say.
    """

    frame_rate: Fraction
    frames: int


class Frame(NamedTuple):
    """One frame.

    Attributes:
        image: uint8 (height, width, 3), RGB, turned the way a player shows it.
        seconds: since the start of the video.
    """

    image: np.ndarray
    seconds: float


def import_av() -> Any:
    """Import PyAV.

    Raises:
        MissingExtraError: it cannot be imported.
    """
    try:
        return import_module("av")
    except ImportError as error:
        raise MissingExtraError(
            f"Videos need the package av, which cannot be imported ({first_line(error)}). Install it with `pip install "
            "av`, or this package with its extra `video`."
        ) from error


def video_info(path: str | Path) -> VideoInfo:
    """Read what a video says about itself; errors as of :func:`read_frames`."""
    with _open(Path(path)) as (_, stream):
        return VideoInfo(_frame_rate(stream), stream.frames)


def read_frames(path: str | Path) -> Iterator[Frame]:
    """Read the frames of a file's first video stream, one after the other.

    Raises:
        DataFileError: the file is missing, damaged, or no video.
        MissingExtraError: PyAV is not there.
    """
    with _open(Path(path)) as (container, stream):
        step = float(1 / _frame_rate(stream))
        start = None
        for number, frame in enumerate(container.decode(stream)):
            seconds = number * step if frame.time is None else frame.time
            start = seconds if start is None else start
            image = frame.to_ndarray(format="rgb24")
            yield Frame(np.ascontiguousarray(np.rot90(image, frame.rotation // 90)), seconds - start)
        if start is None:
            raise DataFileError(f"{path}: expected a video. Received: a file without a frame that can be read.")


@contextmanager
def write_video(path: str | Path, frame_rate: Fraction) -> Iterator[Callable[[Frame], None]]:
    """Write frames as H.264, whole or not at all; there is no sound.

    Args:
        path: the file, with a suffix that FFmpeg knows as a container for H.264: .mp4, .mov or .mkv.
        frame_rate: for frames in a second; each frame is shown at its own time.

    Yields:
        A function that takes the next frame, of the size of the first. H.264 has even sizes only: an odd one gets its
        last row or column twice.

    Raises:
        DataFileError: FFmpeg cannot write it, such as a size that H.264 does not have, or has no H.264 encoder.
        MissingExtraError: PyAV is not there.
    """
    av = import_av()
    try:
        with atomic_path(path) as temporary, av.open(str(temporary), "w") as container:
            stream = container.add_stream(_ENCODER, rate=frame_rate, options={"crf": _QUALITY})
            stream.pix_fmt = "yuv420p"  # what every player shows
            stream.codec_context.time_base = _TIME_BASE
            last = -1

            def write(frame: Frame) -> None:
                nonlocal last
                height, width = frame.image.shape[:2]
                image = np.pad(frame.image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
                if last < 0:
                    stream.height, stream.width = image.shape[:2]
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                last = max(last + 1, round(frame.seconds / _TIME_BASE))  # times must rise
                picture.pts, picture.time_base = last, _TIME_BASE
                container.mux(stream.encode(picture))

            yield write
            container.mux(stream.encode())
    except av.codec.codec.UnknownCodecError as error:
        raise DataFileError(
            f"{path}: expected FFmpeg's encoder {_ENCODER}. Received: a PyAV without it. Try `pip install av`."
        ) from error
    except av.FFmpegError as error:
        raise DataFileError(
            f"{path}: expected a video that {_ENCODER} can write. Received: {error.strerror or first_line(error)}."
        ) from error


def _frame_rate(stream: Any) -> Fraction:
    return stream.average_rate or stream.guessed_rate or _USUAL_RATE


@contextmanager
def _open(path: Path) -> Iterator[tuple[Any, Any]]:
    """Give the container and its first video stream; turn PyAV's errors into ours, also those in the block."""
    av = import_av()
    expected = f"{path}: expected a video file that FFmpeg can read."
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataFileError(f"{expected} Received: one without pictures.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream
    except (av.FFmpegError, OSError) as error:
        raise DataFileError(f"{expected} Received: {getattr(error, 'strerror', None) or first_line(error)}.") from error
