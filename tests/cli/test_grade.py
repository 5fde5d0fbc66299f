"""`kcc grade`, `kcc grade-batch` and `kcc package`, as a user types them."""

import csv
import json
import sys
import zipfile
from functools import partial
from pathlib import Path

import cold_graders
import pytest
from command_line import kcc, kcc_from_scratch
from tiny_assignment import BREAKS_THE_CHECK, RIGHT, WRONG, write_assignment, write_notebook

from keras_cv_course.cli.grade_batch import _write_pages
from keras_cv_course.grading.batch import Batch
from keras_cv_course.grading.results import Result

kcc_cold = partial(kcc, main=cold_graders.kcc)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_assignment(tmp_path_factory.mktemp("assignment"))


def test_all_points(tmp_path: Path, assignment: Path) -> None:
    notebook = write_notebook(tmp_path / "[red]mine.ipynb", RIGHT)
    done = kcc_from_scratch("grade", notebook, "--assignment", assignment)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 points" in done.stdout
    assert "Seed of the checks' inputs: " in done.stdout


def test_points_lost_with_all_that_can_be_written(tmp_path: Path, assignment: Path) -> None:
    notebook = write_notebook(tmp_path / "mine.ipynb", WRONG)
    formats = [word for name in ("coursera", "gradescope", "nbgrader", "csv") for word in ("--format", name)]
    files = [
        "--html",
        tmp_path / "page.html",
        "--json",
        tmp_path / "result.json",
        "--out",
        tmp_path / "files",
        *formats,
    ]
    done = kcc_cold("grade", notebook, "--assignment", assignment, "--seed", 1, *files)
    assert done.returncode == 1, done.stderr
    assert "0 of 4 points" in done.stdout
    assert "Hint: Add it to itself." in done.stdout
    assert "A negative number (hidden)" in done.stdout
    assert "There is no function mean." in done.stdout
    assert json.loads((tmp_path / "result.json").read_text())["seed"] == 1
    assert json.loads((tmp_path / "files" / "feedback.json").read_text())["fractionalScore"] == 0
    assert len(json.loads((tmp_path / "files" / "results.json").read_text())["tests"]) == 3
    for name in ("gradebook.csv", "nbgrader-grades.csv"):
        (row,) = csv.DictReader((tmp_path / "files" / name).open())
        assert "0" in row.values()
    said = done.stdout + done.stderr + "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "the secret of the hidden check" not in said


