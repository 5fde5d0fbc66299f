"""The one folder that a worker may write to: of limited size where it is a mount, and looked at where it is not.

Stands alone: imports the standard library only, and is loaded by its path; its siblings come with the jail.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

# In a folder that is not a mount; a mount has as many files at most.
MOST_ENTRIES, MOST_DEPTH = 8192, 100
_BLOCK = 512  # bytes; a file's size on the disk is told in these


class Unbounded(Exception):  # noqa: N818 - what a worker did, not a fault of this program
    """What is in the folder cannot be told: its only argument says why, as "files", "depth" or "closed"."""


class Scratch:
    """The folder of one worker.

    Args:
        jail: what is known about the sandbox.
        size: bytes that the folder holds where it is a mount.
    """

    def __init__(self, jail: Any, size: int) -> None:
        self.is_mount: bool = jail.has("mount namespace")
        self._processes = jail.processes
        self._owner: int | None = jail.user if jail.stays_root else None
        if self.is_mount:
            self.folder: str = jail.new_root.SCRATCH
            jail.new_root.mount_scratch(size)
        else:
            self.folder = os.path.realpath(tempfile.mkdtemp(prefix="kcc-worker-"))

    def used(self, processes: Iterable[str]) -> int:
        """Give the bytes in it, those of removed files included.

        Args:
            processes: of the worker, which may still have removed files open.

        Raises:
            Unbounded: it is no mount, and has too many files, or folders that cannot be looked into.
        """
        if self.is_mount:
            room = os.statvfs(self.folder)
            return (room.f_blocks - room.f_bfree) * room.f_frsize
        removed: dict[int, int] = {}
        with self._as_owner():
            for process in processes:
                with contextlib.suppress(OSError):  # it has just ended
                    removed |= self._processes.removed_files(process, self.folder)
            return self._named() + sum(removed.values())

    def remove(self) -> None:
        """Leave nothing behind; a mount ends with its namespace."""
        if not self.is_mount:
            with contextlib.suppress(OSError):
                remove_tree(self.folder)

    def _named(self) -> int:
        """Give the bytes of files and folders that have a name."""
        total = entries = 0
        waiting = [(self.folder, 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                with os.scandir(folder) as found:
                    for entry in found:
                        entries += 1
                        if entries > MOST_ENTRIES or depth > MOST_DEPTH:
                            raise Unbounded("files" if entries > MOST_ENTRIES else "depth")
                        with contextlib.suppress(FileNotFoundError):  # this one has; the others count
                            total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                            if entry.is_dir(follow_symlinks=False):
                                waiting.append((entry.path, depth + 1))
            except (FileNotFoundError, NotADirectoryError):  # it has just been removed
                continue
            except OSError as error:  # what is in it could be anything
                raise Unbounded("depth" if error.errno == errno.ENAMETOOLONG else "closed") from error
        return total

    @contextlib.contextmanager
    def _as_owner(self) -> Iterator[None]:
        """Be the worker's user: a container's root may lack the right to look into processes of others."""
        if self._owner is None:
            yield
            return
        os.setegid(self._owner)
        os.seteuid(self._owner)
        try:
            yield
        finally:
            os.seteuid(os.getuid())
            os.setegid(os.getgid())


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
            moved = os.path.join(top, os.urandom(16).hex())
            os.rename(entry.path, moved)
            waiting.append(moved)
        if folder != top:
            os.rmdir(folder)
    os.rmdir(top)
