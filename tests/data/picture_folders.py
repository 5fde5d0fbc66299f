"""Folders of pictures for tests, on disk and by name only."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cv_course.data.image_folders import ImageFolder, SkippedFile


def picture(number: int, format: str = "PNG", mode: str = "RGB") -> bytes:
    """A small noisy picture; another number gives another picture."""
    noise = np.random.default_rng(number).integers(0, 256, (12, 10, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, format)
    return buffer.getvalue()


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, contents in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(contents)
    return root


def write_pets(root: Path) -> Path:
    """Write five cats and four dogs."""
    files = {
        f"{name}/{number}.png": picture(10 * kind + number)
        for kind, name in enumerate(["cat", "dog"])
        for number in range(5 - kind)
    }
    return write(root, files)


def folder_of(counts: list[int], root: str = "pets") -> ImageFolder:
    """Files that need not exist: who only splits them looks at their names."""
    labels = np.repeat(np.arange(len(counts)), counts)
    paths = tuple(Path(root) / str(label) / f"{i:04}.png" for i, label in enumerate(labels))
    return ImageFolder(Path(root), paths, labels, tuple(map(str, range(len(counts)))))


def reasons(skipped: tuple[SkippedFile, ...], root: Path) -> dict[str, str]:
    return {file.path.relative_to(root).as_posix(): file.reason for file in skipped}
