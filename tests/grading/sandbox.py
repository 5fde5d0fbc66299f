"""Attacks from inside a worker: run code there, and see what is left afterwards."""

import contextlib
import json
import shutil
import socket
import sysconfig
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keras_cv_course.errors import SandboxError
from keras_cv_course.grading import server as server_module
from keras_cv_course.grading.results import Limits
from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.worker import Worker, WorkerEnded

CHECKOUT = Path(__file__).parents[2]
PACKAGES = Path(sysconfig.get_path("purelib"))
STAND_IN = Path(__file__).parent / "stand_in_worker.py"
SMALL = Limits(seconds=20, memory=200 * 2**20, processes=24, disk=4 * 2**20, output=2**20, answer=2**20)

# Starts a process that leaves its parent, its group and its session, and keeps the channel open.
ESCAPE = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(3600)
    os._exit(0)
os.wait()
"""

# Ends the first thread of its process, while another goes on with `rest`.
LEADERLESS = """
def go_on_without_a_leader(rest):
    import ctypes, platform, threading
    threading.Thread(target=rest).start()
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
"""

# How the jail is changed to have a kernel's Landlock: this one's, and that of Linux 5.13.
KERNELS = {"this kernel": {}, "first Landlock": {"landlock.py": "abi = lambda: 1"}}


def ask(worker: Worker, code: str, seconds: float = SMALL.seconds) -> Any:
    """Run code in a worker, and give what it set `answer` to."""
    request = textwrap.dedent(code).encode()
    return json.loads(worker.ask(request, seconds=seconds, max_bytes=SMALL.answer))


def attack(server: WorkerServer, code: str, seconds: float = SMALL.seconds, **limits: int) -> Any:
    """Run code in a fresh worker, and give what it set `answer` to, or how the worker ended."""
    with server.start(replace(SMALL, **limits)) as worker:
        try:
            return ask(worker, code, seconds)
        except WorkerEnded as ended:
            return ended.reason


def other_end(worker: Worker) -> socket.socket:
    """Give a second descriptor of the grader's end of the channel, which outlives the worker object."""
    return worker._channel.dup()


def is_held(channel: socket.socket) -> bool:
    """Tell whether any process still has the worker's end of a channel."""
    channel.setblocking(False)
    try:
        while channel.recv(2**16):
            pass
    except BlockingIOError:
        return True
    except ConnectionResetError:
        pass
    return False


@contextlib.contextmanager
def changed(changes: dict[str, str]) -> Iterator[WorkerServer]:
    """Give a server as `sandbox` does, with code added at the end of modules of the jail."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        jail = Path(folder, "jail")
        shutil.copytree(server_module.JAIL, jail)
        for name, code in changes.items():
            with (jail / name).open("a") as module:
                module.write(f"\n\n{code}\n")
        patch.setattr(server_module, "JAIL", jail)
        try:
            started = WorkerServer(worker_files=[STAND_IN], warm=False)
        except SandboxError as error:
            pytest.skip(str(error))
        with started:
            yield started


def needs(sandbox: WorkerServer, *layers: str) -> None:
    """Skip where the layers are missing without which something is allowed."""
    for layer in layers:
        if sandbox.layers[layer] is not True:
            pytest.skip(f"no {layer}: {sandbox.layers[layer]}")
