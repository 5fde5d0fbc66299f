"""Workers for submissions: processes in a sandbox that are forked from a server which has TensorFlow imported already.

    grader --(socket)--> zygote --fork--> keeper --fork--> reaper --fork--> worker

The grader asks a worker for bytes and gets bytes, or learns why the worker ended. `docs/sandbox.md` tells what a worker
cannot do, and how each layer sees to it.
"""

import contextlib
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, Self
from weakref import WeakSet

from keras_cv_course.errors import GradingError, SandboxError
from keras_cv_course.grading.results import Limits

JAIL = Path(__file__).parent / "jail"
# What must be out of a worker's reach -> sets of layers, each of which sees to it.
PROTECTIONS: dict[str, tuple[frozenset[str], ...]] = {
    "files": (frozenset({"mount namespace"}), frozenset({"landlock"})),
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
_HEADER = 8  # bytes, little-endian: the length of what follows
_START_SECONDS = 60.0  # more than any start takes, also on a machine under load
_IMPORT_SECONDS = 300.0
_END_SECONDS = 2.0  # between the end of a worker and its keeper's report
_CHUNK = 2**20

EndingKind = Literal["exit", "signal", "seconds", "memory", "output", "processes", "protocol"]


@dataclass(frozen=True)
class Ending:
    """Why a worker ended: `detail` is in words for the learner, and goes on after "Your code"."""

    kind: EndingKind
    detail: str


class WorkerEnded(Exception):  # noqa: N818 - an answer that may be expected, not a fault of this program
    """A worker has ended, by itself or for a limit; it answers no more."""

    def __init__(self, reason: Ending) -> None:
        super().__init__(reason.detail)
        self.reason = reason


class WorkerServer:
    """Starts workers; a context manager, to be used from any thread.

    Args:
        require: layers of the sandbox that must be active; empty for none. By default, enough for all
            `PROTECTIONS`.
        worker: the file whose `main(channel)` runs in each worker.
        warm: import TensorFlow and Keras once, before workers are forked.

    Attributes:
        layers: of the sandbox: name -> True, or why it is not active on this machine.

    Raises:
        SandboxError: if a layer that is required is not active.
        GradingError: if no worker can be started here at all.
    """

    def __init__(
        self, *, require: frozenset[str] | None = None, worker: Path = JAIL / "worker.py", warm: bool = True
    ) -> None:
        if not hasattr(os, "fork"):
            raise SandboxError("Grading needs Linux (or macOS, with few layers); on Windows use WSL 2 or a container.")
        self._worker_file = worker
        self._lock = threading.Lock()
        self._workers: WeakSet[Worker] = WeakSet()
        self._is_ready = False
        self._zygote = _Zygote(worker, warm=warm and sys.platform == "linux")
        self.layers: dict[str, bool | str] = self._zygote.layers
        if missing := unprotected(self.layers, require):
            self.close()
            reasons = "; ".join(f"{what} ({why})" for what, why in missing.items())
            raise SandboxError(f"The sandbox does not protect {reasons}. docs/sandbox.md says what this machine needs.")

    def start(self, limits: Limits) -> "Worker":
        """Start a fresh worker; the first start waits for the import of TensorFlow.

        Raises:
            GradingError: if that fails.
        """
        with self._lock:
            if not self._is_ready:
                if self._zygote.why_not_ready() is not None:  # then each worker imports for itself
                    self._zygote.close()
                    self._zygote = _Zygote(self._worker_file, warm=False)
                    self._zygote.why_not_ready()
                self._is_ready = True
            channel, control = self._zygote.fork(limits)
        worker = Worker(channel, control, limits, self.layers)
        self._workers.add(worker)
        return worker

    def close(self) -> None:
        """End all workers and the server."""
        for worker in list(self._workers):
            worker.kill()
        self._zygote.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Worker:
    """One worker: a context manager, which ends all its processes when left. To be used from one thread at a time.

    Attributes:
        ending: why it ended; None while it runs.
    """

    def __init__(
        self, channel: socket.socket, control: socket.socket, limits: Limits, layers: dict[str, bool | str]
    ) -> None:
        self.ending: Ending | None = None
        self._channel, self._control, self._limits = channel, control, limits
        self._report = b""
        channel.setblocking(False)
        try:
            first = self._next_report(_START_SECONDS)
            if first.get("layers") != layers:
                raise GradingError(f"A worker could not enter the sandbox: {first.get('failed', first)}")
        except (_Ended, TimeoutError) as error:
            self._close()
            raise GradingError("A worker did not start: the machine is overloaded, or out of memory.") from error
        except BaseException:
            self._close()
            raise

    def ask(self, request: bytes, *, seconds: float, max_bytes: int) -> bytes:
        """Send a request and wait for its answer.

        Args:
            request: the payload of one frame.
            seconds: for the whole exchange.
            max_bytes: of the answer.

        Returns:
            The payload of the answer's frame, as the submission's side sent it: it may be anything.

        Raises:
            WorkerEnded: if the worker ended, broke a limit, or did not answer in time; all its processes have ended.
            GradingError: if its keeper failed.
        """
        if self.ending is not None:
            raise WorkerEnded(self.ending)
        deadline = time.monotonic() + seconds
        try:
            self._send(len(request).to_bytes(_HEADER, "little") + request, deadline)
            length = int.from_bytes(self._receive(_HEADER, deadline), "little")
            if length > max_bytes:
                raise _Broken("protocol", f"gave an answer of more than {_size(max_bytes)}")
            return self._receive(length, deadline)
        except _Broken as broken:
            self.kill()
            self.ending = Ending(broken.kind, broken.detail)
        except TimeoutError:
            self.kill()
            self.ending = Ending("seconds", f"took longer than {seconds:g} seconds")
        except _Ended as ended:
            self._close()
            self.ending = _ending(ended.report, self._limits)
        raise WorkerEnded(self.ending)

    def kill(self) -> None:
        """End all its processes, and wait until they have ended."""
        if self._control.fileno() < 0:
            return
        with contextlib.suppress(OSError, _Ended, TimeoutError):
            self._control.send(b"k")
            while True:
                self._next_report(_START_SECONDS)
        self._close()
        self.ending = self.ending or Ending("signal", "was ended by the grader")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    def _send(self, frame: bytes, deadline: float) -> None:
        if self._channel in self._wait(select.POLLIN, 0):
            if self._read(1, socket.MSG_PEEK):
                raise _Broken("protocol", "sent an answer that nobody had asked for")
            self._raise_end()
        rest = memoryview(frame)
        while rest:
            if self._channel in self._wait(select.POLLOUT, deadline):
                try:
                    rest = rest[self._channel.send(rest) :]
                except (BrokenPipeError, ConnectionResetError):
                    self._raise_end()

    def _receive(self, count: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < count:
            if self._channel in self._wait(select.POLLIN, deadline):
                chunk = self._read(min(count - len(received), _CHUNK))
                if not chunk:
                    self._raise_end()
                received += chunk
        return bytes(received)

    def _read(self, count: int, flags: int = 0) -> bytes:
        """Read from the channel, which is ready; nothing at its end."""
        try:
            return self._channel.recv(count, flags)
        except ConnectionResetError:
            return b""

    def _wait(self, event: int, deadline: float) -> list[socket.socket]:
        """Wait until the channel is ready; give it, or nothing where the deadline is 0 and it is not.

        Raises:
            TimeoutError: when the deadline passes.
            _Ended: when the keeper reports.
        """
        poll = select.poll()
        poll.register(self._channel, event)
        poll.register(self._control, select.POLLIN)
        seconds = max(0.0, deadline - time.monotonic()) if deadline else 0.0
        ready = {descriptor for descriptor, _ in poll.poll(math.ceil(1000 * seconds))}
        if self._channel.fileno() in ready:
            return [self._channel]
        if self._control.fileno() in ready:
            raise _Ended(self._next_report(_END_SECONDS))
        if deadline:
            raise TimeoutError
        return []

    def _raise_end(self) -> NoReturn:
        """Tell a worker that has ended from one that has only closed its channel."""
        try:
            report = self._next_report(_END_SECONDS)
        except TimeoutError:
            raise _Broken("protocol", "closed the way on which it answers") from None
        raise _Ended(report)

    def _next_report(self, seconds: float) -> dict[str, Any]:
        """Read the keeper's next line.

        Raises:
            TimeoutError: if there is none in time.
            _Ended: with nothing, if the keeper has ended.
        """
        self._control.settimeout(seconds)
        while b"\n" not in self._report:
            chunk = self._control.recv(_CHUNK)
            if not chunk:
                raise _Ended({})
            self._report += chunk
        line, _, self._report = self._report.partition(b"\n")
        content: dict[str, Any] = json.loads(line)
        return content

    def _close(self) -> None:
        self._channel.close()
        self._control.close()


class _Ended(Exception):  # noqa: N818
    def __init__(self, report: dict[str, Any]) -> None:
        super().__init__()
        self.report = report


class _Broken(Exception):  # noqa: N818
    def __init__(self, kind: EndingKind, detail: str) -> None:
        super().__init__()
        self.kind: EndingKind = kind
        self.detail = detail


class _Zygote:
    """The process that workers are forked from, and the socket to it."""

    def __init__(self, worker: Path, *, warm: bool) -> None:
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
        settings = {"worker": str(worker.resolve()), "package_folders": package_folders, "warm": warm}
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


def _ending(report: dict[str, Any], limits: Limits) -> Ending:
    """Put into words what a keeper reports.

    Raises:
        GradingError: if it is the keeper that failed.
    """
    match report:
        case {"exit": code}:
            return Ending("exit", f"ended itself with exit code {code}")
        case {"signal": number}:
            return Ending("signal", f"was ended by signal {number} ({_signal_name(number)})")
        case {"limit": "memory"}:
            return Ending("memory", f"used more than {_size(limits.memory)} of memory")
        case {"limit": "output"}:
            return Ending("output", f"printed more than {_size(limits.output)}")
        case {"limit": "disk"}:
            return Ending("output", f"wrote more than {_size(limits.disk)} to files")
        case {"limit": "processes"}:
            return Ending("processes", f"ran more than {limits.processes} processes and threads")
    raise GradingError(f"The keeper of a worker failed: {report.get('failed', 'it was killed')}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "a real-time signal"


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.1f} MB"
