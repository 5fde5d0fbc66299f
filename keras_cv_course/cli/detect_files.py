"""Which files `kcc detect` looks at, and where what it draws goes."""

import glob
from collections.abc import Iterable, Sequence
from itertools import takewhile
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
    Where `out` lies below a folder or the start of a pattern, what it holds is left out: drawings of an earlier run.
    A file that is named is taken whatever its suffix, so that what is wrong with it can be said. Targets keep name and
    format, but for formats that nobody writes drawings to: PNG for pictures, MP4 for videos. Where two would have the
    same target, the later gets a number.

    Raises:
        DataNotFoundError: a path or pattern that stands for nothing.
        RunError: a target that is one of the sources.
    """
    found: dict[Path, tuple[Path, Path]] = {}  # resolved -> (path, place below `out`)
    for text in given:
        for path, place in _expand(text, out.resolve()):
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


def _expand(text: str, out: Path) -> list[tuple[Path, Path]]:
    """Give the files that a path, folder or pattern stands for, sorted, and the place of each below `--out`."""
    path = Path(text)
    if path.is_dir():
        suffixes = (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES)
        files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in suffixes]
        below = [(file, file.relative_to(path)) for file in _without_drawings(files, path, out)]
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
        start = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        files = _without_drawings(matching, start, out)
        found = [(file, Path(file.name)) for file in files if file.is_file()]
        if not found:
            raise DataNotFoundError(f"Expected files that match {text!r}. Received: none. Check the pattern.")
        return found
    return [(path, Path(path.name))]


def _without_drawings(files: Iterable[Path], searched: Path, out: Path) -> list[Path]:
    """Leave out what lies in `out`, a resolved path, if that is only a part of the folder that was searched."""
    is_part = searched.resolve() in out.parents
    return [file for file in files if not is_part or out not in file.resolve().parents]
