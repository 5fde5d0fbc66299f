"""Submissions that cheat or break things: none gains a point, and what it breaks costs its own question only.

`iou` is the question that is attacked; the three others are solved. What a sandbox withstands in itself is tested in
test_sandbox_*.py; here whole submissions go the way that a learner's does.
"""

import dataclasses
import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from car_detection import EVAL, FILTER, IMPORTS, IOU, SUPPRESSION, question_of, write_notebook

from keras_cv_course.grading.assignment import Assignment
from keras_cv_course.grading.results import Limits, Result
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer

Grade = Callable[[list[str]], Result]

LIMITS = Limits(seconds=4, memory=600 * 2**20, output=2 * 2**20, answer=16 * 2**20)
WRONG_IOU = "def iou(box1, box2):\n    return 0.25\n"
OTHERS = ("yolo_filter_boxes", "yolo_non_max_suppression", "yolo_eval")


@pytest.fixture(scope="module")
def assignment(car_detection: Assignment) -> Assignment:
    """Give the assignment with less time, memory and output, so that attacks end soon."""
    questions = tuple(dataclasses.replace(question, limits=LIMITS) for question in car_detection.questions)
    return dataclasses.replace(car_detection, questions=questions)


@pytest.fixture
def run(server: WorkerServer, assignment: Assignment, tmp_path: Path) -> Grade:
    def run(cells: list[str]) -> Result:
        return grade(write_notebook(tmp_path / "learner.ipynb", cells), assignment, seed=1, server=server)

    return run


