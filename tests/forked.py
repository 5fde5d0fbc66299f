"""Processes that begin with TensorFlow and Keras imported: the imports take seconds, a fork takes none."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess

_CONTEXT = multiprocessing.get_context("forkserver")
# Nothing of this package and of the command line, which look at the environment when they are imported.
_CONTEXT.set_forkserver_preload(["tensorflow", "keras", "h5py", "jupytext"])


def run_forked(
    main: Callable[[], object], arguments: list[str], *, cwd: Path | None, environment: Mapping[str, str]
) -> CompletedProcess[str]:
    """Run a program in a process of its own, without Python's start and the imports of TensorFlow and Keras.

    What these read when they start (PYTHONPATH, KERAS_BACKEND, KERAS_HOME) is as it is in the tests' process.

    Arguments:
        main: the program, a function of a module; what looks at the environment when it is imported, it imports itself.
        arguments: of the command line, the program's name first.
        cwd: the folder that the program runs in; that of the tests, if None.
        environment: all variables that the program sees.

    Returns:
        Status (of a process that a signal ended, the signal's number below 0), output and errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, "out"), Path(folder, "err")]
        with start_forked(main, arguments, cwd=cwd, environment=environment, streams=streams) as process:
            process.join()
        out, err = (path.read_text(encoding="utf-8") for path in streams)
    return CompletedProcess(arguments, process.exitcode, out, err)


@contextmanager
def start_forked(
    main: Callable[[], object],
    arguments: list[str],
    *,
    cwd: Path | None,
    environment: Mapping[str, str],
    streams: list[Path],
) -> Iterator[BaseProcess]:
    """Start a program as `run_forked` does, to be stopped while it runs; it ends with the `with` at the latest.

    Arguments:
        main, arguments, cwd, environment: as of `run_forked`.
        streams: the files of its output and of its errors.

    Yields:
        The process, whose `exitcode` is None while it runs.
    """
    process = _CONTEXT.Process(
        target=_begin,
        args=(main, arguments, str(cwd or Path.cwd()), dict(environment), [str(path) for path in streams]),
    )
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _begin(
    main: Callable[[], object], arguments: list[str], cwd: str, environment: dict[str, str], streams: list[str]
) -> None:
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    main()
