"""What came of a whole class, as one HTML file for the instructor."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.grading_page import show_points
from keras_cv_course.report.html import render_page

_CHECKS_SHOWN = 10
_MESSAGES_SHOWN = 10
_TENTHS = 10


def write_class_page(
    path: Path, results: Sequence[Mapping[str, Any]], *, title: str, pages: Mapping[str, str], facts: Mapping[str, str]
) -> None:
    """Write a self-contained page: distribution of the scores, hardest checks, most frequent messages, and everyone.

    Args:
        path: the HTML file, written whole or not at all.
        results: of all submissions, graded or not, as `Result.to_dict` gives them.
        title: the headline, such as the assignment's title.
        pages: name of a submission -> path of its own page, as seen from this one.
        facts: what a reader needs to judge or repeat the grading, by name.
    """
    graded = [result for result in results if result["status"] == "graded"]
    shares = sorted(_share(result) for result in graded)
    page = render_page(
        "class.html.j2",
        title=title,
        facts=facts,
        total=len(results),
        graded=len(graded),
        mean=sum(shares) / len(shares) if shares else None,
        median=(shares[(len(shares) - 1) // 2] + shares[len(shares) // 2]) / 2 if shares else None,
        perfect=sum(share == 1 for share in shares),
        bins=_distribution(shares),
        checks=_hardest(graded),
        messages=_frequent(graded),
        rows=[_row(result, pages) for result in sorted(results, key=_order)],
    )
    write_text_atomically(path, page)


def _share(result: Mapping[str, Any]) -> float:
    return result["earned"] / result["points"] if result["points"] else 0.0


def _order(result: Mapping[str, Any]) -> tuple[bool, str]:
    """Order by name, those that want the instructor's attention first."""
    return (result["status"] == "graded", result["submission"])


def _distribution(shares: Sequence[float]) -> list[tuple[str, int, float]]:
    """Count scores in tenths and all points; give name, count and the share of the fullest, the best first."""
    counts = Counter(_TENTHS if share == 1 else int(share * _TENTHS) for share in shares)
    largest = max(counts.values(), default=1)
    names = [f"{10 * tenth} to {10 * tenth + 9} %" for tenth in range(_TENTHS)] + ["100 %"]
    return [(names[tenth], counts[tenth], counts[tenth] / largest) for tenth in reversed(range(_TENTHS + 1))]


def _hardest(graded: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the checks that the fewest passed, the hardest first, without those that everyone passed."""
    passed: Counter[tuple[str, str, str]] = Counter()
    tried: Counter[tuple[str, str, str]] = Counter()
    for result in graded:
        for question in result["questions"]:
            for check in question["checks"]:
                key = (question["function"], check["title"], check["visibility"])
                tried[key] += 1
                passed[key] += check["status"] == "passed"
    hard = sorted((key for key in tried if passed[key] < tried[key]), key=lambda key: passed[key] / tried[key])
    return [
        {"function": key[0], "title": key[1], "hidden": key[2] == "hidden", "passed": passed[key], "of": tried[key]}
        for key in hard[:_CHECKS_SHOWN]
    ]


def _frequent(graded: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the messages that several submissions got; with one seed, one mistake has one message."""
    counts: Counter[tuple[str, str]] = Counter()
    for result in graded:
        said = {("", result["problem"])}
        if not result["problem"]:  # else each question repeats it
            for question in result["questions"]:
                said.add((question["function"], question["problem"]))
                said |= {(question["function"], check["message"]) for check in question["checks"]}
        counts.update(said)
    common = [(key, count) for key, count in sorted(counts.items()) if key[1] and count > 1]
    common.sort(key=lambda item: -item[1])
    return [
        {"function": function, "message": message, "count": count}
        for (function, message), count in common[:_MESSAGES_SHOWN]
    ]


def _row(result: Mapping[str, Any], pages: Mapping[str, str]) -> dict[str, Any]:
    """Give what the template shows of one submission."""
    first_lines = [question["problem"].split("\n")[0] for question in result["questions"]]
    page = pages.get(result["submission"])
    return {
        "name": result["submission"],
        "page": None if page is None else quote(page),
        "graded": result["status"] == "graded",
        "earned": show_points(result["earned"]),
        "points": show_points(result["points"]),
        "share": _share(result),
        "problem": result["problem"] or " ".join(dict.fromkeys(line for line in first_lines if line)),
    }
