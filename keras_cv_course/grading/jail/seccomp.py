"""A seccomp filter: system calls that graded code has no use for and an attack has.

Stands alone: imports the standard library only, and is loaded by its path. A list of what is refused, not of what is
allowed: TensorFlow's calls change with every release of it and of the C library, and a call missing from a list of
allowed ones would be a learner's lost points. The files, processes and networks that a forgotten call could reach are
not there in the first place. The interface: linux/seccomp.h, linux/filter.h.
"""

import ctypes
import errno
import os
import struct

# Refused with EPERM: name -> number on x86_64, on aarch64; None where the architecture does not have it.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # Programs: nothing is ever started, so no shell, and no program with rights of its own.
    "execve": (59, 221),
    "execveat": (322, 281),
    "uselib": (134, None),
    # Sockets of any family: there is no network, and the one socket that is open is all that is needed.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "connect": (42, 203),
    "sendmsg": (46, 211),  # could pass a descriptor through the channel
    "sendmmsg": (307, 269),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # Memory that belongs to no process, so that nobody could count it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # Large parts of the kernel, with a history of holes.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "fanotify_init": (300, 262),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "lookup_dcookie": (212, 18),
    # The machine itself; capabilities guard these too.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "iopl": (172, None),
    "ioperm": (173, None),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    # More than its share of the processor.
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}
# Where the worker has no pid namespace, it may do these to itself only: their first argument is a process.
_TO_ITSELF = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "prlimit64": (302, 261),
}
_TO_NOBODY = {"tkill": (200, 130), "pidfd_send_signal": (424, 424), "setpriority": (141, 140), "ioprio_set": (251, 30)}
# Where the worker has no new root, these would change files that its user may write to, or owns: Landlock, which keeps
# files from being opened, knows nothing of them. A filter cannot tell a scratch file from another, so modes and times
# stay as they are, and the calls say that they have succeeded: `shutil.copy` would raise otherwise.
_PRETENDED = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
_TO_FILES = {
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "truncate": (76, 45),  # which Landlock knows from Linux 6.2 on
}
# A descriptor's signals to another process (F_SETOWN, F_SETSIG, F_SETOWN_EX), and a lease, which lets others wait who
# want to write (F_SETLEASE).
_FCNTL, _REFUSED_FCNTL = (72, 25), (8, 10, 15, 1024)
# Of the many things that ioctl does, such as FIOSETOWN to processes and FS_IOC_SETFLAGS to files, what the C library
# and Python do with it: TCGETS, TIOCGWINSZ, FIONBIO, FIONREAD, FIONCLEX, FIOCLEX.
_IOCTL, _ALLOWED_IOCTL = (16, 29), (0x5401, 0x5413, 0x5421, 0x541B, 0x5450, 0x5451)
# Without a new root, also: to open a file for whatever can be to empty it, of which Landlock knows since Linux 6.2.
_OPEN, _OPENAT, _OPENAT2 = (2, None), (257, 56), 437
_TRUNCATE, _ACCESS_MODE, _FOR_WRITING = 0o1000, 0o3, (0o1, 0o2)
# Without a new root, also: whether the keeper sees which files the worker has open.
_PRCTL, _SET_DUMPABLE = (157, 167), 4
_CLONE, _MMAP, _CLONE3 = (56, 220), (9, 222), 435
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_SHARED, _ANONYMOUS = 0x01, 0x20

