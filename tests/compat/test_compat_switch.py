"""The shims are on when asked for and leave nothing behind; documentation lists each with its test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forked import run_forked

from keras_cv_course import compat
from keras_cv_course.compat.patches import Patches

DOCS = Path(__file__).parents[2] / "docs" / "compat.md"

# Looks at every attribute of every module and of their classes; run apart, so that other tests change nothing between.
CHECK = """
import sys
import keras, tensorflow as tf, keras_cv_course
from keras_cv_course import compat
import tensorflow.keras.models
compat.shims()  # imports what it needs
compat.activate(); compat.deactivate()  # and what activation does

def state():
    found = {("modules",): frozenset(sys.modules)}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("keras", "tensorflow", "numpy", "PIL", "matplotlib", "scipy"):
            for key, thing in list(getattr(module, "__dict__", {}).items()):
                found[name, key] = id(thing)
                if isinstance(thing, type):
                    found |= {(name, key, inner): id(value) for inner, value in list(vars(thing).items())}
    return found

before = state()
compat.activate()
during = state()
compat.activate()
compat.deactivate()
after = state()
compat.deactivate()
different = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
print(len({key for key in before.keys() | during.keys() if before.get(key) != during.get(key)}) > 100)
print(sorted(key for key in different if "__" not in key[-1]))
print([name for name in keras.saving.get_custom_objects() if not name.startswith("keras_cv_course>")])
"""


def check() -> None:
    exec(CHECK, {})


def test_everything_is_taken_back() -> None:
    done = run_forked(check, ["check"], cwd=None, environment=os.environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True", "[]", "[]"]


def test_nothing_is_active_unasked() -> None:
    check = (
        "import keras_cv_course, keras_cv_course.compat, keras, numpy\n"
        "assert not hasattr(keras.layers.Dense, 'output_shape') and 'int' not in vars(numpy)\n"
        "assert not any(name.startswith('keras_cv_course.compat.') for name in __import__('sys').modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)


def test_a_shim_that_fails_takes_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from keras_cv_course.compat import removed_modules
    from keras_cv_course.compat.patches import Shim

    def fail(patches: Patches) -> None:
        assert "int" in vars(np)
        raise OSError("no")

    monkeypatch.setattr(removed_modules, "SHIMS", (Shim("x", "y", fail),))
    with pytest.raises(OSError, match="no"):
        compat.activate()
    assert "int" not in vars(np)


def test_extension() -> None:
    interactiveshell = pytest.importorskip("IPython.core.interactiveshell")
    shell = interactiveshell.InteractiveShell()
    # NumPy's former names stand for all shims: the tests above see that they come and go together.
    shell.run_line_magic("load_ext", "keras_cv_course.compat")
    assert "int" in vars(np)
    shell.run_line_magic("unload_ext", "keras_cv_course.compat")
    assert "int" not in vars(np)
    shell.run_line_magic("reload_ext", "keras_cv_course.compat")
    assert "int" in vars(np)
    shell.run_line_magic("unload_ext", "keras_cv_course.compat")


def test_each_shim_has_a_row_in_the_documentation_with_its_test() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| `(test_\w+)`", DOCS.read_text(), re.MULTILINE)
    assert [row[0].replace("`", "") for row in rows] == [shim.construct for shim in compat.shims()]
    assert [row[1].replace("`", "") for row in rows] == [shim.change for shim in compat.shims()]
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [test for *_, test in rows if f"def {test}(" not in tests] == []
