"""A training that is killed and resumed equals one that never stopped."""

import csv
import json
import os
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import small_training
from forked import run_forked

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import RunError
from keras_cv_course.training.fit import FitConfig, fit
from keras_cv_course.training.run_folder import RunFolder, TrainingState, read_state, restore_variables, save_state

KILLED = -9


def train(folder: Path, *options: str) -> int:
    command = [small_training.__file__, str(folder), *options]
    return run_forked(small_training.main, command, cwd=None, environment=os.environ).returncode


def epochs(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    assert train(folder) == 0
    return folder


@pytest.mark.parametrize(
    "kills",
    [[(0, 1, 0)], [(1, 0, 1), (1, 1, 1), (3, 2, 3)], [(3, -1, 4)]],
    ids=["first epoch", "start, middle and last batch of an epoch", "after the last epoch"],
)
def test_killed_and_resumed_run_equals_an_unbroken_one(
    unbroken: Path, tmp_path: Path, kills: list[tuple[int, int, int]]
) -> None:
    """Killed at each epoch and batch, when so many epochs are saved; and while writing, by what that leaves behind."""
    run = tmp_path / "run"
    for number, (epoch, batch, saved) in enumerate(kills):
        assert train(run, *["--resume"] * (number > 0), "--die", str(epoch), str(batch)) == KILLED
        assert not (run / "model.keras").exists()
        assert (run / "config.json").exists()
        assert (run / "history.csv").exists() == (saved > 0)
        if saved:
            assert len(epochs(run)) == saved
        leftover = run / f".state.h5-x1y2z{number}"
        leftover.mkdir()
        (leftover / "state.h5").write_bytes(b"half")
    assert train(run, "--resume") == 0
    # Bit for bit: on a CPU the same operations on the same batches in the same order.
    assert epochs(run) == epochs(unbroken)
    resumed, whole = (keras.saving.load_model(folder / "model.keras") for folder in (run, unbroken))
    for a, b in zip(resumed.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    assert sorted(p.name for p in run.iterdir()) == sorted(p.name for p in unbroken.iterdir())


def test_resumed_run_keeps_its_precision(tmp_path: Path) -> None:
    """The second process asks for float32; what the run started in stands."""
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert train(whole, "--precision", "bfloat16") == 0
    assert train(run, "--precision", "bfloat16", "--die", "2", "1") == KILLED
    assert train(run, "--resume", "--precision", "float32") == 0
    assert json.loads((run / "environment.json").read_text())["precision"] == "bfloat16"
    assert epochs(run) == epochs(whole)


def test_complete_run_has_its_files_and_no_state(unbroken: Path) -> None:
    names = {path.name for path in unbroken.iterdir()}
    assert names == {"config.json", "environment.json", "history.csv", "logs", "model.keras"}
    config = json.loads((unbroken / "config.json").read_text())
    assert config["class_names"] == ["red", "green", "blue"]
    assert FitConfig.from_json(config["fit"]).epochs == 4
    assert list((unbroken / "logs" / "train").glob("events.out.tfevents.*"))


def compiled(units: int = 3) -> keras.Model:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(units)(inputs))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_state_round_trip(tmp_path: Path) -> None:
    source, target = compiled(), compiled()
    source.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    state = TrainingState("float32", 2, {"loss": [2.0, 1.0]}, best_loss=0.5, epochs_since_best=1)
    save_state(tmp_path / "state.h5", state, source)
    assert read_state(tmp_path / "state.h5") == state
    restore_variables(tmp_path / "state.h5", target)
    for a, b in zip(
        [*source.weights, *source.optimizer.variables], [*target.weights, *target.optimizer.variables], strict=True
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_state_of_another_model_or_half_a_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.h5"
    save_state(path, TrainingState("float32"), compiled())
    other = compiled(units=4)
    before = other.get_weights()
    with pytest.raises(RunError, match="another model"):
        restore_variables(path, other)
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(RunError, match="damaged"):
        restore_variables(path, compiled())
    h5py.File(path, "w").close()
    with pytest.raises(RunError, match="damaged"):
        read_state(path)


def test_folder_is_claimed_once_and_read_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", {"task": "t"})
    with pytest.raises(RunError, match="holds no run"):
        folder.go_on()
    folder.start(["a", "b"], {"epochs": 1})
    with pytest.raises(RunError, match="holds a run already"):
        folder.start(["a"], {})
    assert folder.read_config() == {"task": "t", "class_names": ["a", "b"], "fit": {"epochs": 1}}
    for damaged in ("{", "[]", "{}"):
        folder.config.write_text(damaged)
        with pytest.raises(RunError, match="expected the settings"):
            folder.read_config()


def test_history_round_trip(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    history = {"loss": [0.1 + 0.2, 1e-30], "accuracy": [0.0, 1.0]}
    folder.write_history(history)
    assert folder.read_history() == history


def test_complete_run_is_neither_resumed_nor_overwritten(unbroken: Path, colour_squares: LabelledImages) -> None:
    model = (unbroken / "model.keras").read_bytes()
    inputs = keras.Input((16, 16, 3))
    other = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    with pytest.raises(RunError, match="complete"):
        fit(other, colour_squares, FitConfig(epochs=1), folder=RunFolder(unbroken), resume=True)
    with pytest.raises(RunError, match="holds a run already"):
        fit(other, colour_squares, FitConfig(epochs=1), folder=RunFolder(unbroken))
    assert (unbroken / "model.keras").read_bytes() == model


def test_config_round_trip_and_unknown_setting() -> None:
    config = FitConfig(epochs=3, augmentation=None, patience=2)
    assert FitConfig.from_json(config.to_json()) == config
    assert FitConfig.from_json(FitConfig().to_json()) == FitConfig()
    with pytest.raises(RunError, match="epoch_count"):
        FitConfig.from_json({"epoch_count": 3})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("warmup_epochs", -1.0),
        ("weight_decay", -0.1),
        ("label_smoothing", 1.0),
        ("patience", 0),
        ("precision", "float8"),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_impossible_settings_are_refused(setting: str, value: float) -> None:
    with pytest.raises(RunError, match=f"{setting} must be .* Received: {value!r}"):
        FitConfig(**{setting: value})


def test_resume_without_a_folder_is_refused(colour_squares: LabelledImages) -> None:
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    with pytest.raises(RunError, match="needs the folder"):
        fit(model, colour_squares, FitConfig(), resume=True)
