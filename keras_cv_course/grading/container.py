"""Grades the one submission that a platform has put into a container; `package.py` builds such containers.

Where the grading fails no file is written, and the exit status is 2: both platforms then say that the grader failed,
instead of giving the learner no points.
"""

import json
import os
import secrets
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from keras_cv_course.errors import GradingError
from keras_cv_course.files import write_text_atomically
from keras_cv_course.grading.formats import coursera, gradescope
from keras_cv_course.grading.job import Grader, Job
from keras_cv_course.grading.submission_folder import find_one, readable_name

SETTINGS = "grader.json"
Platform = Literal["coursera", "gradescope"]
# The folder of the submission, and the file that the platform reads.
PLACES: dict[Platform, tuple[str, str]] = {
    "coursera": ("shared/submission", "shared/feedback.json"),
    "gradescope": ("autograder/submission", "autograder/results/results.json"),
}


def grade_on(platform: Platform, bundle: Path, root: Path = Path("/")) -> int:
    """Grade what lies in the container and write what the platform reads.

    Args:
        platform: decides on the places and the format.
        bundle: folder with the assignment and ``grader.json``.
        root: of the file system.

    Returns:
        The exit status: 0, or 2 where the grading failed, with the reason on stderr.
    """
    try:
        _grade(platform, bundle, root)
    except GradingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _grade(platform: Platform, bundle: Path, root: Path) -> None:
    settings = json.loads((bundle / SETTINGS).read_text(encoding="utf-8"))
    functions = _part(settings, os.environ.get("partId")) if platform == "coursera" else None  # noqa: SIM112
    submissions, target = PLACES[platform]
    job = Job(
        bundle / settings["assignment"],
        bundle / settings["private"] if settings["private"] else None,
        secrets.randbits(32),
        settings["allow_weak_sandbox"],
    )
    path = find_one(root / submissions)
    with Grader(job) as grader:
        result = grader.grade(readable_name(path.name), path)
    text = coursera.to_json(result, functions) if platform == "coursera" else gradescope.to_json(result)
    write_text_atomically(root / target, text)


def _part(settings: dict[str, Any], part: str | None) -> Collection[str] | None:
    """Give the questions of a part of the assignment; None for all, where it is not divided.

    Raises:
        GradingError: it is divided, and the platform asks for a part that it does not have.
    """
    parts: dict[str, list[str]] = settings["parts"]
    if not parts:
        return None
    if part not in parts:
        raise GradingError(
            f"Expected one of the parts {', '.join(parts)} in the environment as partId. Received: {part}."
        )
    return parts[part]
