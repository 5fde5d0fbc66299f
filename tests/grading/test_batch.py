"""A class, graded for real in the sandbox; what a grading process may do to its parent, with processes made up here."""

import json
import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path

import cold_graders
import pytest
from forked import run_forked, start_forked
from tiny_assignment import BREAKS_THE_CHECK, RIGHT, WRONG, write_assignment, write_notebook

from keras_cv_course.errors import GradingError, SandboxError
from keras_cv_course.grading import local_graders
from keras_cv_course.grading.batch import GRADEBOOK, STATE_FILE, grade_batch
from keras_cv_course.grading.batch_state import BatchState
from keras_cv_course.grading.job import Job, failed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return write_assignment(tmp_path_factory.mktemp("assignment"))


def write_class(folder: Path) -> Path:
    """Write six submissions that earn 4, 0, 4 and 0 points, and twice make the grader fail or nothing to grade."""
    write_notebook(folder / "alice" / "a.ipynb", RIGHT)
    (folder / "bob.py").write_text(WRONG)
    (folder / "carol.py").write_text(f"{RIGHT}\nprint('carol')\n")
    (folder / "dave.py").write_text("def double(x:\n")
    (folder / "erin.py").write_text(BREAKS_THE_CHECK)
    (folder / "fred").mkdir()
    (folder / "fred" / "readme.txt").write_text("Sorry, nothing yet.")
    return folder


def stored(out: Path) -> dict[str, str]:
    """Read the results that a batch has kept, whatever state it was left in."""
    with sqlite3.connect(out / STATE_FILE) as database:
        rows = dict(database.execute("SELECT submission, result FROM results"))
    database.close()
    return rows


def test_a_class_with_everything(tmp_path, assignment, monkeypatch):
    monkeypatch.setattr(local_graders, "_work", cold_graders.work)
    folder = write_class(tmp_path / "class")
    seen = []
    batch = grade_batch(folder, assignment, tmp_path / "two", seed=5, processes=2, on_result=seen.append)
    by_name = {result.submission: result for result in batch.results}
    assert {name: (result.status, result.earned) for name, result in by_name.items()} == {
        "alice/a.ipynb": ("graded", 4),
        "bob.py": ("graded", 0),
        "carol.py": ("graded", 4),
        "dave.py": ("graded", 0),
        "erin.py": ("grader failed", 0),
        "fred": ("graded", 0),
    }
    assert "ZeroDivisionError: a defect of the check" in by_name["erin.py"].problem
    assert by_name["fred"].problem == "Expected a notebook (.ipynb) or Python file (.py). Received: other files only."
    assert sorted(result.submission for result in seen) == sorted(by_name)
    assert (batch.seed, batch.title, batch.graded_before) == (5, "Two small functions", 0)

    (tmp_path / "class" / "bob.py").touch()
    again = grade_batch(folder, assignment, tmp_path / "one", seed=5, processes=1)
    gradebooks = [(tmp_path / out / GRADEBOOK).read_bytes() for out in ("one", "two")]
    assert gradebooks[0] == gradebooks[1]
    assert again.graded_before == 0

    # The same call: what is graded stays, what has changed or failed is graded.
    (folder / "bob.py").write_text(RIGHT)
    (folder / "carol.py").unlink()
    before, seen = stored(tmp_path / "two"), []
    batch = grade_batch(folder, assignment, tmp_path / "two", processes=2, on_result=seen.append)
    assert {result.submission for result in seen} == {"bob.py", "erin.py"}
    assert (batch.seed, batch.graded_before, batch.gone) == (5, 3, ("carol.py",))
    after = stored(tmp_path / "two")
    assert [name for name in before if before[name] != after[name]] == ["bob.py"]  # erin fails as before
    assert "bob.py,graded,4,4,2,2" in (tmp_path / "two" / GRADEBOOK).read_text()

    with pytest.raises(GradingError, match="seed 5, now 6"):
        grade_batch(folder, assignment, tmp_path / "two", seed=6)


def test_killed_at_random_moments_and_resumed(tmp_path, assignment):
    folder = tmp_path / "class"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02}.py").write_text(f"{RIGHT if number % 3 else WRONG}\nnumber = {number}\n")

    def command(out: str) -> dict:
        options = ["--assignment", str(assignment), "--seed", "1", "-j", "2", "--out", str(tmp_path / out)]
        words = ["kcc", "grade-batch", str(folder), *options]
        return {"main": cold_graders.kcc, "arguments": words, "cwd": None, "environment": os.environ}

    whole = run_forked(**command("whole"))
    assert whole.returncode == 0, whole.stderr

    draw, kept, kills = random.Random(time.time_ns()), {}, 0
    for at_least in (1, 9):  # so that the moments differ, and that something is left to do after the last
        with start_forked(**command("killed"), streams=[tmp_path / "out", tmp_path / "err"]) as run:
            while run.is_alive() and count(tmp_path / "killed") < at_least:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.3))
        kills += run.exitcode == -signal.SIGKILL
        now = stored(tmp_path / "killed")
        assert kept.items() <= now.items()  # nothing lost, and nothing graded again
        kept = now
    assert kills
    assert not (tmp_path / "killed" / GRADEBOOK).exists()

    resumed = run_forked(**command("killed"))
    assert resumed.returncode == 0, resumed.stderr
    assert f"{len(kept)} of them in an earlier run." in resumed.stdout
    assert kept.items() <= stored(tmp_path / "killed").items()
    assert (tmp_path / "killed" / GRADEBOOK).read_bytes() == (tmp_path / "whole" / GRADEBOOK).read_bytes()
    assert len(stored(tmp_path / "killed")) == 24


