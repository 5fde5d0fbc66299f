"""Anyone's pictures, in one folder for each class.

::

    pets/
      cat/   1.jpg  2.jpg  more/1.jpg
      dog/   1.jpg  2.png

:func:`find_images` lists such a folder without opening a picture, so that it can be split first;
:func:`~keras_cv_course.data.read_images.read_images` decodes what it is given. What is found and left out is never
dropped silently: it comes back as :class:`SkippedFile`, with the reason.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from keras_cv_course.data.labelled_images import shuffle_classes
from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError

PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif"),
    *(".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm"),
)

# Phones write these; `read_image` does not take them.
_OTHER_PICTURES = (".heic", ".heif", ".avif")
_IGNORED = ("__macosx", "thumbs.db", "desktop.ini")
_PARTS_OF_A_SET = {"train", "training", "val", "valid", "validation", "test", "testing"}


@dataclass(frozen=True)
class SkippedFile:
    """A file that was found and left out, with the reason in one line."""

    path: Path
    reason: str


@dataclass(frozen=True)
class ImageFolder:
    """Picture files with one class each, found but not yet read.

    Attributes:
        root: the folder that holds the classes' folders.
        paths: m files, each below ``root/<class name>/``, sorted.
        labels: int64 (m,), the class of each.
        class_names: one for each label; a class may have no file.
        skipped: files that were found and left out, sorted; none in a part of a folder.
    """

    root: Path
    paths: tuple[Path, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    skipped: tuple[SkippedFile, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: np.ndarray) -> "ImageFolder":
        """Give the files at `indices`, an int (n,) array; they are sorted again."""
        chosen = np.sort(indices)
        return ImageFolder(self.root, tuple(self.paths[i] for i in chosen), self.labels[chosen], self.class_names)

    def split(self, fraction: float, seed: int) -> tuple["ImageFolder", "ImageFolder | None"]:
        """Hold a random part out, each class by its share.

        The draw depends on `seed` and on the files' paths below the root, not on where the root lies.

        Args:
            fraction: share of each class to hold out, from 0 to less than 1, rounded to whole files: but, above 0, at
                least one of a class and never all of it. The only file of a class is not held out.
            seed: of the draw.

        Returns:
            The rest and the part held out; None in its place where it has no file.

        Raises:
            DataContentError: `fraction` is not from 0 to less than 1.
        """
        if not 0 <= fraction < 1:
            raise DataContentError(f"Expected a fraction from 0 to less than 1 to hold out. Received: {fraction}.")
        held_out = np.zeros(len(self), bool)
        for members in shuffle_classes(self.labels, len(self.class_names), seed):
            if fraction > 0 and len(members) > 1:
                held_out[members[: min(max(1, round(fraction * len(members))), len(members) - 1)]] = True
        rest = self.take(np.flatnonzero(~held_out))
        return rest, self.take(np.flatnonzero(held_out)) if held_out.any() else None


def folds(files: ImageFolder, number: int, seed: int) -> list[tuple[ImageFolder, ImageFolder]]:
    """Cut files for a cross-validation, in which every file is held out once.

    Args:
        files: at least `number` of each class that has any, so that every part measures every class.
        number: of parts, at least 2. Their sizes, and their shares of each class, differ by one file at most.
        seed: of the draw, which depends on paths as that of :meth:`ImageFolder.split`.

    Returns:
        `number` pairs of the rest and the part held out.

    Raises:
        DataContentError: fewer than two parts, or a class with fewer files than parts.
    """
    if number < 2:
        raise DataContentError(f"Expected at least 2 folds. Received: {number}.")
    classes = shuffle_classes(files.labels, len(files.class_names), seed)
    for name, members in zip(files.class_names, classes, strict=True):
        if 0 < len(members) < number:
            raise DataContentError(
                f"{files.root}: expected at least {number} pictures of each class for {number} folds. "
                f"Received: {len(members)} of {name!r}. Ask for fewer folds, or add pictures."
            )
    order = np.concatenate(classes)  # one class after the other, so that every `number`-th has its share of each
    return [
        (files.take(np.delete(order, np.s_[part::number])), files.take(order[part::number])) for part in range(number)
    ]


def find_images(root: str | Path, class_names: Sequence[str] | None = None) -> ImageFolder:
    """Find the pictures in a folder that holds one folder for each class.

    A class's pictures may lie in folders below its own. Hidden files and folders, and what macOS and Windows leave
    behind, are ignored. Of equal files in one class the first is kept; of equal files in several classes none is,
    because a picture cannot belong to both.

    Args:
        root: the folder.
        class_names: the classes of a model that the pictures are meant for, in the order of its labels; not each needs
            a folder. None takes the folders' names, sorted.

    Returns:
        The files, and what was left out. No picture has been opened yet.

    Raises:
        DataNotFoundError: `root` is no folder.
        DataFileError: a folder cannot be listed.
        DataContentError: no folder in `root`, only one (without `class_names`), one that is not among `class_names`,
            one without a usable picture, or folders that are parts of a set (train, test) and not classes.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataNotFoundError(
            f"{root}: expected a folder with one sub-folder for each class. "
            f"Received: {'a file' if root.exists() else 'no such folder'}. Check the path."
        )
    folders, loose = _list(root)
    names = [folder.name for folder in folders]
    _check_classes(root, names, loose, class_names)

    skipped = [
        SkippedFile(path, _reason_against(path) or "in no class: it lies beside the classes' folders") for path in loose
    ]
    found: dict[Path, str] = {}  # path -> class
    for folder in folders:
        for path, reason in _files_below(folder, root):
            if reason is None:
                found[path] = folder.name
            else:
                skipped.append(SkippedFile(path, reason))
    found = dict(sorted(found.items(), key=lambda item: item[0].relative_to(root).parts))
    for file in _copies(found, root):
        del found[file.path]
        skipped.append(file)
    skipped.sort(key=lambda file: file.path.relative_to(root).parts)

    _check_no_class_is_empty(sorted({*names} - {*found.values()}), root, skipped)
    label_of = {name: label for label, name in enumerate(class_names or names)}
    labels = np.array([label_of[name] for name in found.values()], np.int64)
    return ImageFolder(root, tuple(found), labels, tuple(label_of), tuple(skipped))


