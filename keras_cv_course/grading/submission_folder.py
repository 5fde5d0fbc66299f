"""Finds a class's submissions in a folder, whatever their authors called them.

Accepted are notebooks and Python files, and a folder for each student with such files somewhere inside.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.submission import MOST_BYTES

_SUFFIXES = (".ipynb", ".py")
_MOST_DEPTH = 32  # of folders in a student's folder; deeper ones are not looked into
_MOST_ENTRIES = 20_000  # of a student's folder; further ones are not looked at
_SKIPPED_FOLDERS = {"__pycache__", "__MACOSX"}


@dataclass(frozen=True)
class FoundSubmission:
    """One submission of a class.

    Attributes:
        name: its path in the class's folder as printable text, no two alike: what it is called everywhere.
        path: where it lies; a folder where a student handed in nothing that can be graded.
        digest: of its content, to notice that it was handed in again.
    """

    name: str
    path: Path
    digest: str


def find_submissions(folder: str | Path) -> list[FoundSubmission]:
    """Find all submissions, in the order of their names; links are found and never followed.

    In a student's folder the notebooks are submissions, or the Python files where there is no notebook: the files that
    a notebook imports lie beside it. Hidden files are left out.

    Raises:
        GradingError: no such folder, or nothing in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise GradingError(f"Expected a folder of submissions. Received: {folder}, which is none.")
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS:
                continue
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                found += _of_student(path) or [path]
            elif path.suffix.lower() in _SUFFIXES or (entry.is_symlink() and entry.is_dir()):
                found.append(path)
    if not found:
        raise GradingError(
            f"Expected notebooks (.ipynb), Python files (.py) or a folder for each student in {folder}. There is none."
        )
    submissions = [FoundSubmission(readable_name(path.relative_to(folder)), path, _digest(path)) for path in found]
    return sorted(submissions, key=lambda submission: submission.name)


def find_one(folder: str | Path) -> Path:
    """Find the one submission in a student's folder; the folder itself where there is not exactly one."""
    found = _of_student(Path(folder))
    return found[0] if len(found) == 1 else Path(folder)


def readable_name(path: str | Path) -> str:
    r"""Write a file's name as one line of printable text, no two names alike.

    What is not printable is written as in Python: a newline as ``\n``, a byte that is no UTF-8 as ``\xff``, a mark that
    turns the direction of writing as ``\u202e``; a backslash is doubled.
    """
    return "".join(_readable(character) for character in Path(path).as_posix())


def _readable(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # how Python keeps a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character == "\\" or not character.isprintable():
        return character.encode("unicode_escape").decode("ascii")
    return character


def _of_student(folder: Path) -> list[Path]:
    files = [path for path in _files(folder) if path.suffix.lower() in _SUFFIXES]
    return [path for path in files if path.suffix.lower() == ".ipynb"] or files


def _files(folder: Path) -> Iterator[Path]:
    """Give the files in a folder and its subfolders, however many and deep a student has made them."""
    waiting, entries = [(folder, 0)], 0
    while waiting:
        parent, depth = waiting.pop()
        try:
            content = sorted(os.scandir(parent), key=lambda entry: entry.name)
        except OSError:  # a folder that may not be read holds nothing that can be graded
            continue
        for entry in content:
            entries += 1
            if entries > _MOST_ENTRIES:
                return
            if entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS:
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield parent / entry.name
            elif depth < _MOST_DEPTH:
                waiting.append((parent / entry.name, depth + 1))


def _digest(path: Path) -> str:
    """Tell one content from another; of a file that is too long to be graded only the beginning and the length."""
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode):
        return f"no file, mode {about.st_mode:o}"
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(MOST_BYTES + 1)).hexdigest() + f" {about.st_size}"
    except OSError as error:
        return f"unreadable: {error.strerror}"
