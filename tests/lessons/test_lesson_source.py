"""What a learner sees of a lesson, and what is said of one that is marked wrongly."""

from pathlib import Path

import pytest
from tiny_lesson import LESSON

from keras_cv_course.errors import GradingError
from keras_cv_course.lessons.source import LessonCell, read_lesson


def read(folder: Path, text: str) -> list[LessonCell]:
    (folder / "lesson.py").write_text(text)
    return read_lesson(folder / "lesson.py")


def gap(*lines: str) -> str:
    body = "\n".join(f"    {line}" if line else "" for line in lines)
    return (
        f"# %%\n# GRADED FUNCTION: f\ndef f(x):\n    ### START CODE HERE\n{body}\n    ### END CODE HERE\n    return x\n"
    )


def test_cells_and_their_two_versions(tmp_path: Path) -> None:
    cells = read(tmp_path, LESSON)
    assert [(cell.kind, cell.function) for cell in cells] == [
        ("markdown", ""),
        ("code", ""),
        ("code", "double"),
        ("code", ""),
        ("code", "mean"),
        ("code", ""),
    ]
    assert cells[0].learner == "# Two small functions\n\nNumbers can be **doubled**."
    assert cells[3].learner == cells[3].solution == "check(double)"
    assert (
        cells[2].learner
        == '''\
# GRADED FUNCTION: double


def double(x):
    """Give twice x."""
    ### START CODE HERE (≈ 5 lines of code)
    # Add it to itself.
    result = None

    # %notmagic

    ### END CODE HERE
    return result'''
    )
    assert (
        cells[4].learner
        == """\
# GRADED FUNCTION: mean


def mean(row):
    ### START CODE HERE (≈ 1 line of code)
    total = None
    ### END CODE HERE
    # Divide by the number.
    ### START CODE HERE (≈ 1 line of code)
    return None
    ### END CODE HERE"""
    )


def test_solution_is_the_source_without_stubs(tmp_path: Path) -> None:
    cells = read(tmp_path, LESSON)
    begin, end = LESSON.index("# GRADED FUNCTION: double"), LESSON.index("\n\n\n# %%\ncheck(double)")
    expected = (
        LESSON[begin:end]
        .replace("    #~ result = None\n", "")
        .replace("HERE\n    # Add", "HERE (≈ 5 lines of code)\n    # Add")
    )
    assert cells[2].solution == expected


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (["x = 1"], [""]),
        (["x = 1", "", "x = 2"], [""]),
        (["# one", "x = 1"], ["# one", ""]),
        (["# one", "x = 1", "# two", "x = 2"], ["# one", "", "# two", ""]),
        (["#~ x = None", "x = 1"], ["x = None"]),
        (["x = 1", "#~ x = None"], ["x = None"]),
        (["# one", "#~ x = None", "x = 1", "", "# two", "x = 2"], ["# one", "x = None", "", "# two", ""]),
        (["for i in x:", "    # deeper", "    x = i"], ["", "    # deeper", ""]),
    ],
)
def test_what_is_left_of_a_gap(tmp_path: Path, lines: list[str], left: list[str]) -> None:
    (cell,) = read(tmp_path, gap(*lines))
    inside = cell.learner.split("\n")[3:-2]
    assert inside == [f"    {line}" if line else "" for line in left]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (gap("x = 1").replace("    ### END CODE HERE\n", ""), "0 complete gaps"),
        (gap("x = 1").replace("    ### START CODE HERE\n", ""), "Received in line 4: ### END CODE HERE"),
        (gap("x = 1", "### START CODE HERE"), "Received in line 5: ### START CODE HERE"),
        (gap("x = 1").replace("END CODE HERE", "END CODE HERE."), "### END CODE HERE."),
        (gap("x = 1").replace("    return x", "    #~ return x\n    return x"), "Received in line 6: #~ return x"),
        (gap("# only a comment"), "a gap without any"),
        (gap("x = 1").replace("# GRADED FUNCTION: f\n", ""), "as the first line of a cell with a gap"),
        ("# %%\n# GRADED FUNCTION: f\ndef f(): ...\n", "0 complete gaps"),
        (gap("x = = 1"), "Its solution is no Python"),
        (gap("return 1").replace("    return x\n", ""), "Does the gap need a stub"),
        (gap("x = 1") + gap("x = 2"), "more for f"),
        ("# %% [raw]\n# text\n", "a raw cell"),
    ],
)
def test_wrong_marks_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(GradingError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value)
    assert "lesson.py" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_lesson(tmp_path: Path) -> None:
    with pytest.raises(GradingError, match=r"lesson\.py cannot be read"):
        read_lesson(tmp_path / "lesson.py")
