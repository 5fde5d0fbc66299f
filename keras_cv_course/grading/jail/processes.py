"""What `/proc` tells of a worker's processes: which there are, and what they hold.

A process can go on when its first thread has ended: then only its other threads tell.

Stands alone: imports the standard library only, and is loaded by its path.
"""

import contextlib
import os
import stat
from collections.abc import Iterator

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PAGE_TABLES = b"VmPTE:"  # a line of a process's status, in units of 1024 bytes
_BLOCK = 512  # bytes; a file's size on the disk is told in these
_REMOVED = " (deleted)"  # after the name of a file


def descendants(ancestor: int) -> Iterator[int]:
    """Yield the processes below one, as far as /proc shows them."""
    parents: dict[int, list[int]] = {}
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    for name in filter(str.isdigit, names):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name before may hold anything
            state, parent, threads = fields[0], int(fields[1]), int(fields[17])
            if state not in (b"Z", b"X") or threads > 1:
                parents.setdefault(parent, []).append(int(name))
    family = [ancestor]
    for process in family:
        family += parents.get(process, [])
    yield from family[1:]


def thread_count(process: str) -> int:
    """Count the threads of a process.

    Raises:
        OSError: if it has ended.
    """
    return os.stat(f"/proc/{process}/task").st_nlink - 2


def private_bytes(process: str) -> int:
    """Give the memory that a process shares with no file; 0 where it has ended, or the system does not tell.

    With its page tables, which grow with all that was ever looked at, also where nothing was written.
    """
    with contextlib.suppress(OSError):
        for folder in _threads(process):
            with open(f"{folder}/statm") as statm:
                _, resident, shared, *_ = map(int, statm.read().split())
            if resident:
                return (resident - shared) * _PAGE + _page_tables(folder)
    return 0


def _page_tables(folder: str) -> int:
    with open(f"{folder}/status", "rb") as status:
        return sum(int(line.split()[1]) * 1024 for line in status if line.startswith(_PAGE_TABLES))


def removed_files(process: str, below: str) -> dict[int, int]:
    """Give the files without a name that a process has open, or in its memory.

    Args:
        process: its number.
        below: folder in which they were; a path without links.

    Returns:
        Number of the file -> bytes.

    Raises:
        OSError: if it has ended.
    """
    files: dict[int, int] = {}
    threads = list(_threads(process))
    for folder in threads:  # each can have descriptors of its own
        descriptors: list[str] = []
        with contextlib.suppress(OSError):  # this thread has just ended
            descriptors = os.listdir(f"{folder}/fd")
        for descriptor in descriptors:
            with contextlib.suppress(OSError):  # this one has just been closed; the others count
                link = f"{folder}/fd/{descriptor}"
                if os.readlink(link).startswith(f"{below}/"):
                    file = os.stat(link)
                    if stat.S_ISREG(file.st_mode) and file.st_nlink == 0:
                        files[file.st_ino] = file.st_blocks * _BLOCK
    for folder in threads:
        with contextlib.suppress(OSError), open(f"{folder}/maps", errors="replace") as maps:
            lines = maps.readlines()
            for line in lines:
                addresses, _, _, _, inode, *path = line.rstrip("\n").split(maxsplit=5)
                if path and path[0].startswith(f"{below}/") and path[0].endswith(_REMOVED):
                    start, end = (int(edge, 16) for edge in addresses.split("-"))
                    files.setdefault(int(inode), end - start)
            if lines:
                break  # threads share their memory
    return files


def _threads(process: str) -> Iterator[str]:
    """Yield the folders of a process's threads, the first of which may have ended."""
    yield f"/proc/{process}"
    for thread in os.listdir(f"/proc/{process}/task"):
        if thread != process:
            yield f"/proc/{process}/task/{thread}"
