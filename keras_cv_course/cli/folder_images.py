"""Reading folders of pictures, as the commands for anyone's photos show it."""

from collections.abc import Sequence
from pathlib import Path

from keras_cv_course.cli.console import note, progress_bar
from keras_cv_course.data.image_folders import ImageFolder, SkippedFile, describe_skipped
from keras_cv_course.data.read_images import ReadImages, read_images


def read_with_progress(files: ImageFolder, size: tuple[int, int], *, every_class: bool = True) -> ReadImages:
    """Read pictures behind a bar; arguments and errors as of `read_images`."""
    with progress_bar("Reading pictures", len(files)) as (bar, task):
        return read_images(files, size, every_class=every_class, progress=lambda done: bar.update(task, completed=done))


def say_skipped(skipped: Sequence[SkippedFile], root: Path) -> None:
    """Name the files that were left out."""
    for line in describe_skipped(skipped, root):
        note(line)