# The name of the architecture -> its place in the pairs above, and its AUDIT_ARCH.
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _REFUSE, _KILL_PROCESS = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_NOT_THERE, _PRETEND = 0x00050000 | errno.ENOSYS, 0x00050000
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(*, other_processes_visible: bool, other_files_visible: bool) -> None:
    """Refuse, from now on and in all children, what graded code has no use for.

    Args:
        other_processes_visible: there is no pid namespace, so that signals and limits must be kept in.
        other_files_visible: there is no new root, so that what Landlock does not know must be refused.

    Raises:
        OSError: if the kernel has no seccomp, or the filter is not written for this architecture.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {machine}, only for {', '.join(_ARCHITECTURES)}")
    content = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in _instructions(machine, other_processes_visible, other_files_visible)
    )
    program = _Program(len(content) // 8, content)
    if _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or _libc.prctl(
        _SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


_Code = list[tuple[int, int, int, int]]  # code, jump if true, jump if false, operand


def _for_call(number: int | None, argument: int, decision: _Code) -> _Code:
    """Decide about a system call by one of its arguments; `decision` returns in any case."""
    if number is None:
        return []
    return [(_JUMP_EQUAL, 0, 1 + len(decision), number), (_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *decision]


def _choice(values: tuple[int, ...], then: int, otherwise: int) -> _Code:
    """Return one thing for some values of the argument, and another for all others."""
    code: _Code = []
    for value in values:
        code += [(_JUMP_EQUAL, 0, 1, value), (_RETURN, 0, 0, then)]
    return [*code, (_RETURN, 0, 0, otherwise)]


def _opening() -> _Code:
    """Refuse flags with which a file is emptied that is not opened for writing."""
    return [
        (_JUMP_ANY_BIT, 1, 0, _TRUNCATE),
        (_RETURN, 0, 0, _ALLOW),
        (_AND, 0, 0, _ACCESS_MODE),
        *_choice(_FOR_WRITING, _ALLOW, _REFUSE),
    ]


def _instructions(machine: str, other_processes_visible: bool, other_files_visible: bool) -> _Code:
    """Give the filter."""
    place, architecture = _ARCHITECTURES[machine]

    def refuse(number: int | None, answer: int = _REFUSE) -> _Code:
        return [] if number is None else [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]

    code: _Code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_EQUAL, 0, 1, _CLONE3),  # whose flags a filter cannot see; the C library goes on with clone
        (_RETURN, 0, 0, _NOT_THERE),
    ]
    if machine == "x86_64":
        code += [(_JUMP_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL_PROCESS)]
    for numbers in REFUSED.values():
        code += refuse(numbers[place])
    code += _for_call(_FCNTL[place], 1, _choice(_REFUSED_FCNTL, _REFUSE, _ALLOW))
    code += _for_call(_IOCTL[place], 1, _choice(_ALLOWED_IOCTL, _ALLOW, _REFUSE))
    if other_files_visible:
        for numbers in _TO_FILES.values():
            code += refuse(numbers[place])
        for numbers in _PRETENDED.values():
            code += refuse(numbers[place], _PRETEND)
        code += [(_JUMP_EQUAL, 0, 1, _OPENAT2), (_RETURN, 0, 0, _NOT_THERE)]  # whose flags a filter cannot see
        code += _for_call(_OPEN[place], 1, _opening())
        code += _for_call(_OPENAT[place], 2, _opening())
        code += _for_call(_PRCTL[place], 0, _choice((_SET_DUMPABLE,), _REFUSE, _ALLOW))
    if other_processes_visible:
        for numbers in _TO_NOBODY.values():
            code += refuse(numbers[place])
        for name, numbers in _TO_ITSELF.items():
            itself = 0 if name == "prlimit64" else os.getpid()
            code += _for_call(numbers[place], 0, _choice((itself,), _ALLOW, _REFUSE))
    code += [
        (_JUMP_EQUAL, 0, 4, _CLONE[place]),
        (_LOAD, 0, 0, _ARGUMENTS),
        (_JUMP_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
        (_JUMP_EQUAL, 0, 4, _MMAP[place]),
        (_LOAD, 0, 0, _ARGUMENTS + 8 * 3),
        (_JUMP_ANY_BIT, 0, 2, _ANONYMOUS),
        (_JUMP_ANY_BIT, 0, 1, _SHARED),  # shared memory without a file: of no process once it is unmapped
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return code
