"""What the readers of all formats share: finding pictures, and gathering boxes and problems into one set."""

import mmap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages, Kind, Problem
from keras_cv_course.data.detection_formats.segments import read_segment
from keras_cv_course.data.image_files import read_image_size
from keras_cv_course.data.image_folders import PICTURE_SUFFIXES
from keras_cv_course.data.masked_images import MaskedImage, MaskedImages
from keras_cv_course.errors import DataContentError, DataFileError, ImageFileError
from keras_cv_course.run_lengths import Rle

PICTURE_FOLDERS = ("images", "jpegimages")  # part of a picture's place, not of its name

_LARGEST = float(np.finfo(np.float32).max)


class Row(NamedTuple):
    """One box as a file has it: xyxy in pixels, and its class by name or, where the format has numbers, by number.

    `mask` is what :func:`~.segments.read_segment` reads, and in the assembly its result; None where there is none.
    """

    xyxy: tuple[float, ...]
    category: str | int
    flags: frozenset[str] = frozenset()
    mask: Any = None


class Assembly:
    """A set that grows while its files are read."""

    def __init__(
        self,
        root: Path,
        format: str,
        class_names: Sequence[str] | None,
        category_ids: Sequence[int] | None = None,
        *,
        masked: bool = False,
    ) -> None:
        """Begin.

        Args:
            root: the folder below which all pictures lie.
            format: as in `BoxedImages`.
            class_names: of the set, in order; None where the boxes' own names make the list, sorted.
            category_ids: COCO's numbers; None numbers from 1.
            masked: every box has a mask, and one that has none is left out.
        """
        self.masked = masked
        self.root = root
        self.format = format
        self.class_names = class_names
        self.category_ids = category_ids
        self.problems: list[Problem] = []
        self.left_out: list[str] = []
        self._pictures = _pictures_below(root)
        self._by_file_name = defaultdict(list)
        for path in self._pictures:
            self._by_file_name[path.name].append(path)
        self._known = set(self._pictures)
        self._sizes: dict[Path, tuple[int, int] | None] = {}
        self._rows: dict[Path, list[Row]] = {}
        self._details: dict[Path, tuple[str, tuple[int, int] | None, int | str | None]] = {}
        self._splits: dict[Path, set[str]] = defaultdict(set)
        self._ignored: dict[Path, Rle | None] = {}

    @property
    def pictures(self) -> list[Path]:
        """Every picture file below the root, sorted."""
        return self._pictures

    def place(self, path: Path) -> str:
        """Give a path below the root, for messages."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def problem(self, kind: Kind, where: str, detail: str, count: int = 1) -> None:
        """Note what cannot be taken over."""
        self.problems.append(Problem(kind, where, detail, count))

    def find(self, written: str, near: Sequence[Path], where: str) -> Path | None:
        """Find the picture that a file names.

        Sets are moved about, so paths in them are often those of another machine. Of a path that leads nowhere its end
        counts, as much of it as any picture has, if just one has it.

        Args:
            written: a path, or the name alone.
            near: folders from which the path may be meant.
            where: the annotation, for the problem that is noted if there is no such picture.
        """
        relative = PurePosixPath(written.replace("\\", "/"))
        for folder in near:
            path = folder / relative
            if path in self._known:
                return path
        same_name = self._by_file_name[relative.name]
        # The more of the path agrees, the better: train/1.jpg is not val/1.jpg.
        for parts in range(len(relative.parts), 0, -1):
            fitting = [path for path in same_name if path.parts[-parts:] == relative.parts[-parts:]]
            if len(fitting) == 1:
                return fitting[0]
            if fitting:
                self.problem(Kind.MISSING, where, f"{written!r} may be any of {len(fitting)} pictures of that name")
                return None
        self.problem(Kind.MISSING, where, f"no picture {written!r}")
        return None

    def size(self, picture: Path, where: str) -> tuple[int, int] | None:
        """Give a picture's (height, width), or note that it cannot be read."""
        if picture not in self._sizes:
            try:
                self._sizes[picture] = read_image_size(picture)
            except ImageFileError as error:
                self._sizes[picture] = None
                self.problem(Kind.UNREADABLE_PICTURE, self.place(picture), reason(error, picture))
        return self._sizes[picture]

    def add(
        self,
        picture: Path,
        rows: Iterable[Row],
        where: str,
        *,
        splits: Iterable[str] = (),
        written_size: tuple[int, int] | None = None,
        image_id: int | str | None = None,
        ignored: Rle | None = None,
    ) -> None:
        """Take over a picture with its boxes; the same again, from another list, adds its `splits` only."""
        size = self.size(picture, where)
        if size is None:
            return
        kept, not_finite, without_mask, broken = [], 0, 0, []
        unknown: dict[str | int, int] = defaultdict(int)
        for row in rows:
            if not all(abs(side) <= _LARGEST for side in row.xyxy):  # so that NaN fails
                not_finite += 1
            elif self._unknown(row.category):
                unknown[row.category] += 1
            elif not self.masked:
                kept.append(row)
            elif row.mask is None:
                without_mask += 1
            else:
                try:
                    kept.append(row._replace(mask=read_segment(row.mask, size)))
                except (ValueError, TypeError, OverflowError) as error:  # OverflowError: an integer of 400 digits
                    broken.append(f"mask: {error}")
        if picture in self._rows and self._rows[picture] != kept:
            first, *_ = self._details[picture]
            self.problem(Kind.TWICE, where, f"other boxes for {self.place(picture)} than in {first}, which count")
            return
        if picture not in self._rows:
            self._rows[picture] = kept
            self._details[picture] = (where, written_size, image_id)
            self._ignored[picture] = ignored
            for detail in broken:
                self.problem(Kind.UNREADABLE, where, detail)
            if without_mask:
                self.problem(Kind.NO_MASK, where, "a box alone", without_mask)
            if not_finite:
                self.problem(Kind.UNREADABLE, where, "a coordinate that is no finite number", not_finite)
            for category, count in unknown.items():
                self.problem(Kind.UNKNOWN_CLASS, where, f"class {category!r}", count)
        self._splits[picture] |= {*splits}

    def _unknown(self, category: str | int) -> bool:
        if self.class_names is None:
            return False
        if isinstance(category, int):
            return not 0 <= category < len(self.class_names)
        return category not in self.class_names

    def finish(self) -> BoxedImages:
        """Give the set.

        Raises:
            DataContentError: two pictures of one name, or names that no format can hold.
        """
        names = self.class_names
        if names is None:
            names = sorted({str(row.category) for rows in self._rows.values() for row in rows})
        number_of = {name: number for number, name in enumerate(names)}
        images: dict[str, BoxedImage] = {}
        for picture, rows in self._rows.items():
            source, written_size, image_id = self._details[picture]
            size = self._sizes[picture]
            assert size is not None  # `add` takes no other
            ids = [row.category if isinstance(row.category, int) else number_of[row.category] for row in rows]
            name = _name(picture, self.root)
            if name in images:
                raise DataContentError(
                    f"{self.root}: expected pictures with different names below folders named images. Received: "
                    f"{self.place(images[name].path)} and {self.place(picture)}. Rename one."
                )
            images[name] = BoxedImage(
                name,
                picture,
                size,
                np.array([row.xyxy for row in rows], np.float64).reshape(-1, 4).astype(np.float32),
                np.array(ids, np.int64),
                tuple(row.flags for row in rows),
                frozenset(self._splits[picture]),
                written_size,
                source,
                image_id,
            )
        return BoxedImages(
            self.root,
            tuple(images[name] for name in sorted(images)),
            tuple(names),
            tuple(self.category_ids or range(1, len(names) + 1)),
            self.format,
            tuple(self.problems),
            tuple(self.left_out),
        )

    def finish_masked(self) -> MaskedImages:
        """Give the set with its masks; see :meth:`finish`."""
        data = self.finish()
        images = []
        for image in data.images:
            masks = tuple(row.mask for row in self._rows[image.path])
            images.append(MaskedImage(**vars(image), masks=masks, ignored=self._ignored[image.path]))
        return MaskedImages(**{**vars(data), "images": tuple(images)})


