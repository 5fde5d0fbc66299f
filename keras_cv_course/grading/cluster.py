"""Grades a class on a Dask cluster, for one that outgrows a machine.

Dask, not Ray: pure Python from its scheduler to its workers, started by two commands or by any job queue, and a worker
that dies does not take its neighbours' tasks along. The workers need this package and a sandbox, and no shared disk:
assignment and submissions travel with the tasks.
"""

import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from keras_cv_course.errors import GradingError, MissingExtraError, SandboxError
from keras_cv_course.grading.job import Grader, Job, failed
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.submission import MOST_BYTES
from keras_cv_course.grading.submission_folder import FoundSubmission

try:
    from distributed import Client, KilledWorker, WorkerPlugin, as_completed, get_worker
except ImportError as error:
    raise MissingExtraError(
        "A cluster needs Dask. Install it with `pip install 'keras-cv-course[cluster]'`."
    ) from error

_PLUGIN = "keras_cv_course.grading"
_Files = Mapping[str, bytes]


def grade_on_cluster(
    job: Job, submissions: Sequence[FoundSubmission], address: str
) -> Generator[tuple[FoundSubmission, Result], None, None]:
    """Grade submissions on the workers of a Dask cluster and give their results as they come, in any order.

    Each worker grades as many at a time as it has threads.

    Args:
        job: how to grade.
        submissions: what to grade.
        address: of the scheduler, such as ``tcp://head:8786``.

    Raises:
        GradingError: there is no such cluster, or its workers cannot grade.
        SandboxError: too few layers of the sandbox are active on a worker.
    """
    try:
        client = Client(address, set_as_default=False)
    except OSError as error:
        raise GradingError(f"Expected a Dask scheduler at {address}. Received: {error}.") from error
    with client:
        if not client.nthreads():
            raise GradingError(f"Expected workers on the cluster at {address}. There is none: start `dask worker`.")
        _start_graders(client, job)
        waiting = iter(submissions)
        coming = as_completed(loop=client.loop)
        graded: dict[Any, FoundSubmission] = {}

        def send(submission: FoundSubmission) -> None:
            content = _content(submission.path)
            future = client.submit(_grade_here, submission.name, submission.path.suffix, content, pure=False)
            graded[future] = submission
            coming.add(future)

        try:
            # Few at a time, because the scheduler keeps in memory what was sent.
            for submission in islice(waiting, 2 * sum(client.nthreads().values())):
                send(submission)
            for future in coming:
                submission = graded.pop(future)
                for another in islice(waiting, 1):
                    send(another)
                yield submission, _result(job, submission, future)
        finally:
            client.cancel(list(graded))
            client.unregister_worker_plugin(_PLUGIN)


class _GraderPlugin(WorkerPlugin):
    """Keeps a grader in each worker, from the first task to the last."""

    name = _PLUGIN

    def __init__(self, job: Job, assignment: _Files, private: _Files | None) -> None:
        self._job = job
        self._assignment = assignment
        self._private = private

    def setup(self, worker: Any) -> None:
        """Unpack the assignment and start the server."""
        self._folder = Path(tempfile.mkdtemp(prefix="keras_cv_course-"))
        try:
            assignment = _unpack(self._assignment, self._folder / self._job.assignment.resolve().name)
            private = None if self._private is None else _unpack(self._private, self._folder / "private checks")
            self.grader = Grader(replace(self._job, assignment=assignment, private=private))
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def teardown(self, worker: Any) -> None:
        """Stop the server and remove the assignment."""
        self.grader.__exit__()
        shutil.rmtree(self._folder)


def _start_graders(client: Client, job: Job) -> None:
    private = None if job.private is None else _pack(job.private)
    try:
        client.register_plugin(_GraderPlugin(job, _pack(job.assignment), private))
    except SandboxError as error:
        raise SandboxError(f"A worker of the cluster: {error}") from error
    except GradingError as error:
        raise GradingError(f"A worker of the cluster: {error}") from error


def _grade_here(name: str, suffix: str, content: bytes | int | str | None) -> dict[str, Any]:
    """Grade on a worker what came with the task.

    Args:
        name: of the submission.
        suffix: of its file.
        content: of the file; its size if it is too long; why it cannot be read; None for no file.
    """
    if isinstance(content, str):
        raise GradingError(content)
    plugin = get_worker().plugins[_PLUGIN]
    assert isinstance(plugin, _GraderPlugin)
    with tempfile.TemporaryDirectory(prefix="keras_cv_course-") as temporary:
        path = Path(temporary) / f"submission{suffix}"
        if content is None:
            path.mkdir()
        elif isinstance(content, int):
            with path.open("wb") as file:
                file.truncate(content)
        else:
            path.write_bytes(content)
        return plugin.grader.grade(name, path).to_dict()


def _result(job: Job, submission: FoundSubmission, future: Any) -> Result:
    try:
        return Result.from_dict(future.result())
    except GradingError as error:
        return failed(job, submission.name, str(error), {})
    except KilledWorker:
        return failed(job, submission.name, "The worker ended while it graded this submission.", {})
    except Exception as error:  # whatever a cluster may raise; the others go on
        return failed(job, submission.name, f"{type(error).__name__}: {error}", {})


def _content(path: Path) -> bytes | int | str | None:
    """Give what `_grade_here` takes."""
    if path.is_symlink() or not path.is_file():
        return None
    size = path.stat().st_size
    try:
        return size if size > MOST_BYTES else path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."


def _pack(folder: Path) -> _Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _unpack(files: _Files, folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
