"""Networks and sockets, of which a submission has none; what a worker finds when it begins."""

import os
import socket

import pytest
from sandbox import STAND_IN, attack, needs

from keras_cv_course.grading.server import WorkerServer


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"])
def test_no_socket_can_be_made(sandbox: WorkerServer, family: str) -> None:
    code = f"import socket; socket.socket(socket.{family}, socket.SOCK_RAW if 'PACKET' in '{family}' else 1)"
    assert attack(sandbox, code)["raised"] == "PermissionError"


def test_the_channel_reaches_no_other_socket(sandbox: WorkerServer) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0kcc-test-of-the-sandbox")
        listener.listen()
        code = """
            import socket
            channel = socket.socket(fileno=3)
            answer = []
            for step in (lambda: channel.connect("\\0kcc-test-of-the-sandbox"), lambda: channel.bind("\\0mine"),
                         lambda: channel.listen(), lambda: channel.accept(), lambda: socket.socketpair(),
                         lambda: socket.send_fds(channel, [b"x"], [0])):
                try: answer.append(repr(step()))
                except PermissionError: pass
            channel.detach()
        """
        assert attack(sandbox, code) == []


def test_the_network_namespace_has_nothing_but_a_loopback_that_is_down(sandbox: WorkerServer) -> None:
    needs(sandbox, "network namespace")
    code = "import os; answer = open(f'/proc/{os.getpid()}/net/dev').read().splitlines()[2:]"
    devices = attack(sandbox, code)
    assert [device.split(":")[0].strip() for device in devices] == ["lo"]


def test_no_descriptor_is_open_but_the_four(sandbox: WorkerServer) -> None:
    code = """
        import os
        answer = {}
        for descriptor in range(1024):
            try: os.fstat(descriptor)
            except OSError: continue
            answer[descriptor] = os.readlink(f"/proc/self/fd/{descriptor}").partition(":")[0]
    """
    assert attack(sandbox, code) == {"0": "/dev/null", "1": "pipe", "2": "pipe", "3": "socket"}


def test_the_environment_and_the_memory_hold_nothing_of_the_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "only-the-grader-knows-" + str(os.getpid())
    monkeypatch.setenv("SECRET", secret)
    # In two pieces, so that the code which searches does not find itself.
    code = f"""
        import os, re
        word = ("only-the-grader-" + "knows-{os.getpid()}").encode()
        found = [name for name, value in os.environb.items() if word in value]
        import ctypes
        for line in open(f"/proc/{{os.getpid()}}/maps"):
            start, end = (int(edge, 16) for edge in line.split()[0].split("-"))
            if " rw" in line and "vvar" not in line:
                pages = ctypes.string_at(start, end - start)
                for place in re.finditer(re.escape(word), pages):
                    found.append(pages[place.start() - 20 : place.end()].decode("latin-1"))
        answer = [place for place in found if "SECRET" in place]
        answer.append(sorted(os.environ))
    """
    with WorkerServer(worker_files=[STAND_IN], warm=False) as server:
        *found, names = attack(server, code, memory=2**30)
    assert found == []
    assert "SECRET" not in names


def test_a_set_of_strings_has_the_same_order_in_every_server(sandbox: WorkerServer) -> None:
    code = "answer = list({str(number) for number in range(50)})"
    with WorkerServer(worker_files=[STAND_IN], warm=False) as other:
        assert attack(sandbox, code) == attack(other, code)
