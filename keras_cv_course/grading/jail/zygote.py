"""The process that workers are forked from: it imports TensorFlow and Keras inside the new root, and does nothing else.

Run by its path, in a clean environment: nothing of the package it belongs to, of the grader's memory or of a
submission ever comes into it. Its one socket carries lines of JSON:

    in   {"worker_files": [path, ...], "package_folders": [path, ...], "warm": bool}
    out  {"layers": {...}}, what a trial worker has; {"failed": traceback} where there can be none
    out  {"ready": true}, once workers may be forked; {"ready": why not}
    in   limits of a worker, with its channel and its control socket attached
    out  {"forked": true}; whatever goes wrong from here, the control socket tells

The end of the socket is the end of this process, while its workers go on with their own control sockets.
"""

import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_SIBLINGS = ("new_root", "enter", "landlock", "seccomp", "processes", "scratch", "reaper", "keeper")
_PACKAGE = "jail"
_MESSAGE = 65536
_TRIAL = {"memory": 2**30, "processes": 8, "disk": 2**20, "output": 2**16}


def main() -> None:
    """Serve the grader on the socket whose descriptor is the only argument."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(_receive(connection)[0])
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.modules[_PACKAGE] = ModuleType(_PACKAGE)
    modules = {name: _Module(os.path.join(folder, f"{name}.py")).load() for name in _SIBLINGS}
    # Read now, for in the new root they are not there; run after the imports there.
    *parts, worker = map(_Module, settings["worker_files"])
    jail = modules["keeper"].Jail(modules, modules["new_root"].library_folders(settings["package_folders"]))
    _enter(jail)
    _import_from(settings["package_folders"])
    _send(connection, _try(jail))
    if settings["warm"]:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    for part in parts:
        part.load()
    run = worker.load().main
    gc.collect()
    gc.freeze()  # a collection in a worker would write to all objects, and so copy their memory
    _send(connection, {"ready": _unsafe() or True})
    _serve(connection, jail, run)


class _Module:
    """The source of a module, run when wanted."""

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as source:
            self.code = compile(source.read(), path, "exec")
        self.module = ModuleType(f"{_PACKAGE}.{os.path.basename(path).removesuffix('.py')}")
        self.module.__package__ = _PACKAGE  # so that one may import another by a relative name

    def load(self) -> Any:
        sys.modules[self.module.__name__] = self.module
        exec(self.code, self.module.__dict__)
        return self.module


def _enter(jail: Any) -> None:
    """Find out who the worker can be, and go into the new root; note what works."""
    enter, layers = jail.enter, jail.layers
    layers["own user"] = "the grader does not run as root, so its workers are the same user"
    if os.geteuid() == 0:
        layers["own user"] = enter.try_in_child(0, become=True)
    jail.changes_user = jail.has("own user")
    layers["user namespace"] = enter.try_in_child(enter.USER_NAMESPACE, become=jail.changes_user)
    try:
        if not jail.changes_user:
            enter.unshare(enter.USER_NAMESPACE)
        enter.unshare(enter.NAMESPACES["mount namespace"])
        jail.new_root.enter(jail.libraries)
        layers["mount namespace"] = True
    except OSError as error:
        layers["mount namespace"] = error.strerror or str(error)
        if jail.changes_user:  # which there is no new root for, where all may read what is shown
            layers["own user"] = enter.try_in_child(0, become=True, must_read=jail.libraries)
            jail.changes_user = jail.has("own user")


def _import_from(package_folders: list[str]) -> None:
    """Import from Python's own folders and the given ones only, by the standard ways only.

    What a .pth file of an installed package added, such as the way to this package's checkout, goes.
    """
    standard = [path for path in sys.path if not path.endswith("-packages") and path.startswith(sys.base_prefix)]
    sys.path[:] = [*standard, *package_folders]
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is type]  # not instances: hooks
    sys.path_importer_cache.clear()


def _try(jail: Any) -> dict[str, Any]:
    """Start a worker that does nothing, and give what its keeper says."""
    (grader, control), (_, channel) = socket.socketpair(), socket.socketpair()
    _fork(jail, channel.fileno(), control.fileno(), _TRIAL, lambda channel: None)
    control.close()
    channel.close()
    with grader, grader.makefile("r") as answer:
        first: dict[str, Any] = json.loads(answer.readline())
    os.wait()
    return first


def _unsafe() -> str | None:
    """Say why a fork of this process would not work, if so."""
    threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
    if threads != 1:
        return f"importing TensorFlow and Keras started {threads - 1} threads"
    context = sys.modules.get("tensorflow.python.eager.context")
    if context is not None and context.context()._initialized:
        return "importing Keras initialised TensorFlow"
    return None


def _serve(connection: socket.socket, jail: Any, run: Callable[[int], None]) -> None:
    """Fork a worker for each message, until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers that end leave nothing
    while True:
        message, descriptors = _receive(connection)
        if not message:
            return
        channel, control = descriptors
        if why := _unsafe():
            os.write(control, json.dumps({"failed": why}).encode() + b"\n")
        else:
            _fork(jail, channel, control, json.loads(message), run)
        os.close(channel)
        os.close(control)
        _send(connection, {"forked": True})


def _fork(jail: Any, channel: int, control: int, limits: dict[str, int], run: Callable[[int], None]) -> None:
    if os.fork() == 0:
        jail.keep(channel, control, limits, run)


def _send(connection: socket.socket, content: dict[str, Any]) -> None:
    connection.sendall(json.dumps(content).encode() + b"\n")


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """Read a line and the descriptors that came with it; nothing at the end."""
    line, attached = b"", []
    while not line.endswith(b"\n"):
        chunk, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE, 2)
        if not chunk:
            return b"", []
        line += chunk
        attached += descriptors
    return line, attached


if __name__ == "__main__":
    try:
        main()
    except ConnectionError:  # the grader has ended
        sys.exit(1)
