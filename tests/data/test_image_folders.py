"""Folders of pictures: found, refused, split, and told of."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_folders import folder_of, picture, reasons, write, write_pets

from keras_cv_course.data.image_folders import (
    PICTURE_SUFFIXES,
    ImageFolder,
    SkippedFile,
    describe_skipped,
    find_images,
    folds,
)
from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return write_pets(tmp_path / "pets")


def names(files: ImageFolder) -> list[str]:
    return [path.relative_to(files.root).as_posix() for path in files.paths]


# Finding


def test_a_folder_is_a_class_and_its_files_are_sorted(pets: Path) -> None:
    found = find_images(str(pets))
    assert found.class_names == ("cat", "dog")
    assert names(found) == [f"cat/{i}.png" for i in range(5)] + [f"dog/{i}.png" for i in range(4)]
    assert found.labels.tolist() == [0] * 5 + [1] * 4
    assert found.labels.dtype == np.int64
    assert found.skipped == ()
    assert len(found) == 9


def test_classes_stay_together_where_a_name_begins_another(tmp_path: Path) -> None:
    # As text, "a b/" sorts before "a/".
    found = find_images(write(tmp_path, {"a/1.png": picture(1), "a b/1.png": picture(2), "a/2.png": picture(3)}))
    assert names(found) == ["a/1.png", "a/2.png", "a b/1.png"]
    assert found.labels.tolist() == [0, 0, 1]


def test_every_picture_suffix_in_any_case_and_any_depth(tmp_path: Path) -> None:
    files = {}
    for number, suffix in enumerate([*PICTURE_SUFFIXES, ".JPG", ".Png"]):
        files[f"a/{number}/deep/er/x{suffix}"] = picture(number)
    found = find_images(write(tmp_path, {**files, "b/x.png": picture(99)}))
    assert set(names(found)) == {*files, "b/x.png"}


def test_equal_names_in_other_folders_are_other_pictures(tmp_path: Path) -> None:
    in_order = ["a/0/1.png", "a/1.png", "a/sub/1.png", "a/sub/sub/1.png", "a/tub/1.png", "b/1.png", "b/sub/1.png"]
    assert names(find_images(write(tmp_path, {name: picture(i) for i, name in enumerate(in_order)}))) == in_order


def test_what_systems_leave_behind_is_ignored(pets: Path) -> None:
    left_behind = [".DS_Store", "cat/Thumbs.db", "dog/desktop.ini", "cat/._1.png", "cat/.cache/1.png", "dog/THUMBS.DB"]
    left_behind += ["__MACOSX/cat/1.png", ".ipynb_checkpoints/1.png", "cat/__MACOSX/1.png"]
    before = find_images(pets)
    after = find_images(write(pets, {name: picture(50 + i) for i, name in enumerate(left_behind)}))
    assert after.paths == before.paths
    assert after.class_names == before.class_names
    assert after.skipped == ()


def test_what_is_left_out_is_said(pets: Path) -> None:
    write(pets, {"README.md": b"x", "own.png": picture(70), "cat/notes.txt": b"x", "cat/LICENSE": b"x"})
    write(pets, {"cat/phone.HEIC": b"x", "dog/empty.jpg": b""})
    (pets / "dog" / "gone.png").symlink_to(pets / "nowhere.png")
    (pets / "dog" / "itself.png").symlink_to(pets / "dog" / "itself.png")
    os.mkfifo(pets / "dog" / "pipe.png")
    found = find_images(pets)
    assert len(found) == 9
    assert reasons(found.skipped, pets) == {
        "README.md": "no picture file (suffix .md)",
        "cat/LICENSE": "no picture file (no suffix)",
        "cat/notes.txt": "no picture file (suffix .txt)",
        "cat/phone.HEIC": "a kind of picture that is not read here (suffix .HEIC): save it as JPEG",
        "dog/empty.jpg": "an empty file",
        "dog/gone.png": "a link to nothing",
        "dog/itself.png": "a link to nothing",
        "dog/pipe.png": "no regular file",
        "own.png": "in no class: it lies beside the classes' folders",
    }
    assert list(found.skipped) == sorted(found.skipped, key=lambda file: file.path.relative_to(pets).parts)


def test_the_order_of_the_file_system_does_not_matter(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(pets, {"cat/sub/1.png": picture(80), "cat/copy.png": picture(0), "b.txt": b"", "a.txt": b""})
    forwards, listed = find_images(pets), Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: sorted(listed(folder), reverse=True))
    backwards = find_images(pets)
    assert backwards.paths == forwards.paths
    assert backwards.skipped == forwards.skipped


def test_linked_files_and_folders_are_followed(pets: Path, tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/a.png": picture(90), "more/b.png": picture(91)})
    (pets / "cat" / "linked.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    (pets / "dog" / "more").symlink_to(tmp_path / "more")
    found = find_images(pets)
    assert {"cat/linked.png", "dog/more/b.png"} < set(names(found))
    assert found.skipped == ()


def test_linked_folders_are_not_followed_in_circles(pets: Path) -> None:
    (pets / "cat" / "up").symlink_to(pets)
    (pets / "cat" / "sub").mkdir()
    (pets / "cat" / "sub" / "back").symlink_to(pets / "cat")
    found = find_images(pets)
    assert len(found) == 9
    assert list(reasons(found.skipped, pets)) == ["cat/sub/back", "cat/up"]
    assert all("a link to a folder that is looked through already" in file.reason for file in found.skipped)


def test_copies_in_a_class_are_left_out(pets: Path) -> None:
    same = picture(0)  # cat/0.png
    found = find_images(write(pets, {"cat/0 copy.png": same, "cat/a/0.png": same, "cat/x.png": same}))
    # "0 copy.png" is the first in the order of the names.
    assert reasons(found.skipped, pets) == dict.fromkeys(
        ["cat/0.png", "cat/a/0.png", "cat/x.png"], f"same picture as {Path('cat/0 copy.png')}"
    )
    assert len(found) == 9


def test_copies_in_two_classes_are_all_left_out(pets: Path) -> None:
    same = picture(100)
    found = find_images(write(pets, {"cat/x.png": same, "cat/y.png": same, "dog/z.png": same}))
    both = "and it cannot belong to both classes"
    assert reasons(found.skipped, pets) == {
        "cat/x.png": f"same picture as {Path('dog/z.png')}, {both}",
        "cat/y.png": f"same picture as {Path('dog/z.png')}, {both}",
        "dog/z.png": f"same picture as {Path('cat/x.png')}, {both}",
    }
    assert len(found) == 9


def test_files_of_one_size_are_no_copies(tmp_path: Path) -> None:
    files = {f"{name}/{number}.ppm": picture(number, "PPM") for name, number in [("a", 1), ("a", 2), ("b", 3)]}
    assert len({len(contents) for contents in files.values()}) == 1
    assert len(find_images(write(tmp_path, files))) == 3


def test_a_file_that_cannot_be_opened_is_left_to_reading(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def locked(path: Path, *args: str) -> object:
        if path.name == "closed.png":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    write(pets, {"cat/closed.png": picture(0)})  # compared with cat/0.png by its size
    monkeypatch.setattr(Path, "open", locked)
    assert "cat/closed.png" in names(find_images(pets))


def test_a_folder_that_cannot_be_listed(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir

    def locked(folder: Path) -> Iterator[Path]:
        if folder.name == "dog":
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", locked)
    with pytest.raises(DataFileError, match=r"dog: expected a folder that can be listed\. Received: Permission denied"):
        find_images(pets)


IMPOSSIBLE = {
    "no folder": ({}, DataNotFoundError, "Received: no such folder"),
    "empty folder": ({".keep": b""}, DataContentError, "Received: no sub-folder. Make a sub-folder for each class"),
    "pictures only": (
        {"1.png": picture(1), "2.JPG": picture(2), "3.txt": b""},
        DataContentError,
        "Received: no sub-folder, and 2 pictures directly in it. Make a sub-folder",
    ),
    "one class": ({"cat/1.png": picture(1)}, DataContentError, "two classes to tell apart. Received: one .*'cat'"),
    "only hidden beside": (
        {"cat/1.png": picture(1), ".dog/1.png": picture(2), "__MACOSX/1.png": picture(3)},
        DataContentError,
        "Received: one sub-folder, 'cat'",
    ),
    "class without a file": (
        {"cat/1.png": picture(1), "dog/sub/.keep": b""},
        DataContentError,
        r"dog: expected at least one picture .* Received: an empty folder\. Put pictures",
    ),
    "class without a picture": (
        {"cat/1.png": picture(1), "dog/a.heic": b"x", "dog/b.txt": b"x"},
        DataContentError,
        r"dog: .*Received: 2 that cannot be used, first dog.a\.heic: a kind of picture that is not read here",
    ),
    "class of copies": (
        {"cat/1.png": picture(1), "cat/2.png": picture(2), "dog/1.png": picture(1)},
        DataContentError,
        r"dog: .*Received: 1 that cannot be used, first dog.1\.png: same picture as cat.1\.png",
    ),
    "parts of a set": (
        {"train/cat/1.png": picture(1), "train/dog/1.png": picture(2), "Test/cat/1.png": picture(3)},
        DataContentError,
        "Received: Test, train, which are parts of a set. Give the folder of one part",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_a_folder_that_cannot_be_trained_on(tmp_path: Path, case: str) -> None:
    files, error, message = IMPOSSIBLE[case]
    with pytest.raises(error, match=message):
        find_images(write(tmp_path / "pets", files))


def test_a_file_is_no_folder(pets: Path) -> None:
    with pytest.raises(DataNotFoundError, match="Received: a file"):
        find_images(pets / "cat" / "0.png")


def test_a_class_that_is_linked_to_another_loses_everything(pets: Path) -> None:
    (pets / "kitten").symlink_to(pets / "cat")
    with pytest.raises(DataContentError, match=r"cat: expected at least one picture.*same picture as kitten"):
        find_images(pets)


def test_labels_follow_the_classes_of_a_model(pets: Path) -> None:
    found = find_images(pets, ["horse", "dog", "cat"])
    assert found.class_names == ("horse", "dog", "cat")
    assert found.labels.tolist() == [2] * 5 + [1] * 4
    shutil.rmtree(pets / "dog")
    assert find_images(pets, ["horse", "dog", "cat"]).labels.tolist() == [2] * 5


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (["cat", "dogs"], r"classes: cat, dogs\. Received: 'dog'\. Did you mean 'dogs'\? Rename"),
        (["cat", "Dog"], r"Received: 'dog'\. Did you mean 'Dog'\?"),
        (["cat", "horse"], r"classes: cat, horse\. Received: 'dog'\. Rename the folder, or move it elsewhere\."),
        (["cat", *map(str, range(100))], r"classes: cat, 0, 1,.* 18 and 81 more\. Received: 'dog'"),
    ],
)
def test_a_folder_that_is_no_class_of_the_model(pets: Path, known: list[str], message: str) -> None:
    with pytest.raises(DataContentError, match=message):
        find_images(pets, known)


def test_the_real_photos(real_data: Path) -> None:
    found = find_images(real_data / "alpaca")
    assert found.class_names == ("alpaca", "not alpaca")
    assert np.bincount(found.labels).tolist() == [114, 148]
    assert found.skipped == ()
    _, held_out = found.split(0.2, seed=0)
    assert held_out is not None
    assert np.bincount(held_out.labels).tolist() == [23, 30]


# Splitting

COUNTS = st.lists(st.integers(0, 30), min_size=1, max_size=5).filter(any)
SEEDS = st.integers(0, 2**32)


def class_counts(files: ImageFolder) -> list[int]:
    return np.bincount(files.labels, minlength=len(files.class_names)).tolist()


def check_order_and_labels(files: ImageFolder) -> None:
    assert list(files.paths) == sorted(files.paths)
    assert [int(path.parent.name) for path in files.paths] == files.labels.tolist()


@given(counts=COUNTS, fraction=st.floats(0, 1, exclude_max=True), seed=SEEDS)
def test_a_split_loses_nothing_and_takes_its_share_of_each_class(counts: list[int], fraction: float, seed: int) -> None:
    files = folder_of(counts)
    rest, held_out = files.split(fraction, seed)
    parts = [rest] if held_out is None else [rest, held_out]
    assert sorted(path for part in parts for path in part.paths) == list(files.paths)
    for part in parts:
        assert len(part) > 0
        check_order_and_labels(part)
    taken = class_counts(held_out) if held_out is not None else [0] * len(counts)
    for count, share in zip(counts, taken, strict=True):
        if count < 2 or fraction == 0:
            assert share == 0
        else:
            assert 1 <= share < count
            assert abs(share - fraction * count) <= 0.5 or share in (1, count - 1)


@given(counts=COUNTS, fraction=st.floats(0, 1, exclude_max=True), seed=SEEDS)
def test_a_split_depends_on_the_seed_and_not_on_the_place(counts: list[int], fraction: float, seed: int) -> None:
    for one, other in zip(
        folder_of(counts).split(fraction, seed), folder_of(counts, "/else/where").split(fraction, seed), strict=True
    ):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert names(one) == names(other)


def test_another_seed_gives_another_split() -> None:
    files = folder_of([50, 50])
    assert len({files.split(0.5, seed)[0].paths for seed in range(20)}) == 20


def test_a_split_of_found_files_is_the_same_wherever_they_lie(pets: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path in sorted(pets.rglob("*.png"), reverse=True):
        write(copy, {str(path.relative_to(pets)): path.read_bytes()})
    for one, other in zip(find_images(pets).split(0.4, 7), find_images(copy).split(0.4, 7), strict=True):
        assert one is not None
        assert other is not None
        assert names(one) == names(other)


def test_parts_have_no_skipped_files_of_their_own(pets: Path) -> None:
    rest, held_out = find_images(write(pets, {"cat/x.txt": b""})).split(0.5, 0)
    assert held_out is not None
    assert rest.skipped == held_out.skipped == ()


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 20.0, float("nan")])
def test_an_impossible_fraction(fraction: float) -> None:
    with pytest.raises(DataContentError, match=f"from 0 to less than 1 to hold out. Received: {fraction}"):
        folder_of([3, 3]).split(fraction, 0)


@given(counts=COUNTS, number=st.integers(2, 12), seed=SEEDS)
def test_folds_hold_each_file_out_once(counts: list[int], number: int, seed: int) -> None:
    files = folder_of([count + number if count else 0 for count in counts])
    pairs = folds(files, number, seed)
    assert len(pairs) == number
    assert sorted(path for _, held_out in pairs for path in held_out.paths) == list(files.paths)
    for rest, held_out in pairs:
        assert sorted(rest.paths + held_out.paths) == list(files.paths)
        check_order_and_labels(rest)
        check_order_and_labels(held_out)
    shares = np.array([[len(held_out), *class_counts(held_out)] for _, held_out in pairs])
    assert np.ptp(shares, axis=0).max() <= 1
    again = folds(folder_of(class_counts(files), "/else/where"), number, seed)
    assert [names(held_out) for _, held_out in again] == [names(held_out) for _, held_out in pairs]


def test_another_seed_gives_other_folds() -> None:
    files = folder_of([50, 50])
    assert len({folds(files, 2, seed)[0][0].paths for seed in range(20)}) == 20


def test_folds_refuse_what_they_cannot_measure() -> None:
    with pytest.raises(DataContentError, match=r"at least 5 pictures of each class for 5 folds. Received: 4 of '1'"):
        folds(folder_of([9, 4]), 5, 0)
    with pytest.raises(DataContentError, match=r"at least 2 folds\. Received: 1"):
        folds(folder_of([9, 4]), 1, 0)


# Telling


def test_skipped_files_in_words() -> None:
    skipped = [SkippedFile(Path("pets/cat") / f"{i}.txt", f"reason {i}") for i in range(12)]
    lines = describe_skipped(skipped, Path("pets"))
    assert lines[0] == f"skipped {Path('cat/0.txt')}: reason 0"
    assert len(lines) == 11
    assert lines[-1] == "and 2 more"
    assert len(describe_skipped(skipped, Path("pets"), most=12)) == 12
    assert describe_skipped(skipped, Path("pets"), most=3)[-1] == "and 9 more"
    assert describe_skipped([], Path("pets")) == []
