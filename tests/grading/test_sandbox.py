"""What the code of a submission cannot do, tried from inside a worker."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox import ESCAPE, SMALL, STAND_IN, ask, attack, is_held, other_end

import keras_cv_course
from keras_cv_course.errors import SandboxError
from keras_cv_course.grading import server as server_module
from keras_cv_course.grading.jail.scratch import remove_tree
from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.worker import Ending, WorkerEnded

CHECKOUT = Path(__file__).parents[2]
PACKAGES = Path(sysconfig.get_path("purelib"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[WorkerServer]:
    """Give a server whose workers run what tests tell them, with the sandbox that a batch requires."""
    try:
        started = WorkerServer(worker_files=[STAND_IN], warm=False)
    except SandboxError as error:
        pytest.skip(str(error))
    with started:
        yield started


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that all users may pass and write to; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


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


# How the jail is changed to have a kernel's Landlock: this one's, and that of Linux 5.13.
KERNELS = {"this kernel": {}, "first Landlock": {"landlock.py": "abi = lambda: 1"}}


@pytest.fixture(scope="module", params=KERNELS)
def on_kernel(request: pytest.FixtureRequest) -> Iterator[WorkerServer]:
    """Give a server as `sandbox` does, also with what an older kernel has of Landlock."""
    with changed(KERNELS[request.param]) as server:
        yield server


def needs(sandbox: WorkerServer, *layers: str) -> None:
    """Skip where the layers are missing without which something is allowed."""
    for layer in layers:
        if sandbox.layers[layer] is not True:
            pytest.skip(f"no {layer}: {sandbox.layers[layer]}")


# Processes


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


# Ends the first thread of its process, while another goes on with `rest`.
LEADERLESS = """
def go_on_without_a_leader(rest):
    import ctypes, platform, threading
    threading.Thread(target=rest).start()
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
"""


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


# Memory, processes, disk, output


def test_a_memory_bomb_ends_for_memory(sandbox: WorkerServer) -> None:
    ending = attack(sandbox, "hoard = []\nwhile True: hoard.append(bytes([1]) * 2**20)")
    assert ending == Ending("memory", "used more than 200.0 MB of memory")


def test_a_memory_bomb_that_has_lost_its_first_thread_ends_for_memory(sandbox: WorkerServer) -> None:
    code = """
import time
def hoard():
    time.sleep(0.3)
    kept = bytes([1]) * (400 * 2**20)
    time.sleep(60)
