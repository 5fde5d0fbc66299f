"""A worker as the grader sees it: ask for bytes within a time, and learn why it ended.

Whatever comes from a worker may have been written by an enemy: nothing here takes its word for more than the end of
a frame.
"""

import contextlib
import json
import math
import select
import signal
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Self

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.jail.scratch import MOST_DEPTH, MOST_ENTRIES
from keras_cv_course.grading.results import Limits

_HEADER = 8  # bytes, little-endian: the length of what follows; of a request also the seconds, as a double
_START_SECONDS = 60.0  # more than any start takes, also on a machine under load
_BEHIND_SECONDS = 0.05  # of the worker's clock: what it says of its time must not come before the deadline, half of it
_LATE_SECONDS = 2.0  # after a deadline, for the worker to say where it was
_MOST_LATE = 2**16  # bytes of that
_END_SECONDS = 5.0  # between the end of a worker and its keeper's report
_CHUNK = 2**20

EndingKind = Literal["exit", "signal", "seconds", "memory", "output", "disk", "processes", "protocol"]


@dataclass(frozen=True)
class Ending:
    """Why a worker ended.

    Attributes:
        kind: of the limit, or how it ended itself.
        detail: in words for the learner, which go on after "Your code".
        late: the answer that came when the time was over, perhaps to say where it was spent; empty for none.
    """

    kind: EndingKind
    detail: str
    late: bytes = b""


class WorkerEnded(Exception):  # noqa: N818 - an answer that may be expected, not a fault of this program
    """A worker has ended, by itself or for a limit; it answers no more."""

    def __init__(self, reason: Ending) -> None:
        super().__init__(reason.detail)
        self.reason = reason


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
            seconds: for the whole exchange; the worker knows them, and has a moment more to say where it was.
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
            self._send(struct.pack("<Qd", len(request), seconds + _BEHIND_SECONDS) + request, deadline)
            length = int.from_bytes(self._receive(_HEADER, deadline), "little")
            if length > max_bytes:
                raise _Broken("protocol", f"gave an answer of more than {_size(max_bytes)}")
            return self._receive(length, deadline)
        except _Broken as broken:
            self.kill()
            self.ending = Ending(broken.kind, broken.detail)
        except TimeoutError:
            late = self._late_answer()
            self.kill()
            self.ending = Ending("seconds", f"took longer than {seconds:g} seconds", late)
        except _Ended as ended:
            self.kill()  # its keeper removes its files yet
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

    def _late_answer(self) -> bytes:
        """Give what comes just after the deadline, if it is short and whole."""
        deadline = time.monotonic() + _LATE_SECONDS
        try:
            length = int.from_bytes(self._receive(_HEADER, deadline), "little")
            return self._receive(length, deadline) if length <= _MOST_LATE else b""
        except (_Broken, _Ended, TimeoutError):
            return b""

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
        seconds = deadline - time.monotonic() if deadline else 0.0
        if seconds < 0:  # also where it is always ready, a byte at a time
            raise TimeoutError
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
            return Ending("disk", f"wrote more than {_size(limits.disk)} to files")
        case {"limit": "files"}:
            return Ending("disk", f"made more than {MOST_ENTRIES} files and folders")
        case {"limit": "depth"}:
            return Ending("disk", f"made folders more than {MOST_DEPTH} deep, or with too long a path")
        case {"limit": "closed"}:
            return Ending("disk", "made a folder that cannot be looked into")
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
