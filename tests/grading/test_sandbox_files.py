"""Files of the machine, of the grader and of others, and the one folder that a submission may write to."""

import os
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from sandbox import CHECKOUT, KERNELS, PACKAGES, STAND_IN, attack, changed, needs

import keras_cv_course
from keras_cv_course.grading.server import WorkerServer


def libraries() -> list[Path]:
    """Give the folders of packages and of Python itself, which a worker sees."""
    packages = [Path(path) for path in sys.path if path.endswith("-packages")]
    return [*packages, Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix, "lib"), Path("/usr/lib")]


def test_files_of_the_grader_can_be_neither_read_nor_listed(sandbox: WorkerServer, tmp_path: Path) -> None:
    (tmp_path / "other_submission.py").write_text("answer = 42")
    paths = [
        *(
            tmp_path,
            tmp_path / "other_submission.py",
            Path(tempfile.gettempdir()),
            Path.home(),
            Path.home() / ".bashrc",
        ),
        *(CHECKOUT, CHECKOUT / "assignments", CHECKOUT / "assignments/03_car_detection/hidden_checks.py"),
        *(CHECKOUT / "keras_cv_course/grading/server.py", CHECKOUT / ".git/config", Path(__file__), STAND_IN),
        *map(Path, ("/etc/shadow", "/etc/passwd", "/etc/hostname", "/var/log", "/home", "/usr/bin/env", "/sys/kernel")),
        *map(Path, ("/", "/etc", "/usr", "/dev", "/run", "/opt", "/mnt", "/proc/1/root", "/proc/self/root/etc/shadow")),
    ]
    code = f"""
        import os
        answer = {{}}
        for path in {[str(path) for path in paths]}:
            try: answer[path] = os.listdir(path)
            except OSError:
                try: answer[path] = repr(open(path, "rb").read(10))
                except OSError: pass
    """
    seen = attack(sandbox, code)
    ways = {str(path) for library in libraries() for path in (library, *library.parents)}
    of_the_sandbox = {*ways, *(f"/{name}" for name in ("proc", "dev", "scratch", "tmp", "lib", "lib64", "lib32"))}
    of_the_sandbox |= {
        "/etc",
        "/usr/lib64",
        "/usr/lib32",
        "/usr/share",
        "/usr/local",
        "/etc/ld.so.cache",
        "/etc/localtime",
    }
    of_the_sandbox |= {f"/dev/{name}" for name in ("null", "random", "urandom", "shm")}
    for folder, names in seen.items():
        assert isinstance(names, list), f"{folder} could be read"
        if folder != tempfile.gettempdir():  # which is the scratch folder there
            assert {str(Path(folder, name)) for name in names} <= of_the_sandbox
    assert "other_submission.py" not in seen.get(tempfile.gettempdir(), [])


def test_no_file_of_the_package_has_a_name_in_the_sandbox(sandbox: WorkerServer) -> None:
    needs(sandbox, "mount namespace")
    code = """
        import os
        answer = [0]
        for folder, folders, files in os.walk("/"):
            if folder == "/": folders.remove("proc")
            answer[0] += len(files)
            answer += [f"{folder}/{name}" for name in folders + files if "cv_course" in name or "hidden_checks" in name]
    """
    number, *found = attack(sandbox, code)
    assert number > 10_000  # it did look
    assert found == []


CANNOT_IMPORT = ("ModuleNotFoundError", "PermissionError", "ImportError")


def test_the_package_cannot_be_imported(sandbox: WorkerServer) -> None:
    assert Path(keras_cv_course.__file__).is_relative_to(CHECKOUT)  # installed editable: in two places
    for path in (CHECKOUT, PACKAGES, PACKAGES / "keras_cv_course", CHECKOUT / "keras_cv_course"):
        code = f"import sys; sys.path.insert(0, {str(path)!r})\nimport keras_cv_course.models.resnet"
        assert attack(sandbox, code)["raised"] in CANNOT_IMPORT
    code = "import sys; answer = [name for name in sys.modules if 'cv_course' in name] + [p for p in sys.path if not p]"
    assert attack(sandbox, code) == []
    assert attack(sandbox, f"import sys; answer = {str(CHECKOUT)!r} in sys.path") is False


