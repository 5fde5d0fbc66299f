"""Writes what a platform wants: a container's build folder for Coursera, a zip for Gradescope, a notebook for nbgrader.

The first two hold all that grading needs, the hidden checks too: they are the instructor's.
"""

import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import requires, version
from pathlib import Path

from keras_cv_course.errors import GradingError
from keras_cv_course.files import atomic_path, write_text_atomically
from keras_cv_course.grading.assignment import load_assignment
from keras_cv_course.grading.container import SETTINGS, Platform
from keras_cv_course.grading.formats.nbgrader import mark_cells
from keras_cv_course.grading.job import assignment_folder

_PACKAGE = Path(__file__).parents[1]
_NOT_FOR_GRADING = ("*.ipynb", "*.md", "lesson*", "mistakes*")
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_GRADE = '''\
"""Grades the submission in this container."""

import sys
from pathlib import Path

from keras_cv_course.grading.container import grade_on

sys.exit(grade_on("{platform}", Path(__file__).resolve().parent))
'''

# Coursera runs the container as a user who is not root and must be able to read everything.
_DOCKERFILE = f"""\
FROM python:{_PYTHON}-slim
COPY requirements.txt /grader/requirements.txt
RUN pip install --no-cache-dir -r /grader/requirements.txt
COPY . /grader
RUN chmod -R a+rX /grader
ENTRYPOINT ["python", "/grader/grade.py"]
"""

_SETUP = """\
#!/usr/bin/env bash
set -euo pipefail
apt-get update
apt-get install -y python3 python3-venv
python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || {
  echo "Python 3.11, 3.12 or 3.13 is needed. Choose an image with Ubuntu 24.04." >&2
  exit 1
}
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install --no-cache-dir -r /autograder/source/requirements.txt
"""

_RUN = """\
#!/usr/bin/env bash
exec /autograder/venv/bin/python /autograder/source/grade.py
"""


def package_grader(
    platform: Platform,
    assignment: str | Path,
    out: Path,
    *,
    private: Path | None = None,
    parts: Mapping[str, Sequence[str]] | None = None,
    allow_weak_sandbox: bool = False,
) -> None:
    """Write a grader for Coursera or Gradescope.

    Args:
        platform: whose.
        assignment: an assignment's folder, or the name of one of this installation.
        out: a folder that does not exist yet or is empty, or a file that ends in ``.zip``.
        private: folder with an instructor's further hidden checks.
        parts: of Coursera's assignment: partId -> the functions that it grades; None grades all in each part.
        allow_weak_sandbox: grade although the platform's container leaves out layers of the sandbox.

    Raises:
        GradingError: no such assignment, a part with unknown functions, or something stands in the place of `out`.
    """
    loaded = load_assignment(assignment, private=private)
    known = {question.function for question in loaded.questions}
    unknown = sorted({function for functions in (parts or {}).values() for function in functions} - known)
    if unknown:
        raise GradingError(f"Expected functions of the assignment: {', '.join(sorted(known))}. Received: {unknown}.")
    settings = {
        "assignment": f"assignment/{loaded.name}",
        "private": "private" if private is not None else None,
        "allow_weak_sandbox": allow_weak_sandbox,
        "parts": dict(parts or {}),
    }
    with tempfile.TemporaryDirectory() as temporary:
        bundle = Path(temporary) / "bundle"
        _copy(_PACKAGE, bundle / "keras_cv_course", "weights", "assignments")
        _copy(assignment_folder(assignment), bundle / "assignment" / loaded.name, *_NOT_FOR_GRADING)
        if private is not None:
            _copy(private, bundle / "private")
        (bundle / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        (bundle / "requirements.txt").write_text(_requirements(), encoding="utf-8")
        (bundle / "grade.py").write_text(_GRADE.format(platform=platform), encoding="utf-8")
        if platform == "coursera":
            (bundle / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
        else:
            for name, script in (("setup.sh", _SETUP), ("run_autograder", _RUN)):
                (bundle / name).write_text(script, encoding="utf-8")
                (bundle / name).chmod(0o755)
        _deliver(bundle, out)


def package_notebook(assignment: str | Path, out: Path) -> Path:
    """Write an assignment's notebook with nbgrader's metadata, where nbgrader looks for it.

    Args:
        assignment: an assignment's folder, or the name of one of this installation.
        out: nbgrader's course folder.

    Returns:
        The notebook: ``out/source/NAME/NAME.ipynb``.

    Raises:
        GradingError: there is no such assignment, or no notebook in it, or a question without its cell.
    """
    loaded = load_assignment(assignment)
    notebook = assignment_folder(assignment) / "notebook.ipynb"
    if not notebook.is_file():
        raise GradingError(f"Expected the learner's notebook, {notebook}. There is none.")
    points = {question.function: sum(check.points for check in question.checks) for question in loaded.questions}
    marked = mark_cells(json.loads(notebook.read_text(encoding="utf-8")), points)
    target = out / "source" / loaded.name / f"{loaded.name}.ipynb"
    write_text_atomically(target, json.dumps(marked, indent=1, ensure_ascii=False) + "\n")
    return target


def _copy(source: Path, target: Path, *left_out: str) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", *left_out))


def _requirements() -> str:
    """List the package's own dependencies in the versions that are installed here, which the checks were tried with."""
    names = [
        "".join(letter if letter.isalnum() or letter in "-_." else " " for letter in requirement).split()[0]
        for requirement in requires("keras-cv-course") or []
        if "extra ==" not in requirement
    ]
    return "".join(f"{name}=={version(name)}\n" for name in names)


def _deliver(bundle: Path, out: Path) -> None:
    """Put a finished bundle in its place, as a folder or as a zip with its files at the root."""
    if out.suffix == ".zip":
        with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(bundle.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(bundle))
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GradingError(f"Expected a folder that is new or empty, or a .zip file. Received: {out}.")
    shutil.copytree(bundle, out, dirs_exist_ok=True)
