"""Process 1 of a worker's pid namespace, and the worker's last steps into the sandbox.

The reaper waits for the worker, and for all processes whose own parents end; when it ends, or is killed, the kernel
kills everything in its pid namespace. It tells the keeper how the worker ended.

Stands alone: imports the standard library only, and is loaded by its path; its siblings come with the jail.
"""

import fcntl
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

CHANNEL = 3
_OTHERS = 2  # processes of the worker's user beside the submission's: keeper and reaper
_MARGIN = 1000  # threads that the user may start elsewhere meanwhile
_PROC_FILES = ("cpuinfo", "meminfo", "stat", "sys/kernel/osrelease", "sys/vm/overcommit_memory")


class Work(NamedTuple):
    """What a worker is to be.

    Attributes:
        channel: becomes its descriptor 3.
        output: becomes its 1 and 2.
        news: to the keeper, in lines of JSON.
        limits: as in the grader's Limits.
        scratch: the folder that it may write to.
        main: what it runs, with its descriptor of the channel.
    """

    channel: int
    output: int
    news: int
    limits: dict[str, int]
    scratch: str
    main: Callable[[int], None]


def reap(jail: Any, work: Work) -> NoReturn:
    """Start the worker, wait for it, tell how it ended.

    Args:
        jail: the ways into the sandbox.
        work: what the worker is to be.
    """
    news = work.news
    enter = jail.enter
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which process 1 never gets from its own namespace
        if sys.platform == "linux":
            enter.die_with_parent()
            enter.be_killed_first()
            _mount_proc(jail)
            if not jail.has("pid namespace"):
                enter.adopt_orphans()
            enter.set_dumpable(False)
        worker = os.fork()
        if worker == 0:
            _work(jail, work)
        close_all_but(news)
        if sys.platform == "linux" and not jail.stays_root:
            enter.drop_privileges()
        ended = None
        while ended != worker:
            ended, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        _tell(news, {"exit": code} if code >= 0 else {"signal": -code})
    except BaseException:
        _tell(news, {"failed": traceback.format_exc()})
    finally:  # also where the keeper has ended, and nobody listens
        os._exit(0)


def _mount_proc(jail: Any) -> None:
    """Show the worker no processes but its own."""
    if not (jail.has("pid namespace") and jail.has("mount namespace")):
        jail.layers["own /proc"] = "needs a pid and a mount namespace"
        return
    try:
        jail.new_root.mount_proc(own_user_namespace=jail.has("user namespace"))
        jail.layers["own /proc"] = True
    except OSError as error:  # in a container which hides parts of its own
        jail.layers["own /proc"] = error.strerror or str(error)


def _work(jail: Any, work: Work) -> NoReturn:
    """Take the last steps into the sandbox, and run the submission's side."""
    news = work.news
    try:
        channel, output, news = (fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in work[:3])
        for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2), (channel, 3)):
            os.dup2(descriptor, target)
        close_all_but(0, 1, 2, CHANNEL, news)
        _prepare_scratch(jail, work.scratch)
        layers = jail.layers | _lock(jail, work.limits, work.scratch)
        _tell(news, {"layers": layers})
        os.close(news)
    except BaseException:
        try:
            _tell(news, {"failed": traceback.format_exc()})
        finally:
            os._exit(1)
    code = 1
    try:
        work.main(CHANNEL)
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code & 255)  # no hook at exit runs, no thread is waited for


def _prepare_scratch(jail: Any, scratch: str) -> None:
    """Make its folders, go there, and become who may write there."""
    os.umask(0o077)
    folders = jail.new_root.make_scratch_folders(scratch)
    if jail.stays_root:
        jail.enter.become_user(jail.user, owner_of=(scratch, *folders.values()))
    jail.enter.set_dumpable(not jail.has("mount namespace"))  # then the keeper must see what is open
    os.environ |= {"HOME": folders["home"], "TMPDIR": folders["tmp"], "KERAS_HOME": f"{folders['home']}/.keras"}
    os.environ["MPLCONFIGDIR"] = f"{folders['tmp']}/matplotlib"
    tempfile.tempdir = folders["tmp"]
    os.chdir(folders["home"])
    sys.argv = [""]


def _lock(jail: Any, limits: dict[str, int], scratch: str) -> dict[str, bool | str]:
    """Give up, for good, what the submission's code must not have; give the layers that are active."""
    enter = jail.enter
    linux_only = ("no privileges", "landlock", "seccomp")
    if jail.changes_user or (jail.has("user namespace") and enter.counts_by_namespace()):
        threads = limits["processes"] + _OTHERS
    else:  # all of the user's count: this stops a bomb, and the keeper sees to the limit itself
        threads = limits["processes"] + enter.threads_of_user() + _MARGIN

    def limit_resources() -> None:
        enter.use_processors(jail.processors)
        enter.limit_resources(memory=limits["memory"], disk=limits["disk"], threads=threads)

    layers: dict[str, bool | str] = {}
    for name, step in {
        "resource limits": limit_resources,
        "no privileges": enter.drop_privileges,
        "landlock": lambda: jail.landlock.restrict(_files(jail, scratch)),
        "seccomp": lambda: jail.seccomp.install(
            other_processes_visible=not jail.has("pid namespace"),
            other_files_visible=not jail.has("mount namespace"),
        ),
    }.items():
        try:
            if name in linux_only and sys.platform != "linux":
                raise OSError("needs Linux")
            step()
            layers[name] = True
        except OSError as error:
            layers[name] = error.strerror or str(error)
    return layers


def _files(jail: Any, scratch: str) -> dict[str, int]:
    """Give Landlock's rights for each path that the worker may open."""
    landlock, new_root = jail.landlock, jail.new_root
    files = {scratch: landlock.all_file_rights(), os.devnull: landlock.READ_FILE | landlock.WRITE}
    files |= dict.fromkeys((f"/proc/{os.getpid()}", *(f"/proc/{name}" for name in _PROC_FILES)), landlock.READ)
    if jail.has("mount namespace"):
        files["/"] = landlock.READ_DIR
        return files | {f"/{name}": landlock.READ for name in os.listdir("/") if f"/{name}" not in ("/proc", scratch)}
    files |= dict.fromkeys(new_root.DEVICES, landlock.READ_FILE) | files
    hidden = new_root.folders_with_hidden(jail.libraries)
    for folder in jail.libraries:
        files |= _without_hidden(folder, hidden, jail)
    return files


def _without_hidden(folder: str, hidden: list[str], jail: Any) -> dict[str, int]:
    """Give rights for a folder and all below it, but not for what is hidden in folders of packages."""
    landlock = jail.landlock
    if not any(path == folder or path.startswith(f"{folder}/") for path in hidden):
        return {folder: landlock.READ}
    files = {folder: landlock.READ_DIR}  # also below: names can be listed, files not be opened
    if folder in hidden:
        return files | {entry.path: landlock.READ for entry in jail.new_root.shown_entries(folder)}
    for entry in os.scandir(folder):
        files |= _without_hidden(entry.path, hidden, jail)
    return files


def close_all_but(*descriptors: int) -> None:
    """Close all descriptors but these."""
    first = 0
    for descriptor in sorted(descriptors):
        if first < descriptor:  # os.closerange(0, 0) closes all
            os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, 65536)


def _tell(news: int, content: dict[str, Any]) -> None:
    os.write(news, json.dumps(content).encode() + b"\n")
