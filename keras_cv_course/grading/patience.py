"""A limit of time for an instructor's own check, which may hang like any program.

The grading process of a batch on one machine is ended from outside when it takes too long; a worker of a cluster, or of
a platform, has nobody who would do that without losing what it does besides.
"""

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

Given = TypeVar("Given")


class Hangs(Exception):  # noqa: N818 - a verdict
    """Something has not ended in its time."""


def within(seconds: float, run: Callable[[], Given]) -> Given:
    """Run something in a thread of its own, and give what it gives, or raise what it raises.

    What takes longer is left alone there: it is told to end, which Python code does, while a call that waits for
    something outside of Python goes on waiting, without holding up anyone.

    Args:
        seconds: for all.
        run: what to run; whatever else it uses must not be used meanwhile.

    Raises:
        Hangs: the time is over.
        BaseException: whatever `run` raises.
    """
    given: list[Given] = []
    raised: list[BaseException] = []

    def keep() -> None:
        try:
            given.append(run())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        raise Hangs
    if raised:
        raise raised[0]
    return given[0]