def _check_classes(root: Path, names: list[str], loose: list[Path], class_names: Sequence[str] | None) -> None:
    """Refuse folders that cannot be classes, before anything is looked at."""
    if not names:
        pictures = sum(path.suffix.lower() in PICTURE_SUFFIXES for path in loose)
        raise DataContentError(
            f"{root}: expected one sub-folder for each class. Received: no sub-folder"
            + (f", and {pictures} pictures directly in it. " if pictures else ". ")
            + "Make a sub-folder for each class, named after it, and move its pictures there."
        )
    if class_names is not None:
        for name in names:
            if name not in class_names:
                near = get_close_matches(name.lower(), [known.lower() for known in class_names], n=1)
                meant = [known for known in class_names if known.lower() in near]
                raise DataContentError(
                    f"{root}: expected sub-folders named as the classes: {_listed(class_names)}. Received: {name!r}. "
                    + (f"Did you mean {meant[0]!r}? " if meant else "")
                    + "Rename the folder, or move it elsewhere."
                )
        return
    if {name.lower() for name in names} <= _PARTS_OF_A_SET:
        raise DataContentError(
            f"{root}: expected one sub-folder for each class. Received: {', '.join(names)}, which are parts of a set. "
            f"Give the folder of one part, such as {root / names[0]}."
        )
    if len(names) == 1:
        raise DataContentError(
            f"{root}: expected at least two classes to tell apart. Received: one sub-folder, {names[0]!r}. "
            "Add a sub-folder with pictures that show something else."
        )


