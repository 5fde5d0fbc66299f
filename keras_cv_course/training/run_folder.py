"""The folder of one training run: what was asked, on what machine, how it went, and how to go on.

config.json       what was asked for, and the names of the classes
environment.json  versions, devices, precision: where it ran
history.csv       one row for each epoch
state.h5          everything a resumed run needs, after each epoch; gone once the run is complete
best.weights.h5   with validation: the weights of the best epoch so far; gone likewise
model.keras       the trained model; its presence means that the run is complete
logs/             TensorBoard
"""

import csv
import io
import json
import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import h5py
import keras
import numpy as np

from keras_cv_course.cpu import cpu_has_bfloat16
from keras_cv_course.errors import RunError
from keras_cv_course.files import atomic_path, write_text_atomically
from keras_cv_course.training.device import gpu_names

History = dict[str, list[float]]


class Savable(Protocol):
    """A model, alone or with what its use needs."""

    def save(self, path: Path, /) -> None:
        """Write one .keras file."""


class RunFolder:
    """The files of one run, by name; the folder is made when the first one is written.

    Args:
        path: the folder.
        details: what config.json shall say beside class names and settings, such as where the data lie; JSON types.
    """

    def __init__(self, path: str | Path, details: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.details = details or {}
        self.config = self.path / "config.json"
        self.environment = self.path / "environment.json"
        self.history = self.path / "history.csv"
        self.state = self.path / "state.h5"
        self.best_weights = self.path / "best.weights.h5"
        self.model = self.path / "model.keras"
        self.logs = self.path / "logs"

    def require_free(self) -> None:
        """Raise RunError if the folder holds a run already."""
        if self.config.exists():
            raise RunError(f"{self.path} holds a run already. Resume it, or name another folder.")

    def start(self, class_names: Sequence[str], settings: dict[str, Any]) -> None:
        """Claim the folder for a new run and write down what is asked for.

        Raises:
            RunError: the folder holds a run already.
        """
        self.require_free()
        config = self.details | {"class_names": list(class_names), "fit": settings}
        write_text_atomically(self.config, json.dumps(config, indent=2) + "\n")

    def go_on(self) -> None:
        """Make ready to resume: clear away what a killed process left half-written.

        Raises:
            RunError: no run there, or one that is complete.
        """
        self.read_config()
        if self.model.exists():
            raise RunError(f"The run in {self.path} is complete: {self.model} exists. There is nothing to resume.")
        for target in (self.state, self.best_weights, self.model):
            for leftover in self.path.glob(f".{target.name}-*"):
                shutil.rmtree(leftover)

    def read_config(self) -> dict[str, Any]:
        """Read what the run was asked to do: `details`, ``class_names`` and ``fit``.

        Raises:
            RunError: no run there, or a damaged file.
        """
        if not self.config.is_file():
            raise RunError(f"{self.path} holds no run: expected {self.config}. Start a new one.")
        try:
            config = json.loads(self.config.read_text(encoding="utf-8"))
            return {"class_names": config["class_names"], "fit": config["fit"], **config}
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{self.config}: expected the settings that a run starts with ({error}).") from error

    def write_environment(self, precision: str) -> None:
        """Write down where the run happens."""
        facts = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "keras_cv_course": version("keras-cv-course"),
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            **{name: version(name) for name in ("tensorflow", "numpy")},
            "machine": f"{platform.system()} {platform.machine()}",
            "gpus": gpu_names(),
            "cpu_has_bfloat16": cpu_has_bfloat16(),
            "precision": precision,
        }
        write_text_atomically(self.environment, json.dumps(facts, indent=2) + "\n")

    def read_history(self) -> History:
        """Read what :meth:`write_history` wrote."""
        with self.history.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in rows[0] if name != "epoch"}

    def write_model(self, model: Savable) -> None:
        """Write the trained model, which completes the run, and clear away what only resuming needed."""
        with atomic_path(self.model) as path:
            model.save(path)
        self.state.unlink(missing_ok=True)
        self.best_weights.unlink(missing_ok=True)

    def write_history(self, history: History) -> None:
        """Write one row for each epoch, numbered from 1."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["epoch", *history])
        for epoch, values in enumerate(zip(*history.values(), strict=True), start=1):
            rows.writerow([epoch, *values])
        write_text_atomically(self.history, text.getvalue())


@dataclass
class TrainingState:
    """What a run knows after an epoch, beside the variables of model and optimizer.

    Attributes:
        precision: in which the run trains, settled when it started.
        epochs_done: number of finished epochs.
        history: one list for each quantity, a number for each finished epoch.
        best_loss: lowest so far of what epochs are judged by, with its sign turned where higher is better; infinite
            without one.
        epochs_since_best: finished epochs since then.
    """

    precision: str
    epochs_done: int = 0
    history: History = field(default_factory=dict)
    best_loss: float = float("inf")
    epochs_since_best: int = 0


def save_state(path: Path, state: TrainingState, model: keras.Model) -> None:
    """Write `state` and every variable of `model` and of its optimizer, whole or not at all."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["state"] = json.dumps(vars(state))
        for number, variable in enumerate(_all_variables(model)):
            file.create_dataset(f"{number:05d}", data=keras.ops.convert_to_numpy(variable))


def read_state(path: Path) -> TrainingState:
    """Read the state that :func:`save_state` wrote, without the variables.

    Raises:
        RunError: a damaged file.
    """
    with _readable(path) as file:
        return TrainingState(**json.loads(file.attrs["state"]))


def restore_variables(path: Path, model: keras.Model) -> None:
    """Read what :func:`save_state` wrote into the variables of `model` and of its optimizer, which are built.

    Raises:
        RunError: a damaged file, or variables of another number or shape than the model's. Nothing is changed then.
    """
    variables = _all_variables(model)
    with _readable(path) as file:
        stored = [np.asarray(file[name]) for name in file]
    expected, received = ([tuple(v.shape) for v in side] for side in (variables, stored))
    if expected != received:
        differing = next((pair for pair in zip(expected, received, strict=False) if pair[0] != pair[1]), "none")
        raise RunError(
            f"{path} was saved by a run of another model or optimizer. Expected {len(expected)} variables. Received: "
            f"{len(received)}; first difference in shape: {differing}. Start a new run."
        )
    for variable, values in zip(variables, stored, strict=True):
        variable.assign(values)


@contextmanager
def _readable(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # h5py raises any, by what is damaged
        raise RunError(f"{path}: the saved state is damaged ({error}). Start a new run.") from error


def _all_variables(model: keras.Model) -> list[Any]:
    """Give the variables of the model and of its optimizer, each once, without those of metrics."""
    known = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    seed_states = [variable for variable in model.variables if id(variable) not in known]
    return [*model.weights, *seed_states, *model.optimizer.variables]
