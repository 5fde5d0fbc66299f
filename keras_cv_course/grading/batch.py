"""Grades a whole class: any number of submissions, several at a time, and goes on where a kill left off."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_cv_course.errors import GradingError
from keras_cv_course.files import write_text_atomically
from keras_cv_course.grading.assignment import load_assignment
from keras_cv_course.grading.batch_state import BatchState
from keras_cv_course.grading.formats.nbgrader import grades_csv
from keras_cv_course.grading.formats.plain import gradebook_csv
from keras_cv_course.grading.job import Job, assignment_folder
from keras_cv_course.grading.local_graders import grade_locally
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.submission_folder import find_submissions

STATE_FILE = "state.sqlite"
GRADEBOOK = "gradebook.csv"
NBGRADER_GRADES = "nbgrader-grades.csv"


@dataclass(frozen=True)
class Batch:
    """A graded class.

    Attributes:
        title: of the assignment.
        results: of all submissions, in the order of their names.
        seed: that the checks' inputs were drawn from.
        graded_before: how many of the results an earlier run had left.
        gone: names of submissions that an earlier run has graded, and that are no longer there.
    """

    title: str
    results: tuple[Result, ...]
    seed: int
    graded_before: int
    gone: tuple[str, ...]


def grade_batch(
    folder: str | Path,
    assignment: str | Path,
    out: str | Path,
    *,
    seed: int | None = None,
    private: str | Path | None = None,
    processes: int = 1,
    allow_weak_sandbox: bool = False,
    cluster: str | None = None,
    on_start: Callable[[int, int], None] | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> Batch:
    """Grade all submissions in a folder, and write ``gradebook.csv`` and ``nbgrader-grades.csv``.

    Each result is kept in ``state.sqlite`` as it comes. The same call goes on after a kill: what is graded stays so,
    unless the file has changed; where the grader failed it tries again. The same seed gives the same gradebook for any
    number of processes and any order.

    Args:
        folder: of the submissions: notebooks, Python files, or a folder for each student.
        assignment: an assignment's folder, or the name of one of this installation.
        out: folder to write into.
        seed: of the checks' inputs; None takes the one that the batch was begun with, or draws one.
        private: folder with an instructor's further hidden checks.
        processes: how many submissions to grade at a time.
        allow_weak_sandbox: grade although layers of the sandbox are missing on this machine.
        cluster: address of a Dask scheduler, to grade on its workers, `processes` of no account.
        on_start: called with the number of submissions, and how many of them are graded already.
        on_result: called with each new result.

    Raises:
        GradingError: nothing can be graded: no submissions, no such assignment, or `out` belongs to another batch.
        SandboxError: too few layers of the sandbox are active.
        MissingExtraError: a cluster without the extra ``cluster``.
    """
    folder, out = Path(folder), Path(out)
    if out.resolve().is_relative_to(folder.resolve()):
        raise GradingError(f"Expected a folder for the results outside that of the submissions. Received: {out}.")
    submissions = find_submissions(folder)
    with BatchState(out / STATE_FILE) as state:
        job = Job(
            assignment_folder(assignment),
            None if private is None else Path(private),
            _seed(state, seed),
            allow_weak_sandbox,
        )
        title = load_assignment(job.assignment, private=job.private).title  # or an error, before any work
        _begin(state, job)
        results = {s.name: result for s in submissions if (result := state.get(s)) is not None}
        graded_before = len(results)
        waiting = [s for s in submissions if s.name not in results]
        if on_start is not None:
            on_start(len(submissions), graded_before)
        if cluster is None:
            coming = grade_locally(job, waiting, processes)
        else:
            from keras_cv_course.grading.cluster import grade_on_cluster

            coming = grade_on_cluster(job, waiting, cluster)
        try:
            for submission, result in coming:
                state.put(submission, result)
                results[submission.name] = result
                if on_result is not None:
                    on_result(result)
        finally:
            coming.close()
        gone = tuple(name for name in state.names() if name not in results)
    ordered = tuple(results[submission.name] for submission in submissions)
    write_gradebook(out, ordered)
    return Batch(title, ordered, job.seed, graded_before, gone)


def write_gradebook(out: Path, results: Sequence[Result]) -> None:
    """Write the gradebook in both forms, each whole or not at all."""
    write_text_atomically(out / GRADEBOOK, gradebook_csv(results))
    write_text_atomically(out / NBGRADER_GRADES, grades_csv(results))


def _seed(state: BatchState, seed: int | None) -> int:
    if seed is not None:
        return seed
    begun_with = state.settings().get("seed")
    return secrets.randbits(32) if begun_with is None else int(begun_with)


def _begin(state: BatchState, job: Job) -> None:
    """Note what is graded and how, or see that it is the same as before.

    Raises:
        GradingError: it is another batch; its results would not be comparable.
    """
    settings = {"assignment": job.assignment.resolve().name, "seed": str(job.seed), "checks": job.digest()}
    before = state.settings()
    if not before:
        state.begin(settings)
        return
    different = [name for name, value in settings.items() if before.get(name) != value]
    if different:
        said = ", ".join(f"{name} {before.get(name)}, now {settings[name]}" for name in different)
        raise GradingError(
            f"Expected the batch that these results belong to. Received another: {said}. Name another folder for the "
            "results, or grade as before."
        )
