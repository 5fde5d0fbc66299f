"""New namespaces, privileges, system calls."""

import os
import signal

import pytest
from sandbox import attack, needs

from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.worker import Ending


def test_new_namespaces_and_mounts_are_refused(sandbox: WorkerServer) -> None:
    code = """
        import ctypes, os, platform
        libc = ctypes.CDLL(None, use_errno=True)
        answer = []
        def attempt(name, result):
            if result >= 0: answer.append(name)
        for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
            attempt(f"unshare {flag:x}", libc.unshare(flag))
            if flag != 0x80:  # of a new process's clock: clone has no such flag
                clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
                child = libc.syscall(clone, flag | 17, 0, 0, 0, 0)
                if child == 0: os._exit(0)
                attempt(f"clone {flag:x}", child)
        attempt("clone3", libc.syscall(435, 0, 0))
        attempt("setns", libc.setns(os.open("/proc/self/ns/user", os.O_RDONLY), 0))
        attempt("mount", libc.mount(b"none", b"/scratch", b"tmpfs", 0, 0))
        attempt("bind", libc.mount(b"/", b"/scratch/home", 0, 4096, 0))
        attempt("umount", libc.umount2(b"/scratch", 2))
        attempt("chroot", libc.chroot(b"/scratch"))
        attempt("root", libc.setuid(0))
        attempt("group", libc.setgid(0))
    """
    assert attack(sandbox, code) == []


def test_there_are_no_capabilities_and_no_way_to_any(sandbox: WorkerServer) -> None:
    code = "answer = dict(line.split(':', 1) for line in open('/proc/self/status'))"
    status = {name: value.strip() for name, value in attack(sandbox, code).items()}
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    if sandbox.layers["user namespace"] is True:
        assert int(status["CapBnd"], 16) == 0
    if sandbox.layers["own user"] is True:
        assert set(status["Uid"].split()) != {"0"}
        assert status["Groups"].split() in ([], [status["Uid"].split()[0]])


def test_every_system_call_of_the_list_is_refused(sandbox: WorkerServer) -> None:
    from keras_cv_course.grading.jail.seccomp import REFUSED

    code = f"""
        import ctypes, os, platform
        libc = ctypes.CDLL(None, use_errno=True)
        place = ("x86_64", "aarch64").index(platform.machine())
        answer = [name for name, numbers in {REFUSED}.items() if numbers[place] is not None
                  and (libc.syscall(numbers[place], 0, 0, 0, 0, 0, 0), ctypes.get_errno()) != (-1, 1)]
    """
    assert attack(sandbox, code) == []


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the other calling conventions of x86_64")
@pytest.mark.parametrize("call", ["b8 14 00 00 00 cd 80 c3", "b8 27 00 00 40 0f 05 c3"], ids=["32 bits", "x32"])
def test_other_calling_conventions_end_the_worker(sandbox: WorkerServer, call: str) -> None:
    code = f"""
        import ctypes, mmap
        page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        page.write(bytes.fromhex({call!r}))
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """
    assert attack(sandbox, code) == Ending("signal", f"was ended by signal {int(signal.SIGSYS)} (SIGSYS)")


def test_no_program_can_be_started(sandbox: WorkerServer) -> None:
    needs(sandbox, "seccomp")
    for code in ("import subprocess; subprocess.run(['/bin/sh'])", "import os; os.execv('/usr/bin/env', ['env'])"):
        assert attack(sandbox, code)["raised"] in ("PermissionError", "FileNotFoundError")
    assert attack(sandbox, "import os; answer = os.system('true')") != 0


def test_a_function_of_python_can_be_called_from_c(sandbox: WorkerServer) -> None:
    code = """
        import ctypes
        compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
        numbers = (ctypes.c_int * 3)(3, 1, 2)
        ctypes.CDLL(None).qsort(numbers, 3, 4, compare(lambda a, b: a[0] - b[0]))
        answer = list(numbers)
    """
    assert attack(sandbox, code) == [1, 2, 3]
