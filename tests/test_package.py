"""What holds for the package as a whole: laziness, public names, import direction."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import keras_cv_course

PACKAGE = Path(keras_cv_course.__file__).parent
HEAVY = ("tensorflow", "keras", "jax", "torch")


@pytest.mark.parametrize(
    "code",
    [
        "import keras_cv_course",
        "import keras_cv_course.cli",
        "import sys; sys.argv = ['kcc', '--help']; from keras_cv_course.cli import main\n"
        "try: main()\nexcept SystemExit as stop: assert stop.code == 0",
    ],
    ids=["package", "command line", "kcc --help"],
)
def test_start_imports_neither_tensorflow_nor_keras(code: str) -> None:
    check = f"{code}\nimport sys; print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize("name", keras_cv_course.__all__)
def test_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(keras_cv_course, name)
    assert thing.__name__ == name
    assert thing.__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ResNet51'"):
        _ = keras_cv_course.ResNet51


# docs/architecture.md: a package imports only what stands to its left; `cli` imports everything.
ORDER = ("data", "models", "detection", "metrics", "report", "convert")
ALLOWED = {name: set(ORDER[:position]) for position, name in enumerate(ORDER)}
ALLOWED |= {"metrics": {"data"}, "report": {"data", "metrics"}, "training": {"data", "models", "detection", "metrics"}}
ALLOWED["landmarks"] = {"data"}  # what is done with points; boxes are `detection`'s
ALLOWED["training"] |= {"landmarks"}
ALLOWED["convert"] = {"data", "models"}
ALLOWED["transfer"] = {"data", "models", "training", "convert"}
ALLOWED["grading"] = set()  # knows assignments and submissions, never models
ALLOWED["lessons"] = {"data", "grading"}
ALLOWED["compat"] = {"convert"}
ALLOWED["cli"] = {*ORDER, "landmarks", "training", "transfer", "grading", "lessons", "compat"}
BASE = set()  # modules directly in the package import each other only
OF_ONE_MODULE = {
    "detections.py": {"detection"},  # draws itself, when asked to
    "metrics/measure_detector.py": {"models", "detection"},  # from a model to its figures, for cli and training
}


def imports_of(source: str) -> set[str]:
    """Name the subpackages that a module imports, also inside functions; the package's root stands for all."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            if node.level:  # only in grading/jail, whose files are loaded by their paths
                found.add("a sibling")
                continue
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        for module in modules:
            root, *parts = module.split(".")
            if root == "keras_cv_course" and (not parts or parts[0] in keras_cv_course.__all__):
                found.add("the package's root")
            elif root == "keras_cv_course" and (PACKAGE / parts[0]).is_dir():
                found.add(parts[0])
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    parts = path.relative_to(PACKAGE).parts
    own = parts[0] if len(parts) > 1 else None
    allowed = ({own, *ALLOWED[own]} if own else BASE) | OF_ONE_MODULE.get("/".join(parts), set())
    allowed |= {"a sibling"} if parts[:2] == ("grading", "jail") else set()
    assert imports_of(path.read_text()) <= allowed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    from keras_cv_course.cli.app import main", {"cli"}),
        ("import keras_cv_course.report.plots", {"report"}),
        ("from keras_cv_course import cli", {"cli"}),
        ("from keras_cv_course import fit", {"the package's root"}),
        ("from keras_cv_course.errors import DataError", set()),
    ],
)
def test_import_check_sees_every_form(source: str, expected: set[str]) -> None:
    assert imports_of(source) == expected
