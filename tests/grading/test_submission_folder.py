import os
import sys
from pathlib import Path

import pytest

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.submission_folder import find_one, find_submissions, readable_name


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(folder: Path) -> list[str]:
    return [submission.name for submission in find_submissions(folder)]


def test_files_and_folders(tmp_path):
    write(tmp_path, "b.ipynb", "a.py", "notes.txt", ".hidden.ipynb", "__MACOSX/x.ipynb")
    write(tmp_path, "carl/work.ipynb", "carl/yolo_utils.py", "carl/.ipynb_checkpoints/work.ipynb")
    write(tmp_path, "dora/03/one.ipynb", "dora/two.ipynb", "emil/main.py", "fred/answer.docx", "gina.ipynb/cars.py")
    assert names(tmp_path) == [
        "a.py",
        "b.ipynb",
        "carl/work.ipynb",
        "dora/03/one.ipynb",
        "dora/two.ipynb",
        "emil/main.py",
        "fred",
        "gina.ipynb/cars.py",
    ]


def test_a_changed_file_has_another_digest(tmp_path):
    write(tmp_path, "a.py", "b.py")
    before = {s.name: s.digest for s in find_submissions(tmp_path)}
    (tmp_path / "a.py").write_text("else")
    after = {s.name: s.digest for s in find_submissions(tmp_path)}
    assert before["a.py"] != after["a.py"]
    assert before["b.py"] == after["b.py"]


@pytest.mark.skipif(os.name != "posix", reason="names and links of POSIX systems")
def test_hostile_names_and_links(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "class"
    write(outside, "secret.ipynb")
    write(folder, "..ipynb", "two\nlines.ipynb", "\u202egnp.ipynb", "back\\slash.py", "alice/a.ipynb")
    (folder / "link.ipynb").symlink_to(outside / "secret.ipynb")
    (folder / "folder").symlink_to(outside)
    (folder / "alice" / "folder").symlink_to(outside)
    os.mkfifo(folder / "pipe.py")
    raw = os.fsencode(folder) + b"/caf\xe9.py"
    if sys.platform == "linux":
        Path(os.fsdecode(raw)).write_text("x")
    found = {submission.name: submission for submission in find_submissions(folder)}
    assert set(found) >= {
        "link.ipynb",
        "folder",
        "pipe.py",
        "alice/a.ipynb",
        r"two\nlines.ipynb",
        r"\u202egnp.ipynb",
        r"back\\slash.py",
    }
    assert not any("secret" in name for name in found)
    assert found["link.ipynb"].digest.startswith("no file")
    if sys.platform == "linux":
        assert r"caf\xe9.py" in found
    assert all(name.isprintable() for name in found)


def test_no_two_names_read_alike():
    pairs = [("a\nb", r"a\nb"), (b"\xff".decode("utf-8", "surrogateescape"), r"\xff"), ("\\n", "\n")]
    for one, other in pairs:
        assert readable_name(one) != readable_name(other)
    assert readable_name("Žofie/cvičení 3.ipynb") == "Žofie/cvičení 3.ipynb"


@pytest.mark.parametrize("missing", ["nothing here", "no such folder"])
def test_nothing_to_grade_is_an_error(tmp_path, missing):
    write(tmp_path, "nothing here/readme.txt")
    with pytest.raises(GradingError, match="Expected"):
        find_submissions(tmp_path / missing)


def test_find_one(tmp_path):
    write(tmp_path, "one/a.ipynb", "one/help.py", "two/a.ipynb", "two/b.ipynb")
    assert find_one(tmp_path / "one").name == "a.ipynb"
    assert find_one(tmp_path / "two") == tmp_path / "two"


def test_a_student_s_bottomless_folder_does_not_end_the_others(tmp_path):
    write(tmp_path, "alice/a.ipynb", "bob/b.ipynb")
    home = Path.cwd()
    try:
        os.chdir(tmp_path / "bob")
        for _ in range(1100):  # longer than any path may be
            Path("d").mkdir()
            os.chdir("d")
        Path("deep.ipynb").write_text("{}")
        found = names(tmp_path)
    finally:  # as it was made, for shutil.rmtree cannot remove it
        Path("deep.ipynb").unlink(missing_ok=True)
        while Path.cwd() != tmp_path / "bob":
            os.chdir("..")
            Path("d").rmdir()
        os.chdir(home)
    assert found == ["alice/a.ipynb", "bob/b.ipynb"]


def test_a_student_s_hundred_thousand_files_are_not_all_looked_at(tmp_path):
    (tmp_path / "bob").mkdir()
    for number in range(20_050):
        (tmp_path / "bob" / f"{number:05}.txt").touch()
    write(tmp_path, "bob/a.py", "bob/0.ipynb")
    assert names(tmp_path) == ["bob/0.ipynb"]
