"""The server of workers: the channel, how workers end, what is left when the grader dies, TensorFlow in a worker."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sandbox import ESCAPE, SMALL, STAND_IN, ask, attack, is_held, other_end

from keras_cv_course.errors import GradingError, SandboxError
from keras_cv_course.grading.results import Limits
from keras_cv_course.grading.server import PROTECTIONS, WorkerServer, unprotected
from keras_cv_course.grading.worker import Ending, WorkerEnded


@pytest.fixture(scope="module")
def server() -> Iterator[WorkerServer]:
    """Give a server whose workers run what tests tell them, and start without TensorFlow."""
    with WorkerServer(worker_files=[STAND_IN], warm=False, require=frozenset()) as started:
        yield started


@pytest.fixture(scope="module")
def warm_server() -> Iterator[WorkerServer]:
    """Give one that has imported TensorFlow."""
    with WorkerServer(worker_files=[STAND_IN], require=frozenset()) as started:
        yield started


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what must come true; a minute is not a limit but the end of hope."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


# Asking


def test_a_worker_answers_again_and_again(server: WorkerServer) -> None:
    with server.start(SMALL) as worker:
        assert [ask(worker, f"answer = {number} ** 2") for number in range(5)] == [0, 1, 4, 9, 16]


def test_large_requests_and_answers_arrive_whole(server: WorkerServer) -> None:
    with server.start(SMALL) as worker:
        text = "x" * 3_000_000
        request = f"text = {text!r}; answer = text".encode()
        answer = worker.ask(request, seconds=20, max_bytes=4_000_000)
        assert answer.decode() == f'"{text}"'


def test_workers_know_nothing_of_each_other(server: WorkerServer) -> None:
    with server.start(SMALL) as one, server.start(SMALL) as other:
        ask(one, "import builtins; builtins.trap = 1; open('file', 'w').close(); answer = 1")
        assert ask(other, "import builtins, os; answer = [hasattr(builtins, 'trap'), os.listdir('.')]") == [False, []]


def test_killing_a_worker_does_not_disturb_others(server: WorkerServer) -> None:
    with server.start(SMALL) as other:
        ask(other, "count = 1")
        with server.start(SMALL) as worker:
            ask(worker, "answer = 1")
            worker.kill()
            assert worker.ending == Ending("signal", "was ended by the grader")
            with pytest.raises(WorkerEnded):
                ask(worker, "answer = 1")
        assert ask(other, "count += 1; answer = count") == 2


def test_many_threads_can_use_a_server(server: WorkerServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: attack(server, f"answer = {number}"), range(40))
    assert list(answers) == list(range(40))


# A channel in the hands of an enemy


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("os.write(3, bytes([255]) * 8)", "protocol", "an answer of more than 1.0 MB"),
        ("os.write(3, (2**20 + 1).to_bytes(8, 'little') + b'x')", "protocol", "an answer of more than 1.0 MB"),
        (
            "os.write(3, (2**20).to_bytes(8, 'little') + b'half'); time.sleep(60)",
            "seconds",
            "took longer than 1 seconds",
        ),
        ("os.write(3, b'1234'); time.sleep(60)", "seconds", "took longer than 1 seconds"),
        ("os.write(3, b'1234'); os._exit(0)", "exit", "exit code 0"),
        ("os.write(3, b'1234'); os.close(3); time.sleep(60)", "protocol", "closed the way"),
        ("os.close(3); time.sleep(60)", "protocol", "closed the way"),
        ("socket.socket(fileno=3).shutdown(socket.SHUT_WR); time.sleep(60)", "protocol", "closed the way"),
        ("time.sleep(60)", "seconds", "took longer than 1 seconds"),
    ],
)
def test_a_broken_answer_ends_the_worker(server: WorkerServer, code: str, kind: str, words: str) -> None:
    ending = attack(server, f"import os, socket, time\n{code}", seconds=1 if kind == "seconds" else 20)
    assert ending.kind == kind
    assert words in ending.detail


def test_an_answer_that_nobody_asked_for_ends_the_worker(server: WorkerServer) -> None:
    with server.start(SMALL) as worker:
        frame = "(8).to_bytes(8, 'little') + b'12345678'"
        answer = ask(worker, f"import os; os.write(3, (1).to_bytes(8, 'little') + b'1' + {frame}); answer = 2")
        assert answer == 1  # the forged one: which is a value like another
        with pytest.raises(WorkerEnded) as ended:
            ask(worker, "answer = 3")
        assert ended.value.reason == Ending("protocol", "sent an answer that nobody had asked for")


def test_a_worker_that_ended_after_its_answer_is_told_as_it_was(server: WorkerServer) -> None:
    with server.start(SMALL) as worker, other_end(worker) as channel:
        ask(worker, "import os; os.write(3, (4).to_bytes(8, 'little') + b'null'); os._exit(5)")
        wait_until(lambda: not is_held(channel))
        with pytest.raises(WorkerEnded) as ended:
            ask(worker, "answer = 1")
        assert ended.value.reason == Ending("exit", "ended itself with exit code 5")


def test_a_worker_that_does_not_listen_ends_at_the_deadline(server: WorkerServer) -> None:
    with server.start(SMALL) as worker:
        # It gives the answer itself, and stops.
        ask(worker, "import os; os.write(3, (4).to_bytes(8, 'little') + b'null'); os.kill(os.getpid(), 19)")
        with pytest.raises(WorkerEnded) as ended:
            worker.ask(bytes(8_000_000), seconds=0.5, max_bytes=10)
        assert ended.value.reason.kind == "seconds"


def test_an_ended_worker_stays_ended_and_says_why(server: WorkerServer) -> None:
    with server.start(SMALL) as worker:
        for _ in range(2):
            with pytest.raises(WorkerEnded, match="ended itself with exit code 4"):
                ask(worker, "import os; os._exit(4)")
        assert worker.ending == Ending("exit", "ended itself with exit code 4")


# The sandbox that is asked for


def test_layers_are_told(server: WorkerServer) -> None:
    assert {"landlock", "seccomp", "resource limits", "pid namespace", "own user"} <= set(server.layers)
    for state in server.layers.values():
        assert state is True or (isinstance(state, str) and state)


def test_a_layer_that_is_required_and_missing_is_an_error() -> None:
    with pytest.raises(SandboxError, match=r"does not protect moat \(moat: no such layer\)"):
        WorkerServer(worker_files=[STAND_IN], warm=False, require=frozenset({"moat"}))


@pytest.mark.parametrize("what", PROTECTIONS)
def test_each_protection_needs_all_layers_of_one_way(what: str) -> None:
    every_layer: dict[str, bool | str] = {name: True for ways in PROTECTIONS.values() for way in ways for name in way}
    assert unprotected(every_layer) == {}
    one_of_each_way = {min(way): "not here" for way in PROTECTIONS[what]}
    assert "not here" in unprotected(every_layer | one_of_each_way)[what]
    assert unprotected(every_layer | one_of_each_way, frozenset()) == {}


def test_a_worker_file_that_does_not_load_is_a_grading_error(tmp_path: Path) -> None:
    broken = tmp_path / "worker.py"
    broken.write_text("raise RuntimeError('not today')")
    with (
        WorkerServer(worker_files=[broken], warm=False, require=frozenset()) as started,
        pytest.raises(GradingError, match="did not start: RuntimeError: not today"),
    ):
        started.start(SMALL)


# The end of the grader

GRADER = """
import signal, socket, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a run in the background has switched off
from sandbox import ESCAPE, SMALL, STAND_IN, ask
from keras_cv_course.grading.server import WorkerServer
server = WorkerServer(worker_files=[STAND_IN], warm=False, require=frozenset())
workers = [server.start(SMALL) for _ in range(2)]
ask(workers[0], ESCAPE + "open('file', 'w').write('x'); answer = 1")
test = socket.socket(fileno=int(sys.argv[1]))
zygote = server._zygote._process.pid
socket.send_fds(test, [str(zygote).encode()], [worker._channel.fileno() for worker in workers])
try:
    ask(workers[1], "while True: pass", seconds=3600)
