"""Pictures as a detector is trained on, as one HTML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.box_set_page import BoxedCard
from keras_cv_course.report.html import render_page, show_picture

_PICTURE_WIDTH = 800  # pixels


def write_preview_page(path: Path, *, title: str, facts: Mapping[str, str], cards: Sequence[BoxedCard]) -> None:
    """Write a self-contained page of augmented pictures with their boxes.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        facts: how the pictures were made, by name.
        cards: the pictures.
    """
    shown = [
        {"name": card.name, "caption": card.caption, "picture": show_picture(card.drawn, _PICTURE_WIDTH)}
        for card in cards
    ]
    write_text_atomically(path, render_page("preview.html.j2", title=title, facts=facts, cards=shown))
