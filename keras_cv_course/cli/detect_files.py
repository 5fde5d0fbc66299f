"""Which files `kcc detect` looks at, and where what it draws goes."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from keras_cv_course.data.image_folders import PICTURE_SUFFIXES
from keras_cv_course.data.video import VIDEO_SUFFIXES
from keras_cv_course.errors import DataNotFoundError, RunError

_KEPT_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".png")
_KEPT_CONTAINERS = (".mp4", ".m4v", ".mov", ".mkv")


class Source(NamedTuple):
    """A picture or video to look at, and the file that it is drawn to."""

    path: Path
    target: Path
    is_video: bool


def find_sources(given: Sequence[str], out: Path) -> list[Source]:
    """List the files that paths, folders and patterns stand for, each once.

    Of a folder, all pictures and videos in it and below are taken, without hidden ones; their places below it are kept.
    A file that is named is taken whatever its suffix, so that what is wrong with it can be said. Targets keep name and
    format, but for formats that nobody writes drawings to: PNG for pictures, MP4 for videos. Where two would have the
    same target, the later gets a number.

    Raises:
        DataNotFoundError: a path or pattern that stands for nothing.
        RunError: a target that is one of the sources.
    """
    found: dict[Path, tuple[Path, Path]] = {}  # resolved -> (path, place below `out`)
    for text in given:
        for path, place in _expand(text):
            found.setdefault(path.resolve(), (path, place))

    sources, taken = [], set()
    for path, place in found.values():
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        kept, other = (_KEPT_CONTAINERS, ".mp4") if is_video else (_KEPT_SUFFIXES, ".png")
        named = place if place.suffix.lower() in kept else place.with_suffix(other)
        target, number = named, 2
        while str(target).lower() in taken:  # also on a disk that does not tell large letters from small ones
            target, number = named.with_stem(f"{named.stem}-{number}"), number + 1
        taken.add(str(target).lower())
        sources.append(Source(path, out / target, is_video))
    for source in sources:
        if source.target.resolve() in found:
            raise RunError(f"{source.target} is one of the files to look at and would be replaced. Name another --out.")
    return sources


def _expand(text: str) -> list[tuple[Path, Path]]:
    """Give the files that a path, folder or pattern stands for, sorted, and the place of each below `--out`."""
    path = Path(text)
    if path.is_dir():
        suffixes = (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES)
        below = [(file, file.relative_to(path)) for file in sorted(path.rglob("*")) if file.suffix.lower() in suffixes]
        found = [
            (file, place)
            for file, place in below
            if file.is_file() and not any(part.startswith(".") for part in place.parts)
        ]
        if not found:
            raise DataNotFoundError(f"{path}: expected a folder with pictures or videos. Received: one without.")
        return found
    if glob.has_magic(text) and not path.exists():
        matching = map(Path, sorted(glob.glob(text, recursive=True)))  # noqa: PTH207, Path.glob takes no whole paths
        found = [(file, Path(file.name)) for file in matching if file.is_file()]
        if not found:
            raise DataNotFoundError(f"Expected files that match {text!r}. Received: none. Check the pattern.")
        return found
    return [(path, Path(path.name))]
