"""Programs on a backend of Keras that is not the tests' own, each in a fork of one process that has it imported."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess

# Importing jax starts no threads; only its first computation does, and that is in the fork.
_SERVER = """
import json, os, sys
import tensorflow, keras, h5py

for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, path in enumerate(job["streams"], start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        sys.path[:], sys.argv = job["path"], ["program", *job["arguments"]]
        exec(job["code"], {"__name__": "__main__"})
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def run_on(backend: str, code: str, *arguments: object) -> CompletedProcess[str]:
    """Run a program on a backend, as `python -c` does, without the seconds of the imports.

    Args:
        backend: as in KERAS_BACKEND.
        code: the program; it imports what the tests can.
        arguments: of the program.

    Returns:
        Status (of a process that a signal ended, the signal's number below 0), output and errors.
    """
    server, words = _server(backend), [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, "out"), Path(folder, "err")]
        job = {"code": code, "arguments": words, "path": sys.path, "streams": [str(path) for path in streams]}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        out, err = (path.read_text(encoding="utf-8") for path in streams)
    return CompletedProcess(["program", *words], status, out, err)


@cache
def _server(backend: str) -> subprocess.Popen[str]:
    """Start the process that imports a backend; it ends with the tests."""
    # What XLA compiles here runs once or a few times: to optimize it takes longer than that saves.
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    atexit.register(server.communicate)
    return server
