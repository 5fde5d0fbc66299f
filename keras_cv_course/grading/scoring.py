"""Grades one submission: runs the checks of each question against a worker, whatever the submission does.

One worker serves all questions as long as it lives. When it ends, the question that was being asked loses what it has
not earned yet, and the next question gets a fresh worker without the cells that ended one. If the worker had served
another question before, the question is asked once more by itself: what an earlier function left behind (a thread, a
full memory) must not cost the points of a later one.
"""

import time
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from keras_cv_course.errors import DataFileError, GradingError
from keras_cv_course.grading.answers import read_answer
from keras_cv_course.grading.assignment import Assignment, Check, Question
from keras_cv_course.grading.compare import NotCompared, Partly, Wrong
from keras_cv_course.grading.requests import write_request
from keras_cv_course.grading.results import CheckResult, CheckStatus, Limits, QuestionResult, Result
from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.subject import Ask, Subject, explain
from keras_cv_course.grading.submission import Cell, Submission, read_submission
from keras_cv_course.grading.wire import Executed, ProtocolError, Value
from keras_cv_course.grading.worker import Ending, Worker, WorkerEnded

_MOST_ENDED = 6  # cells of one submission that end a worker; with more of them none of it runs
_MOST_PROBLEMS = 3  # told of one question
_MOST_HEADER = 8 * 2**20  # bytes of an answer beside its arrays


