"""What an installed wheel carries."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
LEARNERS = ("assignment.toml", "checks.py", "given.py", "notebook.ipynb", "notebook.md")
INSTRUCTORS = ("hidden_checks.py", "lesson.py", "solution.ipynb", "mistakes.toml", "MISTAKES.md")


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build a wheel from a copy of the checkout, in which each assignment has all that one may have."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    for name in ("keras_cv_course", "weights", "assignments"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy / name)
    for path in (copy / "assignments").glob("*/assignment.toml"):
        for name in (*LEARNERS, *INSTRUCTORS):
            (path.parent / name).touch()
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, copy], check=True
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_wheel_carries_weights_templates_and_assignments(wheel_names: set[str]) -> None:
    assert {
        "keras_cv_course/weights/manifest.json",
        "keras_cv_course/weights/signs-resnet50.int8.h5",
        "keras_cv_course/report/templates/classification.html.j2",
        "keras_cv_course/grading/jail/zygote.py",
        "keras_cv_course/assignments/README.md",
    } <= wheel_names


def test_wheel_carries_the_learner_s_side_of_each_assignment(wheel_names: set[str]) -> None:
    folders = [path.parent.name for path in (CHECKOUT / "assignments").glob("*/assignment.toml")]
    assert folders
    assert {f"keras_cv_course/assignments/{folder}/{name}" for folder in folders for name in LEARNERS} <= wheel_names


def test_wheel_carries_nothing_that_is_the_instructor_s(wheel_names: set[str]) -> None:
    assert not {name for name in wheel_names if Path(name).name in INSTRUCTORS or name.startswith("tests")}
