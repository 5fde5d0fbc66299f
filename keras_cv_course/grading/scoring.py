"""Grades one submission: runs the checks of each question against a worker, whatever the submission does.

One worker serves all questions as long as it lives. When it ends, the question that was being asked loses what it has
not earned yet, and the next question gets a fresh worker without the cells that ended one. If the worker had served
another question before, the question is asked once more by itself: what an earlier function left behind (a thread, a
full memory) must not cost the points of a later one.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

from keras_cv_course.errors import DataFileError, GradingError
from keras_cv_course.grading.answers import read_answer
from keras_cv_course.grading.assignment import Assignment, Check, Question
from keras_cv_course.grading.compare import NotCompared, Partly, Wrong
from keras_cv_course.grading.feedback import (
    MOST_PROBLEMS,
    CellFeedback,
    Locate,
    explain,
    explain_missing,
    undefined_names,
)
from keras_cv_course.grading.patience import Hangs, within
from keras_cv_course.grading.requests import write_request
from keras_cv_course.grading.results import CheckResult, CheckStatus, Limits, QuestionResult, Result
from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.subject import Ask, Subject
from keras_cv_course.grading.submission import Cell, Submission, read_submission
from keras_cv_course.grading.wire import Executed, ProtocolError, Raised, Value
from keras_cv_course.grading.worker import Ending, Worker, WorkerEnded

_MOST_ENDED = 6  # cells of one submission that end a worker; with more of them none of it runs
SPARE_SECONDS = 300.0  # of a check for itself, beside the submission's: on a busy machine some need a minute
_MOST_HEADER = 8 * 2**20  # bytes of an answer beside its arrays


def grade(path: str | Path, assignment: Assignment, *, seed: int, server: WorkerServer) -> Result:
    """Grade a submission.

    Args:
        path: a notebook or a Python file.
        assignment: with the checks that count.
        seed: the checks' inputs are drawn from it and from the submission's code: the same of both gives the same
            score, and who knows the seed cannot hand in answers that fit.
        server: where the submission's code runs.

    Returns:
        Always a score: whatever a submission does costs its own points.

    Raises:
        GradingError: grading itself failed: no such file, a defect of a check, or no sandbox.
    """
    started = time.perf_counter()
    problem, questions = "", []
    try:
        submission = read_submission(path)
    except DataFileError as error:
        problem = str(error)
        questions = [_not_run(question) for question in assignment.questions]
    else:
        with _Grading(submission, assignment, seed, server) as grading:
            questions = [grading.question(question) for question in assignment.questions]
    return Result(
        submission=Path(path).name,
        assignment=assignment.name,
        seed=seed,
        status="graded",
        problem=problem,
        questions=tuple(questions),
        layers=dict(server.layers),
        seconds=time.perf_counter() - started,
    )


def most_seconds(assignment: Assignment) -> float:
    """Say how long a submission's code can run: each question asked twice, and all cells as long as all questions."""
    return 3 * _seconds_of_questions(assignment)


def _seconds_of_questions(assignment: Assignment) -> float:
    return sum(question.limits.seconds for question in assignment.questions)


def run_check(check: Check, subject: Subject, seed: int | str) -> CheckResult:
    """Run one check.

    Returns:
        What came of it, with a message for the learner also where it is hidden.

    Raises:
        GradingError: the check itself has a defect.
        Exception: whatever the subject's way of asking raises.
    """
    try:
        check.run(subject, check.draw(seed))
    except NotCompared as wrong:
        message = _with_hint(check, str(wrong)) if wrong.hint_helps else str(wrong)
        return _check_result(check, "failed", 0.0, message)
    except Wrong as wrong:
        return _check_result(check, "failed", 0.0, _with_hint(check, str(wrong)))
    except Partly as partly:
        return _check_result(
            check, "partly", min(max(partly.credit, 0.0), 1.0) * check.points, _with_hint(check, str(partly))
        )
    except (WorkerEnded, ProtocolError):
        raise
    except Exception as error:
        raise GradingError(
            f"The check {check.name} ({check.title!r}) has a defect: it raised {type(error).__name__}: {error}"
        ) from error
    return _check_result(check, "passed", check.points, "")


def _check_result(check: Check, status: CheckStatus, earned: float, message: str) -> CheckResult:
    return CheckResult(check.title, check.visibility, check.points, earned, status, message)


def _with_hint(check: Check, message: str) -> str:
    return f"{message}\nHint: {check.hint}" if check.hint else message


def _for_learners(result: CheckResult) -> CheckResult:
    """Leave out the message of a hidden check."""
    return replace(result, message="") if result.visibility == "hidden" else result


def _not_run(question: Question) -> QuestionResult:
    """Give a question of a submission that cannot be read, which says once why."""
    checks = tuple(_check_result(check, "not run", 0.0, "") for check in question.checks)
    return QuestionResult(question.function, question.title, checks, "", 0.0)


