"""What every training does between epochs: figures, the best weights, the state on disk, the learning rate."""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_cv_course.errors import RunError
from keras_cv_course.files import atomic_path
from keras_cv_course.training.run_folder import RunFolder, TrainingState, read_state, save_state


class EpochKeeper(keras.callbacks.Callback):
    """After each epoch: history, best weights, state on disk, early stop.

    Args:
        state: where the run stands; it goes on changing.
        epochs: of the whole run.
        folder: where the run is kept; None keeps everything in memory.
        judged_by: the quantity whose best value tells the best epoch, among those of `logs`.
        higher_is_better: of that quantity.
        patience: epochs without a better one after which to stop; None to go on to the end.
        judged_model: whose weights are the epoch's; None for those of the model in training.
        remedy: what to change where training diverges, for the message.
    """

    def __init__(
        self,
        state: TrainingState,
        epochs: int,
        folder: RunFolder | None,
        *,
        judged_by: str = "val_loss",
        higher_is_better: bool = False,
        patience: int | None = None,
        judged_model: keras.Model | None = None,
        remedy: str,
    ) -> None:
        super().__init__()
        self.run_state = state
        self.epochs = epochs
        self.folder = folder
        self.judged_by = judged_by
        self.sign = -1 if higher_is_better else 1
        self.patience = patience
        self.judged_model = judged_model
        self.remedy = remedy
        self.best_weights: list[Any] | None = None

    @property
    def finished(self) -> bool:
        """Tell whether no epoch is left to train."""
        out_of_patience = self.patience is not None and self.run_state.epochs_since_best >= self.patience
        return self.run_state.epochs_done >= self.epochs or out_of_patience

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take the epoch's figures over and write everything down."""
        state = self.run_state
        quantities = {name: float(value) for name, value in (logs or {}).items()}
        losses = [quantities[name] for name in ("loss", "val_loss") if name in quantities]
        if not np.isfinite(losses).all():
            raise RunError(f"The loss is {losses[-1]} in epoch {epoch + 1}: training diverged. {self.remedy}")
        quantities["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        quantities["seconds"] = time.perf_counter() - self.started
        for name, value in quantities.items():
            state.history.setdefault(name, []).append(value)
        state.epochs_done = epoch + 1
        if self.judged_by in quantities:
            self._compare_with_best(self.sign * quantities[self.judged_by])
        if self.folder is not None:
            # The state last: a process killed in between repeats the epoch and writes the same again.
            self.folder.write_history(state.history)
            save_state(self.folder.state, state, self.model)
        if self.finished:
            self.model.stop_training = True

    def _compare_with_best(self, loss: float) -> None:
        state, model = self.run_state, self.judged_model or self.model
        state.epochs_since_best += 1
        if loss < state.best_loss:
            state.best_loss, state.epochs_since_best = loss, 0
            if self.folder is None:
                self.best_weights = model.get_weights()
            else:
                with atomic_path(self.folder.best_weights) as path:
                    model.save_weights(path)

    def restore_best(self, model: keras.Model) -> None:
        """Put the weights of the best epoch back."""
        if self.folder is not None:
            model.load_weights(self.folder.best_weights)
        elif self.best_weights is not None:
            model.set_weights(self.best_weights)


def start_or_resume(
    folder: RunFolder | None, resume: bool, class_names: Sequence[str], settings: dict[str, Any]
) -> TrainingState | None:
    """Claim the folder of a new run, or make one ready to go on.

    Returns:
        The state to go on from; None for a run that begins.

    Raises:
        RunError: a folder that holds a run already, or with `resume` none that can go on; `resume` without a folder.
    """
    if resume and folder is None:
        raise RunError("resume needs the folder of the run to go on with. Received: none.")
    if folder is None:
        return None
    if not resume:
        folder.start(class_names, settings)
        return None
    folder.go_on()
    return read_state(folder.state) if folder.state.exists() else None


def warm_up_and_cosine(
    learning_rate: float, warmup_epochs: float, epochs: int, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Make a schedule that rises evenly to `learning_rate` and falls to 0 along a half cosine.

    Args:
        learning_rate: the highest.
        warmup_epochs: length of the rise; at most half of the epochs count.
        epochs: length of the whole.
        steps: of an epoch.
    """
    warmup = round(min(warmup_epochs, epochs / 2) * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else learning_rate,
        decay_steps=max(1, epochs * steps - warmup),
        warmup_target=learning_rate if warmup else None,
        warmup_steps=warmup,
    )
