"""`kcc compat`: run a notebook of the course's time on today's Keras."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_cv_course.cli.console import check_folder, err, note, say, start_keras
from keras_cv_course.errors import DataNotFoundError

if TYPE_CHECKING:
    from keras_cv_course.compat.run_notebook import CellResult


def compat(
    notebook: Annotated[
        Path | None, typer.Argument(help="The .ipynb file, in the course's own folder. It stays as it is.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where the notebook with its outputs goes. [dim]Default: NAME.compat.ipynb beside it[/]"),
    ] = None,
    timeout: Annotated[int | None, typer.Option(min=1, help="Seconds for each cell. [dim]Default: no limit[/]")] = None,
    list_shims: Annotated[bool, typer.Option("--list", help="Say what is made to work, and stop.")] = False,
) -> None:
    """Run a notebook written for TensorFlow 2.3 and its Keras, without editing it.

    Its code runs as you, in its own folder. Each code cell is told as it ends; the exit status is 1 when one failed.
    """
    if list_shims:
        _list_shims()
        return
    if notebook is None:
        raise typer.BadParameter("Name a notebook, or ask with --list what is made to work.")
    if not notebook.is_file():
        raise DataNotFoundError(f"Expected a Jupyter notebook at {notebook}. There is no such file.")
    target = out or notebook.with_name(f"{notebook.stem}.compat.ipynb")
    check_folder(target.parent)

    from keras_cv_course.compat.run_notebook import run_notebook

    with err.status("Starting the kernel and Keras ...") as status:

        def tell(result: "CellResult") -> None:
            say(f"cell {result.number}: {'ok' if result.error is None else result.error} ({result.seconds:.1f} s)")
            status.update(f"Running cell {result.number + 1} ...")

        results = run_notebook(notebook, target, timeout=timeout, on_cell=tell)
    failed = [result.number for result in results if result.error is not None]
    note(f"{len(results) - len(failed)} of {len(results)} code cells ran. With their outputs: {target.resolve()}")
    if failed:
        raise typer.Exit(1)


def _list_shims() -> None:
    start_keras()
    from keras_cv_course.compat import shims

    for shim in shims():
        say(shim.construct)
        say(f"    {shim.change}")