def count(out: Path) -> int:
    """Count results from beside a running batch, whose lock is exclusive: the file's text will do."""
    state = out / STATE_FILE
    return state.read_bytes().count(b'"submission": ') if state.exists() else 0


def test_refuses_what_would_mix_results(tmp_path, assignment):
    folder = write_class(tmp_path / "class")
    with pytest.raises(GradingError, match="outside that of the submissions"):
        grade_batch(folder, assignment, folder / "out")
    with pytest.raises(GradingError, match="no_such"):
        grade_batch(folder, "no_such", tmp_path / "out")
    with BatchState(tmp_path / "out" / STATE_FILE), pytest.raises(GradingError, match="another batch"):
        grade_batch(folder, assignment, tmp_path / "out")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / STATE_FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(GradingError, match="something else"):
        grade_batch(folder, assignment, tmp_path / "bad")


def test_other_checks_are_another_batch(tmp_path):
    assignment = write_assignment(tmp_path)
    job = Job(assignment, None, 0)
    before = job.digest()
    assert before == job.digest()
    (assignment / "hidden_checks.py").write_text("# none\n")
    assert before != job.digest()
    private = tmp_path / "private"
    private.mkdir()
    (private / "more.py").write_text("# none\n")
    assert Job(assignment, private, 0).digest() != job.digest()


# Processes made up here, in place of `local_graders._work`


def _refuse(job, pipe, lifeline):
    pipe.send(SandboxError("no layer is active"))


def _vanish(job, pipe, lifeline):
    os._exit(3)


def _misbehave(job, pipe, lifeline):
    pipe.send(({"seccomp": True}, 1.0))
    while True:
        name, _ = pipe.recv()
        if name == "dies.py":
            os.kill(os.getpid(), signal.SIGSEGV)
        if name == "hangs.py":
            time.sleep(600)
        pipe.send(failed(job, name, "fine", {}).to_dict())


def grade_with(monkeypatch, work, tmp_path, names, processes):
    from keras_cv_course.grading.submission_folder import FoundSubmission

    monkeypatch.setattr(local_graders, "_work", work)
    submissions = [FoundSubmission(name, tmp_path / name, "") for name in names]
    graded = local_graders.grade_locally(Job(tmp_path, None, 0), submissions, processes)
    return {submission.name: result.problem for submission, result in graded}


def test_too_weak_a_sandbox_stops_the_batch(monkeypatch, tmp_path):
    with pytest.raises(SandboxError, match="no layer is active"):
        grade_with(monkeypatch, _refuse, tmp_path, ["a.py"], 2)


def test_a_process_that_cannot_start_stops_the_batch(monkeypatch, tmp_path):
    with pytest.raises(GradingError, match="did not start"):
        grade_with(monkeypatch, _vanish, tmp_path, ["a.py"], 1)


@pytest.mark.parametrize("processes", [1, 3])
def test_a_process_that_dies_or_hangs_costs_one_submission_its_grade(monkeypatch, tmp_path, processes):
    names = ["a.py", "dies.py", "b.py", "hangs.py", "c.py", "d.py"]
    problems = grade_with(monkeypatch, _misbehave, tmp_path, names, processes)
    assert sorted(problems) == sorted(names)
    assert {name for name, problem in problems.items() if problem == "fine"} == {"a.py", "b.py", "c.py", "d.py"}
    assert "by signal 11" in problems["dies.py"]
    assert "more than 1 seconds" in problems["hangs.py"]


def test_a_weak_sandbox_is_told_to_the_server(tmp_path, assignment, monkeypatch):
    from keras_cv_course.grading import job

    asked = []

    class Server:
        layers: dict[str, bool | str] = {}  # noqa: RUF012

        def __init__(self, *, require):
            asked.append(require)

    monkeypatch.setattr(job, "WorkerServer", Server)
    job.Grader(Job(assignment, None, 0))
    job.Grader(Job(assignment, None, 0, allow_weak_sandbox=True))
    assert asked == [None, frozenset()]


def test_stored_results_are_plain_json(tmp_path):
    from keras_cv_course.grading.submission_folder import FoundSubmission

    found = FoundSubmission("a.py", tmp_path, "digest")
    bad = failed(Job(tmp_path, None, 0), "a.py", "x", {})
    with BatchState(tmp_path / STATE_FILE) as state:
        state.put(found, bad)
        assert state.get(found) is None  # tried again
    assert json.loads(stored(tmp_path)["a.py"])["status"] == "grader failed"
