"""Where the command line writes, and how it shows that it is at work."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from keras_cv_course.errors import MissingExtraError, RunError, first_line

INTERRUPTED = 130  # the shell's exit status for Ctrl-C
_ANY_WIDTH = 10_000  # characters of a line that no terminal breaks
BACKENDS = ("tensorflow", "jax", "torch")

# Results go to stdout and may be piped on; everything said along the way goes to stderr.
out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


def check_folder(folder: Path) -> None:
    """Make sure, before any work, that files can be written into `folder`; it need not exist yet.

    Raises:
        RunError: something else stands in its place, or it must not be written.
    """
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise RunError(f"Expected a folder to write into. Received: {folder}, and {existing} is not one. Name another.")


def printable(text: str) -> str:
    """Replace what a terminal would act on and what no encoding can write, as file names may hold it."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def say(text: str) -> None:
    """Print a result as it is: brackets in a file's name are no markup, and long lines are not broken."""
    out.print(printable(text), markup=False, soft_wrap=True)


def say_table(table: Table) -> None:
    """Print a table: within a terminal's width, and elsewhere as wide as its text, so that nothing is broken or cut."""
    if out.is_terminal:
        out.print(table)
        return
    width = out.measure(table, options=out.options.update(max_width=_ANY_WIDTH)).maximum
    Console(file=out.file, width=width, highlight=False, emoji=False).print(table)


def note(text: str) -> None:
    """Say something along the way, as :func:`say` does."""
    err.print(printable(text), markup=False, soft_wrap=True)


@contextmanager
def progress_bar(description: str, total: int | None) -> Iterator[tuple[Progress, TaskID]]:
    """Show a bar with a count, a free text field ``note`` and the time that is left."""
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    with Progress(*columns, console=err) as bar:
        yield bar, bar.add_task(description, total=total, note="")


def start_keras() -> None:
    """Import TensorFlow and Keras behind a spinner, without TensorFlow's start-up notes.

    No setting silences those notes, which C++ code writes to file descriptor 2 before Python could; if the start fails
    they are shown after all.

    Raises:
        MissingExtraError: KERAS_BACKEND names no backend, or one that is not installed.
    """
    wanted = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if wanted not in BACKENDS:
        raise MissingExtraError(f"KERAS_BACKEND must be one of {', '.join(BACKENDS)}. Received: {wanted!r}.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for what is written after the start
    with os.fdopen(os.dup(2), "w") as screen, tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            with Console(file=screen).status("Starting Keras ..."):
                from keras_cv_course.training.device import limit_gpu_memory

                limit_gpu_memory()
        except ImportError as error:
            raise MissingExtraError(
                f"The Keras backend {wanted} cannot be imported ({first_line(error)}). Install it with "
                f"`pip install {wanted}`, or set KERAS_BACKEND=tensorflow."
            ) from error
        except Exception:
            notes.seek(0)
            screen.write(notes.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(screen.fileno(), 2)
