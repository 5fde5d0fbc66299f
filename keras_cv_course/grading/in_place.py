"""Runs the public checks of one function in the learner's own notebook, with the messages that grading gives."""

import linecache
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.assignment import assignment_names, graded_functions, load_assignment
from keras_cv_course.grading.jail.worker import Session
from keras_cv_course.grading.results import CheckResult, Limits
from keras_cv_course.grading.scoring import run_check
from keras_cv_course.grading.subject import Subject

_SIGNS = {"passed": "ok  ", "partly": "part", "failed": "NO  ", "not run": "-   "}


def check(function: Callable[..., Any], *, seed: int = 0) -> None:
    """Run the public checks of a graded function here, and print what came of them.

    Args:
        function: the function as it is now; an assignment must have a question of its name.
        seed: the checks' inputs are drawn from it; another seed gives other inputs.

    Raises:
        GradingError: no assignment asks for a function of this name.
    """
    name = getattr(function, "__name__", "")
    assignment_of = {asked: known for known in assignment_names() for asked in graded_functions(known)}
    if name not in assignment_of:
        near = get_close_matches(name, assignment_of, n=1)
        raise GradingError(
            f"Expected a graded function: {', '.join(assignment_of)}. Received: {name or function!r}."
            + (f" Its name must be {near[0]}." if near else "")
        )
    assignment = load_assignment(assignment_of[name], public_only=True)
    (question,) = (each for each in assignment.questions if each.function == name)
    session, locate = _session(function, name, assignment.given)
    subject = Subject(session.answer, locate, Limits.answer)
    results = [run_check(each, subject, seed) for each in question.checks]
    print(_table(name, results))


def _session(function: Any, name: str, given: str) -> tuple[Session, Callable[[int, int], tuple[str, str]]]:
    """Give a session that has the function and what the assignment gives, and the places of the function's lines."""
    namespace = dict(getattr(_plain(function), "__globals__", {}))
    for key, value in _given(given).items():
        namespace.setdefault(key, value)
    namespace[name] = function
    code = getattr(_plain(function), "__code__", None)
    file = code.co_filename if code else ""

    def locate(number: int, line: int) -> tuple[str, str]:
        return f"line {line} of its cell", linecache.getline(file, line).strip()

    return Session(namespace, {file: 0}), locate


def _plain(function: Any) -> Any:
    """Give the Python function behind one of `tf.function`."""
    return getattr(function, "python_function", function)


def _given(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "given"}
    exec(compile(source, "given.py", "exec"), namespace)
    return namespace


def _table(function: str, results: list[CheckResult]) -> str:
    """Lay out the results as plain text, which looks the same in a notebook and in a terminal."""
    lines = [f"{_SIGNS[result.status]}  {result.title}{_indented(result.message)}" for result in results]
    passed = sum(result.status == "passed" for result in results)
    end = "" if passed < len(results) else " Hidden checks look at other inputs when it is graded."
    return "\n".join([f"{function}: {passed} of {len(results)} checks passed.{end}", *lines])


def _indented(message: str) -> str:
    return "".join(f"\n      {line}" for line in message.split("\n")) if message else ""
