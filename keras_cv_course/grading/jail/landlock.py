"""Landlock: which files a process and its children may open, whatever else they are allowed.

Stands alone: imports the standard library only, and is loaded by its path. The interface: linux/landlock.h.
"""

import ctypes
import os

EXECUTE, WRITE, READ_FILE, READ_DIR, TRUNCATE = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14
READ = READ_FILE | READ_DIR
_OF_FILES = EXECUTE | WRITE | READ_FILE | TRUNCATE  # those that a rule for a file may name

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_VERSION, _PATH_BENEATH, _NO_NEW_PRIVS = 1, 1, 38
# ABI -> rights on files that it knows: 13 at first, then REFER, TRUNCATE, IOCTL_DEV.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_CONNECT_AND_BIND_TCP, _SIGNALS_AND_ABSTRACT_SOCKETS = 3, 3  # since ABI 4, since ABI 6

_libc = ctypes.CDLL(None, use_errno=True)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """Ask the kernel for its version of Landlock.

    Raises:
        OSError: if it has none.
    """
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)


def all_file_rights() -> int:
    """Give all rights on files that the kernel's version knows, as bits."""
    return (1 << _FILE_RIGHTS[min(abi(), max(_FILE_RIGHTS))]) - 1


def restrict(allowed: dict[str, int]) -> None:
    """Let this process open nothing but what is below the given paths; no TCP, no signals to the outside.

    Args:
        allowed: path -> rights there, as bits; paths that do not exist are left out.

    Raises:
        OSError: if the kernel has no Landlock.
    """
    version, handled = abi(), all_file_rights()
    attributes = [handled]
    if version >= 4:
        attributes.append(_CONNECT_AND_BIND_TCP)
    if version >= 6:
        attributes.append(_SIGNALS_AND_ABSTRACT_SOCKETS)
    content = (ctypes.c_uint64 * len(attributes))(*attributes)
    rules = _call(_CREATE_RULESET, content, ctypes.c_size_t(8 * len(attributes)), 0)
    try:
        for path, rights in allowed.items():
            try:
                beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            kind = handled if os.path.isdir(path) else _OF_FILES
            rule = _PathBeneath(rights & handled & kind, beneath)
            _call(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0)
            os.close(beneath)
        if _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs")
        _call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result
