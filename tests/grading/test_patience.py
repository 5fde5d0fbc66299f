"""A check that hangs ends alone, and says that it is the check."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from car_detection import PARTS, write_notebook

from keras_cv_course.errors import GradingError
from keras_cv_course.grading import scoring
from keras_cv_course.grading.assignment import Assignment
from keras_cv_course.grading.patience import Hangs, within
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer


def fall() -> None:
    raise ZeroDivisionError


def test_what_ends_in_time_gives_its_value_or_raises() -> None:
    assert within(60, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        within(60, fall)
    with pytest.raises(TimeoutError):  # its own
        within(60, lambda: (_ for _ in ()).throw(TimeoutError))


def test_what_hangs_is_told_to_end() -> None:
    ended = threading.Event()

    def spin() -> None:
        try:
            while True:
                time.sleep(0.01)
        finally:
            ended.set()

    with pytest.raises(Hangs):
        within(0.05, spin)
    assert ended.wait(60)


def test_a_check_that_hangs_is_not_the_submission_s_fault(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "SPARE_SECONDS", -29.5)  # of 30 for the submission
    woken = threading.Event()
    check = replace(car_detection.questions[1].checks[0], run=lambda subject, draw: woken.wait(60), name="private.x")
    questions = (replace(car_detection.questions[1], checks=(check,)),)
    path = write_notebook(tmp_path / "learner.ipynb", list(PARTS.values()))
    with pytest.raises(GradingError, match=r"The check private\.x .* hangs: .* The fault is the check's"):
        grade(path, replace(car_detection, questions=questions), seed=1, server=server)
    woken.set()
