import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cv_course.errors import DataError
from keras_cv_course.files import atomic_folder, atomic_path, write_text_atomically


def test_file_appears_whole_and_alone(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "new" / "a.txt", "hällo")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "hällo"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.keras"
    target.write_text("old")

    def write_half() -> None:
        with atomic_path(target) as path:
            assert path.suffix == ".keras"
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    code = (
        "import sys, time; from keras_cv_course.files import atomic_path\n"
        f"with atomic_path({str(target)!r}) as path:\n"
        "    path.write_text('half'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        os.kill(writer.pid, signal.SIGKILL)
    assert target.read_text() == "old"


def test_folder_appears_with_all_it_holds(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "new" / "set") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "new" / "set").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["new", "new/set", "new/set/a"]


def test_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("1")
    for taken in (tmp_path, tmp_path / "mine"):
        with pytest.raises(DataError, match="expected a new or an empty folder"), atomic_folder(taken):
            pass
    assert (tmp_path / "mine").read_text() == "1"


def test_folder_does_not_appear_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(IsADirectoryError), atomic_folder(tmp_path / "empty") as folder:
        folder.write_text("1")
    assert [*tmp_path.iterdir()] == [tmp_path / "empty"]
    assert [*(tmp_path / "empty").iterdir()] == []
