"""The parent of one worker: lets it into the sandbox, watches it, ends it, and says how it ended.

    keeper ---fork---> reaper (process 1 of its pid namespace) ---fork---> worker (the submission's code)

The keeper talks to the grader only, in lines of JSON on its control socket: first the layers of the sandbox, last how
the worker ended. The end of that socket means that the grader has ended, however it did.

Stands alone: imports the standard library only, and is loaded by its path; its siblings are passed to it.
"""

import contextlib
import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

_POLL_SECONDS = 0.02
_READ = 65536


class Jail:
    """The siblings of this file, and what is known about the sandbox on this machine.

    Attributes:
        new_root, enter, landlock, seccomp, processes, scratch, reaper: the modules.
        libraries: folders and files that the worker may read.
        layers: name -> True or why not, so far.
        changes_user: this process is root, and the worker becomes another user.
        user: its number then.
        processors: number of the set of processors that it runs on.
    """

    def __init__(self, modules: dict[str, ModuleType], libraries: list[str]) -> None:
        self.new_root: Any = modules["new_root"]
        self.enter: Any = modules["enter"]
        self.landlock: Any = modules["landlock"]
        self.seccomp: Any = modules["seccomp"]
        self.processes: Any = modules["processes"]
        self.scratch: Any = modules["scratch"]
        self.reaper: Any = modules["reaper"]
        self.libraries = libraries
        self.layers: dict[str, bool | str] = {}
        self.changes_user = False
        self.user = self.processors = 0

    def has(self, layer: str) -> bool:
        """Tell whether a layer is active."""
        return self.layers.get(layer) is True

    @property
    def stays_root(self) -> bool:
        """Whether keeper and reaper remain root, and only the worker changes the user."""
        return self.changes_user and not self.has("user namespace")

    def keep(self, channel: int, control: int, limits: dict[str, int], main: Callable[[int], None]) -> NoReturn:
        """Become the keeper of a worker that runs `main(3)`, until it ends, breaks a limit or is no longer wanted.

        Args:
            channel: becomes the worker's descriptor 3.
            control: to the grader.
            limits: memory, processes, disk and output, as in the grader's Limits.
            main: of the worker.
        """
        try:
            self.reaper.close_all_but(0, 1, 2, channel, control)
            if self.changes_user:
                self.user = self.enter.claim_user()
            self.processors = self.enter.claim_processors()
            _keep(self, channel, control, limits, main)
        except BaseException:
            _tell(control, {"failed": traceback.format_exc()})
        os._exit(0)


def _keep(jail: Jail, channel: int, control: int, limits: dict[str, int], main: Callable[[int], None]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    at_start = jail.processes.private_bytes("self")
    _enter_namespaces(jail)
    scratch = jail.scratch.Scratch(jail, limits["disk"])
    output, to_output = os.pipe()
    news, to_news = os.pipe()
    reaper = os.fork()
    if reaper == 0:
        for descriptor in (control, output, news):
            os.close(descriptor)
        work = jail.reaper.Work(channel, to_output, to_news, limits, scratch.folder, main)
        jail.reaper.reap(jail, work)
    for descriptor in (channel, to_output, to_news):
        os.close(descriptor)
    try:
        try:
            ending = _read_news(news)
            if "layers" in ending:
                jail.layers |= ending["layers"]
                _tell(control, {"layers": jail.layers})
                ending = _Watch(jail, reaper, limits, at_start, scratch).until_the_end(control, output, news)
        finally:
            _kill(jail, reaper)
        _tell(control, ending)  # at once, for to remove thousands of files takes its time
    finally:
        scratch.remove()


def _tell(control: int, content: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the grader has ended
        os.write(control, json.dumps(content).encode() + b"\n")


def _enter_namespaces(jail: Jail) -> None:
    """Go into a namespace of each kind that this machine lets us have, and note which."""
    enter = jail.enter
    if jail.has("user namespace"):
        if jail.changes_user:
            enter.become_user(jail.user)
        enter.unshare(enter.USER_NAMESPACE)
    for name, flag in enter.NAMESPACES.items():
        if name in jail.layers and not jail.has(name):  # the zygote has no root of its own to go on from
            continue
        try:
            enter.unshare(flag)
            jail.layers[name] = True
        except OSError as error:
            jail.layers[name] = error.strerror or str(error)
    if not jail.has("pid namespace"):
        enter.adopt_orphans()


class _Watch:
    """Watches a worker and all processes that it started."""

    def __init__(self, jail: Jail, reaper: int, limits: dict[str, int], at_start: int, scratch: Any) -> None:
        self.processes = jail.processes
        self.sees_worker_only = jail.has("own /proc")
        self.reaper = reaper
        self.limits = limits
        self.at_start = at_start
        self.scratch = scratch
        self.unbounded: type[Exception] = jail.scratch.Unbounded
        self.written = 0

    def until_the_end(self, control: int, output: int, news: int) -> dict[str, Any]:
        """Give how it ended: {"exit": code}, {"signal": number}, {"limit": name} or {"killed": True}."""
        poll = select.poll()
        for descriptor in (control, output, news):
            poll.register(descriptor, select.POLLIN)
        next_look = 0.0
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(1000 * _POLL_SECONDS)}
            if output in ready:
                chunk = os.read(output, _READ)
                self.written += len(chunk)
                if not chunk:  # the worker closed it
                    poll.unregister(output)
            if self.written > self.limits["output"]:
                return {"limit": "output"}
            if control in ready:
                return {"killed": True}
            if news in ready:
                return _read_news(news)
            if time.monotonic() >= next_look:
                start = time.monotonic()
                if broken := self._broken_limit():
                    return {"limit": broken}
                # With many files and threads a look takes its time; half of a processor at most is for looking.
                next_look = time.monotonic() + max(_POLL_SECONDS, time.monotonic() - start)

    def _broken_limit(self) -> str | None:
        """Name the limit that all processes together are beyond.

        Memory that was copied from the server counts from the second process on: it may be written to, and then it is
        no longer shared.
        """
        memory = threads = 0
        processes = self._processes()
        for process in processes:
            with contextlib.suppress(OSError):  # it has just ended
                memory += self.processes.private_bytes(process)
                threads += self.processes.thread_count(process)
        if threads > self.limits["processes"]:
            return "processes"
        try:
            used = self.scratch.used(processes)
        except self.unbounded as why:
            return str(why)
        if memory - self.at_start + (used if self.scratch.is_mount else 0) > self.limits["memory"]:
            return "memory"
        return "disk" if used > self.limits["disk"] else None

    def _processes(self) -> list[str]:
        if self.sees_worker_only:
            return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        return [str(process) for process in self.processes.descendants(self.reaper)]


def _read_news(news: int) -> dict[str, Any]:
    """Read what the reaper says; it says nothing when it was killed."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = os.read(news, 1)
        if not chunk:
            return {"signal": int(signal.SIGKILL)}
        line += chunk
    content: dict[str, Any] = json.loads(line)
    return content


def _kill(jail: Jail, reaper: int) -> None:
    """End all processes below this one, and wait for it."""
    if jail.has("pid namespace"):
        os.kill(reaper, signal.SIGKILL)  # and with it all that are in its pid namespace
        os.waitpid(reaper, 0)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(reaper, signal.SIGKILL)
    stopped: set[int] = set()
    while new := set(jail.processes.descendants(os.getpid())) - stopped:  # stopped ones start no others
        for process in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
        stopped |= new
    for process in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
