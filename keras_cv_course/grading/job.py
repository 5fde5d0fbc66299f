"""What grading a class needs, and the grading of one submission of it after another."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.assignment import find_assignment, load_assignment
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.scoring import SPARE_SECONDS, grade, most_seconds
from keras_cv_course.grading.server import WorkerServer

# Reading and starting workers takes far less; what takes longer hangs, and not by the learner's fault.
_SPARE_SECONDS = 120.0


@dataclass(frozen=True)
class Job:
    """How to grade.

    Attributes:
        assignment: the assignment's folder.
        private: folder of further hidden checks; None for none.
        seed: of the checks' inputs.
        allow_weak_sandbox: grade although layers of the sandbox are missing.
    """

    assignment: Path
    private: Path | None
    seed: int
    allow_weak_sandbox: bool = False

    def digest(self) -> str:
        """Tell these checks from others: a digest of this package's version and of the files that decide scores."""
        digest = hashlib.sha256(version("keras-cv-course").encode())
        for folder in (self.assignment, self.private) if self.private else (self.assignment,):
            for path in sorted(_files(folder)):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(folder)} {len(content)} ".encode("utf-8", "replace"))
                digest.update(content)
        return digest.hexdigest()


def assignment_folder(assignment: str | Path) -> Path:
    """Give an assignment's folder, from the folder or from the name of one of this installation.

    Raises:
        GradingError: there is no such assignment.
    """
    folder = Path(assignment)
    return folder if (folder / "assignment.toml").is_file() else find_assignment(str(assignment))


class Grader:
    """An assignment and a server of workers, ready for any number of submissions; a context manager."""

    def __init__(self, job: Job) -> None:
        """Load the checks and start the server.

        Raises:
            GradingError: the assignment cannot be used.
            SandboxError: too few layers of the sandbox are active.
        """
        self._job = job
        self._assignment = load_assignment(job.assignment, private=job.private)
        self._server = WorkerServer(require=frozenset() if job.allow_weak_sandbox else None)
        self.title = self._assignment.title
        self.layers: dict[str, bool | str] = self._server.layers
        self.most_seconds = _SPARE_SECONDS + SPARE_SECONDS + most_seconds(self._assignment)

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def grade(self, name: str, path: Path) -> Result:
        """Grade a submission; what goes wrong in the grader itself becomes the result.

        Args:
            name: what to call it.
            path: its file; a folder stands for a student who handed in nothing that can be graded.
        """
        try:
            result = grade(path, self._assignment, seed=self._job.seed, server=self._server)
        except (Exception, SystemExit) as error:  # also what an instructor's own check raises
            problem = str(error) if isinstance(error, GradingError) else f"{type(error).__name__}: {error}"
            return failed(self._job, name, problem, self.layers)
        if path.is_dir() and not path.is_symlink():
            found = "other files only" if any(path.iterdir()) else "nothing"
            result = replace(result, problem=f"Expected a notebook (.ipynb) or Python file (.py). Received: {found}.")
        return replace(result, submission=name)


def failed(job: Job, name: str, problem: str, layers: dict[str, bool | str]) -> Result:
    """Give the result of a submission at which the grader failed."""
    return Result(name, job.assignment.resolve().name, job.seed, "grader failed", problem, (), layers, 0.0)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".py", ".toml") and path.is_file())
