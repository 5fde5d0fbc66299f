"""The tests of all layers again as they are without root, in a container, and both."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox import CHECKOUT


def run_here_as(folder: Path, prepare: str, command: list[str]) -> None:
    """Run the tests of the layers in another setting: after a shell script, by a command."""
    layers = sorted(set(Path(__file__).parent.glob("test_sandbox_*.py")) - {Path(__file__)})
    tests = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *layers]
    script = folder / "run.sh"
    script.write_text(f'set -e\n{prepare}\nexec "$@"\n')
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    done = subprocess.run(
        ["unshare", "--mount", "sh", str(script), *command, *tests],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def open_to_all(path: Path) -> str:
    """Give shell commands that let other users pass the folders on the way to `path`, in this mount namespace."""
    closed = [folder for folder in path.parents if not folder.stat().st_mode & 0o001]
    if not closed:
        return ""
    folder = closed[-1]
    return f"""
        hold=$(mktemp -d); mount -t tmpfs none $hold; mkdir $hold/path; mount --bind {path} $hold/path
        mount -t tmpfs -o mode=755 none {folder}; mkdir -p {path}; mount --bind $hold/path {path}
    """


@pytest.fixture
def as_root(open_folder: Path) -> Path:
    """Give a folder that all may use, or skip where the tests do not run as root."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("needs root with mounts, to try what others have")
    return open_folder


USER = ["setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups"]
# What Docker's default profile does to a container without privileges: no namespaces, no mounts.
CONTAINER = [
    sys.executable,
    "-c",
    "import os, sys; from keras_cv_course.grading.jail import seccomp\n"
    "names = ('unshare', 'mount', 'setns', 'pivot_root', 'mount_setattr')\n"
    "seccomp.REFUSED = {name: seccomp.REFUSED[name] for name in names}\n"
    "seccomp.install(other_processes_visible=False, other_files_visible=False); os.execvp(sys.argv[1], sys.argv[1:])",
]


def test_all_of_this_holds_elsewhere_without_root(as_root: Path) -> None:
    run_here_as(as_root, open_to_all(Path(sys.base_prefix)), USER)


@pytest.mark.slow  # without root, below, a container keeps less
def test_all_of_this_holds_elsewhere_in_a_container(as_root: Path) -> None:
    run_here_as(as_root, open_to_all(Path(sys.base_prefix)), CONTAINER)


def test_all_of_this_holds_elsewhere_in_a_container_without_root(as_root: Path) -> None:
    run_here_as(as_root, open_to_all(Path(sys.base_prefix)), [*USER, *CONTAINER])