def grade(path: str | Path, assignment: Assignment, *, seed: int, server: WorkerServer) -> Result:
    """Grade a submission.

    Args:
        path: a notebook or a Python file.
        assignment: with the checks that count.
        seed: the checks' inputs are drawn from it: the same seed gives the same scores.
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
        questions = [_not_run(question, problem) for question in assignment.questions]
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


def run_check(check: Check, subject: Subject, seed: int) -> CheckResult:
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
        return _check_result(check, "failed", 0.0, str(wrong))
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


def explain_missing(function: str, names: list[str]) -> str:
    """Say that a function is not there, and which name is near."""
    near = get_close_matches(function.lower(), [name.lower() for name in names], n=2, cutoff=0.7)
    meant = [name for name in names if name.lower() in near]
    return f"There is no function {function}." + (
        f" Is it {' or '.join(meant)}? Its name must be {function}." if meant else ""
    )


def _check_result(check: Check, status: CheckStatus, earned: float, message: str) -> CheckResult:
    return CheckResult(check.title, check.visibility, check.points, earned, status, message)


def _with_hint(check: Check, message: str) -> str:
    return f"{message}\nHint: {check.hint}" if check.hint else message


def _for_learners(result: CheckResult) -> CheckResult:
    """Leave out the message of a hidden check."""
    return replace(result, message="") if result.visibility == "hidden" else result


def _not_run(question: Question, problem: str) -> QuestionResult:
    checks = tuple(_check_result(check, "not run", 0.0, "") for check in question.checks)
    return QuestionResult(question.function, question.title, checks, problem, 0.0)


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
        self._cells, self._assignment, self._seed, self._server = submission.cells, assignment, seed, server
        self._functions = [question.function for question in assignment.questions]
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
            # Its seconds are the question's own; all else may come from what another question left behind.
            if ending is None or loaded.served == 1 or ending.kind == "seconds":
                break
        rest = [_check_result(check, "not run", 0.0, "") for check in question.checks[len(checks) :]]
        checks = [_for_learners(check) for check in (*checks, *rest)]
        problem = self._problem(question.function, loaded, ending, all(check.status == "passed" for check in checks))
        seconds = time.perf_counter() - started
        return QuestionResult(question.function, question.title, tuple(checks), problem, seconds)

    def _ask_all(self, question: Question, loaded: _Loaded) -> tuple[list[CheckResult], Ending | None]:
        """Run a question's checks until the worker ends."""
        checks: list[CheckResult] = []
        if question.function not in loaded.names:
            return checks, None
        subject = Subject(_asking(loaded.worker, question.limits), self._locate, question.limits.answer)
        for check in question.checks:
            try:
                checks.append(run_check(check, subject, self._seed))
            except (WorkerEnded, ProtocolError) as error:
                ending = _ending(error)
                checks.append(_check_result(check, "failed", 0.0, f"{question.function} {ending.detail}."))
                self._drop()
                return checks, ending
        return checks, None

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
        """Execute the submission's cells; say whether the worker lived on. Each graded cell has its own time."""
        shared = _asking(loaded.worker, loaded.limits)
        for number, cell in enumerate(self._cells):
            if number in self._ended:
                continue
            whole = cell.number is not None and (cell.is_marked or any(map(cell.is_for, self._functions)))
            ask = _asking(loaded.worker, loaded.limits) if whole else shared
            try:
                executed = _execute(ask, cell, number, loaded.limits, whole=whole, names=self._functions)
            except (WorkerEnded, ProtocolError) as error:
                self._ended[number] = _ending(error)
                return False
            loaded.executed[number] = executed
        try:
            names = _value(shared, "names", loaded.limits)
        except (WorkerEnded, ProtocolError) as error:  # by a thread that a cell left behind, perhaps
            self._ended |= dict.fromkeys(range(len(self._cells)), _ending(error))
            return False
        loaded.names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        return True

    # Telling

    def _locate(self, number: int, line: int) -> tuple[str, str]:
        """Name the place of a line, and give its text."""
        if number >= len(self._cells):
            return f"line {line} of the assignment's own code", ""
        cell = self._cells[number]
        return (f"line {line}" if cell.number is None else f"line {line} of {cell.name}"), cell.line(line)

    def _problem(self, function: str, loaded: _Loaded, ending: Ending | None, is_perfect: bool) -> str:
        """Say what befell a question as a whole."""
        told = [f"{function} {ending.detail}."] if ending else []
        if ending is None and function not in loaded.names:
            told.append(explain_missing(function, [name for name in loaded.names if name not in self._functions]))
        own: list[str] = []
        others: list[str] = []
        for number, cell in enumerate(self._cells):
            is_own = cell.is_for(function) and cell.number is not None
            is_other = not is_own and any(map(cell.is_for, self._functions)) and cell.number is not None
            if not is_other:
                (own if is_own else others).extend(self._problems_of(number, cell, loaded, is_own))
        return "\n".join([*told, *own, *([] if is_perfect else others)][:_MOST_PROBLEMS])

    def _problems_of(self, number: int, cell: Cell, loaded: _Loaded, with_dropped: bool) -> list[str]:
        """Say what befell a cell."""
        if number in self._ended:
            return [f"{cell.name.capitalize()} {self._ended[number].detail}, and was left out."]
        executed = loaded.executed.get(number, Executed((), ()))

        def locate(other: int, line: int) -> tuple[str, str]:
            return (f"line {line}", cell.line(line)) if other == number else self._locate(other, line)

        told = [explain(cell.name.capitalize(), problem, locate) for problem in executed.problems]
        if told and with_dropped:
            told += [
                f"Line {line} of {cell.name} is for Jupyter only and was left out: {cell.line(line)}"
                for line in executed.dropped
            ]
        return told


def _asking(worker: Worker, limits: Limits) -> Ask:
    """Give a way to ask a worker whose time, for all that is asked in this way, is limited."""
    deadline = time.monotonic() + limits.seconds

    def ask(request: bytes) -> bytes:
        seconds = max(deadline - time.monotonic(), 0.001)
        try:
            return worker.ask(request, seconds=seconds, max_bytes=limits.answer + _MOST_HEADER)
        except WorkerEnded as ended:
            if ended.reason.kind == "seconds":  # it knows only what was left of them
                raise WorkerEnded(Ending("seconds", f"took longer than {limits.seconds:g} seconds")) from ended
            raise

    return ask


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
