"""What Gradescope's autograder reads: /autograder/results/results.json.

The contract is https://gradescope-autograders.readthedocs.io/en/latest/specs/, "Output format". A test that is hidden
there hides the total as well and is meant for tests without points; of our hidden checks learners see title, points and
status, so that all are ``visible``, and the hidden ones have no output.
"""

import json
from typing import Any

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.formats.plain import shown_message
from keras_cv_course.grading.results import CheckResult, QuestionResult, Result


def results(result: Result) -> dict[str, Any]:
    """Give the content of ``results.json``.

    Raises:
        GradingError: the grader failed, and a score would blame the learner.
    """
    if result.status != "graded":
        raise GradingError(f"Expected a graded submission. The grader failed: {result.problem}")
    return {
        "score": result.earned,
        "execution_time": round(result.seconds, 3),
        "output": result.problem,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"assignment": result.assignment, "seed": result.seed},
        "tests": [
            _test(question, check, f"{number}.{part}")
            for number, question in enumerate(result.questions, start=1)
            for part, check in enumerate(question.checks, start=1)
        ],
    }


def to_json(result: Result) -> str:
    """Give :func:`results` as text."""
    return json.dumps(results(result), indent=1) + "\n"


def _test(question: QuestionResult, check: CheckResult, number: str) -> dict[str, Any]:
    """Give one check as a test; what befell its question is said with each check that did not run."""
    hidden = " (hidden)" if check.visibility == "hidden" else ""
    return {
        "number": number,
        "name": f"{question.function}: {check.title}{hidden}",
        "name_format": "text",
        "score": check.earned,
        "max_score": check.points,
        "status": "passed" if check.status == "passed" else "failed",
        "output": question.problem if check.status == "not run" else shown_message(check),
        "output_format": "text",
        "visibility": "visible",
    }
