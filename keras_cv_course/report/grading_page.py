"""What came of one submission, as one HTML file for the learner."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.html import render_page


def write_grading_page(path: Path, result: Mapping[str, Any], *, title: str) -> None:
    """Write a self-contained page: the score, and for each question its checks with what is to be mended.

    Of a hidden check the page has title, points and status only, whatever `result` says of it.

    Args:
        path: the HTML file, written whole or not at all.
        result: a graded submission, as `Result.to_dict` gives it.
        title: the headline, such as the assignment's title.
    """
    questions = [_question(question) for question in result["questions"]]
    page = render_page(
        "grading.html.j2",
        title=title,
        result=result,
        earned=show_points(result["earned"]),
        points=show_points(result["points"]),
        questions=questions,
        facts={
            "Assignment": result["assignment"],
            "Seed of the checks' inputs": str(result["seed"]),
            "Seconds": f"{result['seconds']:.1f}",
            "Sandbox": describe_sandbox(result["layers"]),
        },
    )
    write_text_atomically(path, page)


def describe_sandbox(layers: Mapping[str, bool | str]) -> str:
    """Say which layers were active, and why the others were not."""
    active = [layer for layer, state in layers.items() if state is True]
    missing = [f"{layer} ({state})" for layer, state in layers.items() if state is not True]
    return (", ".join(active) or "none") + ("; not active: " + ", ".join(missing) if missing else "")


def show_points(points: float) -> str:
    """Write points as a person would: 2, 0.5, 0.33."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _question(question: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the template shows of a question."""
    checks = [
        {
            **check,
            # What befell the question is said once, above its checks.
            "message": check["message"]
            if check["visibility"] == "public" and check["message"] != question["problem"]
            else "",
            "points": show_points(check["points"]),
            "earned": show_points(check["earned"]),
        }
        for check in question["checks"]
    ]
    return {
        **question,
        "checks": checks,
        "earned": show_points(sum(check["earned"] for check in question["checks"])),
        "points": show_points(sum(check["points"] for check in question["checks"])),
        "whole": all(check["status"] == "passed" for check in checks),
    }