def _check_no_class_is_empty(names: Iterable[str], root: Path, skipped: Sequence[SkippedFile]) -> None:
    for name in names:
        left_out = [file for file in skipped if root / name in (file.path, *file.path.parents)]
        raise DataContentError(
            f"{root / name}: expected at least one picture ({', '.join(PICTURE_SUFFIXES)}). Received: "
            + (count_and_first(left_out, root) if left_out else "an empty folder")
            + ". Put pictures of this class there, or remove the folder."
        )


def _list(folder: Path) -> tuple[list[Path], list[Path]]:
    """Give a folder's visible sub-folders and its other entries, each sorted by name."""
    folders: list[Path] = []
    others: list[Path] = []
    try:
        for path in sorted(folder.iterdir(), key=lambda path: path.name):
            if not path.name.startswith(".") and path.name.lower() not in _IGNORED:
                (folders if path.is_dir() else others).append(path)
    except OSError as error:
        raise DataFileError(
            f"{folder}: expected a folder that can be listed. Received: {error.strerror}. Check its permissions, or "
            "move it elsewhere."
        ) from error
    return folders, others


def _files_below(folder: Path, root: Path) -> Iterator[tuple[Path, str | None]]:
    """Give every file below `folder`, with the reason against it or None; each real folder is entered once."""
    entered = {root.resolve(): root}
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        first = entered.setdefault(place.resolve(), place)
        if first != place:
            yield place, f"a link to a folder that is looked through already ({first})"
            continue
        folders, files = _list(place)
        waiting += folders
        for path in files:
            yield path, _reason_against(path)


def _reason_against(path: Path) -> str | None:
    """Say why a file cannot be a picture, as far as that is known without reading it."""
    suffix = path.suffix.lower()
    if suffix in _OTHER_PICTURES:
        return f"a kind of picture that is not read here (suffix {path.suffix}): save it as JPEG"
    if suffix not in PICTURE_SUFFIXES:
        return f"no picture file ({f'suffix {path.suffix}' if suffix else 'no suffix'})"
    try:
        if not path.is_file():
            return "a link to nothing" if path.is_symlink() else "no regular file"
        return None if path.stat().st_size else "an empty file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _copies(found: dict[Path, str], root: Path) -> list[SkippedFile]:
    """List the files to leave out because another one has the same bytes; `found` gives the class of each, sorted."""
    of_size, of_bytes = defaultdict(list), defaultdict(list)
    for path in found:
        of_size[path.stat().st_size].append(path)
    for size, paths in of_size.items():
        for path in paths if len(paths) > 1 else []:
            try:
                with path.open("rb") as file:
                    of_bytes[size, hashlib.file_digest(file, "sha256").digest()].append(path)
            except OSError:
                pass  # `read_images` says why, and leaves it out

    copies = []
    for paths in of_bytes.values():
        first_of = {found[path]: path for path in reversed(paths)}
        for path in paths:
            foreign = [first for name, first in first_of.items() if name != found[path]]
            if foreign:
                reason = f"same picture as {foreign[0].relative_to(root)}, and it cannot belong to both classes"
                copies.append(SkippedFile(path, reason))
            elif path != paths[0]:
                copies.append(SkippedFile(path, f"same picture as {paths[0].relative_to(root)}"))
    return copies


def count_and_first(skipped: Sequence[SkippedFile], root: Path) -> str:
    """Say in an error what was left out, at least one file: how many, and the first with its reason."""
    first = skipped[0]
    return f"{len(skipped)} that cannot be used, first {first.path.relative_to(root)}: {first.reason.rstrip('.')}"


def describe_skipped(skipped: Sequence[SkippedFile], root: Path, most: int = 10) -> list[str]:
    """Say what was left out: a line for each of the first `most` files, and one for the number of the others."""
    lines = [f"skipped {file.path.relative_to(root)}: {file.reason}" for file in skipped[:most]]
    return lines + ([f"and {len(skipped) - most} more"] if len(skipped) > most else [])


def _listed(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
