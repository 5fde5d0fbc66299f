"""What a set of pictures with boxes holds and what is wrong with it, as one HTML file."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_cv_course.data.box_counts import ClassCount
from keras_cv_course.data.box_problems import count_problems
from keras_cv_course.data.boxed_images import Kind, Problem
from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.box_plots import plot_box_sizes
from keras_cv_course.report.html import data_uri, render_page, show_picture

_PICTURE_WIDTH = 800  # pixels
_PLACES_SHOWN = 30


@dataclass(frozen=True, eq=False)
class BoxedCard:
    """A picture to show: its name, the boxes drawn on it (uint8 (height, width, 3), RGB), and words below it."""

    name: str
    drawn: np.ndarray
    caption: str


def write_box_set_page(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    pictures: int,
    counts: Sequence[ClassCount],
    sizes: np.ndarray,
    problems: Sequence[Problem],
    sample: Sequence[BoxedCard],
    wrong: Sequence[BoxedCard],
) -> None:
    """Write a self-contained page: what is wrong, classes, sizes of the boxes, and pictures with their boxes.

    Args:
        path: the HTML file, written whole or not at all.
        title: the headline.
        facts: what a reader needs to know of the set, by name.
        pictures: number of pictures in the set.
        counts: of each class, and then of all.
        sizes: (n, 2), width and height of each box in pixels.
        problems: as ``find_problems`` gives them.
        sample: pictures of the set.
        wrong: pictures on which something is wrong.
    """
    figure = plot_box_sizes(sizes)
    page = render_page(
        "box_set.html.j2",
        title=title,
        facts=facts,
        pictures=pictures,
        counts=[_count(count) for count in counts],
        total=counts[-1].boxes,
        kinds=[_kind(kind, number, places, problems) for kind, (number, places) in count_problems(problems).items()],
        wrong_in_all=sum(problem.count for problem in problems),
        plot=_plot(figure) if len(sizes) else None,
        groups=[
            ("Pictures with something wrong", "The first ones.", _cards(wrong)),
            ("Pictures", "Each class, and some from everywhere in the set.", _cards(sample)),
        ],
    )
    write_text_atomically(path, page)


def _count(count: ClassCount) -> dict[str, Any]:
    return {
        "name": count.name,
        "boxes": count.boxes,
        "pictures": count.pictures,
        "widths": None if count.widths is None else show_sides(count.widths),
        "heights": None if count.heights is None else show_sides(count.heights),
    }


def show_sides(sides: Sequence[float]) -> list[str]:
    """Write pixels as a person would: whole ones, and with a decimal what is less than ten."""
    return [f"{side:.0f}" if side >= 10 else f"{side:.1f}".removesuffix(".0") for side in sides]


def _kind(kind: Kind, number: int, places: int, problems: Sequence[Problem]) -> dict[str, Any]:
    found = [problem for problem in problems if problem.kind == kind]
    return {
        "title": kind.value,
        "number": number,
        "places": places,
        "shown": found[:_PLACES_SHOWN],
        "more": max(0, len(found) - _PLACES_SHOWN),
    }


def _cards(cards: Sequence[BoxedCard]) -> list[dict[str, Any]]:
    return [
        {"name": card.name, "caption": card.caption, "picture": show_picture(card.drawn, _PICTURE_WIDTH)}
        for card in cards
    ]


def _plot(figure: Any) -> str:
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=160, transparent=True)
    return data_uri("image/png", memory.getvalue())
