"""Grades on this machine, several submissions at a time, each in a grading process of its own.

Processes, not threads of one: a check that crashes natively, hangs or eats the memory ends its process and nothing
else, the submission is marked, and the others go on. They cost little: a grading process imports no TensorFlow; the
server that each has does so in parallel with the others'.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from keras_cv_course.errors import GradingError, SandboxError
from keras_cv_course.grading.job import Grader, Job, failed
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.submission_folder import FoundSubmission

# A fresh interpreter inherits no memory and no lock in a strange state.
_CONTEXT = multiprocessing.get_context("spawn")
_START_SECONDS = 300.0


def grade_locally(
    job: Job, submissions: Sequence[FoundSubmission], processes: int
) -> Generator[tuple[FoundSubmission, Result], None, None]:
    """Grade submissions and give their results as they come, in any order.

    When the iterator is closed, or this process ends in whatever way, all grading ends with it.

    Args:
        job: how to grade.
        submissions: what to grade.
        processes: how many at a time.

    Raises:
        GradingError: no process can grade: the assignment cannot be used, or the server does not start.
        SandboxError: too few layers of the sandbox are active.
    """
    waiting = deque(submissions)
    graders = [_Process(job) for _ in range(min(processes, len(waiting)))]
    try:
        while waiting or any(grader.submission for grader in graders):
            seconds = max(0.0, min(grader.deadline for grader in graders) - time.monotonic())
            ready = wait([grader.pipe for grader in graders], timeout=seconds)
            for place, grader in enumerate(graders):
                if grader.pipe not in ready and time.monotonic() < grader.deadline:
                    continue
                submission = grader.submission
                result = grader.result() if grader.pipe in ready else grader.late()
                if result is not None and submission is not None:
                    yield submission, result
                if grader.is_over and waiting:
                    graders[place] = _Process(job)
                elif not grader.is_over and waiting:
                    grader.begin(waiting.popleft())
            graders = [grader for grader in graders if not grader.is_over]
    finally:
        for grader in graders:
            grader.kill()


class _Process:
    """A grading process, as its parent sees it.

    Attributes:
        pipe: where it says that it is ready, and gives results.
        submission: what it grades at the moment.
        deadline: when it must have said something, by the monotonic clock.
        is_over: whether it ended or was killed.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self.pipe, other_end = _CONTEXT.Pipe()
        # The child sees the end of this pipe when the parent ends, even by SIGKILL.
        lifeline, self._lifeline = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_work, args=(job, other_end, lifeline), daemon=True)
        self._process.start()
        other_end.close()
        lifeline.close()
        self.submission: FoundSubmission | None = None
        self.deadline = time.monotonic() + _START_SECONDS
        self.is_over = False
        self._most_seconds = 0.0
        self._layers: dict[str, bool | str] = {}

    def begin(self, submission: FoundSubmission) -> None:
        """Let it grade a submission."""
        self.submission = submission
        self.deadline = time.monotonic() + self._most_seconds
        with suppress(OSError):  # it has ended, which the pipe's other direction says next
            self.pipe.send((submission.name, submission.path))

    def result(self) -> Result | None:
        """Read what it says: a result, or at first that it is ready.

        Raises:
            GradingError: it cannot grade at all.
        """
        try:
            said = self.pipe.recv()
        except (EOFError, OSError):
            return self._ended(f"The grading process ended while it graded this submission ({self._how_it_ended()}).")
        if isinstance(said, GradingError):
            raise said
        self.deadline = float("inf")
        if self.submission is None:
            self._layers, self._most_seconds = said
            return None
        self.submission = None
        return Result.from_dict(said)

    def late(self) -> Result | None:
        """End it, because it has taken too long."""
        return self._ended(f"The grading process took more than {self._most_seconds:.0f} seconds.")

    def kill(self) -> None:
        """End it and all that it started."""
        self._process.kill()
        self._process.join()
        self.pipe.close()
        self._lifeline.close()
        self.is_over = True

    def _how_it_ended(self) -> str:
        self._process.join(5)
        code = self._process.exitcode
        return f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"

    def _ended(self, problem: str) -> Result | None:
        submission, self.submission = self.submission, None
        ready = self._most_seconds > 0
        self.kill()
        if not ready:
            raise GradingError("A grading process did not start. Is there too little memory? Try fewer at a time.")
        return None if submission is None else failed(self._job, submission.name, problem, self._layers)


def _work(job: Job, pipe: Connection, lifeline: Connection) -> None:
    """Be a grading process: say which layers are active, then grade what comes."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    try:
        grader = Grader(job)
    except SandboxError as error:
        pipe.send(SandboxError(str(error)))
        return
    except GradingError as error:
        pipe.send(GradingError(str(error)))
        return
    with grader, suppress(EOFError, OSError):  # the parent has ended
        pipe.send((grader.layers, grader.most_seconds))
        while True:
            name, path = pipe.recv()
            pipe.send(grader.grade(name, Path(path)).to_dict())


def _end_with(lifeline: Connection) -> None:
    """End this process when its parent has ended."""
    wait([lifeline])
    os._exit(1)
