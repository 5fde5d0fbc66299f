"""Memory, processes, disk, output and processors: what a submission may use of each."""

import contextlib
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from sandbox import (
    LEADERLESS,
    SMALL,
    ask,
    attack,
    changed,
    is_held,
    needs,
    other_end,
)

from keras_cv_course.grading.jail.scratch import MOST_DEPTH, MOST_ENTRIES, Scratch, Unbounded, remove_tree
from keras_cv_course.grading.server import WorkerServer
from keras_cv_course.grading.worker import Ending, WorkerEnded, _ending


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


def test_page_tables_count_as_memory(sandbox: WorkerServer) -> None:
    code = """
        import mmap, os, time
        for _ in range(16):
            if os.fork() == 0:
                unwritten = mmap.mmap(-1, 7 * 2**30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)
                looked_at = [unwritten[place] for place in range(0, len(unwritten), 2**21)]
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


@pytest.mark.parametrize(
    ("limit", "files", "depth"),
    [("files", MOST_ENTRIES + 1, 0), ("depth", 0, MOST_DEPTH + 2), (None, MOST_ENTRIES - MOST_DEPTH, MOST_DEPTH)],
)
def test_a_folder_that_is_no_mount_says_which_limit_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, files: int, depth: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch = Scratch(SimpleNamespace(has=lambda layer: False, processes=None, stays_root=False), 0)
    Path(scratch.folder, *["d"] * depth).mkdir(parents=True, exist_ok=True)
    for number in range(files):
        Path(scratch.folder, str(number)).touch()
    if limit is None:
        assert scratch.used([]) <= 2**20  # folders, and files without content
    else:
        with pytest.raises(Unbounded, match=limit):
            scratch.used([])
    scratch.remove()
    assert list(tmp_path.iterdir()) == []


def test_many_files_are_not_told_as_bytes() -> None:
    assert _ending({"limit": "files"}, SMALL).detail == "made more than 8192 files and folders"
    assert "deep" in _ending({"limit": "depth"}, SMALL).detail
    assert "4.0 MB" in _ending({"limit": "disk"}, SMALL).detail
