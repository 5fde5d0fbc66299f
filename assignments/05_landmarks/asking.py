"""Compares several answers at once, so that a mistake is named only where it explains all that is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_cv_course.grading import compare


def each_close(
    received: Sequence[Any], expected: Sequence[np.ndarray], name: str, mistakes: Sequence[Mapping[str, np.ndarray]]
) -> None:
    """Compare the answers of several calls.

    Args:
        received: what each call gave.
        expected: the right answer of each.
        name: of the function.
        mistakes: for each call, what to tell a learner -> what a function with that mistake gives.

    Raises:
        compare.Wrong: an answer is wrong; the message names a mistake if all wrong answers are its.
    """
    wrong = [number for number, answer in enumerate(received) if not _is_close(answer, expected[number])]
    if wrong:
        explaining = {
            text: value
            for text, value in mistakes[wrong[0]].items()
            if all(_is_close(received[number], mistakes[number][text]) for number in wrong)
        }
        compare.close(received[wrong[0]], expected[wrong[0]], name, mistakes=explaining)


def _is_close(received: Any, expected: np.ndarray) -> bool:
    try:
        compare.close(received, expected, "")
    except compare.Wrong:
        return False
    return True
