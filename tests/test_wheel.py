"""What an installed wheel carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, CHECKOUT], check=True
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_wheel_carries_weights_templates_and_assignments(wheel_names: set[str]) -> None:
    assert {
        "keras_cv_course/weights/manifest.json",
        "keras_cv_course/weights/signs-resnet50.int8.h5",
        "keras_cv_course/report/templates/classification.html.j2",
        "keras_cv_course/assignments/README.md",
    } <= wheel_names


def test_wheel_carries_nothing_that_is_the_instructor_s(wheel_names: set[str]) -> None:
    assert not [name for name in wheel_names if "solution" in name or "hidden" in name or name.startswith("tests")]
