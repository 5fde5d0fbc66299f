"""Processes of a submission, as far as they reach: each other, the grader, the machine."""

import os
import subprocess

import pytest
from sandbox import ESCAPE, LEADERLESS, SMALL, ask, attack, is_held, needs, other_end

from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.worker import Ending, WorkerEnded


def test_a_process_that_fled_ends_with_the_worker(sandbox: WorkerServer) -> None:
    with sandbox.start(SMALL) as worker, other_end(worker) as channel:
        ask(worker, ESCAPE)
        assert is_held(channel)
        worker.kill()
        assert not is_held(channel)


def test_a_process_that_fled_ends_when_the_worker_ends_itself(sandbox: WorkerServer) -> None:
    with sandbox.start(SMALL) as worker, other_end(worker) as channel:
        with pytest.raises(WorkerEnded) as ended:
            ask(worker, ESCAPE + "os._exit(0)")
        assert ended.value.reason == Ending("exit", "ended itself with exit code 0")
        assert not is_held(channel)


def test_a_process_that_fled_and_has_lost_its_first_thread_ends_with_the_worker(sandbox: WorkerServer) -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    go_on_without_a_leader(lambda: time.sleep(60))
time.sleep(0.3)
"""
    with sandbox.start(SMALL) as worker, other_end(worker) as channel:
        ask(worker, LEADERLESS + code)
        assert is_held(channel)
        worker.kill()
        assert not is_held(channel)


def test_signals_that_are_ignored_save_nothing(sandbox: WorkerServer) -> None:
    code = """
        import signal, threading
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()
        while True:
            try:
                while True: pass
            except BaseException: pass
    """
    assert attack(sandbox, code, seconds=0.3) == Ending("seconds", "took longer than 0.3 seconds")


def test_an_endless_loop_in_many_processes_ends_at_its_deadline(sandbox: WorkerServer) -> None:
    with sandbox.start(SMALL) as worker, other_end(worker) as channel:
        with pytest.raises(WorkerEnded) as ended:
            ask(worker, "import os\nfor _ in range(4): os.fork()\nwhile True: pass", seconds=0.3)
        assert ended.value.reason.kind == "seconds"
        assert not is_held(channel)


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import os; os._exit(0)", Ending("exit", "ended itself with exit code 0")),
        ("import os; os._exit(7)", Ending("exit", "ended itself with exit code 7")),
        ("import sys; sys.exit()", Ending("exit", "ended itself with exit code 0")),
        ("import sys; sys.exit(3)", Ending("exit", "ended itself with exit code 3")),
        ("import sys; sys.exit('enough')", Ending("exit", "ended itself with exit code 1")),
        ("raise KeyboardInterrupt", Ending("exit", "ended itself with exit code 1")),
        ("import os; os.kill(os.getpid(), 9)", Ending("signal", "was ended by signal 9 (SIGKILL)")),
        ("import os; os.abort()", Ending("signal", "was ended by signal 6 (SIGABRT)")),
        ("import ctypes; ctypes.string_at(0)", Ending("signal", "was ended by signal 11 (SIGSEGV)")),
        ("import os; os.kill(os.getpid(), 19); answer = 1", Ending("seconds", "took longer than 1 seconds")),
    ],
)
def test_the_end_of_a_worker_is_told_as_it_was(sandbox: WorkerServer, code: str, ending: Ending) -> None:
    assert attack(sandbox, code, seconds=1 if ending.kind == "seconds" else 20) == ending


def test_hooks_at_exit_do_not_run(sandbox: WorkerServer) -> None:
    code = "import atexit, os, sys; atexit.register(lambda: os._exit(99)); sys.exit(3)"
    assert attack(sandbox, code).detail == "ended itself with exit code 3"


def test_process_1_can_be_neither_killed_nor_stopped_nor_traced(sandbox: WorkerServer) -> None:
    needs(sandbox, "pid namespace")
    code = """
        import os, signal
        for number in range(1, 65):
            try: os.kill(1, number)
            except PermissionError: pass  # of Landlock
        answer = []
        for name in ("mem", "environ", "maps", "fd", "cwd", "root", "exe"):
            for use in (os.listdir, os.readlink, lambda path: open(path, "rb").read(1)):
                try: answer.append([name, repr(use(f"/proc/1/{name}"))])
                except OSError: pass
    """
    assert attack(sandbox, code) == []


def test_nothing_of_other_processes_is_seen(sandbox: WorkerServer) -> None:
    code = f"""
        import os
        answer = []
        for process in ({os.getpid()}, os.getppid(), {sandbox._zygote._process.pid}):
            for name in ("mem", "environ", "maps", "cmdline", "status", "task", "fd/0", "cwd/."):
                try: answer.append([process, name, os.stat(f"/proc/{{process}}/{{name}}") and
                                    open(f"/proc/{{process}}/{{name}}").read(1)])
                except OSError: pass
    """
    assert attack(sandbox, code) == []
    if sandbox.layers["own /proc"] is True:
        processes = attack(sandbox, "import os; answer = [name for name in os.listdir('/proc') if name.isdigit()]")
        assert processes == ["1", "2"]


def test_no_signal_reaches_the_outside(on_kernel: WorkerServer) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        code = f"""
            import os
            for process in ({bystander.pid}, {os.getpid()}, {on_kernel._zygote._process.pid}, os.getppid()):
                try: os.kill(process, 9)
                except OSError: pass
        """
        if on_kernel.layers["own /proc"] is not True:
            code = code.replace(", os.getppid()", "")
        attack(on_kernel, code)
        assert bystander.poll() is None
        bystander.kill()
    assert attack(on_kernel, "answer = 1") == 1


def test_a_signal_to_all_processes_ends_the_worker_alone(sandbox: WorkerServer) -> None:
    with sandbox.start(SMALL) as other:
        attack(sandbox, "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass")
        assert ask(other, "answer = 2") == 2


def test_no_descriptor_sends_its_signals_to_another_process(on_kernel: WorkerServer) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        code = f"""
            import array, fcntl, os, signal, struct
            answer = []
            for name, step in {{
                "F_SETSIG": lambda reader: fcntl.fcntl(reader, 10, signal.SIGTERM),
                "F_SETOWN": lambda reader: fcntl.fcntl(reader, fcntl.F_SETOWN, {bystander.pid}),
                "F_SETOWN_EX": lambda reader: fcntl.fcntl(reader, 15, struct.pack("ii", 1, {bystander.pid})),
                "FIOSETOWN": lambda reader: fcntl.ioctl(reader, 0x8901, struct.pack("i", {bystander.pid})),
                "SIOCSPGRP": lambda reader: fcntl.ioctl(channel, 0x8902, struct.pack("i", {bystander.pid})),
                "F_GETFL": lambda reader: fcntl.fcntl(reader, fcntl.F_GETFL),
            }}.items():
                reader, writer = os.pipe()
                try:
                    step(reader)
                    answer.append(name)
                    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
                except OSError: pass
                os.write(writer, b"x")
        """
        assert attack(on_kernel, code) == ["F_GETFL"]
        assert bystander.poll() is None
        bystander.kill()


def test_tracing_and_reading_other_processes_is_refused(sandbox: WorkerServer) -> None:
    code = """
        import ctypes, os, platform
        libc = ctypes.CDLL(None, use_errno=True)
        child = os.fork()
        if child == 0:
            import time; time.sleep(60)
        numbers = {"x86_64": (101, 310, 438, 312), "aarch64": (117, 270, 438, 272)}[platform.machine()]
        answer = []
        for number in numbers:  # ptrace(ATTACH), process_vm_readv, pidfd_getfd, kcmp
            result = libc.syscall(number, 16, child, 0, 0, 0, 0)
            answer.append([result, ctypes.get_errno()])
    """
    assert attack(sandbox, code) == [[-1, 1]] * 4


def test_limits_and_priorities_of_other_processes_stay(sandbox: WorkerServer) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        code = f"""
            import os, resource
            answer = []
            for process in ({bystander.pid}, {os.getpid()}, {sandbox._zygote._process.pid}):
                for change in (lambda: resource.prlimit(process, resource.RLIMIT_CPU, (0, 0)),
                               lambda: os.setpriority(os.PRIO_PROCESS, process, 19)):
                    try: answer.append(change())
                    except OSError: pass
        """
        assert attack(sandbox, code) == []
        bystander.kill()
