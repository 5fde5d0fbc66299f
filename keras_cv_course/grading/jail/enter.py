"""What a process gives up on its way into the sandbox, for good: identity, namespaces, privileges, limits.

Stands alone: imports the standard library only, and is loaded by its path.
"""

import contextlib
import ctypes
import os
import re
import resource
import socket
import sys
from collections.abc import Iterable

# CLONE_... of the namespaces that each worker has for itself.
NAMESPACES = {
    "mount namespace": 0x00020000,
    "pid namespace": 0x20000000,
    "network namespace": 0x40000000,
    "ipc namespace": 0x08000000,
    "uts namespace": 0x04000000,
    "cgroup namespace": 0x02000000,
}
USER_NAMESPACE = 0x10000000

# systemd keeps these ids for users that exist for a while only, so nobody else has them.
_TEMPORARY_USERS = range(61184, 65184)
_PROCESSORS = 4  # for each worker, so that a large machine does not mean hundreds of threads
_DEATH_SIGNAL, _DUMPABLE, _BOUNDING_DROP, _SUBREAPER, _NO_NEW_PRIVS, _AMBIENT = 1, 4, 24, 36, 38, 47
_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
_ADDRESS_SPACE = 8 * 2**30  # of addresses beyond the memory: stacks and heaps of threads are reserved, not used
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def unshare(flags: int) -> None:
    """Go into new namespaces; a process that is to come into a user namespace becomes itself there.

    Raises:
        OSError: if the kernel refuses, in words of what it refused.
    """
    user, group = os.geteuid(), os.getegid()
    if _libc is None:
        raise OSError("needs Linux")
    if _libc.unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if flags & USER_NAMESPACE:
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)


def try_in_child(flags: int, *, become: bool, must_read: Iterable[str] = ()) -> bool | str:
    """Tell whether a child of this process could become another user and go into new namespaces, or why not.

    Args:
        flags: CLONE_... of the namespaces.
        become: another user.
        must_read: paths that it must be able to read then.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if become:
                become_user(_TEMPORARY_USERS[0])
            if flags:
                unshare(flags)
            if closed := [path for path in must_read if not os.access(path, os.R_OK)]:
                raise OSError(f"other users cannot read {closed[0]}")
        except Exception as error:
            os.write(writer, (getattr(error, "strerror", None) or str(error)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        why = answer.read().decode()
    os.waitpid(child, 0)
    return why or True


def counts_by_namespace() -> bool:
    """Tell whether the kernel counts a user's threads for each user namespace (since Linux 5.14)."""
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return release is not None and (int(release[1]), int(release[2])) >= (5, 14)


def threads_of_user() -> int:
    """Count the threads of all processes of this user, as far as /proc shows them."""
    user, count = os.geteuid(), 0
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        with contextlib.suppress(OSError):
            folder = os.stat(f"/proc/{name}/task")
            count += folder.st_nlink - 2 if folder.st_uid == user else 0
    return count


def claim_user() -> int:
    """Choose a user that no other worker of this machine is, until this process ends."""
    return _TEMPORARY_USERS[_claim("user", len(_TEMPORARY_USERS))]


def claim_processors() -> int:
    """Choose a set of processors that no other worker of this machine has, if there are enough; give its number."""
    if sys.platform != "linux":
        return 0
    return _claim("processors", -(-len(os.sched_getaffinity(0)) // _PROCESSORS))


def _claim(what: str, count: int) -> int:
    """Choose a number below `count` that no other process has claimed; any of them where none is left.

    The claim is a socket with a name, which the kernel takes back when this process ends. The process must not have
    its own network namespace yet. Where other containers cannot be seen, chance keeps them apart.
    """
    first = int.from_bytes(os.urandom(4), "little") % count
    for number in (*range(first, count), *range(first)):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0kcc-worker-{what}-{number}")
        except OSError:
            claim.close()
        else:
            claim.detach()  # open until the end
            return number
    return first


def become_user(user: int, owner_of: tuple[str, ...] = ()) -> None:
    """From root become another user, and the only one in its group.

    Args:
        user: its number.
        owner_of: files that are given to this user.

    Raises:
        OSError: if this process is not root.
    """
    for path in owner_of:
        os.chown(path, user, user)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    set_dumpable(True)  # lost with the change of user, and needed for writing the maps of a user namespace


def set_dumpable(dumpable: bool) -> None:
    """Open or close this process's memory and descriptors, under /proc, to others of the same user."""
    _prctl(_DUMPABLE, int(dumpable))


def be_killed_first() -> None:
    """Be what the kernel ends when the machine runs out of memory."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def die_with_parent() -> None:
    """Be killed when the parent ends, however it ends."""
    _prctl(_DEATH_SIGNAL, _SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parents end."""
    _prctl(_SUBREAPER, 1)


def drop_privileges() -> None:
    """Give up all capabilities, and all ways to new ones.

    Raises:
        OSError: if the kernel refuses.
    """
    for capability in range(64):
        with contextlib.suppress(OSError):  # of one that does not exist, or without the capability to do this
            _prctl(_BOUNDING_DROP, capability)
    _prctl(_AMBIENT, _AMBIENT_CLEAR_ALL)
    header, nothing = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    if _libc is None or _libc.capset(header, nothing):
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")
    _prctl(_NO_NEW_PRIVS, 1)


def limit_resources(*, memory: int, disk: int, threads: int) -> None:
    """Set the limits that the kernel keeps for each process, and for the user's number of threads.

    Args:
        memory: bytes; the limit is one of addresses, and far above it.
        disk: bytes of one file.
        threads: of the user in this user namespace.

    Raises:
        OSError, ValueError: if the system refuses.
    """
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": disk, "RLIMIT_NOFILE": 256}
    if sys.platform == "linux":
        with open("/proc/self/statm") as statm:
            addresses = int(statm.read().split()[0]) * resource.getpagesize()
        limits["RLIMIT_AS"] = addresses + memory + _ADDRESS_SPACE
        limits |= {"RLIMIT_MEMLOCK": 0, "RLIMIT_MSGQUEUE": 0, "RLIMIT_SIGPENDING": 256, "RLIMIT_NPROC": threads}
    for name, value in limits.items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def use_processors(number: int) -> None:
    """Run on one set of processors only.

    Args:
        number: of the set, as claimed.
    """
    if sys.platform != "linux":
        return
    allowed = sorted(os.sched_getaffinity(0))
    first = _PROCESSORS * number % len(allowed)
    os.sched_setaffinity(0, (allowed * 2)[first : first + min(_PROCESSORS, len(allowed))])


def _prctl(option: int, *arguments: int) -> None:
    rest = (ctypes.c_ulong(value) for value in (*arguments, *(0,) * (4 - len(arguments))))
    if _libc is not None and _libc.prctl(option, *rest):
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")