@pytest.fixture(scope="module")
def honest(server: WorkerServer, assignment: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Give the result of the solution in which `iou` is wrong and nothing is hostile."""
    path = tmp_path_factory.mktemp("honest") / "learner.ipynb"
    return grade(
        write_notebook(path, [IMPORTS, FILTER, WRONG_IOU, SUPPRESSION, EVAL]), assignment, seed=1, server=server
    )


def body(text: str) -> str:
    """Give a function `iou` with this body."""
    return "def iou(box1, box2):\n" + textwrap.indent(textwrap.dedent(text).strip(), "    ") + "\n"


# Cells that come before a wrong `iou`, or define another one, in order to have it taken for right.
CHEATS: dict[str, str] = {
    "comparison functions replaced": """
        import numpy as np
        for module in (np, np.testing):
            for name in ("allclose", "isclose", "array_equal", "assert_allclose", "assert_array_equal"):
                setattr(module, name, lambda *a, **k: True)
        """,
    "json replaced": """
        import json
        json.dumps = lambda *a, **k: '{"status": "passed", "earned": 100}'
        json.JSONEncoder.encode = json.dumps
        """,
    "the package replaced": """
        import sys, types
        for name in ("keras_cv_course", "keras_cv_course.grading", "keras_cv_course.grading.compare"):
            sys.modules[name] = types.ModuleType(name)
        sys.modules["keras_cv_course.grading.compare"].close = lambda *a, **k: None
        """,
    "NumPy replaced": """
        import sys, types
        sys.modules["numpy"] = types.ModuleType("numpy")
        """,
    "builtins replaced": """
        import builtins
        builtins.max = builtins.min = builtins.abs = lambda *a, **k: 0
        builtins.isinstance = lambda *a: True
        """,
    "import replaced": """
        import builtins
        builtins.__import__ = lambda *a, **k: None
        """,
    "borrowed from the package": """
        from keras_cv_course import iou
        """,
    "borrowed from the package's file": """
        import glob, importlib.util, sys
        for root in [*sys.path, "/", "/root", "/home", "/srv", "/opt"]:
            for path in glob.glob(f"{root}/**/select_boxes_course.py", recursive=True):
                spec = importlib.util.spec_from_file_location("borrowed", path)
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                iou = module.iou
        """,
    "borrowed from the hidden checks": """
        import os
        for folder, _, files in os.walk("/"):
            if "hidden_checks.py" in files or "checks.py" in files and "assignments" in folder:
                exec(open(os.path.join(folder, "checks.py")).read())
        """,
    "borrowed from another submission": """
        import os
        for folder, _, files in os.walk("/"):
            for name in files:
                if name.endswith(".ipynb"):
                    import json
                    for cell in json.load(open(os.path.join(folder, name)))["cells"]:
                        exec("".join(cell["source"]))
        """,
    "borrowed from memory": """
        import gc
        for thing in gc.get_objects():
            if getattr(thing, "__name__", "") in ("iou", "pairwise_iou", "iou_of", "overlap") and callable(thing):
                iou = thing
        """,
    "frames of the caller searched": body(
        """
        import sys
        frame = sys._getframe(1)
        while frame:
            for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
                if "expect" in name or "right" in name or name == "overlap":
                    return value
            frame = frame.f_back
        return 0.25
        """
    ),
    "equal to everything": body(
        """
        class Equal:
            __eq__ = __le__ = __ge__ = lambda self, other: True
            __ne__ = __lt__ = __gt__ = lambda self, other: False
            __sub__ = __rsub__ = __abs__ = lambda self, *other: 0.0
            __float__ = lambda self: 0.25
        return Equal()
        """
    ),
    "a float that is equal to everything": body(
        """
        class Equal(float):
            __eq__ = lambda self, other: True
            __ne__ = lambda self, other: False
            __sub__ = __rsub__ = lambda self, other: 0.0
            __hash__ = float.__hash__
        return Equal(0.25)
        """
    ),
    "an array that changes": body(
        """
        import numpy as np
        class Changing:
            shape, dtype, ndim = (), np.dtype("float32"), 0
            def __array__(self, *a, **k):
                return np.array([0.25, 0.5])
        return Changing()
        """
    ),
    "an array of its own kind": body(
        """
        import numpy as np
        class Lying(np.ndarray):
            def tobytes(self, *a): return b""
            def __array_finalize__(self, other): pass
            def __array_function__(self, *a, **k): return True
            def __array_ufunc__(self, *a, **k): return True
        return np.array(0.25).view(Lying)
        """
    ),
    "a lying class": body(
        """
        class Lying:
            __class__ = property(lambda self: float)
            def __getattr__(self, name): return lambda *a, **k: 0.0
        return Lying()
        """
    ),
    "something pickled": body(
        """
        import os, pickle
        class Payload:
            def __reduce__(self): return (os.system, ("touch /tmp/pickled",))
        return pickle.dumps(Payload())
        """
    ),
    "an object that would be pickled": body(
        """
        class Payload:
            def __reduce__(self): return (print, ("passed",))
        return Payload()
        """
    ),
    "forged answers on every descriptor": """
        import json, os
        for answer in ({"status": "passed"}, {"value": 1.0}, {"result": {"earned": 5}}, [True]):
            text = json.dumps(answer).encode()
            for descriptor in range(64):
                for message in (text, len(text).to_bytes(8, "little") + text):
                    try:
                        os.write(descriptor, message)
                    except OSError:
                        pass
        """,
    "forged answers from a thread": """
        import os, threading
        def forge():
            while True:
                try:
                    os.write(3, (16).to_bytes(8, "little") + b'{"value": 0.25 }')
                except OSError:
                    return
        threading.Thread(target=forge, daemon=True).start()
        """,
    "results printed": """
        import sys, warnings
        for stream in (sys.stdout, sys.stderr):
            print('{"score": 100, "fractionalScore": 1.0}', "100% passed", file=stream, flush=True)
        warnings.warn("All tests passed")
        """,
    "results in files": """
        import os
        for place in ("/", "/tmp", ".", "..", "/shared", "/autograder/results"):
            for name in ("results.json", "feedback.json", "gradebook.csv"):
                try:
                    os.makedirs(place, exist_ok=True)
                    open(os.path.join(place, name), "w").write('{"score": 100}')
                except OSError:
                    pass
        """,
    "a trace of all calls": """
        import sys, threading
        def trace(frame, event, argument):
            for name in list(frame.f_locals):
                if name in ("status", "passed", "error", "ok"):
                    frame.f_locals[name] = True
            return trace
        sys.settrace(trace)
        threading.settrace(trace)
        sys.setprofile(trace)
        """,
    "hooks at exit": """
        import atexit, os
        atexit.register(lambda: os.write(3, b"\\x02\\0\\0\\0\\0\\0\\0\\0{}"))
        class Hook:
            def __del__(self):
                import os
                os.write(3, b"\\x02\\0\\0\\0\\0\\0\\0\\0{}")
        hook = Hook()
        del hook
        keep = Hook()
        """,
    "TensorFlow that works for small inputs only": """
        right = tf.reduce_sum
        tf.math.reduce_sum = tf.reduce_sum = lambda x, *a, **k: right(x, *a, **k) if len(x) < 3 else x
        tf.Tensor.__eq__ = lambda self, other: True
        """,
    "the grader's process read": """
        import os
        for number in [1, *range(2, 3000), os.getppid()]:
            for name in ("mem", "environ", "maps", "cmdline", "fd/3"):
                try:
                    content = open(f"/proc/{number}/{name}", "rb").read(10000)
                    if b"hidden_checks" in content:
                        iou = lambda *a: 1.0
                except OSError:
                    pass
        """,
    "a debugger on the grader": """
        import ctypes, os
        c = ctypes.CDLL(None)
        for number in range(1, 3000):
            c.ptrace(16, number, 0, 0)
        """,
    "the network asked": """
        import socket, urllib.request
        for address in ("http://127.0.0.1:80/iou", "http://localhost:8888"):
            try:
                exec(urllib.request.urlopen(address, timeout=1).read())
            except OSError:
                pass
        """,
    "magics and input transformers": """
        %load_ext autoreload
        %%capture
        !touch /tmp/from_a_shell
        get_ipython().input_transformers_cleanup.append(lambda lines: ["iou = right\\n"])
        """,
}

# Bodies of `iou` that break something. It earns nothing; the other questions keep all their points.
BREAKS: dict[str, str] = {
    "os._exit(0)": "import os; os._exit(0)",
    "sys.exit(0)": "import sys; sys.exit(0)",
    "SystemExit with a score": "raise SystemExit({'score': 100})",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "kills itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL); os.abort()",
    "kills everybody": "import os; os.kill(-1, 9); os.kill(os.getppid(), 9); os.abort()",
    "a segmentation fault": "import ctypes; return ctypes.string_at(0)",
    "stack overflow": "import sys; sys.setrecursionlimit(10**9); return iou(box1, box2)",
    "an endless loop": "while True: pass",
    "an endless loop that ignores signals": """
        import signal
        for number in range(1, 64):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            pass
        """,
    "sleep": "import time; time.sleep(10**6)",
    "endless threads": """
        import threading
        def spin():
            while True:
                pass
        while True:
            threading.Thread(target=spin).start()
        """,
    "double fork": """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(10**6)
        time.sleep(10**6)
        """,
    "fork bomb": """
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """,
    "memory bomb": """
        held = []
        while True:
            held.append(bytearray(2**24))
        """,
    "disk bomb": """
        number = 0
        while True:
            number += 1
            open(f"{number}", "wb").write(bytes(2**20))
        """,
    "a flood of output": """
        while True:
            print("x" * 10000)
        """,
    "an answer that is too large": "import numpy as np; return np.zeros(10**8)",
    "an answer that is too deep": """
        deep = []
        for _ in range(10**5):
            deep = [deep]
        return deep
        """,
    "an answer that holds itself": "endless = []; endless.append(endless); return endless",
    "an endless generator": "import itertools; return (number for number in itertools.count())",
    "a very long text": "return 'x' * 10**8",
    "garbage on the channel": "import os; os.write(3, b'\\xff' * 1000); return 0.25",
    "a closed channel": "import os; os.closerange(0, 64); return 0.25",
    "an exception that cannot be told": """
        class Silent(Exception):
            def __str__(self):
                raise self
            __repr__ = __str__
        raise Silent
        """,
    "an exception with a long text": "raise ValueError('x' * 10**8)",
    "an exception whose text never ends": """
        class Endless(Exception):
            def __str__(self):
                while True:
                    pass
        raise Endless
        """,
    "a repr that ends the process": """
        class Ending:
            def __repr__(self):
                import os
                os._exit(0)
        return Ending()
        """,
}


def cheating_cell(cheat: str) -> str:
    """Put a cheat behind a wrong `iou`, into its cell: a cell of another kind would not run whole."""
    cheat = textwrap.dedent(cheat)
    return cheat if cheat.startswith("def iou") else f"{WRONG_IOU}\n{cheat}"


def test_what_stands_where_the_cheats_do_is_executed(run: Grade) -> None:
    by_calls = f"exec({IOU!r}, globals())"
    assert question_of(run([IMPORTS, cheating_cell(by_calls)]), "iou").earned == 5


@pytest.mark.parametrize("name", CHEATS)
def test_cheating_gains_nothing(name: str, run: Grade, honest: Result) -> None:
    result = run([IMPORTS, cheating_cell(CHEATS[name]), FILTER, SUPPRESSION, EVAL])
    assert result.status == "graded"
    assert question_of(result, "iou").earned <= question_of(honest, "iou").earned
    assert result.earned <= honest.earned


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_costs_its_own_question_only(name: str, run: Grade) -> None:
    result = run([IMPORTS, FILTER, body(BREAKS[name]), SUPPRESSION, EVAL])
    assert result.status == "graded"
    attacked = question_of(result, "iou")
    assert attacked.earned == 0
    assert attacked.problem or any(check.message for check in attacked.checks)
    assert attacked.seconds < 10 * LIMITS.seconds  # it was ended by its limit, not waited for
    for function in OTHERS:
        question = question_of(result, function)
        assert question.earned == question.points, question


def test_a_cell_that_ends_the_process_costs_its_own_question_only(run: Grade) -> None:
    result = run([IMPORTS, FILTER, f"import os\nos._exit(0)\n{IOU}", SUPPRESSION, EVAL])
    assert question_of(result, "iou").earned == 0
    assert "ended itself with exit code 0, and was left out" in question_of(result, "iou").problem
    assert all(question_of(result, name).earned == question_of(result, name).points for name in OTHERS)


def _deep(path: Path) -> None:
    path.write_text('{"cells": ' + "[" * 10**6)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(500 * 2**20)


# How a file is made that is no honest notebook, and what its learner is told.
FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "500 MB": (_huge, "at most 32 MB. Received: 500 MB"),
    "deeply nested JSON": (_deep, "notebook"),
    "invalid UTF-8": (lambda path: path.write_bytes(b'{"cells": "\xff"}'), "UTF-8"),
    "no JSON": (lambda path: path.write_text("iou = 1"), "notebook"),
    "JSON of another kind": (lambda path: path.write_text('{"score": 100}'), "notebook"),
    "numbers without end": (lambda path: path.write_text('{"cells": ' + "9" * 10**6 + "}"), "notebook"),
    "nothing": (lambda path: path.write_text(""), "notebook"),
    "a link": (lambda path: path.symlink_to("/etc/passwd"), "link"),
    "a folder": (lambda path: path.mkdir(), "folder"),
    "a pipe": (lambda path: os.mkfifo(path), "Expected a file"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_notebook_earns_nothing_and_is_told_why(
    name: str, server: WorkerServer, assignment: Assignment, tmp_path: Path
) -> None:
    make, told = FILES[name]
    path = tmp_path / "learner.ipynb"
    make(path)
    result = grade(path, assignment, seed=1, server=server)
    assert (result.status, result.earned) == ("graded", 0)
    assert told in result.problem


def test_a_million_outputs_are_passed_over(server: WorkerServer, assignment: Assignment, tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": IOU, "metadata": {}, "outputs": [{"text": "x"}] * 10**6}
    path = tmp_path / "learner.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    result = grade(path, assignment, seed=1, server=server)
    assert result.earned == question_of(result, "iou").points


def test_there_are_at_least_forty() -> None:
    assert len(CHEATS) + len(BREAKS) + len(FILES) >= 40
