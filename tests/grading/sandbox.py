"""Attacks from inside a worker: run code there, and see what is left afterwards."""

import json
import socket
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_cv_course.grading.results import Limits
from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.worker import Worker, WorkerEnded

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
