"""Says to a learner what their code did, and where."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice

from keras_cv_course.grading.submission import Cell
from keras_cv_course.grading.wire import Executed, Raised
from keras_cv_course.grading.worker import Ending

# (number of a cell, line) -> where that is for the learner, and the text of the line
Locate = Callable[[int, int], tuple[str, str]]

MOST_PROBLEMS = 3  # told of one question
# TensorFlow's own names, which say nothing to a learner.
_INTERNAL = re.compile(r"\{\{function_node [^}]*\}\}\s*|\s*\[\[\{\{node [^}]*\}\}\]\]|\s*\[Op:\w+\](?:\s*name:\s*$)?")
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_MOST_MESSAGE = 600


def explain(what: str, raised: Raised, locate: Locate) -> str:
    """Say what raised, what, and in which line."""
    message = _INTERNAL.sub("", raised.message).strip()
    message = message if len(message) <= _MOST_MESSAGE else f"{message[:_MOST_MESSAGE]}..."
    said = f"{what} raised {raised.type}"
    if raised.type in ("SystemExit", "KeyboardInterrupt"):
        said, message = f"{what} wanted to end Python ({raised.type})", ""
    place, line = locate(*raised.frames[-1]) if raised.frames else ("", "")
    text = (
        said
        + (f" in {place}" if place else "")
        + (f": {message}" if message else "")
        + (f"\n    {line}" if line else "")
    )
    if "NoneType" in message or "None values" in message:
        text += "\nSomething is None: is a gap not filled in, or a `return` missing?"
    return text


def explain_missing(function: str, names: list[str]) -> str:
    """Say that a function is not there, and which name is near."""
    near = get_close_matches(function.lower(), [name.lower() for name in names], n=2, cutoff=0.7)
    meant = [name for name in names if name.lower() in near]
    return f"There is no function {function}." + (
        f" Is it {' or '.join(meant)}? Its name must be {function}." if meant else ""
    )


def undefined_names(messages: Iterable[str]) -> list[str]:
    """Give the first names that are not defined, as messages say, of which a hostile one could name hundreds."""
    names = dict.fromkeys(name for message in messages for name in _UNDEFINED.findall(message))
    return list(islice(names, MOST_PROBLEMS))


class CellFeedback:
    """Tells what befell the cells of a submission.

    Args:
        cells: of the submission, in their order.
        functions: that are graded.
    """

    def __init__(self, cells: Sequence[Cell], functions: Sequence[str]) -> None:
        self._cells, self._functions = cells, functions

    def locate(self, number: int, line: int) -> tuple[str, str]:
        """Name the place of a line, and give its text."""
        if number >= len(self._cells):
            return f"line {line} of the assignment's own code", ""
        cell = self._cells[number]
        return (f"line {line}" if cell.number is None else f"line {line} of {cell.name}"), cell.line(line)

    def runs_whole(self, cell: Cell) -> bool:
        """Say whether all of a cell runs: of the others only imports, definitions and what calls nothing."""
        return cell.number is not None and (cell.is_marked or any(map(cell.is_for, self._functions)))

    def problems(
        self,
        function: str,
        executed: Mapping[int, Executed],
        ended: Mapping[int, Ending],
        *,
        with_others: bool,
        with_imports: bool,
    ) -> Iterator[str]:
        """Say what befell the cells of a function, and then those that belong to no graded function.

        Args:
            function: its name.
            executed: number of a cell -> what came of it.
            ended: number of a cell that is left out -> how it ended a worker.
            with_others: also of other cells.
            with_imports: also of them, imports of packages that are not installed: most are never used.
        """
        of_none = []
        for number, cell in enumerate(self._cells):
            if cell.is_for(function) and cell.number is not None:
                yield from self._problems_of(number, executed, ended, with_dropped=True, with_imports=True)
            elif cell.number is None or not any(map(cell.is_for, self._functions)):
                of_none.append(number)
        for number in of_none if with_others else ():
            yield from self._problems_of(number, executed, ended, with_dropped=False, with_imports=with_imports)

    def defined_again(self, function: str, executed: Mapping[int, Executed]) -> Iterator[str]:
        """Say which definition of a function counts, where cells that ran without a problem have several."""
        places = [
            (number, line)
            for number, cell in enumerate(self._cells)
            if number in executed and not executed[number].problems
            for line in cell.definitions(function)
        ]
        if len(places) > 1:
            before, last = (self.locate(*place)[0] for place in places[-2:])
            yield f"{function} is defined in {before} and again in {last}: the last one was graded."

    def left_out(self, names: Iterable[str]) -> Iterator[str]:
        """Say which of some names, which are not defined, a cell would define by what grading does not run."""
        for name in names:
            for cell in self._cells:
                if not self.runs_whole(cell) and cell.is_for(name):
                    yield (
                        f"{cell.name.capitalize()} sets {name} by calling something, which is not run for grading: "
                        f"only imports, definitions and plain values are. Move it into the cell that needs it."
                    )

    def _problems_of(
        self,
        number: int,
        executed: Mapping[int, Executed],
        ended: Mapping[int, Ending],
        *,
        with_dropped: bool,
        with_imports: bool,
    ) -> Iterator[str]:
        cell = self._cells[number]
        if number in ended:
            yield f"{cell.name.capitalize()} {ended[number].detail}, and was left out."
            return
        happened = executed.get(number, Executed((), ()))

        def locate(other: int, line: int) -> tuple[str, str]:
            return (f"line {line}", cell.line(line)) if other == number else self.locate(other, line)

        for problem in islice(happened.problems, MOST_PROBLEMS):
            if with_imports or problem.type not in ("ImportError", "ModuleNotFoundError"):
                yield explain(cell.name.capitalize(), problem, locate)
        for line in happened.dropped[:MOST_PROBLEMS] if happened.problems and with_dropped else ():
            yield f"Line {line} of {cell.name} is for Jupyter only and was left out: {cell.line(line)}"