except BaseException:
    ENDING
"""


def processes_below(ancestor: int) -> set[int]:
    """Give a process and its descendants."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_bytes().rpartition(b")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    family = [ancestor]
    for process in family:
        family += parents.get(process, [])
    return set(family)


def is_running(process: int) -> bool:
    """Tell whether a process is there, and more than a line that the system has yet to remove."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("number", "at_end"), [(signal.SIGKILL, "pass"), (signal.SIGTERM, "pass"), (signal.SIGINT, "raise")]
)
def test_a_grader_that_ends_leaves_no_process_and_no_file(tmp_path: Path, number: int, at_end: str) -> None:
    mine, other = socket.socketpair()
    with (
        mine,
        other,
        subprocess.Popen(
            [sys.executable, "-c", GRADER.replace("ENDING", at_end), str(other.fileno())],
            env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(STAND_IN.parent)},
            pass_fds=[other.fileno()],
            stderr=subprocess.DEVNULL,
        ) as grader,
    ):
        other.close()
        message, descriptors, _, _ = socket.recv_fds(mine, 100, 2)
        family = processes_below(int(message))
        assert len(family) >= 8  # zygote, and for each worker a keeper, a reaper and a worker; and the one that fled
        grader.send_signal(number)
        grader.wait()
        for descriptor in descriptors:
            with socket.socket(fileno=descriptor) as channel:
                wait_until(lambda channel=channel: not is_held(channel))
        wait_until(lambda: not any(map(is_running, family)))
    assert list(tmp_path.iterdir()) == []


def test_a_keeper_that_is_killed_takes_its_worker_with_it(server: WorkerServer) -> None:
    if server.layers["pid namespace"] is not True:
        pytest.skip("no pid namespace")
    with server.start(SMALL) as worker, other_end(worker) as channel:
        ask(worker, ESCAPE)
        keepers = processes_below(server._zygote._process.pid) - {server._zygote._process.pid}
        os.kill(min(keepers), signal.SIGKILL)
        with pytest.raises(GradingError, match="keeper of a worker failed: it was killed"):
            ask(worker, "while True: pass")
        wait_until(lambda: not is_held(channel))


def test_closing_a_server_ends_its_workers() -> None:
    with WorkerServer(worker_files=[STAND_IN], warm=False, require=frozenset()) as started:
        worker = started.start(SMALL)
        channel = other_end(worker)
    with channel:
        assert not is_held(channel)
    with pytest.raises(WorkerEnded):
        ask(worker, "answer = 1")


def test_a_server_that_has_ended_is_started_again() -> None:
    with WorkerServer(worker_files=[STAND_IN], warm=False, require=frozenset()) as started:
        started.start(SMALL).kill()
        started._zygote._process.kill()
        started._zygote._process.wait()
        with started.start(SMALL) as worker:
            assert ask(worker, "answer = 1") == 1


def test_an_answer_that_comes_byte_by_byte_has_its_deadline(server: WorkerServer) -> None:
    code = "import os, time\nos.write(channel, (10**6).to_bytes(8, 'little'))\nwhile True: os.write(channel, b'x')"
    started = time.monotonic()
    with server.start(SMALL) as worker, pytest.raises(WorkerEnded, match="longer than 1 seconds"):
        worker.ask(code.encode(), seconds=1, max_bytes=10**9)
    assert time.monotonic() - started < 30


# TensorFlow in workers

USE = {
    "eager": "answer = float(tf.reduce_sum(tf.ones((100, 100)) @ tf.ones((100, 100))))",
    "layer": "answer = list(keras.layers.Conv2D(4, 3)(np.ones((1, 8, 8, 3), 'float32')).shape)",
    "function": "answer = float(tf.function(lambda x: tf.nn.relu(x) * 2)(tf.constant(3.0)))",
    "compiled": "answer = float(tf.function(lambda x: x * 2, jit_compile=True)(tf.constant(3.0)))",
    "image": "answer = list(tf.image.non_max_suppression([[0., 0, 1, 1]], [0.5], 1).numpy().tolist())",
    "data": """
        squares = tf.data.Dataset.range(4).map(lambda x: x * x, num_parallel_calls=tf.data.AUTOTUNE).prefetch(1)
        answer = [int(x) for x in squares]
    """,
    "jpeg": "answer = list(tf.io.decode_jpeg(tf.io.encode_jpeg(np.zeros((8, 8, 3), 'uint8'))).shape)",
    "applications": "answer = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3)).name",
    "fit": """
        model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        history = model.fit(np.ones((32, 8), "float32"), np.ones((32, 1), "float32"), epochs=3, verbose=1)
        answer = len(history.history["loss"])
    """,
    "save": """
        model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(1)])
        model.save("model.keras")
        answer = keras.models.load_model("model.keras").count_params()
    """,
    "libraries": """
        import h5py, PIL.Image, scipy.linalg, matplotlib.pyplot as plt
        plt.plot([1, 2]); plt.savefig("plot.png")
        h5py.File("file.h5", "w").close()
        answer = PIL.Image.open("plot.png").format
    """,
}
RESULTS = {
    "eager": 1e6,
    "layer": [1, 6, 6, 4],
    "function": 6.0,
    "compiled": 6.0,
    "image": [0],
    "data": [0, 1, 4, 9],
    "jpeg": [8, 8, 3],
    "applications": "mobilenetv2_1.00_32",
    "fit": 3,
    "save": 9,
    "libraries": "PNG",
}


@pytest.mark.parametrize("name", USE)
def test_tensorflow_works_in_a_worker(warm_server: WorkerServer, name: str) -> None:
    code = "import keras, numpy as np, tensorflow as tf\n" + textwrap.dedent(USE[name])
    with warm_server.start(Limits(disk=16 * 2**20)) as worker:
        assert ask(worker, code, seconds=120) == RESULTS[name]


def test_twenty_workers_one_after_the_other_have_tensorflow_imported_and_not_used(warm_server: WorkerServer) -> None:
    code = """
        import sys
        from tensorflow.python.eager import context
        before = context.context()._initialized
        answer = [before, float(sys.modules["tensorflow"].ones(3)[0]), "keras" in sys.modules]
    """
    for _ in range(20):
        assert attack(warm_server, code, memory=2**30, processes=96) == [False, 1.0, True]


def test_a_worker_without_use_of_tensorflow_needs_little_memory(warm_server: WorkerServer) -> None:
    assert attack(warm_server, "answer = 1", memory=16 * 2**20, disk=2**20) == 1


def test_memory_that_a_second_process_could_write_to_counts(warm_server: WorkerServer) -> None:
    code = "import os, time\nfor _ in range(8):\n    if not os.fork(): time.sleep(60)\ntime.sleep(60)"
    assert attack(warm_server, code, memory=2**30).kind == "memory"


def test_a_server_that_cannot_fork_any_more_lets_workers_import_for_themselves(tmp_path: Path) -> None:
    busy = tmp_path / "worker.py"
    # As a library would that starts a thread when it is imported.
    start_thread = "import threading, time; threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()"
    busy.write_text(f"{STAND_IN.read_text()}\nif 'tensorflow' in sys.modules:\n    {start_thread}\n")
    with WorkerServer(worker_files=[busy], require=frozenset()) as started:
        limits = replace(SMALL, memory=2**30, processes=96)
        with started.start(limits) as worker:
            assert ask(worker, "import sys; answer = 'tensorflow' in sys.modules") is False
            assert ask(worker, "import tensorflow as tf; answer = float(tf.ones(3)[0])", seconds=120) == 1.0
