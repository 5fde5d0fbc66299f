"""The parent of one worker: lets it into the sandbox, watches it, ends it, and says how it ended.

    keeper ---fork---> reaper (process 1 of its pid namespace) ---fork---> worker (the submission's code)

The keeper talks to the grader only, in lines of JSON on its control socket: first the layers of the sandbox, last how
the worker ended. The end of that socket means that the grader has ended, however it did.

Stands alone: imports the standard library only, and is loaded by its path; its siblings are passed to it.
"""

import contextlib
import json
import os
import secrets
import select
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NoReturn

_POLL_SECONDS = 0.02
_READ = 65536
# In a scratch folder that is not a mount; a mount has as many files at most.
_MOST_ENTRIES, _MOST_DEPTH = 8192, 100
_ENDLESS = 2**62  # bytes
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Jail:
    """The siblings of this file, and what is known about the sandbox on this machine.

    Attributes:
        new_root, enter, landlock, seccomp, reaper: the modules.
        libraries: folders and files that the worker may read.
        layers: name -> True or why not, so far.
        changes_user: this process is root, and the worker becomes another user.
        number: that no other worker has at the same time; of the keeper, for in its own namespace each worker is the
            same.
    """

    def __init__(self, modules: dict[str, ModuleType], libraries: list[str]) -> None:
        self.new_root: Any = modules["new_root"]
        self.enter: Any = modules["enter"]
        self.landlock: Any = modules["landlock"]
        self.seccomp: Any = modules["seccomp"]
        self.reaper: Any = modules["reaper"]
        self.libraries = libraries
        self.layers: dict[str, bool | str] = {}
        self.changes_user = False
        self.number = 0

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
        self.number = os.getpid()
        try:
            self.reaper.close_all_but(0, 1, 2, channel, control)
            ending = _keep(self, channel, control, limits, main)
        except BaseException:
            ending = {"failed": traceback.format_exc()}
        with contextlib.suppress(OSError):  # the grader has ended
            os.write(control, json.dumps(ending).encode() + b"\n")
        os._exit(0)


def _keep(
    jail: Jail, channel: int, control: int, limits: dict[str, int], main: Callable[[int], None]
) -> dict[str, Any]:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    at_start = _private_bytes("self")
    _enter_namespaces(jail)
    scratch = _Scratch(jail, limits["disk"])
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
        first = _read_news(news)
        if "layers" not in first:
            return first
        jail.layers |= first["layers"]
        os.write(control, json.dumps({"layers": jail.layers}).encode() + b"\n")
        watch = _Watch(jail, reaper, limits, at_start, scratch)
        return watch.until_the_end(control, output, news)
    finally:
        _kill(jail, reaper)
        scratch.remove()


def _enter_namespaces(jail: Jail) -> None:
    """Go into a namespace of each kind that this machine lets us have, and note which."""
    enter = jail.enter
    if jail.has("user namespace"):
        if jail.changes_user:
            enter.become_temporary_user(jail.number)
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


class _Scratch:
    """The one folder that the worker may write to: of limited size where it is a mount."""

    def __init__(self, jail: Jail, size: int) -> None:
        self.is_mount = jail.has("mount namespace")
        if self.is_mount:
            self.folder: str = jail.new_root.SCRATCH
            jail.new_root.mount_scratch(size)
        else:
            self.folder = tempfile.mkdtemp(prefix="kcc-worker-")

    def used(self) -> int:
        """Give the bytes in it."""
        if self.is_mount:
            room = os.statvfs(self.folder)
            return (room.f_blocks - room.f_bfree) * room.f_frsize
        total = entries = 0
        waiting = [(self.folder, 0)]
        while waiting:
            folder, depth = waiting.pop()
            with contextlib.suppress(OSError):  # it has just been removed
                for entry in os.scandir(folder):
                    entries += 1
                    if entries > _MOST_ENTRIES or depth > _MOST_DEPTH:
                        return _ENDLESS
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
        return total

    def remove(self) -> None:
        """Leave nothing behind; a mount ends with its namespace."""
        if not self.is_mount:
            with contextlib.suppress(OSError):
                remove_tree(self.folder)


def remove_tree(top: str) -> None:
    """Remove a folder and all in it, however deep it is and whatever permissions a program has taken away."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        os.chmod(folder, 0o700)
        for entry in list(os.scandir(folder)):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            with contextlib.suppress(OSError):  # not empty
                os.rmdir(entry.path)
                continue
            # Up to the top, for a path may be longer than the system takes; by a name that nobody has foreseen.
            os.chmod(entry.path, 0o700)
            moved = os.path.join(top, secrets.token_hex(16))
            os.rename(entry.path, moved)
            waiting.append(moved)
        if folder != top:
            os.rmdir(folder)
    os.rmdir(top)


class _Watch:
    """Watches a worker and all processes that it started."""

    def __init__(self, jail: Jail, reaper: int, limits: dict[str, int], at_start: int, scratch: _Scratch) -> None:
        self.sees_worker_only = jail.has("own /proc")
        self.reaper = reaper
        self.limits = limits
        self.at_start = at_start
        self.scratch = scratch
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
                next_look = time.monotonic() + _POLL_SECONDS
                if broken := self._broken_limit():
                    return {"limit": broken}

    def _broken_limit(self) -> str | None:
        """Name the limit that all processes together are beyond.

        Memory that was copied from the server counts from the second process on: it may be written to, and then it is
        no longer shared.
        """
        memory = threads = 0
        for process in self._processes():
            with contextlib.suppress(OSError):  # it has just ended
                memory += _private_bytes(process)
                threads += os.stat(f"/proc/{process}/task").st_nlink - 2
        if threads > self.limits["processes"]:
            return "processes"
        used = self.scratch.used()
        if memory - self.at_start + (used if self.scratch.is_mount else 0) > self.limits["memory"]:
            return "memory"
        return "disk" if used > self.limits["disk"] else None

    def _processes(self) -> list[str]:
        if self.sees_worker_only:
            return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        return [str(process) for process in _descendants(self.reaper)]


def _private_bytes(process: str) -> int:
    """Give the memory that a process shares with no file; 0 where the system does not tell."""
    try:
        with open(f"/proc/{process}/statm") as statm:
            _, resident, shared, *_ = statm.read().split()
    except FileNotFoundError:
        return 0
    return (int(resident) - int(shared)) * _PAGE


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
    while new := set(_descendants(os.getpid())) - stopped:  # stopped ones start no others
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


def _descendants(ancestor: int) -> Iterator[int]:
    """Yield the processes below one, as far as /proc shows them."""
    parents: dict[int, list[int]] = {}
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    for name in filter(str.isdigit, names):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
            state, parent = stat.read().rpartition(b")")[2].split()[:2]  # the name before may hold anything
            if state not in (b"Z", b"X"):
                parents.setdefault(int(parent), []).append(int(name))
    family = [ancestor]
    for process in family:
        family += parents.get(process, [])
    yield from family[1:]
