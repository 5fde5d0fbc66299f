"""Workers for submissions: processes in a sandbox that are forked from a server which has TensorFlow imported already.

    grader --(socket)--> zygote --fork--> keeper --fork--> reaper --fork--> worker

`docs/sandbox.md` tells what a worker cannot do, and how each layer sees to it.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

from keras_cv_course.errors import GradingError, SandboxError
from keras_cv_course.grading.results import Limits
from keras_cv_course.grading.worker import Worker

JAIL = Path(__file__).parent / "jail"
WORKER_FILES = (JAIL / "cell_source.py", JAIL / "values.py", JAIL / "worker.py")
# What must be out of a worker's reach -> sets of layers, each of which sees to it.
PROTECTIONS: dict[str, tuple[frozenset[str], ...]] = {
    "files": (
        frozenset({"mount namespace"}),
        frozenset({"landlock", "seccomp"}),  # which keep files from being opened, and from being changed unopened
    ),
    "other processes": (
        frozenset({"pid namespace"}),
        frozenset({"own user"}),
        frozenset({"landlock", "seccomp"}),  # which keep tracing and signals in
    ),
    "the network": (frozenset({"network namespace"}), frozenset({"seccomp"})),
    "system calls": (frozenset({"seccomp"}),),
    "limits": (frozenset({"resource limits"}),),
}
# All that a submission finds in its environment, beside the folders that it may write to.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/scratch/home",
    "TMPDIR": "/scratch/tmp",
    "USER": "learner",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "OPENBLAS_NUM_THREADS": "1",  # so that importing starts no thread, which a fork would lose
    "MPLBACKEND": "Agg",
}
_START_SECONDS = 60.0  # more than any start takes, also on a machine under load
_IMPORT_SECONDS = 300.0


class WorkerServer:
    """Starts workers; a context manager, to be used from any thread.

    Args:
        require: layers of the sandbox that must be active; empty for none. By default, enough for all
            `PROTECTIONS`.
        worker_files: the last has the `main(channel)` that runs in each worker, and may import those before it.
        warm: import TensorFlow and Keras once, before workers are forked.

    Attributes:
        layers: of the sandbox: name -> True, or why it is not active on this machine.

    Raises:
        SandboxError: if a layer that is required is not active.
        GradingError: if no worker can be started here at all.
    """

    def __init__(
        self, *, require: frozenset[str] | None = None, worker_files: Sequence[Path] = WORKER_FILES, warm: bool = True
    ) -> None:
        if not hasattr(os, "fork"):
            raise SandboxError("Grading needs Linux (or macOS, with few layers); on Windows use WSL 2 or a container.")
        self._worker_files = worker_files
        self._lock = threading.Lock()
        self._workers: WeakSet[Worker] = WeakSet()
        self._is_ready = False
        self._is_warm = warm and sys.platform == "linux"
        self._zygote = _Zygote(worker_files, warm=self._is_warm)
        self.layers: dict[str, bool | str] = self._zygote.layers
        if missing := unprotected(self.layers, require):
            self.close()
            reasons = "; ".join(f"{what} ({why})" for what, why in missing.items())
            raise SandboxError(f"The sandbox does not protect {reasons}. docs/sandbox.md says what this machine needs.")

    def start(self, limits: Limits) -> Worker:
        """Start a fresh worker; the first start waits for the import of TensorFlow.

        Raises:
            GradingError: if that fails.
        """
        with self._lock:
            try:
                channel, control = self._ready_zygote().fork(limits)
            except GradingError:  # it has ended, or hangs: one more try, for the rest of a class depends on it
                self._replace_zygote(warm=self._is_warm)
                channel, control = self._ready_zygote().fork(limits)
        worker = Worker(channel, control, limits, self.layers)
        self._workers.add(worker)
        return worker

    def _ready_zygote(self) -> "_Zygote":
        """Give the process to fork from, which has imported what it will."""
        if not self._is_ready:
            if self._zygote.why_not_ready() is not None:  # then each worker imports for itself
                self._replace_zygote(warm=False)
                self._zygote.why_not_ready()
            self._is_ready = True
        return self._zygote

    def _replace_zygote(self, *, warm: bool) -> None:
        self._zygote.close()
        self._zygote, self._is_ready = _Zygote(self._worker_files, warm=warm), False

    def close(self) -> None:
        """End all workers and the server."""
        for worker in list(self._workers):
            worker.kill()
        self._zygote.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Zygote:
    """The process that workers are forked from, and the socket to it."""

    def __init__(self, worker_files: Sequence[Path], *, warm: bool) -> None:
        self._socket, other = socket.socketpair()
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        package_folders = [str(Path(path).absolute()) for path in sys.path if path and _holds_packages(path)]
        # Strings hash alike in all servers, so that a submission which depends on the order of a set gets one score.
        environment = {**_ENVIRONMENT, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        if libraries := os.environ.get("LD_LIBRARY_PATH"):  # Python itself may need it
            environment["LD_LIBRARY_PATH"] = libraries
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-sP", str(JAIL / "zygote.py"), str(other.fileno())],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[other.fileno()],
                start_new_session=True,  # Ctrl-C is for the grader, which ends the others
            )
        files = [str(file.resolve()) for file in worker_files]
        settings = {"worker_files": files, "package_folders": package_folders, "warm": warm}
        self._socket.sendall(json.dumps(settings).encode() + b"\n")
        self.layers: dict[str, bool | str] = self._read("layers", _START_SECONDS)

    def why_not_ready(self) -> str | None:
        """Wait for the import of TensorFlow; say why workers cannot be forked after it, if so."""
        answer = self._read("ready", _IMPORT_SECONDS)
        return None if answer is True else answer

    def fork(self, limits: Limits) -> tuple[socket.socket, socket.socket]:
        """Let a worker be forked; give the channel to it, and the control socket to its keeper.

        Raises:
            GradingError: if the process has ended.
        """
        channel, of_worker = socket.socketpair()
        control, of_keeper = socket.socketpair()
        with of_worker, of_keeper:
            message = json.dumps(asdict(limits)).encode() + b"\n"
            try:
                socket.send_fds(self._socket, [message], [of_worker.fileno(), of_keeper.fileno()])
                self._read("forked", _START_SECONDS)
            except BaseException as error:
                channel.close()
                control.close()
                if isinstance(error, OSError):
                    raise GradingError(f"The server of workers has ended: {self._last_words()}") from error
                raise
        return channel, control

    def close(self) -> None:
        """End the process."""
        self._lines.close()
        self._socket.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _read(self, key: str, seconds: float) -> Any:
        self._socket.settimeout(seconds)
        try:
            line = self._lines.readline()
        except TimeoutError:
            line = ""
        content = json.loads(line or "{}")
        if key not in content:
            words = content.get("failed") or self._last_words()
            raise GradingError(f"The server of workers did not start: {words}")
        return content[key]

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it ended without a word"


def unprotected(layers: dict[str, bool | str], require: frozenset[str] | None = None) -> dict[str, str]:
    """Give what a sandbox does not protect, and why.

    Args:
        layers: name -> True, or why it is not active.
        require: names that must be active; by default, enough for all `PROTECTIONS`.
    """
    needed = PROTECTIONS if require is None else {name: (frozenset({name}),) for name in require}
    active = {name for name, state in layers.items() if state is True}
    return {
        what: ", ".join(f"{name}: {layers.get(name, 'no such layer')}" for name in sorted(set().union(*ways) - active))
        for what, ways in needed.items()
        if not any(way <= active for way in ways)
    }


def _holds_packages(path: str) -> bool:
    return path.endswith(("site-packages", "dist-packages")) or (Path(path) / "tensorflow").is_dir()
