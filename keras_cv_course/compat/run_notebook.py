"""Run a notebook with the shims loaded before its first cell."""

import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from keras_cv_course.errors import DataFileError, MissingExtraError, RunError, first_line
from keras_cv_course.files import write_text_atomically

EXTENSION = "keras_cv_course.compat"
LONGEST = 400  # characters of an error that is shown; the notebook has all of it
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class CellResult(NamedTuple):
    """How one code cell went.

    Attributes:
        number: among the code cells, from 1.
        seconds: that it took.
        error: the error's type and message, or None.
    """

    number: int
    seconds: float
    error: str | None


def run_notebook(
    notebook: Path,
    out: Path,
    *,
    timeout: int | None = None,
    on_cell: Callable[[CellResult], None] = lambda result: None,
) -> list[CellResult]:
    """Run all code cells of a notebook in order, also after one that failed, and write the notebook with its outputs.

    The code runs as the user, in the notebook's folder, with this Python.

    Args:
        notebook: an .ipynb file; it stays as it is.
        out: where the notebook with its outputs goes, also when the kernel has died on the way.
        timeout: seconds for each cell, after which it is interrupted; None for no limit.
        on_cell: called after each code cell.

    Returns:
        One result for each code cell with code in it; those after the kernel's death are missing.

    Raises:
        MissingExtraError: nbclient or ipykernel is not installed.
        DataFileError: `notebook` is no notebook.
        RunError: the shims cannot be loaded in the kernel.
    """
    try:
        import ipykernel  # noqa: F401 - the kernel needs it
        import nbformat
        from nbclient.exceptions import DeadKernelError
    except ImportError as error:
        raise MissingExtraError(
            f"To run notebooks, nbclient and ipykernel are needed ({first_line(error)}). "
            f"Install them with `pip install '.[lab]'`."
        ) from error
    try:
        content: Any = nbformat.read(notebook, as_version=4)
    except (ValueError, AttributeError, OSError, nbformat.ValidationError) as error:
        raise DataFileError(
            f"{notebook}: expected a Jupyter notebook (.ipynb). Received: {first_line(error)}"
        ) from error

    code = [(place, cell) for place, cell in enumerate(content.cells) if _has_code(cell)]
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    results: list[CellResult] = []
    client = _client(content, notebook.parent, timeout)
    try:
        with client.setup_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):  # cells get it anyway
            _load_shims(client)
            client.timeout = timeout  # the limit is for cells, not for Keras's start
            for number, (place, cell) in enumerate(code, 1):
                start = time.perf_counter()
                client.execute_cell(cell, place)
                results.append(CellResult(number, time.perf_counter() - start, _error_of(cell)))
                on_cell(results[-1])
    except DeadKernelError:
        results.append(CellResult(len(results) + 1, 0.0, "the kernel died, so that no cell after this one ran"))
        on_cell(results[-1])
    finally:
        if results:
            write_text_atomically(out, nbformat.writes(content))
    return results


def _has_code(cell: Any) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _client(content: Any, folder: Path, timeout: int | None) -> Any:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class ThisPython(AsyncKernelManager):
        """A kernel of this interpreter, whatever kernel the notebook names and the user has installed."""

        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            environment = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
            return KernelSpec(argv=argv, env=environment, display_name="Python 3", language="python")

    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # timeouts and deaths are told as results
    return NotebookClient(
        content,
        kernel_manager_class=ThisPython,
        resources={"metadata": {"path": str(folder)}},
        allow_errors=True,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "Timeout", "evalue": f"not done after {timeout} s", "traceback": []},
    )


def _load_shims(client: Any) -> None:
    import nbformat

    cell: Any = nbformat.v4.new_code_cell(f"from {EXTENSION} import activate as _activate\n_activate()\ndel _activate")
    # The client keeps the last state of the cell at a place: give it one that it may overwrite.
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    error = _error_of(cell)
    if error is not None:
        raise RunError(f"The shims could not be loaded in the kernel: {error}")


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def _error_of(cell: Any) -> str | None:
    for output in cell.outputs:
        if output.output_type == "error":
            # Keras's messages go over many lines, and have the cause in the middle.
            return _shorten(" ".join(COLOURS.sub("", f"{output.ename}: {output.evalue}").split()))
    return None
