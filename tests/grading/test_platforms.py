"""What `kcc package` writes, run as the platforms would run it, but for their containers."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tiny_assignment import BREAKS_THE_CHECK, RIGHT, WRONG, write_assignment, write_notebook

from keras_cv_course.grading.package import package_grader

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")

TESTS = Path(__file__).parents[1]
# As `grade.py` in the bundle does, with another root for the platform's folders, and without TensorFlow.
RUN = """
import sys
from pathlib import Path

bundle, platform, root, tests = sys.argv[1:]
sys.path[:0] = [bundle, tests]
import keras_cv_course
from cold_graders import make_cold
from keras_cv_course.grading.container import grade_on

make_cold()
assert keras_cv_course.__file__.startswith(bundle)
sys.exit(grade_on(platform, Path(bundle), Path(root)))
"""


def run(bundle: Path, platform: str, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", RUN, bundle, platform, root, TESTS],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, **environment},
    )


def test_coursera(tmp_path):
    private = tmp_path / "private"
    private.mkdir()
    (private / "more.py").write_text(
        "from keras_cv_course.grading import check_of, compare\n\n"
        "@check_of('mean', title='Of one number', points=2)\n"
        "def one(subject, draw):\n    compare.close(subject.call('mean', draw.normal(size=1)), 0, 'mean', atol=100)\n"
    )
    bundle = tmp_path / "bundle"
    parts = {"aBc": ["double"], "xYz": ["mean"]}
    package_grader("coursera", write_assignment(tmp_path), bundle, private=private, parts=parts)
    assert (bundle / "assignment" / "00_tiny" / "hidden_checks.py").is_file()
    pinned = (bundle / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("tensorflow==2") for line in pinned)
    assert not (bundle / "keras_cv_course" / "weights").exists()

    root = tmp_path / "root"
    write_notebook(root / "shared" / "submission" / "work.ipynb", "def double(x):\n    return 2 * x\n")
    for part, score in (("aBc", 1.0), ("xYz", 0.0)):
        done = run(bundle, "coursera", root, partId=part)
        assert done.returncode == 0, done.stderr
        feedback = json.loads((root / "shared" / "feedback.json").read_text())
        assert feedback["fractionalScore"] == score
        assert ("(double)" in feedback["feedback"]) == (part == "aBc")
    assert "Of one number (hidden): not run, 0 of 2" in feedback["feedback"]

    (root / "shared" / "feedback.json").unlink()
    done = run(bundle, "coursera", root, partId="other")
    assert (done.returncode, "aBc, xYz" in done.stderr) == (2, True)
    assert not (root / "shared" / "feedback.json").exists()


def test_gradescope(tmp_path):
    archive = tmp_path / "grader.zip"
    package_grader("gradescope", write_assignment(tmp_path), archive)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "source")
        for name in ("setup.sh", "run_autograder"):
            assert opened.getinfo(name).external_attr >> 16 & stat.S_IXUSR
            subprocess.run(["bash", "-n", tmp_path / "source" / name], check=True)
    root = tmp_path / "root"
    (root / "autograder" / "submission").mkdir(parents=True)
    target = root / "autograder" / "results" / "results.json"

    (root / "autograder" / "submission" / "work.py").write_text(f"{RIGHT}\n{WRONG}")
    done = run(tmp_path / "source", "gradescope", root)
    assert done.returncode == 0, done.stderr
    assert json.loads(target.read_text())["score"] == 2

    target.unlink()
    (root / "autograder" / "submission" / "work.py").write_text(BREAKS_THE_CHECK)
    done = run(tmp_path / "source", "gradescope", root)
    assert (done.returncode, target.exists()) == (2, False)
    assert "a defect of the check" in done.stderr
