"""An assignment: a folder with its questions, and Python functions that check them.

    assignment.toml     title, and the questions in their order
    given.py            what a submission may use without defining it; runs before its cells, in the sandbox
    checks.py           public checks
    hidden_checks.py    hidden ones; only in the repository

`docs/grading.md` says how to write them.
"""

import hashlib
import importlib.util
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.results import Limits, Visibility
from keras_cv_course.grading.subject import Subject

_PACKAGE = Path(__file__).parents[1]
# An installed wheel carries the folder inside the package, a checkout beside it.
ASSIGNMENT_FOLDERS = (_PACKAGE / "assignments", _PACKAGE.parent / "assignments")

CheckFunction = Callable[[Subject, np.random.Generator], None]
_ATTRIBUTE = "_kcc_check"
_ABOUT = "assignment.toml"


@dataclass(frozen=True)
class _CheckMark:
    """What `check_of` says of a function."""

    function: str
    title: str
    points: float
    hint: str


@dataclass(frozen=True)
class Check:
    """One check of a question.

    Attributes:
        title: what it checks, in a few words; learners see it also of a hidden check.
        points: that it can give.
        hint: for whom fails it; empty for none.
        visibility: public or hidden.
        run: asks the subject and compares; raises `compare.Wrong` or `compare.Partly`.
        name: of its function and file, unique in the assignment; its inputs are drawn from the seed and this.
    """

    title: str
    points: float
    hint: str
    visibility: Visibility
    run: CheckFunction
    name: str

    def draw(self, seed: int | str) -> np.random.Generator:
        """Give the generator of its inputs: the same for the same seed, whatever else is checked."""
        digest = hashlib.sha256(f"{seed} {self.name}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest))


@dataclass(frozen=True)
class Question:
    """One graded function.

    Attributes:
        function: its name.
        title: the question in a few words.
        limits: of what it may use.
        checks: the public ones first.
    """

    function: str
    title: str
    limits: Limits
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Assignment:
    """An assignment.

    Attributes:
        name: of its folder.
        title: for people.
        given: source of what a submission may use without defining it.
        questions: in their order.
    """

    name: str
    title: str
    given: str
    questions: tuple[Question, ...]


def check_of(
    function: str, *, title: str, points: float = 1.0, hint: str = ""
) -> Callable[[CheckFunction], CheckFunction]:
    """Make a function a check of a question.

    Args:
        function: name of the graded function.
        title: what is checked, in a few words that give nothing away.
        points: that it can give.
        hint: shown where it fails.
    """

    def mark(check: CheckFunction) -> CheckFunction:
        setattr(check, _ATTRIBUTE, _CheckMark(function, title, points, hint))
        return check

    return mark


def assignment_names() -> list[str]:
    """Name the assignments of this installation."""
    return sorted(path.parent.name for folder in ASSIGNMENT_FOLDERS for path in folder.glob(f"*/{_ABOUT}"))


def find_assignment(name: str) -> Path:
    """Find an assignment's folder by its name, or by the beginning of it, such as ``"03"``.

    Raises:
        GradingError: no such assignment; the message lists those there are.
    """
    found = [known for known in assignment_names() if known == name] or [
        known for known in assignment_names() if known.startswith(name)
    ]
    if len(found) != 1:
        raise GradingError(
            f"Expected one of the assignments {', '.join(assignment_names()) or '(there is none)'}, or a folder with "
            f"assignment.toml. Received: {name!r}."
        )
    return next(folder / found[0] for folder in ASSIGNMENT_FOLDERS if (folder / found[0]).is_dir())


def graded_functions(name: str) -> list[str]:
    """Name the functions that an assignment of this installation asks for, without importing its checks."""
    return [question.get("function", "") for question in _read_about(find_assignment(name) / _ABOUT)["question"]]


def load_assignment(
    assignment: str | Path, *, private: str | Path | None = None, public_only: bool = False
) -> Assignment:
    """Read an assignment and import its checks.

    Args:
        assignment: its folder, or the name of one of this installation.
        private: a folder of an instructor's own with further hidden checks, each .py in it; where it has a folder of
            the assignment's name, that is used.
        public_only: leave out the hidden checks.

    Raises:
        GradingError: no such assignment, or one that cannot be used: the message names the file.
    """
    folder = Path(assignment)
    if not (folder / _ABOUT).is_file():
        folder = find_assignment(str(assignment))
    about = _read_about(folder / _ABOUT)
    files: list[tuple[Path, Visibility]] = [(folder / "checks.py", "public")]
    if not public_only and (folder / "hidden_checks.py").is_file():
        files.append((folder / "hidden_checks.py", "hidden"))
    if private is not None:
        files += [(path, "hidden") for path in _private_files(Path(private), folder.name)]
    checks = _load_checks(folder, files)
    given = folder / "given.py"
    loaded = Assignment(
        name=folder.resolve().name,
        title=about["title"],
        given=given.read_text(encoding="utf-8") if given.is_file() else "",
        questions=tuple(_question(question, checks, folder) for question in about["question"]),
    )
    _check_complete(loaded, checks, folder)
    return loaded


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GradingError(f"{path} cannot be read: {error}") from error
    if not isinstance(about.get("title"), str) or not about.get("question"):
        raise GradingError(f"{path}: expected a title and at least one [[question]].")
    return about


def _private_files(folder: Path, name: str) -> list[Path]:
    folder = folder / name if (folder / name).is_dir() else folder
    files = sorted(folder.glob("*.py"))
    if not files:
        raise GradingError(f"Expected further checks, files that end in .py, in {folder}. There is none.")
    return files


def _load_checks(folder: Path, files: list[tuple[Path, Visibility]]) -> dict[str, list[Check]]:
    """Import files of checks, as modules of one package so that one may import another: function -> its checks."""
    package = f"kcc_assignment_{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"
    parent = ModuleType(package)
    parent.__path__ = [str(folder)]
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]  # a changed file is read again
    sys.modules[package] = parent
    checks: dict[str, list[Check]] = {}
    for position, (path, visibility) in enumerate(files):
        is_private = path.parent != folder
        module = _import(f"{package}.{f'private_{position}' if is_private else path.stem}", path)
        for value in list(vars(module).values()):
            mark = getattr(value, _ATTRIBUTE, None)
            if isinstance(mark, _CheckMark) and value.__module__ == module.__name__:
                name = f"{'private.' if is_private else ''}{path.stem}.{value.__name__}"
                check = Check(mark.title, mark.points, mark.hint, visibility, value, name)
                checks.setdefault(mark.function, []).append(check)
    return checks


def _import(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise GradingError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _question(about: dict[str, Any], checks: dict[str, list[Check]], folder: Path) -> Question:
    limits = about.get("limits", {})
    known = {field.name for field in fields(Limits)}
    if not {"function", "title"} <= set(about) <= {"function", "title", "limits"} or not set(limits) <= known:
        raise GradingError(
            f"{folder / 'assignment.toml'}: expected for each question a function, a title and perhaps limits "
            f"({', '.join(sorted(known))}). Received: {about}."
        )
    return Question(about["function"], about["title"], Limits(**limits), tuple(checks.get(about["function"], ())))


def _check_complete(assignment: Assignment, checks: dict[str, list[Check]], folder: Path) -> None:
    """See that every question has checks, and every check a question.

    Raises:
        GradingError: otherwise.
    """
    functions = [question.function for question in assignment.questions]
    without = [question.function for question in assignment.questions if not question.checks]
    stray = sorted(set(checks) - set(functions))
    if without or stray or len(set(functions)) != len(functions):
        raise GradingError(
            f"{folder}: expected each question once and with at least one check. Without: "
            f"{', '.join(without) or 'none'}; checks of no question: {', '.join(stray) or 'none'}."
        )