@dataclass
class _Loaded:
    """A worker with the submission's cells in it.

    Attributes:
        executed: number of a cell -> what came of it.
        names: what can be called.
        served: the number of questions it was asked.
    """

    worker: Worker
    limits: Limits
    executed: dict[int, Executed] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    served: int = 0


class _Grading:
    """One submission being graded."""

    def __init__(self, submission: Submission, assignment: Assignment, seed: int, server: WorkerServer) -> None:
        self._cells, self._assignment, self._server = submission.cells, assignment, server
        self._seed = f"{seed} {submission.digest}"
        self._functions = [question.function for question in assignment.questions]
        self._feedback = CellFeedback(self._cells, self._functions)
        self._cells_seconds = _seconds_of_questions(assignment)
        self._seconds_left = self._cells_seconds
        self._loaded: _Loaded | None = None
        self._ended: dict[int, Ending] = {}  # number of a cell that is left out, for this is how it ended a worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *stop: object) -> None:
        self._drop()

    def question(self, question: Question) -> QuestionResult:
        """Ask one question, in a fresh worker if it needs one."""
        started = time.perf_counter()
        while True:
            loaded = self._load(question.limits)
            loaded.served += 1
            checks, ending = self._ask_all(question, loaded)
            if ending is None or loaded.served == 1:  # not what another question left behind
                break
        rest = [_check_result(check, "not run", 0.0, "") for check in question.checks[len(checks) :]]
        checks += rest
        problem = self._problem(question.function, loaded, ending, checks)
        seconds = time.perf_counter() - started
        return QuestionResult(question.function, question.title, tuple(map(_for_learners, checks)), problem, seconds)

    def _ask_all(self, question: Question, loaded: _Loaded) -> tuple[list[CheckResult], Ending | None]:
        """Run a question's checks until the worker ends."""
        checks: list[CheckResult] = []
        if question.function not in loaded.names:
            return checks, None
        ask = _asking(loaded.worker, question.limits, locate=self._feedback.locate)
        subject = Subject(ask, self._feedback.locate, question.limits.answer)
        for check in question.checks:
            try:
                checks.append(self._run(check, subject, question.limits))
            except (WorkerEnded, ProtocolError) as error:
                ending = _ending(error)
                checks.append(_check_result(check, "failed", 0.0, f"{question.function} {ending.detail}."))
                self._drop()
                return checks, ending
        return checks, None

    def _run(self, check: Check, subject: Subject, limits: Limits) -> CheckResult:
        """Run one check, which has the submission's time and some for itself.

        Raises:
            GradingError: the check has a defect, or hangs.
        """
        seconds = limits.seconds + SPARE_SECONDS
        try:
            return within(seconds, partial(run_check, check, subject, self._seed))
        except Hangs as error:
            raise GradingError(
                f"The check {check.name} ({check.title!r}) hangs: it took more than {seconds:g} seconds, of which the "
                f"submission's code had {limits.seconds:g} at most. The fault is the check's, not the submission's."
            ) from error

    def _drop(self) -> None:
        if self._loaded is not None:
            self._loaded.worker.kill()
            self._loaded = None

    def _load(self, limits: Limits) -> _Loaded:
        """Give a worker with all cells in it but those that ended one."""
        if self._loaded is not None and self._loaded.limits == limits:
            return self._loaded
        while True:
            self._drop()
            self._loaded = _Loaded(self._server.start(limits), limits)
            self._execute_given(self._loaded)
            if len(self._ended) > _MOST_ENDED or self._execute_cells(self._loaded):
                return self._loaded

    def _execute_given(self, loaded: _Loaded) -> None:
        """Execute the assignment's own code, while nothing of the submission is there yet."""
        ask = _asking(loaded.worker, loaded.limits)
        given = Cell(None, self._assignment.given, 1, is_marked=True)
        try:
            executed = _execute(ask, given, len(self._cells), loaded.limits, whole=True, names=[])
            _value(ask, "give", loaded.limits)
        except (WorkerEnded, ProtocolError) as error:
            raise GradingError(f"A worker could not be started: {_ending(error).detail}.") from error
        if executed.problems:
            reason = explain("it", executed.problems[0], lambda number, line: (f"line {line}", given.line(line)))
            raise GradingError(f"given.py of the assignment {self._assignment.name} has a defect: {reason}")

    def _execute_cells(self, loaded: _Loaded) -> bool:
        """Execute the submission's cells; say whether the worker lived on.

        Each graded cell has a time of its own, the others one together, and all of them one for the whole grading.
        """
        shared = loaded.limits.seconds
        for number, cell in enumerate(self._cells):
            if number in self._ended:
                continue
            whole = self._feedback.runs_whole(cell)
            allowed = min(loaded.limits.seconds if whole else shared, self._seconds_left)
            ask = _asking(loaded.worker, loaded.limits, allowed, self._feedback.locate)
            started = time.monotonic()
            try:
                executed = _execute(ask, cell, number, loaded.limits, whole=whole, names=self._functions)
            except (WorkerEnded, ProtocolError) as error:
                self._spend(time.monotonic() - started)
                self._ended.setdefault(number, _ending(error))
                return False
            self._spend(time.monotonic() - started)
            shared -= 0.0 if whole else time.monotonic() - started
            # No more is told, and a submission may have thousands of cells with thousands of problems.
            loaded.executed[number] = Executed(executed.problems[:MOST_PROBLEMS], executed.dropped[:MOST_PROBLEMS])
        try:
            names = _value(_asking(loaded.worker, loaded.limits), "names", loaded.limits)
        except (WorkerEnded, ProtocolError) as error:  # by a thread that a cell left behind, perhaps
            self._ended |= dict.fromkeys(range(len(self._cells)), _ending(error))
            return False
        loaded.names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        return True

    def _spend(self, seconds: float) -> None:
        """Take from the time of all cells; when it is spent, none runs again."""
        self._seconds_left -= seconds
        if self._seconds_left <= 0:
            spent = Ending("seconds", f"and the other cells took longer than {self._cells_seconds:g} seconds together")
            self._ended = dict.fromkeys(range(len(self._cells)), spent) | self._ended

    def _problem(self, function: str, loaded: _Loaded, ending: Ending | None, checks: Sequence[CheckResult]) -> str:
        """Say what befell a question as a whole."""
        told = [f"{function} {ending.detail}."] if ending else []
        if ending is None and function not in loaded.names:
            told.append(explain_missing(function, [name for name in loaded.names if name not in self._functions]))
        lost = any(check.status != "passed" for check in checks)
        undefined = undefined_names(check.message for check in checks)
        problems = self._feedback.problems(
            function,
            loaded.executed,
            self._ended,
            with_others=lost,
            with_imports=bool(undefined) or function not in loaded.names,
        )
        left_out = self._feedback.left_out(undefined)
        again = self._feedback.defined_again(function, loaded.executed) if lost else ()
        return "\n".join(islice(chain(told, again, left_out, problems), MOST_PROBLEMS))


