"""The learner's folder: whole or not at all."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drawn_materials import check_pictures
from tiny_lesson import write_lesson

from keras_cv_course.data.signs import read_signs
from keras_cv_course.errors import DataError, GradingError
from keras_cv_course.lessons import materials
from keras_cv_course.lessons.build import write_generated_files
from keras_cv_course.lessons.materials import MATERIALS, Material, Progress
from keras_cv_course.lessons.start import learner_notebook_name, start_assignment


@pytest.fixture
def assignment(tmp_path: Path) -> Path:
    made = write_lesson(tmp_path / "assignments")
    write_generated_files(made)
    return made


def with_materials(assignment: Path, names: str) -> Path:
    about = assignment / "assignment.toml"
    about.write_text(f"materials = {names}\n{about.read_text()}")
    return assignment


@pytest.mark.parametrize("exists", [False, True])
def test_folder_has_the_learner_s_notebook_only(tmp_path: Path, assignment: Path, exists: bool) -> None:
    folder = tmp_path / "home" / "mine"
    if exists:
        folder.mkdir(parents=True)
        number = folder.stat().st_ino
    notebook = start_assignment(assignment, folder)
    assert notebook == folder / "tiny.ipynb"
    assert notebook.read_bytes() == (assignment / "notebook.ipynb").read_bytes()
    assert list(folder.iterdir()) == [notebook]
    assert list(folder.parent.iterdir()) == [folder]
    if exists:  # a shell that stands in it still does
        assert folder.stat().st_ino == number


def test_here(tmp_path: Path, assignment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert start_assignment(assignment, Path()) == Path("tiny.ipynb")
    assert [path.name for path in Path().iterdir()] == ["tiny.ipynb"]


@pytest.mark.parametrize("in_the_way", ["a file", "a folder with a file"])
def test_what_stands_there_stays(tmp_path: Path, assignment: Path, in_the_way: str) -> None:
    folder = tmp_path / "mine"
    file = folder if in_the_way == "a file" else folder / "tiny.ipynb"
    file.parent.mkdir(exist_ok=True)
    file.write_text("weeks of work")
    with pytest.raises(DataError, match=r"Expected a new or empty folder .*mine.*Name another"):
        start_assignment(with_materials(assignment, '["roads"]'), folder)
    assert file.read_text() == "weeks of work"


@pytest.mark.parametrize("exists", [False, True])
def test_broken_off_leaves_nothing(tmp_path: Path, assignment: Path, exists: bool) -> None:
    @contextmanager
    def break_off(material: Material) -> Iterator[Progress]:
        def stop(done: int) -> None:
            raise KeyboardInterrupt

        yield stop

    home = tmp_path / "home"
    (home / "mine" if exists else home).mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt):
        start_assignment(with_materials(assignment, '["roads"]'), home / "mine", progress=break_off)
    assert [path.name for path in home.rglob("*")] == (["mine"] if exists else [])


@pytest.mark.parametrize(
    ("materials", "notebook", "said"), [('["rods"]', True, "of .*roads.* Received: rods"), ("[]", False, "no notebook")]
)
def test_assignment_that_cannot_be_started(
    tmp_path: Path, assignment: Path, materials: str, notebook: bool, said: str
) -> None:
    if not notebook:
        (assignment / "notebook.ipynb").unlink()
    with pytest.raises(GradingError, match=said):
        start_assignment(with_materials(assignment, materials), tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("assignment", "notebook"),
    [
        ("01_residual_networks", "residual_networks.ipynb"),
        ("my_own", "my_own.ipynb"),
        ("03", "03.ipynb"),
    ],
)
def test_notebook_s_name(assignment: str, notebook: str) -> None:
    assert learner_notebook_name(assignment) == notebook


def test_signs_are_drawn_with_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer of them: the lesson that has them runs with the slow tests, and is quick in no other way."""
    assert MATERIALS["signs"].count == materials._TRAIN_SIGNS + materials._TEST_SIGNS
    monkeypatch.setattr(materials, "_TRAIN_SIGNS", 18)
    monkeypatch.setattr(materials, "_TEST_SIGNS", 6)
    shown: list[int] = []
    MATERIALS["signs"].write(tmp_path, shown.append)
    assert shown == list(range(1, 25))
    check_pictures(tmp_path)
    assert [len(read_signs(tmp_path / "datasets", part).data.images) for part in ("train", "test")] == [18, 6]


def test_starting_needs_no_tensorflow() -> None:
    code = (
        "import sys\nfrom keras_cv_course.lessons import start, materials\n"
        "import keras_cv_course.data.signs, keras_cv_course.data.synthetic.road_scenes\n"
        "print(sorted({'tensorflow', 'keras', 'jupytext', 'nbformat'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
