"""What grading one submission gives: plain data, which every report and format is made of."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Visibility = Literal["public", "hidden"]
CheckStatus = Literal["passed", "partly", "failed", "not run"]


@dataclass(frozen=True)
class Limits:
    """What a submission may use for one question.

    Attributes:
        seconds: of time, waiting included.
        memory: bytes of all its processes together, beyond what they share with the server.
        processes: threads of all its processes together.
        disk: bytes in its scratch folder.
        output: bytes on stdout and stderr together.
        answer: bytes of one answer.
    """

    seconds: float = 30.0
    memory: int = 2 * 2**30
    processes: int = 96
    disk: int = 64 * 2**20
    output: int = 16 * 2**20
    answer: int = 128 * 2**20


@dataclass(frozen=True)
class CheckResult:
    """What came of one check.

    Attributes:
        title: what it checks, in a few words.
        visibility: of a hidden check only title, points and status may be shown to a learner.
        points: that it can give.
        earned: from 0 to `points`.
        status: ``"not run"`` where the question ended before it.
        message: for the learner: expected and received, and the hint; empty where it passed or is hidden.
    """

    title: str
    visibility: Visibility
    points: float
    earned: float
    status: CheckStatus
    message: str = ""


@dataclass(frozen=True)
class QuestionResult:
    """What came of one graded function.

    Attributes:
        function: its name.
        title: the question in a few words.
        checks: in the order of the assignment.
        problem: what befell the question as a whole, for the learner: a cell that raised, a limit; empty if nothing.
        seconds: that it took.
    """

    function: str
    title: str
    checks: tuple[CheckResult, ...]
    problem: str
    seconds: float

    @property
    def points(self) -> float:
        """What can be earned."""
        return sum(check.points for check in self.checks)

    @property
    def earned(self) -> float:
        """What was earned."""
        return sum(check.earned for check in self.checks)


@dataclass(frozen=True)
class Result:
    """What came of one submission; there is exactly one for each, whatever happened.

    Attributes:
        submission: name of its file.
        assignment: name of the assignment.
        seed: that the checks' inputs were drawn from, together with the submission's code.
        status: ``"graded"``; ``"grader failed"`` where the fault was not the learner's, and there is no score.
        problem: what befell the submission or the grader as a whole; empty if nothing.
        questions: in the order of the assignment; empty where the grader failed.
        layers: of the sandbox: name -> True, or why it was not active.
        seconds: that all took.
    """

    submission: str
    assignment: str
    seed: int
    status: Literal["graded", "grader failed"]
    problem: str
    questions: tuple[QuestionResult, ...]
    layers: dict[str, bool | str]
    seconds: float

    @property
    def points(self) -> float:
        """What can be earned."""
        return sum(question.points for question in self.questions)

    @property
    def earned(self) -> float:
        """What was earned."""
        return sum(question.earned for question in self.questions)

    @property
    def is_perfect(self) -> bool:
        """Whether all points were earned."""
        return self.status == "graded" and all(
            check.earned == check.points for question in self.questions for check in question.checks
        )

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold, with the sums that readers want."""
        return {"points": self.points, "earned": self.earned, **asdict(self)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Result":
        """Undo :meth:`to_dict`."""
        questions = tuple(
            QuestionResult(**{**question, "checks": tuple(CheckResult(**check) for check in question["checks"])})
            for question in content["questions"]
        )
        sums = ("points", "earned")
        return cls(**{name: value for name, value in content.items() if name not in sums} | {"questions": questions})
