"""A small assignment, and submissions to it, for tests of what stands around the grading."""

import json
from pathlib import Path

RIGHT = "def double(x):\n    return 2 * x\n\n\ndef mean(row):\n    return row.mean()\n"
WRONG = "def double(x):\n    return x * x + 100\n"
BREAKS_THE_CHECK = "def double(x):\n    return 'break the check'\n"
_ABOUT = """\
title = "Two small functions"

[[question]]
function = "double"
title = "Twice as much"

[[question]]
function = "mean"
title = "The mean of a row"
"""
_CHECKS = """\
import numpy as np

from keras_cv_course.grading import check_of, compare


@check_of("double", title="A drawn number", hint="Add it to itself.")
def drawn(subject, draw):
    x = float(draw.integers(3, 9))
    received = subject.call("double", x)
    if received == "break the check":
        raise ZeroDivisionError("a defect of the check")
    compare.close(received, 2 * x, "double(x)")


@check_of("mean", title="A drawn row", points=2)
def row(subject, draw):
    x = draw.normal(size=5).astype(np.float32)
    compare.close(subject.call("mean", x), x.mean(), "mean(x)")
"""
_HIDDEN = """\
from keras_cv_course.grading import check_of, compare


@check_of("double", title="A negative number")
def negative(subject, draw):
    compare.close(subject.call("double", -3.0), -6.0, "the secret of the hidden check")
"""


def write_assignment(folder: Path) -> Path:
    """Write the assignment: 4 points, one of them hidden."""
    folder = folder / "00_tiny"
    folder.mkdir(parents=True)
    (folder / "assignment.toml").write_text(_ABOUT)
    (folder / "checks.py").write_text(_CHECKS)
    (folder / "hidden_checks.py").write_text(_HIDDEN)
    return folder


def write_notebook(path: Path, *sources: str) -> Path:
    """Write a notebook of code cells."""
    code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    cells = [{**code, "source": source} for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}))
    return path