def _asking(worker: Worker, limits: Limits, seconds: float | None = None, locate: Locate | None = None) -> Ask:
    """Give a way to ask a worker, whose time for all that is asked in this way is that of the limits, or `seconds`.

    What the checks take for themselves between two questions is not counted.

    Args:
        worker: to ask.
        limits: of an answer's size, and of the time, as a learner is told it.
        seconds: for all; None takes those of the limits.
        locate: names the place of a line, to say where the time went.
    """
    left = limits.seconds if seconds is None else seconds
    calls = 0

    def ask(request: bytes) -> bytes:
        nonlocal calls, left
        calls += 1
        started = time.monotonic()
        try:
            return worker.ask(request, seconds=max(left, 0.001), max_bytes=limits.answer + _MOST_HEADER)
        except WorkerEnded as ended:
            if ended.reason.kind == "seconds":  # it knows only what was left of them
                raise WorkerEnded(_too_slow(limits, calls, ended.reason.late, locate)) from ended
            raise
        finally:
            left -= time.monotonic() - started

    return ask


def _too_slow(limits: Limits, calls: int, late: bytes, locate: Locate | None) -> Ending:
    """Say that the time of some calls was over, and where the last of them was then."""
    detail = f"took longer than {limits.seconds:g} seconds"
    if calls > 1:
        detail += f" in {calls} calls together"
    with suppress(ProtocolError):  # it said nothing, or nonsense
        said = read_answer(late)
        if locate is not None and isinstance(said, Raised) and said.frames:
            place, line = locate(*said.frames[-1])
            detail += f", at last in {place}" + (f" ({line})" if line else "")
    return Ending("seconds", detail)


def _execute(ask: Ask, cell: Cell, number: int, limits: Limits, *, whole: bool, names: list[str]) -> Executed:
    body = {"number": number, "name": cell.name, "source": cell.source, "first_line": cell.first_line}
    request = write_request("execute", most_bytes=limits.answer, cell={**body, "whole": whole, "names": names})
    answer = read_answer(ask(request))
    if not isinstance(answer, Executed):
        raise ProtocolError("an answer to something else")
    return answer


def _value(ask: Ask, operation: str, limits: Limits) -> Any:
    answer = read_answer(ask(write_request(operation, most_bytes=limits.answer, arguments=[], keywords={})))
    if not isinstance(answer, Value):
        raise ProtocolError("an answer to something else")
    return answer.value


def _ending(error: WorkerEnded | ProtocolError) -> Ending:
    if isinstance(error, WorkerEnded):
        return error.reason
    return Ending("protocol", f"disturbed the way in which results are sent ({error})")
