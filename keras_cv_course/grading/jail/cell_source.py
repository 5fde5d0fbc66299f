"""Reads the text of cells: what of it is Python, and what of that may run.

Beside the submission's own code, as `worker.py`, and loaded with it.
"""

import ast
import re
from collections.abc import Iterator

_MAGIC = re.compile(r"\s*(%|!|\?)|.*\?\s*$|\s*[\w.,\[\]()* ]+=\s*(%|!)")
_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
_CHUNK_START = re.compile(r"(def|class|async|import|from)\b|@|# %%")
# What an assignment may hold that runs in a cell which is not graded: nothing that calls.
_QUIET = (
    *(ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Name, ast.Attribute, ast.Subscript, ast.Slice),
    *(ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context, ast.Starred),
)


def parse(text: str, file: str = "<cell>") -> ast.Module:
    """Parse a text whose place in tracebacks is `file`."""
    return ast.parse(text, file)


def without_magics(source: str) -> tuple[str, list[int]]:
    """Replace lines that only Jupyter understands by `pass`; give the text and the numbers of these lines from 1."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(_PYTHON_CELL_MAGICS):
        return "\n" * (len(lines) - 1), [number for number, line in enumerate(lines, 1) if line.strip()]
    dropped: list[int] = []
    while True:
        try:
            parse("\n".join(lines))
        except SyntaxError as error:
            # Only where Python cannot read it: a line of a string, or of a division, may begin in the same way.
            number = error.lineno or 0
            if number in dropped or not 1 <= number <= len(lines) or not _MAGIC.match(lines[number - 1]):
                return "\n".join(lines), dropped
            line = lines[number - 1]
            lines[number - 1] = line[: len(line) - len(line.lstrip())] + "pass"
            dropped.append(number)
        except (ValueError, RecursionError, MemoryError):
            return "\n".join(lines), dropped
        else:
            return "\n".join(lines), dropped


def parsable_chunks(lines: list[str], start: int) -> Iterator[ast.Module]:
    """Give what can be parsed of a text that cannot: one broken function does not take the others with it."""
    starts = [number for number in range(start, len(lines)) if _CHUNK_START.match(lines[number])]
    starts = [number for number in starts if not (number - 1 in starts and lines[number - 1].startswith("@"))]
    for begin, end in zip([start, *starts], [*starts, len(lines)], strict=True):
        try:
            yield parse("\n" * begin + "\n".join(lines[begin:end]) + "\n")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue


def is_definition(node: ast.stmt, names: list[str]) -> bool:
    """Say whether a statement only brings in names."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Pass):
        return True
    if isinstance(node, ast.Try):
        parts = [*node.body, *node.orelse, *node.finalbody, *(part for each in node.handlers for part in each.body)]
        return all(is_definition(part, names) for part in parts)
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        is_graded = any(isinstance(target, ast.Name) and target.id in names for target in targets)
        sides = [node.value, *targets]
        return is_graded or all(
            isinstance(part, ast.Lambda) or all(isinstance(inner, _QUIET) for inner in ast.walk(part)) for part in sides
        )
    return False
