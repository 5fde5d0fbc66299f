"""What Coursera's autograder reads: /shared/feedback.json.

The contract is that of Coursera's "V2" graders
(https://github.com/coursera/programming-assignments-demo/tree/master/custom-graders, README.md and v2/README.md, and
https://github.com/coursera/coursera_autograder): the learner's one file lies in ``/shared/submission/``, the part of
the assignment comes in the environment variable ``partId``, and the grader writes ``/shared/feedback.json`` with
``fractionalScore``, a number from 0 to 1, and ``feedback``, plain text of which 64 KB are shown.
"""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.formats.plain import to_text
from keras_cv_course.grading.results import Result

FEEDBACK_BYTES = 64 * 1024
_CUT = "\n... (the rest is too long to be shown)\n"


def feedback(result: Result, functions: Collection[str] | None = None) -> dict[str, Any]:
    """Give the content of ``feedback.json``.

    Args:
        result: of the whole submission.
        functions: the questions that make the part which is graded; None takes all.

    Raises:
        GradingError: the grader failed, and a score would blame the learner; or the part is worth nothing.
    """
    if result.status != "graded":
        raise GradingError(f"Expected a graded submission. The grader failed: {result.problem}")
    if functions is not None:
        result = replace(result, questions=tuple(q for q in result.questions if q.function in functions))
    if not result.points:
        raise GradingError(f"Expected questions worth points. Received: {functions or 'an assignment without any'}.")
    return {"fractionalScore": min(1.0, max(0.0, result.earned / result.points)), "feedback": _cut(to_text(result))}


def to_json(result: Result, functions: Collection[str] | None = None) -> str:
    """Give :func:`feedback` as text."""
    return json.dumps(feedback(result, functions)) + "\n"


def _cut(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= FEEDBACK_BYTES:
        return text
    return encoded[: FEEDBACK_BYTES - len(_CUT)].decode("utf-8", "ignore") + _CUT
