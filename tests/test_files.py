import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_cv_course.files import atomic_path, write_text_atomically


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
