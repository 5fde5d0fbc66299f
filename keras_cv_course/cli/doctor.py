"""`kcc doctor`: what is here, what is missing, and what to do about it."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import say_table, start_keras
from keras_cv_course.cpu import cpu_flags, cpu_has_bfloat16
from keras_cv_course.errors import DataNotFoundError, KerasCVCourseError, MissingExtraError

# Name -> the package that it brings, and what for.
EXTRAS = {
    "jax": ("jax", "the JAX backend"),
    "torch": ("torch", "the PyTorch backend"),
    "video": ("av", "videos in kcc detect"),
    "export": ("tf2onnx", "ONNX files of kcc convert"),
    "cluster": ("distributed", "kcc grade-batch --cluster"),
    "lab": ("jupyterlab", "kcc start --lab and kcc compat"),
}
MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "missing": "[red]missing[/]"}


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis: `state` is ok, note (works without) or missing (does not work)."""

    subject: str
    state: str
    found: str
    advice: str = ""


def doctor() -> None:
    """Check Python, TensorFlow, Keras, devices, data and weights, and say what to do.

    The exit status is 1 if something is missing that the package cannot work without.
    """
    findings = [_python(), *_keras(), *_cpu(), _data(), *_weights(), *_sandbox(), *_extras()]
    table = Table("", "what", box=None, pad_edge=False)
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for finding in findings:
        table.add_row(MARKS[finding.state], *map(escape, (finding.subject, finding.found, finding.advice)))
    say_table(table)
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    return Finding("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _keras() -> list[Finding]:
    findings = []
    for package in ("tensorflow", "keras"):
        try:
            findings.append(Finding(package, "ok", version(package)))
        except PackageNotFoundError:
            findings.append(Finding(package, "missing", "not installed", "pip install . in the checkout"))
    if any(finding.state == "missing" for finding in findings):
        return findings
    try:
        start_keras()
    except MissingExtraError as error:
        return [*findings, Finding("backend", "missing", str(error), "see the left")]

    import keras

    from keras_cv_course.training.device import gpu_names

    backend, gpus = keras.backend.backend(), gpu_names()
    findings.append(Finding("backend", "ok", backend, "" if backend == "tensorflow" else "set by KERAS_BACKEND"))
    if gpus:
        findings.append(Finding("GPUs", "ok", ", ".join(gpus)))
    else:
        advice = "training runs on the CPU; for NVIDIA: pip install '.[gpu]'"
        findings.append(Finding("GPUs", "note", "none", advice))
    return findings


def _cpu() -> list[Finding]:
    vectors = [name for name in ("avx2", "avx512f", "avx512_vnni") if name in cpu_flags()]
    found = f"{os.cpu_count()} cores {' '.join(vectors)}".strip()
    bfloat16 = (
        Finding("CPU bfloat16", "ok", "yes", "training uses it where it measures faster")
        if cpu_has_bfloat16()
        else Finding("CPU bfloat16", "note", "no (AVX-512 BF16 or AMX)", "training uses float32")
    )
    return [Finding("CPU", "ok", found), bfloat16]


def _data() -> Finding:
    from keras_cv_course.data.signs import DATA_VARIABLE, find_signs, read_signs

    try:
        folder = find_signs()
        parts = [read_signs(folder, part) for part in ("train", "test")]
    except DataNotFoundError:
        where = os.environ.get(DATA_VARIABLE)
        found = f"none in {where} ({DATA_VARIABLE})" if where else "none in ./datasets"
        return Finding("SIGNS data", "note", found, f"kcc data signs draws a set; or set {DATA_VARIABLE}")
    except KerasCVCourseError as error:
        return Finding("SIGNS data", "note", str(error), "copy the files again")
    kind = "synthetic" if parts[1].synthetic else "real"
    return Finding("SIGNS data", "ok", f"{folder}: {len(parts[0].data)} + {len(parts[1].data)} images, {kind}")


def _weights() -> list[Finding]:
    from keras_cv_course.pretrained import find_weights, registry

    try:
        entries = registry().values()
    except KerasCVCourseError as error:
        return [Finding("weights", "missing", str(error), "install the package again")]
    findings = []
    for entry in entries:
        subject = f"weights {entry.name}"
        try:
            path = find_weights(entry)
        except KerasCVCourseError as error:
            findings.append(Finding(subject, "missing", str(error), "fetch the file again"))
            continue
        if path is not None:
            findings.append(Finding(subject, "ok", str(path)))
        elif entry.url:
            findings.append(Finding(subject, "note", "not on this machine", f"downloaded when needed: {entry.url}"))
        else:
            findings.append(Finding(subject, "missing", entry.file, "install the package again"))
    return findings


def _sandbox() -> list[Finding]:
    """Start a worker without TensorFlow, and see which layers it has."""
    from keras_cv_course.grading.server import WorkerServer, unprotected

    try:
        with WorkerServer(require=frozenset(), warm=False) as server:
            layers = server.layers
    except KerasCVCourseError as error:
        return [Finding("sandbox", "note", str(error), "submissions cannot be graded here")]
    active = [name for name, state in layers.items() if state is True]
    missing = {name: str(state) for name, state in layers.items() if state is not True}
    if weak := unprotected(layers):
        found = Finding("sandbox", "note", f"does not protect {', '.join(weak)}", "grade only code that you trust")
    else:
        found = Finding("sandbox", "ok", ", ".join(active))
    return [found, *(Finding(f"sandbox: {name}", "note", why, "docs/sandbox.md") for name, why in missing.items())]


def _extras() -> list[Finding]:
    return [
        Finding(f"extra {name}", "ok", f"{package} {version(package)}")
        if find_spec(package)
        else Finding(f"extra {name}", "note", "not installed", f"for {use}: pip install '.[{name}]'")
        for name, (package, use) in EXTRAS.items()
    ]
