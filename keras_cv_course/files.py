"""Files that appear whole or not at all.

Everything that this package writes itself goes through :func:`atomic_path`, so that a killed process never leaves half
a file under a final name. (TensorBoard appends to its own logs.)
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_cv_course.errors import DataError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends without an error.

    The temporary file has the same name in a new hidden folder beside `path`, because several writers choose their
    format by the suffix. Folders that are missing are made. On an error the temporary file goes and whatever stood
    under `path` stays as it was.

    Args:
        path: the final file.

    Yields:
        The path to write to. It does not exist yet.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    temporary = folder / path.name
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        folder.rmdir()


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` when the block ends without an error.

    Args:
        path: the final folder: new, or empty.

    Yields:
        An empty folder to write into. After an error it goes, and `path` is as it was.

    Raises:
        DataError: `path` is a file, or a folder with something in it.
    """
    path = Path(path)
    check_new_folder(path)
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.absolute().parent))
    try:
        temporary = hidden / path.name
        temporary.mkdir()  # with the usual permissions, which a temporary folder has not
        yield temporary
        if path.exists():
            path.rmdir()
        temporary.replace(path)
    finally:
        shutil.rmtree(hidden)


def check_new_folder(path: Path) -> None:
    """Make sure, before any work, that `path` is a new folder, or an empty one.

    Raises:
        DataError: it is a file, or a folder with something in it.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError(
            f"{path}: expected a new or an empty folder. Received: "
            f"{'one with files in it' if path.is_dir() else 'a file'}. Nothing is replaced: name another, or remove it."
        )
