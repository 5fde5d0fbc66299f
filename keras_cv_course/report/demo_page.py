"""The page that a demonstration begins with: what was done, how it ended, and where each report is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.html import render_page


@dataclass(frozen=True)
class Demonstrated:
    """One thing that was done.

    Attributes:
        title: what.
        result: how it ended, in one sentence.
        page: its report, in the same folder as the page that links it.
    """

    title: str
    result: str
    page: Path


def write_demo_page(path: Path, *, title: str, parts: Sequence[Demonstrated]) -> None:
    """Write a page that links the reports.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        parts: in the order in which they were done.
    """
    write_text_atomically(path, render_page("demo.html.j2", title=title, parts=parts, facts={}))
