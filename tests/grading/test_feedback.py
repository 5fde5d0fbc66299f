"""What a learner is told: which definition counts, where the time went, and when a hint helps."""

import json
import struct
from types import SimpleNamespace
from typing import Any

import pytest

from keras_cv_course.grading.assignment import Check
from keras_cv_course.grading.feedback import CellFeedback, undefined_names
from keras_cv_course.grading.results import Limits
from keras_cv_course.grading.scoring import _asking, run_check
from keras_cv_course.grading.subject import Subject
from keras_cv_course.grading.submission import Cell
from keras_cv_course.grading.wire import Executed, Raised
from keras_cv_course.grading.worker import Ending, WorkerEnded

FINE, BROKEN = Executed((), ()), Executed((Raised("SyntaxError", "", ()),), ())


def answer(**body: Any) -> bytes:
    header = json.dumps({"arrays": [], "body": body}).encode()
    return struct.pack("<I", len(header)) + header


def raised(kind: str, *frames: tuple[int, int]) -> bytes:
    return answer(raised={"type": kind, "message": "m", "frames": frames})


@pytest.mark.parametrize(
    ("sources", "executed", "told"),
    [
        (["def f(): 1", "x = 1"], [FINE, FINE], []),
        (
            ["def f(): 1", "x = 1", "#\ndef f(): 2"],
            [FINE, FINE, FINE],
            ["f is defined in line 1 of code cell 1 and again in line 2 of code cell 3: the last one was graded."],
        ),
        (
            ["def f(): 1\nf = g(f)"],
            [FINE],
            ["f is defined in line 1 of code cell 1 and again in line 2 of code cell 1: the last one was graded."],
        ),
        (["def f(): 1", "def f(): ("], [FINE, BROKEN], []),  # which may have ended before its definition
    ],
)
def test_the_definition_that_counts_is_named(sources: list[str], executed: list[Executed], told: list[str]) -> None:
    feedback = CellFeedback([Cell(number, source, 1, False) for number, source in enumerate(sources, 1)], ["f"])
    assert list(feedback.defined_again("f", dict(enumerate(executed)))) == told


def test_few_undefined_names_are_looked_for() -> None:
    assert undefined_names(["".join(f"name 'x{number}' is not defined" for number in range(99))]) == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("said", "helps"),
    [
        (raised("ValueError", (0, 3)), True),
        (raised("ValueError"), False),  # by no line of a cell: called in a wrong way
        (raised("NameError", (0, 3)), False),
        (raised("SystemExit", (0, 3)), False),
        (answer(missing="f"), False),
    ],
)
def test_the_hint_is_given_where_the_learner_s_way_of_computing_raised(said: bytes, helps: bool) -> None:
    subject = Subject(lambda request: said, lambda number, line: (f"line {line}", ""), 1000)
    check = Check("f", 1.0, "Divide.", "public", lambda subject, draw: subject.call("f"), "f")
    assert ("Hint: Divide." in run_check(check, subject, 1).message) is helps


@pytest.mark.parametrize(
    ("late", "calls", "detail"),
    [
        (raised("TimeoutError", (1, 7)), 1, "took longer than 2 seconds, at last in line 7 (while True)"),
        (
            raised("TimeoutError", (1, 7)),
            3,
            "took longer than 2 seconds in 3 calls together, at last in line 7 (while True)",
        ),
        (raised("TimeoutError"), 1, "took longer than 2 seconds"),
        (answer(value=1), 1, "took longer than 2 seconds"),  # a right answer that came too late
        (b"nonsense", 2, "took longer than 2 seconds in 2 calls together"),
        (b"", 1, "took longer than 2 seconds"),
    ],
)
def test_where_the_time_went(late: bytes, calls: int, detail: str) -> None:
    asked: list[float] = []

    def answer_until_the_last(request: bytes, *, seconds: float, max_bytes: int) -> bytes:
        asked.append(seconds)
        if len(asked) == calls:
            raise WorkerEnded(Ending("seconds", "took longer than 0.1 seconds", late))
        return b""

    worker: Any = SimpleNamespace(ask=answer_until_the_last)
    ask = _asking(worker, Limits(seconds=2.0), locate=lambda number, line: (f"line {line}", "while True"))
    for _ in range(calls - 1):
        ask(b"")
    with pytest.raises(WorkerEnded) as ended:
        ask(b"")
    assert ended.value.reason == Ending("seconds", detail)
    assert asked == sorted(asked, reverse=True)  # the time is one for all
