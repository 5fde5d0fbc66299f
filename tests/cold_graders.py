"""Graders whose servers import no TensorFlow: the tiny assignment needs none, and each import takes seconds."""

from functools import partial
from multiprocessing.connection import Connection

from keras_cv_course.grading import job, local_graders
from keras_cv_course.grading.server import WorkerServer

_work = local_graders._work


def make_cold() -> None:
    """Let all graders of this process be such graders, those of a class too."""
    job.WorkerServer = partial(WorkerServer, warm=False)
    local_graders._work = work


def work(job_: job.Job, pipe: Connection, lifeline: Connection) -> None:
    """Be the process of such a grader; in place of `local_graders._work`."""
    make_cold()
    _work(job_, pipe, lifeline)


def kcc() -> None:
    """Be `kcc` with such graders."""
    from keras_cv_course.cli import main

    make_cold()
    main()