go_on_without_a_leader(hoard)
"""
    assert attack(sandbox, LEADERLESS + code) == Ending("memory", "used more than 200.0 MB of memory")


def test_an_array_that_fits_nowhere_is_an_error_of_the_code(sandbox: WorkerServer) -> None:
    assert attack(sandbox, "bytearray(2**46)")["raised"] == "MemoryError"


def test_a_memory_bomb_in_many_processes_ends_for_memory(sandbox: WorkerServer) -> None:
    code = """
        import os, time
        for _ in range(16):
            if os.fork() == 0:
                hoard = bytes([1]) * (20 * 2**20)
                time.sleep(60)
        time.sleep(60)
    """
    assert attack(sandbox, code).kind == "memory"


def test_a_worker_is_what_the_system_ends_first_when_memory_runs_out(sandbox: WorkerServer) -> None:
    assert attack(sandbox, "answer = open('/proc/self/oom_score_adj').read()") == "1000\n"


@pytest.mark.parametrize(
    "code",
    [
        "import mmap; mmap.mmap(-1, 2**20)",  # shared and of no file
        "import os; os.memfd_create('hoard')",
        "import mmap; mmap.mmap(os.open('/dev/zero', os.O_RDWR), 2**20)",
        "open('/dev/shm/../../proc/self/mem', 'r+b')",
    ],
)
def test_memory_that_no_process_owns_is_refused(sandbox: WorkerServer, code: str) -> None:
    assert attack(sandbox, f"import os\n{code}")["raised"] in ("PermissionError", "FileNotFoundError")


def test_memory_of_the_kind_that_outlives_processes_is_refused(sandbox: WorkerServer) -> None:
    code = """
        import ctypes, platform
        libc = ctypes.CDLL(None, use_errno=True)
        numbers = {"x86_64": (29, 68, 64, 240), "aarch64": (194, 186, 190, 180)}[platform.machine()]
        answer = [[libc.syscall(number, 0, 2**20, 0o1600), ctypes.get_errno()] for number in numbers]
    """
    assert attack(sandbox, code) == [[-1, 1]] * 4  # shmget, msgget, semget, mq_open


def test_shared_memory_in_a_file_counts_as_disk(sandbox: WorkerServer) -> None:
    needs(sandbox, "mount namespace")
    code = """
        import mmap, os
        file = os.open("/dev/shm/hoard", os.O_CREAT | os.O_RDWR)
        os.ftruncate(file, 4 * 2**20 - 2**16)
        pages = mmap.mmap(file, 0)
        pages.write(bytes([1]) * len(pages))
        answer = os.statvfs(".").f_bavail
    """
    assert attack(sandbox, code) * 4096 <= 2**16


def test_a_fork_bomb_is_limited(sandbox: WorkerServer) -> None:
    code = """
        import os, time
        for _ in range(200):
            if os.fork() == 0: time.sleep(60)
        time.sleep(60)
    """
    outcome = attack(sandbox, code)
    assert outcome == Ending("processes", "ran more than 24 processes and threads") or (
        outcome["raised"] == "BlockingIOError"
    )


def test_a_fork_bomb_that_forks_itself_ends(sandbox: WorkerServer) -> None:
    with sandbox.start(SMALL) as worker, other_end(worker) as channel:
        code = """
            import os
            while True:
                try: os.fork()
                except OSError: pass
        """
        with pytest.raises(WorkerEnded) as ended:
            ask(worker, code, seconds=1)
        assert ended.value.reason.kind in ("seconds", "processes")
        assert not is_held(channel)


def test_a_thread_bomb_is_limited(sandbox: WorkerServer) -> None:
    code = """
        import threading, time
        for _ in range(200): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        time.sleep(60)
    """
    outcome = attack(sandbox, code)
    assert (isinstance(outcome, Ending) and outcome.kind == "processes") or outcome["raised"] == "RuntimeError"


def test_as_many_threads_as_allowed_work(sandbox: WorkerServer) -> None:
    code = """
        import threading, time
        threads = [threading.Thread(target=time.sleep, args=(0.1,)) for _ in range(20)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        answer = "done"
    """
    assert attack(sandbox, code) == "done"


def test_a_disk_bomb_fills_the_scratch_folder_and_nothing_else(sandbox: WorkerServer) -> None:
    code = """
        for number in range(100):
            open(f"bomb{number}", "wb").write(bytes(2**20))
    """
    outcome = attack(sandbox, code)
    if sandbox.layers["mount namespace"] is True:
        assert outcome["raised"] == "OSError"
        assert "No space left" in outcome["message"]
    else:
        assert outcome == Ending("disk", "wrote more than 4.0 MB to files")


def test_one_huge_file_is_refused(sandbox: WorkerServer) -> None:
    assert attack(sandbox, "open('huge', 'wb').truncate(2**40)")["raised"] == "OSError"


def test_empty_files_are_limited_too(sandbox: WorkerServer) -> None:
    needs(sandbox, "mount namespace")
    assert attack(sandbox, "for number in range(20000): open(f'{number}', 'w').close()")["raised"] == "OSError"


@pytest.mark.parametrize(
    "code",
    [
        "while True: os.mkdir('d'); os.chdir('d')",
        "for number in range(10**7): os.mkdir(f'{number:0200}')",
        "for _ in range(20): os.mkdir('d' * 250); os.chdir('d' * 250)\nfill()",  # a path longer than the system takes
        "os.mkdir('d', 0o300); os.chdir('d'); fill()",  # which nobody may list
        "os.mkdir('d'); os.chdir('d'); fill(); os.rename('../d', '../e'); os.open('..', os.O_RDONLY)",
        "list(map(fill_and_remove, range(20)))",
        "for n in range(20): fill_and_remove(n); maps.append(mmap.mmap(files[-1].fileno(), 0)); files.pop()",
        LEADERLESS + "os.fork() or go_on_without_a_leader(lambda: [fill(), time.sleep(60)])",
        LEADERLESS + "os.fork() or go_on_without_a_leader(lambda: [*map(fill_and_remove, range(20)), time.sleep(60)])",
    ],
    ids=["deep", "many", "far", "closed", "moved", "removed", "mapped", "leaderless", "removed and leaderless"],
)
def test_a_bomb_of_folders_and_files_ends_and_leaves_nothing(sandbox: WorkerServer, code: str) -> None:
    prepare = """
import mmap, os, time
files, maps = [], []
def fill(number=20):
    for name in map(str, range(number)):
        files.append(open(name, "wb+", buffering=0))
        files[-1].write(bytes(2**20 - 4096))
def fill_and_remove(number):
    fill(1)
    os.remove("0")
"""
    with sandbox.start(SMALL) as worker:
        scratch = ask(worker, "import os; answer = os.path.dirname(os.getcwd())")
        try:
            outcome = ask(worker, f"{prepare}\n{code}\ntime.sleep(60)", seconds=3)["message"]
        except WorkerEnded as ended:
            outcome = ended.reason.kind
    if sandbox.layers["mount namespace"] is True:
        assert outcome == "seconds" or "No space left" in outcome
    else:
        assert outcome == "disk"
        assert not Path(scratch).exists()


@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_flood_of_output_ends_for_output(sandbox: WorkerServer, descriptor: int) -> None:
    ending = attack(sandbox, f"import os\nwhile True: os.write({descriptor}, bytes(65536))")
    assert ending == Ending("output", "printed more than 1.0 MB")


def test_output_below_the_limit_is_swallowed(sandbox: WorkerServer) -> None:
    assert attack(sandbox, "print('.' * 500_000, flush=True); answer = 1") == 1


def test_few_processors_are_used(sandbox: WorkerServer) -> None:
    code = "import os; before = os.sched_getaffinity(0); os.sched_setaffinity(0, before)"
    assert attack(sandbox, code)["raised"] == "PermissionError"
    assert attack(sandbox, "import os; answer = len(os.sched_getaffinity(0))") <= 4


def test_workers_that_live_at_the_same_time_have_different_processors_and_users() -> None:
    # A machine with 40 processors and few users, where chance alone would hardly keep six workers apart; some may be
    # claimed by the workers of a grader that runs beside this test.
    machine = """
os.sched_getaffinity = lambda process: set(range(40))
os.sched_setaffinity = lambda process, chosen: os.environ.__setitem__("CHOSEN", str(sorted(chosen)))
_TEMPORARY_USERS = _TEMPORARY_USERS[:10]
"""
    code = "import json, os; answer = [os.getuid(), json.loads(os.environ['CHOSEN'])]"
    with contextlib.ExitStack() as ending:
        servers = [ending.enter_context(changed({"enter.py": machine})) for _ in range(2)]
        for _ in range(2):  # those of the first time give back what they had
            with contextlib.ExitStack() as workers:
                alive = [workers.enter_context(server.start(SMALL)) for server in servers for _ in range(3)]
                answers = [ask(worker, code) for worker in alive]
            assert len({number for _, processors in answers for number in processors}) == 6 * 4
            assert len({user for user, _ in answers}) == (6 if servers[0].layers["own user"] is True else 1)


# Network


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"])
def test_no_socket_can_be_made(sandbox: WorkerServer, family: str) -> None:
    code = f"import socket; socket.socket(socket.{family}, socket.SOCK_RAW if 'PACKET' in '{family}' else 1)"
    assert attack(sandbox, code)["raised"] == "PermissionError"


def test_the_channel_reaches_no_other_socket(sandbox: WorkerServer) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0kcc-test-of-the-sandbox")
        listener.listen()
        code = """
            import socket
            channel = socket.socket(fileno=3)
            answer = []
            for step in (lambda: channel.connect("\\0kcc-test-of-the-sandbox"), lambda: channel.bind("\\0mine"),
                         lambda: channel.listen(), lambda: channel.accept(), lambda: socket.socketpair(),
                         lambda: socket.send_fds(channel, [b"x"], [0])):
                try: answer.append(repr(step()))
                except PermissionError: pass
            channel.detach()
        """
        assert attack(sandbox, code) == []


def test_the_network_namespace_has_nothing_but_a_loopback_that_is_down(sandbox: WorkerServer) -> None:
    needs(sandbox, "network namespace")
    code = "import os; answer = open(f'/proc/{os.getpid()}/net/dev').read().splitlines()[2:]"
    devices = attack(sandbox, code)
    assert [device.split(":")[0].strip() for device in devices] == ["lo"]


# What comes in


def test_no_descriptor_is_open_but_the_four(sandbox: WorkerServer) -> None:
    code = """
        import os
        answer = {}
        for descriptor in range(1024):
            try: os.fstat(descriptor)
            except OSError: continue
            answer[descriptor] = os.readlink(f"/proc/self/fd/{descriptor}").partition(":")[0]
    """
    assert attack(sandbox, code) == {"0": "/dev/null", "1": "pipe", "2": "pipe", "3": "socket"}


def test_the_environment_and_the_memory_hold_nothing_of_the_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "only-the-grader-knows-" + str(os.getpid())
    monkeypatch.setenv("SECRET", secret)
    # In two pieces, so that the code which searches does not find itself.
    code = f"""
        import os, re
        word = ("only-the-grader-" + "knows-{os.getpid()}").encode()
        found = [name for name, value in os.environb.items() if word in value]
        import ctypes
        for line in open(f"/proc/{{os.getpid()}}/maps"):
            start, end = (int(edge, 16) for edge in line.split()[0].split("-"))
            if " rw" in line and "vvar" not in line:
                pages = ctypes.string_at(start, end - start)
                for place in re.finditer(re.escape(word), pages):
                    found.append(pages[place.start() - 20 : place.end()].decode("latin-1"))
        answer = [place for place in found if "SECRET" in place]
        answer.append(sorted(os.environ))
    """
    with WorkerServer(worker_files=[STAND_IN], warm=False) as server:
        *found, names = attack(server, code, memory=2**30)
    assert found == []
    assert "SECRET" not in names


def test_a_set_of_strings_has_the_same_order_in_every_server(sandbox: WorkerServer) -> None:
    code = "answer = list({str(number) for number in range(50)})"
    with WorkerServer(worker_files=[STAND_IN], warm=False) as other:
        assert attack(sandbox, code) == attack(other, code)


# Files


def libraries() -> list[Path]:
    """Give the folders of packages and of Python itself, which a worker sees."""
    packages = [Path(path) for path in sys.path if path.endswith("-packages")]
    return [*packages, Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix, "lib"), Path("/usr/lib")]


def test_files_of_the_grader_can_be_neither_read_nor_listed(sandbox: WorkerServer, tmp_path: Path) -> None:
    (tmp_path / "other_submission.py").write_text("answer = 42")
    paths = [
        *(
            tmp_path,
            tmp_path / "other_submission.py",
            Path(tempfile.gettempdir()),
            Path.home(),
            Path.home() / ".bashrc",
        ),
        *(CHECKOUT, CHECKOUT / "assignments", CHECKOUT / "assignments/03_car_detection/hidden_checks.py"),
        *(CHECKOUT / "keras_cv_course/grading/server.py", CHECKOUT / ".git/config", Path(__file__), STAND_IN),
        *map(Path, ("/etc/shadow", "/etc/passwd", "/etc/hostname", "/var/log", "/home", "/usr/bin/env", "/sys/kernel")),
        *map(Path, ("/", "/etc", "/usr", "/dev", "/run", "/opt", "/mnt", "/proc/1/root", "/proc/self/root/etc/shadow")),
    ]
    code = f"""
        import os
        answer = {{}}
        for path in {[str(path) for path in paths]}:
            try: answer[path] = os.listdir(path)
            except OSError:
                try: answer[path] = repr(open(path, "rb").read(10))
                except OSError: pass
    """
    seen = attack(sandbox, code)
    ways = {str(path) for library in libraries() for path in (library, *library.parents)}
    of_the_sandbox = {*ways, *(f"/{name}" for name in ("proc", "dev", "scratch", "tmp", "lib", "lib64", "lib32"))}
    of_the_sandbox |= {
        "/etc",
        "/usr/lib64",
        "/usr/lib32",
        "/usr/share",
        "/usr/local",
        "/etc/ld.so.cache",
        "/etc/localtime",
    }
    of_the_sandbox |= {f"/dev/{name}" for name in ("null", "random", "urandom", "shm")}
    for folder, names in seen.items():
        assert isinstance(names, list), f"{folder} could be read"
        if folder != tempfile.gettempdir():  # which is the scratch folder there
            assert {str(Path(folder, name)) for name in names} <= of_the_sandbox
    assert "other_submission.py" not in seen.get(tempfile.gettempdir(), [])


def test_no_file_of_the_package_has_a_name_in_the_sandbox(sandbox: WorkerServer) -> None:
    needs(sandbox, "mount namespace")
    code = """
        import os
        answer = [0]
        for folder, folders, files in os.walk("/"):
            if folder == "/": folders.remove("proc")
            answer[0] += len(files)
            answer += [f"{folder}/{name}" for name in folders + files if "cv_course" in name or "hidden_checks" in name]
    """
    number, *found = attack(sandbox, code)
    assert number > 10_000  # it did look
    assert found == []


CANNOT_IMPORT = ("ModuleNotFoundError", "PermissionError", "ImportError")


def test_the_package_cannot_be_imported(sandbox: WorkerServer) -> None:
    assert Path(keras_cv_course.__file__).is_relative_to(CHECKOUT)  # installed editable: in two places
    for path in (CHECKOUT, PACKAGES, PACKAGES / "keras_cv_course", CHECKOUT / "keras_cv_course"):
        code = f"import sys; sys.path.insert(0, {str(path)!r})\nimport keras_cv_course.models.resnet"
        assert attack(sandbox, code)["raised"] in CANNOT_IMPORT
    code = "import sys; answer = [name for name in sys.modules if 'cv_course' in name] + [p for p in sys.path if not p]"
    assert attack(sandbox, code) == []
    assert attack(sandbox, f"import sys; answer = {str(CHECKOUT)!r} in sys.path") is False


def test_the_package_installed_as_a_wheel_is_hidden_and_its_neighbours_are_not(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = open_folder / "site-packages"
    for name in ("keras_cv_course", "Keras_CV_course-1.0.dist-info", "neighbour"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").write_text("secret = 42")
    (packages / "__editable__.keras_cv_course-1.0.pth").write_text("import keras_cv_course")
    for path in (packages, *packages.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    monkeypatch.syspath_prepend(str(packages))
    with WorkerServer(worker_files=[STAND_IN], warm=False) as server:
        assert attack(server, "import neighbour; answer = neighbour.secret") == 42
        for name in ("keras_cv_course", "Keras_CV_course-1.0.dist-info"):
            code = f"import importlib; answer = importlib.import_module({name!r}).secret"
            assert attack(server, code)["raised"] in CANNOT_IMPORT
        code = f"import os; answer = open({str(packages / 'keras_cv_course/__init__.py')!r}).read()"
        assert attack(server, code)["raised"] in ("FileNotFoundError", "PermissionError")
        if server.layers["mount namespace"] is True:
            assert attack(server, f"import os; answer = os.listdir({str(packages)!r})") == ["neighbour"]


def test_nothing_outside_the_scratch_folder_can_be_changed(sandbox: WorkerServer) -> None:
    victims = [str(path) for path in (PACKAGES / "numpy/__init__.py", Path(os.__file__), CHECKOUT / "README.md")]
    folders = ["/", "/etc", "/usr", "/usr/lib", "/dev", "/proc", "/proc/self", "/var/tmp", str(PACKAGES), str(CHECKOUT)]
    code = f"""
        import os
        answer = []
        def attempt(name, step):
            try: step()
            except OSError: return
            answer.append(name)
        for folder in {folders}:
            attempt(f"create in {{folder}}", lambda: open(f"{{folder}}/mine", "w"))
            attempt(f"make {{folder}}", lambda: os.mkdir(f"{{folder}}/mine"))
            attempt(f"link {{folder}}", lambda: os.symlink("/", f"{{folder}}/mine"))
        for file in {victims}:
            attempt(f"write {{file}}", lambda: open(file, "r+"))
            attempt(f"truncate {{file}}", lambda: os.truncate(file, 0))
            attempt(f"remove {{file}}", lambda: os.remove(file))
            attempt(f"rename {{file}}", lambda: os.rename(file, file + ".old"))
            attempt(f"change mode of {{file}}", lambda: os.chmod(file, 0o777))
            attempt(f"change time of {{file}}", lambda: os.utime(file, (0, 0)))
            attempt(f"link {{file}}", lambda: os.link(file, "mine"))
        for file in ("/proc/self/mem", "/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/sys/kernel/hostname"):
            attempt(f"write {{file}}", lambda: open(file, "r+"))
        for file in ("/dev/null", "/dev/urandom"):
            attempt(f"change {{file}}", lambda: os.chmod(file, 0o777))
    """
    assert attack(sandbox, code) == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_files_of_the_user_who_grades_stay_as_they_are(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    packages = open_folder / "site-packages"
    packages.mkdir()
    packages.chmod(0o755)
    files = [open_folder / "gradebook.csv", packages / "library.py"]
    for file in files:
        file.write_text("as it was")
        file.chmod(0o666)
    monkeypatch.syspath_prepend(str(packages))
    code = f"""
        import fcntl, os, struct
        def attempt(name, step):
            try: step()
            except OSError: return
            answer.append(name)
        answer = []
        for file in {[str(file) for file in files]}:
            attempt(f"read {{file}}", lambda: open(file).read())
            attempt(f"mode of {{file}}", lambda: os.chmod(file, 0o600))
            attempt(f"mode by descriptor of {{file}}", lambda: os.chmod(os.open(file, os.O_RDONLY), 0o600))
            attempt(f"owner of {{file}}", lambda: os.chown(file, os.getuid(), os.getgid()))
            attempt(f"time of {{file}}", lambda: os.utime(file))
            attempt(f"attribute of {{file}}", lambda: os.setxattr(file, "user.mine", b"1"))
            attempt(f"flags of {{file}}", lambda: fcntl.ioctl(os.open(file, 0), 0x40086602, struct.pack("l", 0x40)))
            attempt(f"lease of {{file}}", lambda: fcntl.fcntl(os.open(file, os.O_RDONLY), 1024, fcntl.F_RDLCK))
            attempt(f"truncate {{file}}", lambda: os.truncate(file, 0))
            for mode in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, 3):
                attempt(f"empty by opening with {{mode}} {{file}}", lambda: os.open(file, mode | os.O_TRUNC))
    """

    def states() -> list[object]:
        return [(file.read_text(), os.listxattr(file), *file.stat()[:6], file.stat().st_ctime_ns) for file in files]

    before = states()
    with changed(KERNELS[kernel]) as sandbox:
        assert attack(sandbox, code) == [f"read {files[1]}"]
    assert states() == before


def test_every_mount_but_the_scratch_folder_is_read_only(sandbox: WorkerServer) -> None:
    needs(sandbox, "mount namespace")
    mounts = [line.split() for line in attack(sandbox, "answer = open('/proc/self/mountinfo').read()").splitlines()]
    options = {
        fields[4]: fields[5].split(",") for fields in mounts
    }  # of the last mount at a place, which covers others
    assert len(options) > 5
    for place, of_mount in options.items():
        assert "ro" in of_mount or place == "/scratch" or place.startswith(("/dev/", "/proc/")), place
        assert "nosuid" in of_mount or place.startswith("/dev/"), place


def test_the_scratch_folder_is_empty_and_can_be_used(sandbox: WorkerServer) -> None:
    code = """
        import os, tempfile
        before = os.listdir(".")
        open("file", "w").write("x")
        os.rename("file", "other")
        with tempfile.TemporaryFile() as file: file.write(b"x")
        answer = [before, os.listdir("."), os.environ["HOME"] == os.getcwd()]
    """
    assert attack(sandbox, code) == [[], ["other"], True]
    assert attack(sandbox, code) == [[], ["other"], True]  # nothing is left for the next


# New namespaces, privileges, system calls


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


# The same on other machines


def run_here_as(folder: Path, prepare: str, command: list[str]) -> None:
    """Run the tests of this file in another setting: after a shell script, by a command."""
    tests = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-k", "not elsewhere", __file__]
    script = folder / "run.sh"
    script.write_text(f'set -e\n{prepare}\nexec "$@"\n')
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    done = subprocess.run(
        ["unshare", "--mount", "sh", str(script), *command, *tests],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def open_to_all(path: Path) -> str:
    """Give shell commands that let other users pass the folders on the way to `path`, in this mount namespace."""
    closed = [folder for folder in path.parents if not folder.stat().st_mode & 0o001]
    if not closed:
        return ""
    folder = closed[-1]
    return f"""
        hold=$(mktemp -d); mount -t tmpfs none $hold; mkdir $hold/path; mount --bind {path} $hold/path
        mount -t tmpfs -o mode=755 none {folder}; mkdir -p {path}; mount --bind $hold/path {path}
    """


@pytest.fixture
def as_root(open_folder: Path) -> Path:
    """Give a folder that all may use, or skip where the tests do not run as root."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("needs root with mounts, to try what others have")
    return open_folder


