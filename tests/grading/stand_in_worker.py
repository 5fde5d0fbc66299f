"""A worker for tests of the sandbox: runs each request as Python code, and answers with the JSON of `answer`.

Loaded by its path inside the server of workers, as `jail/worker.py` is.
"""

import json
import os
import sys


def main(channel: int) -> None:
    scope: dict[str, object] = {"channel": channel}
    while True:
        code = _read(channel, int.from_bytes(_read(channel, 16)[:8], "little"))
        scope["answer"] = None
        try:
            exec(code, scope)
        except Exception as error:
            scope["answer"] = {"raised": type(error).__name__, "message": str(error)}
        answer = json.dumps(scope["answer"]).encode()
        os.write(channel, len(answer).to_bytes(8, "little") + answer)


def _read(channel: int, count: int) -> bytes:
    received = b""
    while len(received) < count:
        chunk = os.read(channel, count - len(received))
        if not chunk:
            sys.exit(0)
        received += chunk
    return received
