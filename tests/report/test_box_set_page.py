"""The page of what a set of pictures with boxes holds."""

import numpy as np
from matplotlib.figure import Figure

from keras_cv_course.data.box_counts import PERCENTILES, ClassCount
from keras_cv_course.data.boxed_images import Kind, Problem
from keras_cv_course.report.box_plots import plot_box_sizes
from keras_cv_course.report.box_set_page import BoxedCard, show_sides, write_box_set_page

SIDES = (1.25, 7.0, 30.4, 80.0, 99.0)
COUNTS = [
    ClassCount("<b>car</b>", 5, 3, SIDES, SIDES),
    ClassCount("tram", 0, 0, None, None),
    ClassCount("all", 5, 3, SIDES, SIDES),
]


def write(tmp_path, **changes) -> str:
    card = BoxedCard("a&b.jpg", np.zeros((120, 160, 3), np.uint8), "5 x car")
    arguments = {
        "title": "Roads",
        "facts": {"Format": "COCO"},
        "pictures": 4,
        "counts": COUNTS,
        "sizes": np.array([[3.0, 0.0], [20, 30]]),
        "problems": [],
        "sample": [card],
        "wrong": [],
    }
    path = tmp_path / "page.html"
    write_box_set_page(path, **(arguments | changes))
    return " ".join(path.read_text(encoding="utf-8").split())


def test_says_what_is_there(tmp_path):
    page = write(tmp_path)
    assert "5 boxes" in page
    assert "on 4 pictures" in page
    assert "nothing wrong was found" in page
    assert "What is wrong" not in page
    assert "&lt;b&gt;car&lt;/b&gt;</td><td>5</td><td>3</td>" in page
    assert "<i>1.2 · 7 ·</i> 30 <i>· 80 · 99</i>" in page
    assert "<td>\N{EN DASH}</td>" in page
    assert "a&amp;b.jpg" in page
    assert "Pictures with something wrong" not in page


def test_says_what_is_wrong(tmp_path):
    problems = [Problem(Kind.EMPTY, f"{i}.xml", "(1, 2) to (1, 3)", 2, f"{i}.jpg") for i in range(40)]
    problems.append(Problem(Kind.MISSING, "gone.xml", "no picture"))
    page = write(tmp_path, problems=problems, wrong=[BoxedCard("1.jpg", np.zeros((9, 9, 3), np.uint8), "box empty")])
    assert "81 things are wrong" in page
    assert "Picture missing <span>1 in 1 place</span>" in page
    assert "Box empty <span>80 in 40 places</span>" in page
    assert "29.xml" in page
    assert "30.xml" not in page
    assert "and 10 more" in page
    assert "2 times, such as" in page
    assert "Pictures with something wrong" in page


def test_page_loads_nothing(tmp_path):
    page = write(tmp_path)
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")


def test_page_of_a_set_without_boxes(tmp_path):
    page = write(tmp_path, counts=COUNTS[1:2], sizes=np.zeros((0, 2)))
    assert "0 boxes" in page
    assert "Sizes of the boxes" not in page


def test_plot_shows_every_box_and_anchor():
    sizes = np.array([[0.0, 30.0], [200.0, 100.0]])
    figure = plot_box_sizes(sizes, np.array([[20.0, 40.0]]), names=["1"])
    assert isinstance(figure, Figure)
    dots, crosses = figure.axes[0].collections
    assert dots.get_offsets().tolist() == [[0.5, 30], [200, 100]]  # no logarithm of 0
    assert crosses.get_offsets().tolist() == [[20, 40]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["1"]


def test_sides_as_text():
    assert len(SIDES) == len(PERCENTILES)
    assert show_sides([0, 0.26, 9.96, 10.4, 1234.5]) == ["0", "0.3", "10", "10", "1234"]
