"""Run `kcc` as a user would."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from forked import run_forked, start_forked

KCC = (str(Path(sys.executable).with_name("kcc")),)


def kcc(
    *arguments: object, cwd: Path | None = None, main: Callable[[], None] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `kcc`, or a `main` in its place, in a process that has TensorFlow and Keras imported."""
    words = ["kcc", *map(str, arguments)]
    return run_forked(main or _main, words, cwd=cwd, environment={**_clean_environment(), **environment})


def kcc_from_scratch(
    *arguments: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the installed `kcc` with all its imports: for what they read, what they print, and a command of each kind."""
    return subprocess.run(
        [*KCC, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**_clean_environment(), **environment},
    )


def interrupt(
    *arguments: object, cwd: Path, when: Path, main: Callable[[], None] | None = None
) -> tuple[int | None, str]:
    """Run it as `kcc` does and press Ctrl-C when the file `when` is there; give the exit status and what was said."""
    with tempfile.TemporaryDirectory() as folder:
        streams, words = [Path(folder, "out"), Path(folder, "err")], ["kcc", *map(str, arguments)]
        program = partial(_interruptible, main or _main)
        with start_forked(program, words, cwd=cwd, environment=_clean_environment(), streams=streams) as run:
            deadline = time.monotonic() + 300
            while not when.exists() and run.is_alive() and time.monotonic() < deadline:
                time.sleep(0.02)
            if run.is_alive():
                os.kill(run.pid, signal.SIGINT)
            run.join()
        return run.exitcode, streams[1].read_text()


def _main() -> None:
    from keras_cv_course.cli import main

    main()


def _interruptible(main: Callable[[], None]) -> None:
    # A suite that runs in a shell's background ignores Ctrl-C, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


def _clean_environment() -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if k != "KERAS_CV_COURSE_DATA"}, "COLUMNS": "200"}
