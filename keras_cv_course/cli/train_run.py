"""What all `kcc train` commands do with a run: open its folder, stop it, go on with it, and say what came of it."""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from keras_cv_course.cli.console import INTERRUPTED, check_folder, note, say
from keras_cv_course.errors import RunError

if TYPE_CHECKING:
    from keras_cv_course.training.fit_settings import FitSettings
    from keras_cv_course.training.run_folder import RunFolder

Settings = TypeVar("Settings", bound="FitSettings")

PAGE = "report.html"  # the last file that most runs write

Resume = Annotated[Path | None, typer.Option(help="Go on with the run in this folder, with its own settings.")]
BatchSize16 = Annotated[int | None, typer.Option(min=1, help="Pictures a step. [dim]Default: 16[/]")]
AutoPrecision = Annotated[
    str | None, typer.Option(help="float32, bfloat16, float16 or auto. [dim]Default: auto, what suits the machine[/]")
]


def out_option(name: str) -> Any:
    """Give the option --out of a command whose runs are called `name`."""
    return typer.Option("--out", help=f"The run's folder. [dim]Default: runs/{name}-<time>-seed<seed>[/]")


def given(**options: Any) -> dict[str, Any]:
    """Keep the options that the user gave."""
    return {name: value for name, value in options.items() if value is not None}


def refuse_with_resume(resume: Path | None, others: Iterable[Any]) -> None:
    """Make sure that nothing else is asked for where a run is to be resumed.

    Args:
        resume: the run, if any.
        others: what the user gave beside it; None where nothing.

    Raises:
        RunError: something else is.
    """
    if resume is not None and any(other is not None for other in others):
        raise RunError("--resume goes on with the run's own settings and takes nothing else. Leave the rest out.")


def new_run(folder: Path | None, name: str, seed: int, details: dict[str, Any]) -> "RunFolder":
    """Make sure of the folder of a run that begins: `folder`, or a new one under runs/.

    Args:
        folder: what --out says.
        name: what runs of the command are called.
        seed: of the run.
        details: for its config.json.

    Raises:
        RunError: it cannot be written, or holds a run already.
    """
    from keras_cv_course.training.run_folder import RunFolder

    run = RunFolder(folder or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}-seed{seed}", details)
    check_folder(run.path)
    run.require_free()
    return run


def old_run(path: Path, task: str) -> "tuple[RunFolder, dict[str, Any]]":
    """Open a run to go on with, and read what its config.json says.

    Raises:
        RunError: no run there, or one of another task.
    """
    from keras_cv_course.training.run_folder import RunFolder

    run = RunFolder(path)
    details = run.read_config()
    if details.get("task") != task:
        raise RunError(f"{run.path} is a run of the task {details.get('task')!r}, not of {task!r}.")
    return run, details


def open_run(
    details: dict[str, Any], kind: "type[Settings]", folder: Path | None, resume: Path | None
) -> "tuple[RunFolder, dict[str, Any], Settings]":
    """Make sure of the folder of a run that begins, or open one to go on with.

    Args:
        details: for its config.json: the task, after which new folders are called; fit, the settings that were given.
        kind: of those settings.
        folder: what --out says.
        resume: what --resume says; of `details` only the task counts then.

    Returns:
        The run, its details and its settings.

    Raises:
        RunError: as :func:`new_run` or :func:`old_run` says, or impossible settings.
    """
    if resume is not None:
        run, details = old_run(resume, details["task"])
        return run, details, kind.from_json(details["fit"])
    settings = kind(**details["fit"])
    return new_run(folder, details["task"], settings.seed, details), details, settings


@contextmanager
def stopping_cleanly(run: "RunFolder", command: str) -> Iterator[None]:
    """Answer Ctrl-C with how to go on with the run, a run of `kcc train` `command`."""
    try:
        yield
    except KeyboardInterrupt:
        go_on = f"Go on with: kcc train {command} --resume {shlex.quote(str(run.path))}"
        note(f"Stopped. {go_on if run.config.exists() else 'Nothing was trained yet.'}")
        raise typer.Exit(INTERRUPTED) from None


def only_report_is_left(run: "RunFolder", *, resume: bool, last_file: str = PAGE) -> bool:
    """Tell whether a run was stopped between training and its last file; a resumed one that was not is made ready."""
    if resume and run.model.exists() and not (run.path / last_file).exists():
        return True
    if resume:
        run.go_on()
    return False


def page_of(run: "RunFolder") -> Path:
    """Give the place of the report."""
    return run.path / PAGE


def write_figures(run: "RunFolder", figures: Mapping[str, Any]) -> None:
    """Write result.json."""
    from keras_cv_course.files import write_text_atomically

    write_text_atomically(run.path / "result.json", json.dumps(figures, indent=2) + "\n")


def facts_of(run: "RunFolder", details: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Give what a report says of a run: some of its details, or else of the settings of its training."""
    known = run.read_config()["fit"] | details
    return {name.replace("_", " ").capitalize(): str(known[name]) for name in names}


def time_of(history: Mapping[str, Sequence[float]]) -> str:
    """Say how long a training took: seconds under two minutes, else minutes."""
    seconds = max(1, round(sum(history["seconds"])))
    number, unit = (seconds, "second") if seconds < 120 else (round(seconds / 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def finish(
    run: "RunFolder",
    history: Mapping[str, Sequence[float]],
    figures: Mapping[str, Any],
    write_page: Callable[..., None],
    said: str,
    use: str,
) -> None:
    """Write what came of a run, the page last, and say it.

    Args:
        run: trained.
        history: of its training.
        figures: for result.json.
        write_page: takes a path and the history.
        said: the main figures in words.
        use: the command, with its last option, that takes the trained model.
    """
    write_figures(run, figures)
    write_page(page_of(run), history=history)
    say(f"{said}; after {time_of(history)} of training")
    say(f"Page: {page_of(run).resolve()}")
    say_use(run, use)


def say_use(run: "RunFolder", use: str) -> None:
    """Say with which command and option the trained model is used."""
    say(f"Use it: kcc {use} {shlex.quote(str(run.path))} IMAGE...")