def test_the_package_installed_as_a_wheel_is_hidden_and_its_neighbours_are_not(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = open_folder / "site-packages"
    for name in ("keras_cv_course", "Keras_CV_course-1.0.dist-info", "neighbour"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").write_text("secret = 42")
    (packages / "__editable__.keras_cv_course-1.0.pth").write_text("import keras_cv_course")
    for path in (packages, *packages.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    monkeypatch.syspath_prepend(str(packages))
    with WorkerServer(worker_files=[STAND_IN], warm=False) as server:
        assert attack(server, "import neighbour; answer = neighbour.secret") == 42
        for name in ("keras_cv_course", "Keras_CV_course-1.0.dist-info"):
            code = f"import importlib; answer = importlib.import_module({name!r}).secret"
            assert attack(server, code)["raised"] in CANNOT_IMPORT
        code = f"import os; answer = open({str(packages / 'keras_cv_course/__init__.py')!r}).read()"
        assert attack(server, code)["raised"] in ("FileNotFoundError", "PermissionError")
        if server.layers["mount namespace"] is True:
            assert attack(server, f"import os; answer = os.listdir({str(packages)!r})") == ["neighbour"]


def test_nothing_outside_the_scratch_folder_can_be_changed(sandbox: WorkerServer) -> None:
    victims = [str(path) for path in (PACKAGES / "numpy/__init__.py", Path(os.__file__), CHECKOUT / "README.md")]
    folders = ["/", "/etc", "/usr", "/usr/lib", "/dev", "/proc", "/proc/self", "/var/tmp", str(PACKAGES), str(CHECKOUT)]
    code = f"""
        import os
        answer = []
        def attempt(name, step):
            try: step()
            except OSError: return
            answer.append(name)
        def change(name, file, step):
            def see():  # where there is no mount namespace, these say that they succeed
                before = os.stat(file)
                step()
                if os.stat(file) == before: raise OSError
            attempt(name, see)
        for folder in {folders}:
            attempt(f"create in {{folder}}", lambda: open(f"{{folder}}/mine", "w"))
            attempt(f"make {{folder}}", lambda: os.mkdir(f"{{folder}}/mine"))
            attempt(f"link {{folder}}", lambda: os.symlink("/", f"{{folder}}/mine"))
        for file in {victims}:
            attempt(f"write {{file}}", lambda: open(file, "r+"))
            attempt(f"truncate {{file}}", lambda: os.truncate(file, 0))
            attempt(f"remove {{file}}", lambda: os.remove(file))
            attempt(f"rename {{file}}", lambda: os.rename(file, file + ".old"))
            change(f"mode of {{file}}", file, lambda: os.chmod(file, 0o777))
            change(f"time of {{file}}", file, lambda: os.utime(file, (0, 0)))
            attempt(f"link {{file}}", lambda: os.link(file, "mine"))
        for file in ("/proc/self/mem", "/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/sys/kernel/hostname"):
            attempt(f"write {{file}}", lambda: open(file, "r+"))
        for file in ("/dev/null", "/dev/urandom"):
            change(f"mode of {{file}}", file, lambda: os.chmod(file, 0o777))
    """
    assert attack(sandbox, code) == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_files_of_the_user_who_grades_stay_as_they_are(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    packages = open_folder / "site-packages"
    packages.mkdir()
    packages.chmod(0o755)
    files = [open_folder / "gradebook.csv", packages / "library.py"]
    for file in files:
        file.write_text("as it was")
        file.chmod(0o666)
    monkeypatch.syspath_prepend(str(packages))
    code = f"""
        import fcntl, os, struct
        def attempt(name, step):
            try: step()
            except OSError: return
            answer.append(name)
        answer = []
        for file in {[str(file) for file in files]}:
            attempt(f"read {{file}}", lambda: open(file).read())
            for step in (
                lambda: os.chmod(file, 0o600),
                lambda: os.chmod(os.open(file, os.O_RDONLY), 0o600),
                lambda: os.utime(file),
            ):
                try: step()  # which may say that it has succeeded
                except OSError: pass
            attempt(f"owner of {{file}}", lambda: os.chown(file, os.getuid(), os.getgid()))
            attempt(f"attribute of {{file}}", lambda: os.setxattr(file, "user.mine", b"1"))
            attempt(f"flags of {{file}}", lambda: fcntl.ioctl(os.open(file, 0), 0x40086602, struct.pack("l", 0x40)))
            attempt(f"lease of {{file}}", lambda: fcntl.fcntl(os.open(file, os.O_RDONLY), 1024, fcntl.F_RDLCK))
            attempt(f"truncate {{file}}", lambda: os.truncate(file, 0))
            for mode in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, 3):
                attempt(f"empty by opening with {{mode}} {{file}}", lambda: os.open(file, mode | os.O_TRUNC))
    """

    def states() -> list[object]:
        return [(file.read_text(), os.listxattr(file), *file.stat()[:6], file.stat().st_ctime_ns) for file in files]

    before = states()
    with changed(KERNELS[kernel]) as sandbox:
        assert attack(sandbox, code) == [f"read {files[1]}"]
    assert states() == before


def test_every_mount_but_the_scratch_folder_is_read_only(sandbox: WorkerServer) -> None:
    needs(sandbox, "mount namespace")
    mounts = [line.split() for line in attack(sandbox, "answer = open('/proc/self/mountinfo').read()").splitlines()]
    options = {
        fields[4]: fields[5].split(",") for fields in mounts
    }  # of the last mount at a place, which covers others
    assert len(options) > 5
    for place, of_mount in options.items():
        assert "ro" in of_mount or place == "/scratch" or place.startswith(("/dev/", "/proc/")), place
        assert "nosuid" in of_mount or place.startswith("/dev/"), place


def test_the_scratch_folder_is_empty_and_can_be_used(sandbox: WorkerServer) -> None:
    code = """
        import os, shutil, tempfile
        before = os.listdir(".")
        open("file", "w").write("x")
        shutil.copy2("file", "other")
        os.remove("file")
        with tempfile.TemporaryFile() as file: file.write(b"x")
        answer = [before, os.listdir("."), os.environ["HOME"] == os.getcwd()]
    """
    assert attack(sandbox, code) == [[], ["other"], True]
    assert attack(sandbox, code) == [[], ["other"], True]  # nothing is left for the next