def reason(error: ImageFileError, path: Path) -> str:
    """Give the message of an error without the path that it begins with, on one line."""
    return " ".join(str(error).removeprefix(f"{path}: ").split())


def split_of_name(text: str) -> str | None:
    """Recognise the part of a set in a file's or folder's name, as in ``instances_train2017`` and ``valid``."""
    for word in text.lower().replace("-", "_").replace(".", "_").split("_"):
        plain = word.rstrip("0123456789")
        if plain in ("train", "training"):
            return "train"
        if plain in ("val", "valid", "validation"):
            return "val"
        if plain in ("test", "testing"):
            return "test"
    return None


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without the mark that Windows editors put first.

    Raises:
        DataFileError: it cannot be read, or is no such text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataFileError(f"{path}: expected a file that can be read. Received: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataFileError(f"{path}: expected text in UTF-8. Received: other bytes. Save it as UTF-8.") from error


def contains(path: Path, word: bytes) -> bool:
    """Tell whether a file has a word, however long it is."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word) >= 0


def visible(paths: Iterable[Path], root: Path) -> list[Path]:
    """Sort paths below `root`, without what is hidden or lies in a hidden folder."""
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(root).parts))


def _pictures_below(root: Path) -> list[Path]:
    return visible((path for path in root.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES), root)


def _name(picture: Path, root: Path) -> str:
    *folders, name = picture.relative_to(root).parts
    return "/".join([*(folder for folder in folders if folder.lower() not in PICTURE_FOLDERS), name])
