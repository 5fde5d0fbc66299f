"""What came of a whole class, as one HTML file for the instructor."""

import re
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
# As messages write them, with a sentence's end; what stands inside a name, such as box1, is none.
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|nan|inf|True|False)(?!\w)\.?")
_SEVERAL = re.compile(r"#(?:[\s,\[\]()]+#)+")


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
    """Give the diagnoses that several submissions got, each with the message of the first by name as its example."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for result in sorted(graded, key=_order):
        said = {("", result["problem"])}
        for question in result["questions"]:
            said.add((question["function"], question["problem"]))
            said |= {(question["function"], check["message"]) for check in question["checks"]}
        for function, message in sorted(said):
            examples.setdefault((function, _diagnosis(message)), message)
        counts.update({(function, _diagnosis(message)) for function, message in said})
    common = [(key, count) for key, count in sorted(counts.items()) if key[1] and count > 1]
    common.sort(key=lambda item: -item[1])
    return [{"function": key[0], "message": examples[key], "count": count} for key, count in common[:_MESSAGES_SHOWN]]


def _diagnosis(message: str) -> str:
    """Give what names a mistake: the first line of its message without numbers, which differ with the drawn inputs.

    What follows the first line are a line of the learner's code, values, and a hint.
    """
    return _SEVERAL.sub("#", _NUMBER.sub("#", message.partition("\n")[0]))


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
