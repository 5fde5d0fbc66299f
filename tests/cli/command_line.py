"""Run `kcc` as a user would."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from forked import run_forked

KCC = (str(Path(sys.executable).with_name("kcc")),)


def kcc(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `kcc` in a process that has TensorFlow and Keras imported: for all but the first use of a command."""
    return run_forked(
        _main, ["kcc", *map(str, arguments)], cwd=cwd, environment={**_clean_environment(), **environment}
    )


def kcc_from_scratch(
    *arguments: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the installed `kcc` with all its imports, and whatever they print."""
    return subprocess.run(
        [*KCC, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**_clean_environment(), **environment},
    )


def _main() -> None:
    from keras_cv_course.cli import main

    main()


def _clean_environment() -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if k != "KERAS_CV_COURSE_DATA"}, "COLUMNS": "200"}


def interrupt(*arguments: object, cwd: Path, when: Path) -> tuple[int, str]:
    """Run `kcc` and press Ctrl-C when the file `when` is there; give the exit status and what was said."""
    with subprocess.Popen(
        [*KCC, *map(str, arguments)],
        cwd=cwd,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in a shell's background ignores Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:
        deadline = time.monotonic() + 300
        while not when.exists() and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate()
    return run.returncode, said