def test_a_failure_of_the_grader_is_no_points_lost(tmp_path: Path, assignment: Path) -> None:
    notebook = write_notebook(tmp_path / "mine.ipynb", BREAKS_THE_CHECK)
    done = kcc_cold("grade", notebook, "--assignment", assignment)
    assert done.returncode == 2
    assert "The grader failed, and the submission has no score" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.ipynb", "--assignment", "ASSIGNMENT"], "missing.ipynb"),
        (["mine.py", "--assignment", "no such"], "no such"),
        (["mine.py"], "--assignment"),
        (["mine.py", "--assignment", "ASSIGNMENT", "--checks", "nowhere"], "nowhere"),
        (["mine.py", "--assignment", "ASSIGNMENT", "--html", "mine.py/page.html"], "mine.py"),
        (["mine.py", "--assignment", "ASSIGNMENT", "--format", "pdf"], "pdf"),
    ],
)
def test_what_stops_the_grading(tmp_path: Path, assignment: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "mine.py").write_text(RIGHT)
    done = kcc_cold("grade", *[str(assignment) if word == "ASSIGNMENT" else word for word in arguments], cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_class(tmp_path: Path, assignment: Path) -> None:
    folder = tmp_path / "class"
    write_notebook(folder / "a/b.ipynb", RIGHT)
    write_notebook(folder / "a_b.ipynb", WRONG)
    (folder / "broken.py").write_text(BREAKS_THE_CHECK)
    done = kcc_cold("grade-batch", folder, "--assignment", assignment, "-j", 2, "--out", "graded", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "2 of 3 submissions graded, 1 of them with all points." in done.stdout
    assert "broken.py: the grader failed:" in done.stderr
    out = tmp_path / "graded"
    assert {path.name for path in out.iterdir()} == {
        "class.html",
        "feedback",
        "gradebook.csv",
        "nbgrader-grades.csv",
        "results",
        "state.sqlite",
    }
    pages = {path.name.split("-")[0] for path in (out / "feedback").iterdir()}
    assert pages == {"a_b.ipynb", "broken.py"}
    assert len(list((out / "feedback").iterdir())) == len(list((out / "results").iterdir())) == 3
    report = (out / "class.html").read_text()
    assert all(f"feedback/{path.name}" in report for path in (out / "feedback").iterdir())


def test_pages_of_what_is_no_longer_there_go_and_others_stay(tmp_path: Path) -> None:
    results = tuple(
        Result(name, "03_cars", 7, "grader failed", "why", (), {}, 0.0) for name in ("alice.ipynb", "bob.ipynb")
    )
    _write_pages(Batch("Cars", results, 7, 0, ()), tmp_path)
    (tmp_path / "feedback" / "bob.ipynb.html").write_text("an instructor's own")
    _write_pages(Batch("Cars", results[:1], 7, 1, ("bob.ipynb", "never written.py")), tmp_path)
    assert {path.name.partition("-")[0] for path in (tmp_path / "feedback").iterdir()} == {
        "alice.ipynb",
        "bob.ipynb.html",
    }
    assert [path.name.partition("-")[0] for path in (tmp_path / "results").iterdir()] == ["alice.ipynb"]


def test_a_class_that_cannot_be_graded(tmp_path: Path, assignment: Path) -> None:
    done = kcc_cold("grade-batch", tmp_path / "nothing", "--assignment", assignment, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "nothing" in done.stderr


def test_packages(tmp_path: Path, assignment: Path) -> None:
    options = ["--part", "p1=double", "--part", "p2=double,mean", "--allow-weak-sandbox"]
    done = kcc_from_scratch("package", "coursera", assignment, "--out", tmp_path / "coursera", *options)
    assert done.returncode == 0, done.stderr
    assert "ENTRYPOINT" in (tmp_path / "coursera" / "Dockerfile").read_text()
    settings = json.loads((tmp_path / "coursera" / "grader.json").read_text())
    assert settings["parts"] == {"p1": ["double"], "p2": ["double", "mean"]}
    assert settings["allow_weak_sandbox"]
    done = kcc("package", "coursera", assignment, "--out", tmp_path / "coursera")
    assert (done.returncode, "new or empty" in done.stderr) == (2, True)
    done = kcc_from_scratch("package", "gradescope", assignment, "--out", tmp_path / "grader.zip")
    assert done.returncode == 0, done.stderr
    assert {"setup.sh", "run_autograder"} <= set(zipfile.ZipFile(tmp_path / "grader.zip").namelist())
    for wrong in ("p1", "p1=triple"):
        done = kcc("package", "coursera", assignment, "--out", tmp_path / "x", "--part", wrong)
        assert done.returncode == 2
        assert not (tmp_path / "x").exists()


def test_a_notebook_for_nbgrader(tmp_path: Path) -> None:
    assignment = write_assignment(tmp_path)
    done = kcc("package", "nbgrader", assignment, "--out", tmp_path / "course")
    assert (done.returncode, "notebook.ipynb. There is none" in done.stderr) == (2, True)
    cells = [f"# GRADED FUNCTION: {name}\ndef {name}(x): ..." for name in ("double", "mean")]
    write_notebook(assignment / "notebook.ipynb", *cells)
    done = kcc_from_scratch("package", "nbgrader", assignment, "--out", tmp_path / "course")
    assert done.returncode == 0, done.stderr
    notebook = json.loads((tmp_path / "course" / "source" / "00_tiny" / "00_tiny.ipynb").read_text())
    assert [cell["metadata"]["nbgrader"]["points"] for cell in notebook["cells"]] == [2, 2]
