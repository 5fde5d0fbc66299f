"""The folder of one training run: what was asked, on what machine, how it went, and how to go on.

config.json       what was asked for; ``--resume`` reads it back
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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_cv_course.cpu import cpu_has_bfloat16
from keras_cv_course.errors import RunError
from keras_cv_course.files import atomic_path, write_text_atomically
from keras_cv_course.training.device import gpu_names

History = dict[str, list[float]]


class RunFolder:
    """The files of one run, by name; the folder is made when the first one is written."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.environment = self.path / "environment.json"
        self.history = self.path / "history.csv"
        self.state = self.path / "state.h5"
        self.best_weights = self.path / "best.weights.h5"
        self.model = self.path / "model.keras"
        self.logs = self.path / "logs"

    def start(self, config: dict[str, Any]) -> None:
        """Claim the folder for a new run and write down what is asked for.

        Raises:
            RunError: the folder holds a run already.
        """
        if self.config.exists():
            raise RunError(f"{self.path} holds a run already. Go on with it (--resume) or name another folder.")
        write_text_atomically(self.config, json.dumps(config, indent=2) + "\n")

    def read_config(self) -> dict[str, Any]:
        """Read what the run was asked to do.

        Raises:
            RunError: no run there, a damaged file, or a run that is complete.
        """
        if not self.config.is_file():
            raise RunError(f"{self.path} holds no run: expected {self.config}. Start one without --resume.")
        if self.model.exists():
            raise RunError(f"The run in {self.path} is complete: {self.model} exists. There is nothing to resume.")
        try:
            return json.loads(self.config.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"{self.config}: expected JSON, written by this package ({error}).") from error

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
        epochs_done: number of finished epochs.
        history: one list for each quantity, a number for each finished epoch.
        best_loss: lowest validation loss so far; infinite without one.
        epochs_since_best: finished epochs since then.
    """

    epochs_done: int = 0
    history: History = field(default_factory=dict)
    best_loss: float = float("inf")
    epochs_since_best: int = 0


def save_state(path: Path, state: TrainingState, model: keras.Model) -> None:
    """Write `state` and every variable of `model` and of its optimizer, whole or not at all."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["state"] = json.dumps(vars(state))
        for number, variable in enumerate(_all_variables(model)):
            saved = file.create_dataset(f"{number:05d}", data=keras.ops.convert_to_numpy(variable))
            saved.attrs["path"] = variable.path


def load_state(path: Path, model: keras.Model) -> TrainingState:
    """Read what :func:`save_state` wrote into the variables of `model` and of its optimizer, which are built.

    Raises:
        RunError: a damaged file, or variables other than the model's in number, order or shape.
    """
    variables = _all_variables(model)
    try:
        with h5py.File(path) as file:
            expected = [tuple(variable.shape) for variable in variables]
            received = [file[name].shape for name in file]
            if expected != received:
                raise RunError(
                    f"{path}: expected the {len(expected)} variables of the model and optimizer that config.json "
                    f"describes. Received: {len(received)} variables of other shapes. Start a new run."
                )
            for variable, name in zip(variables, file, strict=True):
                variable.assign(np.asarray(file[name]))
            return TrainingState(**json.loads(file.attrs["state"]))
    except (OSError, KeyError, ValueError) as error:
        raise RunError(f"{path}: the saved state is damaged ({error}). Start a new run.") from error


def _all_variables(model: keras.Model) -> list[Any]:
    """Give the variables of the model and of its optimizer, each once, without those of metrics."""
    return [*model.weights, *_seed_states(model), *model.optimizer.variables]


def _seed_states(model: keras.Model) -> list[Any]:
    weights = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    return [variable for variable in model.variables if id(variable) not in weights]
