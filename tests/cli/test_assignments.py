"""`kcc assignments`, `kcc start` and `kcc solution`, as a user types them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import kcc, kcc_from_scratch
from tiny_lesson import write_lesson


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_lesson(tmp_path_factory.mktemp("built"))
    done = kcc_from_scratch("assignments", "build", made)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written: ") == 4
    return made


@pytest.fixture
def assignment(tmp_path: Path, built: Path) -> Path:
    return shutil.copytree(built, tmp_path / "assignments" / built.name)


def test_list() -> None:
    done = kcc_from_scratch("assignments")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "03_car_detection" in line]
    assert "Car detection with YOLOv2" in line
    assert "yolo_filter_boxes iou yolo_non_max_suppression yolo_eval" in line
    assert int(line.split()[-1]) > 10


def test_build_and_check(assignment: Path) -> None:
    assert kcc("assignments", "build", assignment).stdout == ""
    assert kcc("assignments", "build", assignment, "--check").returncode == 0
    lesson = (assignment / "lesson.py").read_text()
    (assignment / "lesson.py").write_text(lesson.replace("total = row.sum()", "total = sum(row)"))
    before = (assignment / "solution.ipynb").read_bytes()
    done = kcc_from_scratch("assignments", "build", assignment, "--check")
    assert (done.returncode, done.stdout) == (1, f"out of date: {assignment / 'solution.ipynb'}\n")
    assert (assignment / "solution.ipynb").read_bytes() == before
    assert kcc("assignments", "build", assignment).stdout == f"written: {assignment / 'solution.ipynb'}\n"


def test_build_of_what_has_no_lesson(assignment: Path) -> None:
    (assignment / "lesson.py").unlink()
    done = kcc("assignments", "build", assignment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Expected lesson.py, which only the repository has. Received: none in 00_tiny." in done.stderr


def test_build_without_jupytext(assignment: Path) -> None:
    code = (
        "import sys\nsys.modules['jupytext'] = None\n"
        f"sys.argv = ['kcc', 'assignments', 'build', {str(assignment)!r}]\n"
        "from keras_cv_course.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install '.[lab]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_start_says_what_to_open_and_how_to_grade(tmp_path: Path, assignment: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = kcc_from_scratch("start", assignment, cwd=home)
    assert done.returncode == 0, done.stderr
    assert (home / "00_tiny" / "tiny.ipynb").is_file()
    assert "Open:   00_tiny/tiny.ipynb" in done.stdout
    assert f"Grade:  kcc grade 00_tiny/tiny.ipynb --assignment {assignment}" in done.stdout
    again = kcc("start", assignment, cwd=home)
    assert (again.returncode, again.stdout) == (1, "")
    assert "Expected a new or empty folder" in again.stderr
    assert kcc("start", assignment, "other", cwd=home).returncode == 0


def test_start_with_lab_but_without_jupyterlab(tmp_path: Path, assignment: Path) -> None:
    code = (
        "import sys\nsys.modules['jupyterlab'] = None\n"
        f"sys.argv = ['kcc', 'start', {str(assignment)!r}, 'mine', '--lab']\n"
        "from keras_cv_course.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install '.[lab]'" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_start_with_lab_opens_the_notebook(tmp_path: Path, assignment: Path) -> None:
    (tmp_path / "jupyterlab.py").write_text("import os, sys\nprint('opened', sys.argv[1:], os.getcwd())\n")
    done = kcc_from_scratch("start", assignment, "mine", "--lab", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"opened ['tiny.ipynb'] {tmp_path / 'mine'}" in done.stdout


def test_start_of_what_is_not_there(tmp_path: Path) -> None:
    done = kcc("start", "09", cwd=tmp_path)
    assert done.returncode == 2
    assert "03_car_detection" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_solution(tmp_path: Path, assignment: Path) -> None:
    for arguments, name in (([], "tiny_solution.ipynb"), (["--out", "new/there.ipynb"], "new/there.ipynb")):
        done = kcc_from_scratch("solution", assignment, *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_bytes() == (assignment / "solution.ipynb").read_bytes()
        assert kcc("solution", assignment, *arguments, cwd=tmp_path).returncode == 1


def test_solution_of_an_installed_package(tmp_path: Path, assignment: Path) -> None:
    (assignment / "solution.ipynb").unlink()
    done = kcc("solution", assignment, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Solutions are in the repository only" in done.stderr
