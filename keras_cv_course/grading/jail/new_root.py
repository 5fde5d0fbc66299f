"""The files that a worker sees: a new root with the libraries that Python needs, read-only, and nothing else.

Stands alone: imports the standard library only, and is loaded by its path.
"""

import ctypes
import os
import re
import sys
import sysconfig
from collections.abc import Iterator

# Names in a folder of installed packages which belong to this package: its folder, metadata, editable hooks.
HIDDEN = re.compile("keras[-_.]cv[-_.]course", re.IGNORECASE)
SCRATCH = "/scratch"
DEVICES = ("/dev/null", "/dev/random", "/dev/urandom")  # not /dev/zero: mapped, it is memory that no process owns

_SCRATCH_OF_IMPORTS = 16 * 2**20  # bytes; importing TensorFlow wants to write a file or two
_SYSTEM = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib32", "/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
_FILES = ("/etc/ld.so.cache", "/etc/localtime")
_ROOM = ("/tmp", "/mnt", "/srv", "/media", "/opt", "/var", "/home", "/run")  # where the new root may be put together

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_MOUNT_SETATTR = 442  # on every architecture
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV, _ATTR_NOEXEC = 1, 2, 4, 8
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(name: str, result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount a file system.

    Raises:
        OSError: as the system call does.
    """
    arguments = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _checked(f"mount of {target}", _libc.mount(*arguments))


def make_read_only(target: str, *, recursive: bool) -> None:
    """Take writing, set-uid programs and devices from a mount, or from all below it.

    Raises:
        OSError: as the system call does (ENOSYS before Linux 5.12).
    """
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    arguments = (_AT_FDCWD, target.encode(), flags, attributes, ctypes.c_size_t(32))
    _checked(f"mount_setattr of {target}", _libc.syscall(ctypes.c_long(_MOUNT_SETATTR), *arguments))


def mount_proc(*, own_user_namespace: bool) -> None:
    """Show the processes of this process's pid namespace only, read-only; allow no further user namespace below."""
    mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    if own_user_namespace:  # whose limit this is
        with open("/proc/sys/user/max_user_namespaces", "w") as limit:
            limit.write("0")
    make_read_only("/proc", recursive=False)


def mount_scratch(size: int) -> None:
    """Mount a folder that holds `size` bytes; a later one covers it."""
    options = f"size={size},nr_inodes=8192,mode=700"  # files without contents cost memory too
    mount("scratch", SCRATCH, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, options)


def library_folders(package_folders: list[str]) -> list[str]:
    """Name the folders and files that Python needs: its own, the installed packages, the system's libraries.

    Args:
        package_folders: that packages are imported from, such as site-packages.
    """
    python = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.join(sys.base_prefix, "lib")]
    found = {os.path.abspath(path) for path in (*python, *package_folders, *_SYSTEM, *_FILES) if path}
    return sorted(path for path in found if os.path.exists(path))


def folders_with_hidden(folders: list[str]) -> list[str]:
    """Name the folders of installed packages, among `folders` and below them, in which something is hidden."""
    candidates = set(folders)
    for folder in filter(os.path.isdir, folders):
        pythons = [name for name in os.listdir(folder) if name.startswith("python")]
        candidates |= {
            os.path.join(folder, *parts, kind)
            for parts in ((), *((name,) for name in pythons))
            for kind in ("site-packages", "dist-packages")
        }
    return sorted(path for path in candidates if os.path.isdir(path) and any(map(HIDDEN.search, os.listdir(path))))


def shown_entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder of installed packages shows to a worker."""
    yield from (entry for entry in os.scandir(folder) if not HIDDEN.search(entry.name))


def enter(libraries: list[str]) -> None:
    """Make the new root and go there; the process needs a mount namespace of its own.

    Args:
        libraries: folders and files that are there too.

    Raises:
        OSError: if the kernel refuses a step.
    """
    folders = list(libraries)
    hidden = folders_with_hidden(folders)
    rooms = [
        path for path in _ROOM if os.path.isdir(path) and not any(folder.startswith(f"{path}/") for folder in folders)
    ]
    if not rooms:
        raise OSError(f"there are libraries below all of {', '.join(_ROOM)}")
    room = rooms[0]
    os.umask(0o022)  # the folders on the way to a library can be passed by all
    mount("none", "/", "none", _MS_REC | _MS_PRIVATE)
    mount("root", room, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=4m,mode=755")
    try:
        _fill(room, folders, hidden)
        os.chdir(room)
        _checked("pivot_root", _libc.syscall(ctypes.c_long(_PIVOT_ROOT[os.uname().machine]), b".", b"."))
    except OSError:
        _libc.umount2(room.encode(), _MNT_DETACH)
        raise
    _checked("umount of the old root", _libc.umount2(b".", _MNT_DETACH))
    os.chdir("/")
    mount_scratch(_SCRATCH_OF_IMPORTS)
    make_scratch_folders(SCRATCH)


def _fill(room: str, folders: list[str], hidden: list[str]) -> None:
    """Put together the new root below `room`."""
    for link in ("/lib", "/lib32", "/lib64"):
        if os.path.islink(link):
            os.symlink(os.path.realpath(link).lstrip("/"), room + link)
            folders.remove(link)
    bound: list[str] = []
    for folder in folders:  # sorted: a folder comes before what is below it
        if not folder.startswith(tuple(f"{other}/" for other in bound)):
            _bind(folder, room + folder)
            bound.append(folder)
    for folder in hidden:
        mount("packages", room + folder, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=4m,mode=755")
        for entry in shown_entries(folder):
            _bind(entry.path, f"{room}{folder}/{entry.name}")
    for path in ("/proc", SCRATCH, "/dev"):
        os.mkdir(room + path)
    if not os.path.exists(f"{room}/tmp"):
        os.symlink(f"{SCRATCH.lstrip('/')}/tmp", f"{room}/tmp")
    os.symlink(f"..{SCRATCH}/shm", f"{room}/dev/shm")
    for path in DEVICES:
        _touch(room + path)
    make_read_only(room, recursive=True)
    for path in (*DEVICES, "/proc"):  # a device could not be opened below a mount without devices
        mount(path, room + path, "none", _MS_BIND | _MS_REC)


def make_scratch_folders(scratch: str) -> dict[str, str]:
    """Make the folders in it: name -> path."""
    folders = {name: os.path.join(scratch, name) for name in ("home", "tmp", "shm")}
    for path in folders.values():
        os.mkdir(path, 0o700)
    return folders


def _bind(source: str, target: str) -> None:
    """Show a file or folder, or what a link points to, at `target` too."""
    if not os.path.exists(source):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        _touch(target)
    mount(source, target, "none", _MS_BIND | _MS_REC)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
