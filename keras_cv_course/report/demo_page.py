"""The page that a demonstration begins with: what was done, how it ended, and where each report is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.html import render_page, show_picture

_PICTURE_WIDTH = 640  # pixels, on a screen of double density


@dataclass(frozen=True, eq=False)
class Demonstrated:
    """One thing that was done.

    Attributes:
        title: what.
        result: how it ended, in one sentence.
        page: its report, in the same folder as the page that links it.
        picture: uint8 (height, width, 3), a glance at it; None for none.
    """

    title: str
    result: str
    page: Path
    picture: np.ndarray | None = None


def write_demo_page(path: Path, *, title: str, parts: Sequence[Demonstrated]) -> None:
    """Write a page that links the reports.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        parts: in the order in which they were done.
    """
    cards = [
        {
            "title": part.title,
            "result": part.result,
            "page": part.page.name,
            "picture": None if part.picture is None else show_picture(part.picture, _PICTURE_WIDTH),
        }
        for part in parts
    ]
    write_text_atomically(path, render_page("demo.html.j2", title=title, parts=cards, facts={}))
