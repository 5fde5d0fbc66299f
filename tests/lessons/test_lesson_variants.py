"""What is said of a list of mistakes that fits neither the assignment nor the lesson."""

from pathlib import Path

import pytest
from tiny_lesson import LESSON, MISTAKES, write_lesson

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.assignment import load_assignment
from keras_cv_course.lessons.source import read_lesson
from keras_cv_course.lessons.variants import Variant, read_variants


def read(folder: Path, text: str) -> list[Variant]:
    assignment = write_lesson(folder, LESSON, text)
    return read_variants(
        assignment / "mistakes.toml", load_assignment(assignment), read_lesson(assignment / "lesson.py")
    )


def test_each_variant_is_one_changed_cell(tmp_path: Path) -> None:
    trebled, summed, product = read(tmp_path, MISTAKES)
    assert (trebled.name, trebled.function, trebled.is_mistake) == ("Doubled | trebled", "double", True)
    assert "        x\n        + 2 * x\n" in trebled.source
    assert trebled.source.startswith("# GRADED FUNCTION: double\n")
    assert (summed.source, summed.says) == ("def mean(row):\n    return row.sum()", "mean(x)")
    assert (product.source, product.is_mistake) == ("double = lambda x: 2 * x", False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[equivalent]]", "[[equal]]", "Received: equal"),
        ('name = "The sum"', "name = 3", "mistake 2"),
        ('name = "The sum"', 'name = "Doubled | trebled"', "Received more often: Doubled"),
        ('says = "mean(x)"', "", "Expected texts for"),
        ('says = "mean(x)"', 'says = ""', "Expected texts for"),
        ('function = "mean"', 'function = "median"', "Received: median"),
        ('check = "A drawn row"', 'check = "A column"', "Expected a check of A drawn row. Received: A column."),
        ("        + x", "        - x", "Found 0 times"),
        ('old = "        + x"', 'old = "x"', "Expected `old` once"),
        ('new = "        + 2 * x"', 'new = "        + x"', "something else than the lesson's solution"),
        ('name = "A product"', 'name = "A product"\nsays = "right"', "equivalent 1"),
        ("[[mistake]]", "[mistake", "cannot be read"),
    ],
)
def test_entry_that_does_not_fit_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in MISTAKES
    with pytest.raises(GradingError) as raised:
        read(tmp_path, MISTAKES.replace(old, new))
    assert said in str(raised.value)
    assert "mistakes.toml" in str(raised.value)


def test_a_mistake_may_be_a_missing_text(tmp_path: Path) -> None:
    (trebled, *_) = read(tmp_path, MISTAKES.replace('new = "        + 2 * x"', 'new = ""'))
    assert "+ x" not in trebled.source
