"""Results for tests of formats and pages."""

from keras_cv_course.grading.results import CheckResult, QuestionResult, Result

SECRET = "the hidden check's own message"
LAYERS: dict[str, bool | str] = {"pid namespace": True, "seccomp": "no libseccomp"}


def mixed_result(submission: str = "alice.ipynb") -> Result:
    """Give 3.5 of 7 points: everything that can befall a check."""
    iou = QuestionResult(
        "iou",
        "Intersection over union",
        (
            CheckResult("Boxes that overlap", "public", 1, 1, "passed"),
            CheckResult("Boxes that do not", "public", 1, 0.5, "partly", "expected 0.0\nreceived -0.25 <b>&"),
            CheckResult("Fresh boxes", "hidden", 2, 2, "passed", SECRET),
        ),
        "",
        0.25,
    )
    head = QuestionResult(
        "yolo_head",
        "Decode",
        (
            CheckResult("Shapes", "public", 2, 0, "failed", "expected shape (1, 2)\nHint: look at the grid."),
            CheckResult("Values", "hidden", 1, 0, "not run", SECRET),
        ),
        "Code cell 3 raised NameError: name 'tff' is not defined.",
        1.0,
    )
    return Result(submission, "03_cars", 7, "graded", "", (iou, head), LAYERS, 1.25)


def perfect_result(submission: str = "bob.ipynb") -> Result:
    """Give all of one point."""
    question = QuestionResult(
        "iou", "Intersection over union", (CheckResult("Boxes", "public", 1, 1, "passed"),), "", 0.1
    )
    return Result(submission, "03_cars", 7, "graded", "", (question,), LAYERS, 0.5)


def failed_result(submission: str = "carol.ipynb") -> Result:
    """Give the result of a submission at which the grader failed."""
    return Result(submission, "03_cars", 7, "grader failed", "The check fell over.", (), LAYERS, 0.0)