USER = ["setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups"]
# What Docker's default profile does to a container without privileges: no namespaces, no mounts.
CONTAINER = [
    sys.executable,
    "-c",
    "import os, sys; from keras_cv_course.grading.jail import seccomp\n"
    "names = ('unshare', 'mount', 'setns', 'pivot_root', 'mount_setattr')\n"
    "seccomp.REFUSED = {name: seccomp.REFUSED[name] for name in names}\n"
    "seccomp.install(other_processes_visible=False, other_files_visible=False); os.execvp(sys.argv[1], sys.argv[1:])",
]


def test_all_of_this_holds_elsewhere_without_root(as_root: Path) -> None:
    run_here_as(as_root, open_to_all(Path(sys.base_prefix)), USER)


def test_all_of_this_holds_elsewhere_in_a_container(as_root: Path) -> None:
    run_here_as(as_root, open_to_all(Path(sys.base_prefix)), CONTAINER)


def test_all_of_this_holds_elsewhere_in_a_container_without_root(as_root: Path) -> None:
    run_here_as(as_root, open_to_all(Path(sys.base_prefix)), [*USER, *CONTAINER])


def test_a_tree_of_any_depth_without_permissions_is_removed(tmp_path: Path) -> None:
    home, top = Path.cwd(), tmp_path / "top"
    (top / "empty").mkdir(parents=True)
    (top / "link").symlink_to(tmp_path)
    try:
        os.chdir(top)
        for _ in range(1500):
            Path("a folder").mkdir()
            os.chdir("a folder")
        Path("file").touch()
    finally:
        os.chdir(home)
    (top / "a folder").chmod(0)
    remove_tree(str(top))
    assert list(tmp_path.iterdir()) == []
